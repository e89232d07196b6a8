// history: the trends as a table, the newest first: to be read, or copied.

import { html, type TemplateResult } from 'lit-html';

import { formatTime } from '../../time.js';
import { orNotKnown, TRENDS } from './stages.js';
import type { Point } from './status.js';

const KINDS = Object.values(TRENDS);

function pointRow(point: Point): TemplateResult {
  return html`<tr>
    <th scope="row">${formatTime(point.time)}</th>
    ${KINDS.map(({ figure, format }) => html`<td class="number">${orNotKnown(point[figure], format)}</td>`)}
  </tr>`;
}

export function historyTable(points: readonly Point[]): TemplateResult {
  return html`<div class="table-scroll pipeline-history" tabindex="0" role="region" aria-label="The last 15 minutes as a table">
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Time</th>
          ${KINDS.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}
        </tr>
      </thead>
      <tbody>${[...points].reverse().map(pointRow)}</tbody>
    </table>
  </div>`;
}
