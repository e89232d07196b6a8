// latest: a table of the last value of each metric, each with its own age; and of
// which there is none.

import { html, nothing, type TemplateResult } from 'lit-html';

import type { History } from '../../charts/history.js';
import { traitsOf } from '../../charts/traits.js';
import type { Metric } from '../../fleet/fleet.js';
import { formatValue } from '../../format.js';
import { formatAge, formatTime } from '../../time.js';

export function latestTable(history: History, uuid: string, metrics: readonly Metric[]): TemplateResult {
  const row = (metric: Metric) => {
    const latest = history.latest(uuid, metric.name)!;
    return html`<tr data-metric=${metric.name}>
      <th scope="row">${metric.title}</th>
      <td class="gpu-value ${traitsOf(metric).unit ? 'number' : ''}">${formatValue(latest.value, metric)}</td>
      <td class="number muted" title=${formatTime(latest.time)}>${formatAge(latest.time)}</td>
    </tr>`;
  };
  const reported = metrics.filter(({ name }) => history.latest(uuid, name));
  const rest = metrics.filter((metric) => !reported.includes(metric));
  const restText = () => {
    if (!history.loaded(uuid)) return history.error ? 'Not loaded' : 'Loading…';
    return `Not reported: ${rest.map(({ title }) => title).join(', ')}.`;
  };
  return html`<table class="table gpu-values">
      <thead>
        <tr><th scope="col">Metric</th><th scope="col" class="number">Latest</th><th scope="col" class="number">Measured</th></tr>
      </thead>
      <tbody>${reported.map(row)}</tbody>
    </table>
    ${rest.length === 0 ? nothing : html`<p class="gpu-unreported muted small">${restText()}</p>`}`;
}
