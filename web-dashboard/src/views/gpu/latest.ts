// latest: a table of the last value of each metric, each with its own age.

import { html, type TemplateResult } from 'lit-html';

import type { History } from '../../charts/history.js';
import { traitsOf } from '../../charts/traits.js';
import type { Metric } from '../../fleet/fleet.js';
import { formatValue, NOT_REPORTED } from '../../format.js';
import { formatAge, formatTime } from '../../time.js';

export function latestTable(history: History, uuid: string, metrics: readonly Metric[]): TemplateResult {
  const known = history.loaded(uuid);
  const row = (metric: Metric) => {
    const latest = history.latest(uuid, metric.name);
    if (!latest) {
      return html`<tr class="gpu-unreported" data-metric=${metric.name}>
        <th scope="row">${metric.title}</th>
        <td colspan="2" class="muted">${known ? NOT_REPORTED : '…'}</td>
      </tr>`;
    }
    return html`<tr data-metric=${metric.name}>
      <th scope="row">${metric.title}</th>
      <td class="gpu-value ${traitsOf(metric).unit ? 'number' : ''}">${formatValue(latest.value, metric)}</td>
      <td class="number muted" title=${formatTime(latest.time)}>${formatAge(latest.time)}</td>
    </tr>`;
  };
  // What is there first: the rest is a list of what is not.
  const reported = metrics.filter(({ name }) => history.latest(uuid, name));
  const rest = metrics.filter((metric) => !reported.includes(metric));
  return html`<table class="table gpu-values">
    <thead>
      <tr><th scope="col">Metric</th><th scope="col" class="number">Latest</th><th scope="col" class="number">Measured</th></tr>
    </thead>
    <tbody>${[...reported, ...rest].map(row)}</tbody>
  </table>`;
}
