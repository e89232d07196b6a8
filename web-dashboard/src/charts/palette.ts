// palette: lines that can be told apart, also by who does not see colours as most
// do: each has a colour and a pattern of dashes of its own.

import { html, type TemplateResult } from 'lit-html';

const COLOURS = 8;

const DASHES: readonly (readonly number[])[] = [
  [],
  [8, 3],
  [2, 3],
  [9, 3, 2, 3],
  [5, 4],
  [14, 4],
  [6, 2, 2, 2, 2, 2],
  [3, 6],
];

/** From 1, as in --series-1. */
export function colourOf(place: number): number {
  return (place % COLOURS) + 1;
}

/** Past the last colour these go on with other dashes. */
export function dashOf(place: number): number[] {
  return [...DASHES[(place + Math.floor(place / COLOURS)) % DASHES.length]!];
}

/** A piece of the line. */
export function swatch(place: number): TemplateResult {
  return html`<svg class="chart-swatch" viewBox="0 0 26 8" aria-hidden="true">
    <line x1="0" y1="4" x2="26" y2="4" class="chart-line-${colourOf(place)}" stroke-dasharray=${dashOf(place).join(' ')} />
  </svg>`;
}

/** What style sheets say of colours, for canvases. */
export class Colours {
  #known = new Map<string, string>();

  /** Of a custom property: `--text`. */
  of(property: string): string {
    let colour = this.#known.get(property);
    if (colour === undefined) {
      colour = getComputedStyle(document.documentElement).getPropertyValue(property).trim();
      this.#known.set(property, colour);
    }
    return colour;
  }

  /** Light or dark has changed. */
  forget(): void {
    this.#known.clear();
  }
}
