// totals: the fleet in figures, or the part of it that is searched for.

import { html, nothing, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Metric } from '../../fleet/fleet.js';
import { totalsOf, type Totals } from '../../fleet/totals.js';
import { formatNumber, formatValue } from '../../format.js';
import type { Selection } from './selection.js';

interface Card {
  title: string;
  query: string;
  count(totals: Totals): number;
  /** How it looks where there are any. */
  tone?: 'critical';
}

const CARDS: readonly Card[] = [
  { title: 'Active', query: 'status:active', count: (t) => t.active },
  { title: 'Idle', query: 'is:idle', count: (t) => t.idle },
  { title: 'Unhealthy', query: 'is:unhealthy', count: (t) => t.unhealthy, tone: 'critical' },
  { title: 'Silent', query: 'status:silent', count: (t) => t.silent, tone: 'critical' },
  { title: 'Missing', query: 'status:missing', count: (t) => t.missing, tone: 'critical' },
  { title: 'Maintenance', query: 'status:maintenance', count: (t) => t.maintenance },
];

export function totalsTemplate(app: App, selection: Selection): TemplateResult {
  const totals = totalsOf(app.fleet, selection.gpus);
  const { query } = app.route;
  const card = ({ title, query: own, count, tone }: Card) => {
    const n = count(totals);
    if (title === 'Maintenance' && n === 0) return nothing;
    const on = query === own;
    return html`<li class=${`fleet-total ${tone && n > 0 ? `fleet-total-${tone}` : ''}`}>
      <a href=${hrefOf(app, { query: on ? '' : own })} aria-current=${on ? 'true' : nothing}
        title=${on ? 'Show all GPUs again' : `Show these: ${own}`}>
        <span class="fleet-total-name">${title}</span>
        <strong>${formatNumber(n)}</strong>
      </a>
    </li>`;
  };
  const figure = (title: string, value: string, more = '') => html`<li class="fleet-total">
    <div>
      <span class="fleet-total-name">${title}</span>
      <strong>${value}</strong>
      ${more ? html`<span class="fleet-total-more">${more}</span>` : nothing}
    </div>
  </li>`;
  const known = (value: number, metric: Metric) =>
    totals.active === 0 ? 'n/a' : formatValue(value, metric);
  const percent = { name: 'gpu_utilization', field: '', unit: '%', title: '' };
  const watts = { name: 'power_draw', field: '', unit: 'W', title: '' };
  const scope = selection.filter.empty ? `${formatNumber(totals.hosts)} hosts` : `of ${formatNumber(selection.total)}`;
  return html`<ul class="fleet-totals" aria-label=${selection.filter.empty ? 'Totals' : 'Totals of the GPUs found'}>
    ${figure(selection.filter.empty ? 'GPUs' : 'GPUs found', formatNumber(totals.gpus), scope)}
    ${CARDS.map(card)}
    ${figure('Utilization', known(totals.utilizationAverage, percent), 'average')}
    ${figure('Utilization', known(totals.utilizationP95, percent), '95th percentile')}
    ${figure('Power now', known(totals.powerWatts, watts),
      `of ${formatNumber(totals.powerReporting)} GPUs`)}
  </ul>`;
}
