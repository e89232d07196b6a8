// icons: drawn with the colour of the text they stand in, and not read aloud.

import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit-html';

function icon(drawing: SVGTemplateResult): TemplateResult {
  return html`<svg class="shell-icon" viewBox="0 0 20 20" width="18" height="18" fill="none"
    stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"
    aria-hidden="true">${drawing}</svg>`;
}

export const SEARCH = icon(svg`<circle cx="8.5" cy="8.5" r="5"/><path d="m12.5 12.5 4 4"/>`);
export const CLOCK = icon(svg`<circle cx="10" cy="10" r="7"/><path d="M10 6v4l2.7 1.8"/>`);
export const CHEVRON = icon(svg`<path d="m6 8 4 4 4-4"/>`);
export const PAUSE = icon(svg`<path d="M7 4.5v11M13 4.5v11" stroke-width="2.4"/>`);
export const PLAY = icon(svg`<path d="M6.5 4.5v11l9-5.5z" fill="currentColor"/>`);
export const HELP = icon(svg`<circle cx="10" cy="10" r="7.2"/><path d="M7.9 8a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.3v.2M10 14v.1"/>`);
export const SUN = icon(svg`<circle cx="10" cy="10" r="3.2"/><path d="M10 2.4v1.6M10 16v1.6M2.4 10H4M16 10h1.6M4.6 4.6l1.2 1.2M14.2 14.2l1.2 1.2M15.4 4.6l-1.2 1.2M5.8 14.2l-1.2 1.2"/>`);
export const MOON = icon(svg`<path d="M16.2 11.7A6.8 6.8 0 0 1 8.3 3.8a6.8 6.8 0 1 0 7.9 7.9z"/>`);
export const AUTO = icon(svg`<circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 0 0 14z" fill="currentColor"/>`);
export const CLOSE = icon(svg`<path d="m5.5 5.5 9 9M14.5 5.5l-9 9"/>`);
