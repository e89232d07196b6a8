// trend: how one figure went in the last quarter of an hour: a line, with the value
// under the pointer or the arrow keys below it, and the whole in words for who does
// not see it.

import { html, render, svg } from 'lit-html';

import { formatTime } from '../../time.js';
import { HISTORY_MS, type FigureName, type Point } from './status.js';

const WIDTH = 240;
const HEIGHT = 56;
const PAD = 3;
/** Points further apart are not joined: between them nothing was known. */
const GAP_MS = 12_000;

export interface TrendKind {
  figure: FigureName;
  title: string;
  format(value: number): string;
}

interface Shown {
  times: number[];
  values: number[];
  end: number;
  top: number;
}

function shownOf(points: readonly Point[], figure: FigureName): Shown {
  const end = points.at(-1)?.time ?? 0;
  const values = points.map((point) => point[figure]);
  const known = values.filter((value) => !Number.isNaN(value));
  return { times: points.map(({ time }) => time), values, end, top: Math.max(...known, 0) || 1 };
}

function xOf({ end }: Shown, time: number): number {
  return (1 - (end - time) / HISTORY_MS) * WIDTH;
}

function yOf({ top }: Shown, value: number): number {
  return HEIGHT - PAD - (value / top) * (HEIGHT - 2 * PAD);
}

/** The runs of known values: [from, to] in indices. */
function runsOf({ times, values }: Shown): [number, number][] {
  const runs: [number, number][] = [];
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const last = runs.at(-1);
    if (last && last[1] === i - 1 && times[i]! - times[i - 1]! <= GAP_MS) last[1] = i;
    else runs.push([i, i]);
  });
  return runs;
}

function pathOf(shown: Shown, [from, to]: [number, number]): string {
  let path = '';
  for (let i = from; i <= to; i++) {
    path += `${i === from ? 'M' : 'L'}${xOf(shown, shown.times[i]!).toFixed(1)} ${yOf(shown, shown.values[i]!).toFixed(1)}`;
  }
  return path;
}

function areaOf(shown: Shown, run: [number, number]): string {
  const [from, to] = run.map((i) => xOf(shown, shown.times[i]!).toFixed(1));
  return `${pathOf(shown, run)}L${to} ${HEIGHT}L${from} ${HEIGHT}Z`;
}

export class Trend {
  readonly element = document.createElement('div');
  readonly #kind: TrendKind;
  #points: readonly Point[] = [];
  /** The time that is read; null: none. */
  #cursor: number | null = null;

  constructor(kind: TrendKind) {
    this.#kind = kind;
    this.element.className = 'pipeline-trend';
    this.element.dataset['figure'] = kind.figure;
    this.#draw();
  }

  show(points: readonly Point[]): void {
    this.#points = points;
    this.#draw();
  }

  #inWords(shown: Shown): string {
    const known = shown.values.filter((value) => !Number.isNaN(value));
    const { title, format } = this.#kind;
    if (known.length === 0) return `${title}: not known in the last 15 minutes`;
    return `${title}, last 15 minutes: from ${format(Math.min(...known))} to ${format(Math.max(...known))}`;
  }

  #nearest(time: number): number {
    let nearest = -1;
    this.#points.forEach((point, i) => {
      if (nearest < 0 || Math.abs(point.time - time) < Math.abs(this.#points[nearest]!.time - time)) nearest = i;
    });
    return nearest;
  }

  #read(time: number | null): void {
    this.#cursor = time;
    this.#draw();
  }

  #pointed(event: PointerEvent): void {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const { end } = shownOf(this.#points, this.#kind.figure);
    this.#read(end - (1 - (event.clientX - left) / width) * HISTORY_MS);
  }

  #keyDown(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step !== undefined && this.#points.length > 0) {
      const from = this.#cursor === null ? this.#points.length : this.#nearest(this.#cursor);
      const to = Math.max(0, Math.min(this.#points.length - 1, from + step));
      this.#read(this.#points[to]!.time);
    } else if (event.key === 'Escape' && this.#cursor !== null) {
      this.#read(null);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #reading(shown: Shown): string {
    const at = this.#cursor === null ? -1 : this.#nearest(this.#cursor);
    if (at < 0) return '';
    const value = shown.values[at]!;
    return `${formatTime(shown.times[at]!)}  ${Number.isNaN(value) ? 'not known' : this.#kind.format(value)}`;
  }

  #draw(): void {
    const shown = shownOf(this.#points, this.#kind.figure);
    const reading = this.#reading(shown);
    const runs = runsOf(shown);
    render(
      html`<div class="pipeline-trend-plot" tabindex="0" role="application" aria-roledescription="chart"
          aria-label="${this.#inWords(shown)}. Left and right read values."
          @pointermove=${(event: PointerEvent) => this.#pointed(event)}
          @pointerleave=${() => this.#read(null)}
          @keydown=${(event: KeyboardEvent) => this.#keyDown(event)}
          @blur=${() => this.#read(null)}>
          <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
            ${runs.map((run) => svg`<path class="pipeline-trend-area" d=${areaOf(shown, run)} />
              <path class="pipeline-trend-line" d=${pathOf(shown, run)} />`)}
            ${this.#cursorLine(shown)}
          </svg>
        </div>
        <p class="pipeline-trend-text" aria-live="polite">${reading
          || html`<span aria-hidden="true">${runs.length > 0 ? `15 min, up to ${this.#kind.format(this.#highest(shown))}` : 'not known'}</span>`}</p>`,
      this.element,
    );
  }

  #highest({ values }: Shown): number {
    return Math.max(...values.filter((value) => !Number.isNaN(value)));
  }

  #cursorLine(shown: Shown) {
    const at = this.#cursor === null ? -1 : this.#nearest(this.#cursor);
    if (at < 0) return svg``;
    const x = xOf(shown, shown.times[at]!).toFixed(1);
    return svg`<line class="pipeline-trend-cursor" x1=${x} x2=${x} y1="0" y2=${HEIGHT} />`;
  }
}
