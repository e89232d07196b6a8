// sparkline: how a value went, without figures: they stand beside it.

import { svg, html, type TemplateResult } from 'lit-html';

import { firstAt, gapOf, type Points } from '../../charts/series.js';
import type { Range } from '../../time.js';

const WIDTH = 96;
const HEIGHT = 22;

/** Between bottom and top of the value's scale. */
export function sparkline({ times, values }: Points, { start, end }: Range, top: number, step: number): TemplateResult {
  const gap = gapOf(times, step);
  let path = '';
  for (let i = firstAt(times, start); i < times.length && times[i]! <= end; i++) {
    const x = ((times[i]! - start) / (end - start)) * WIDTH;
    const y = HEIGHT - 1 - (Math.min(values[i]!, top) / top) * (HEIGHT - 2);
    const joined = path !== '' && times[i]! - times[i - 1]! <= gap;
    path += `${joined ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return html`<svg class="host-spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    ${svg`<path d=${path || 'M0 0'} />`}
  </svg>`;
}

/** How full: nothing is drawn where it is not known. */
export function meter(part: number): TemplateResult | string {
  if (Number.isNaN(part)) return '';
  const width = Math.max(0, Math.min(1, part)) * 100;
  return html`<svg class="host-meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    ${svg`<rect class="host-meter-ground" width="100" height="6" /><rect class="host-meter-part" width=${width.toFixed(1)} height="6" />`}
  </svg>`;
}
