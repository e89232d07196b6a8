// rows: a host's GPUs, one a row, each place has one; and the host's figures below.

import { html, nothing, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Board } from '../../charts/board.js';
import type { Gpu, Host, Metric } from '../../fleet/fleet.js';
import { formatValue, NOT_REPORTED } from '../../format.js';
import { gpuPage } from '../../route.js';
import { formatAge, formatSince } from '../../time.js';
import { findingBadge, statusBadge } from '../status.js';
import { meter, sparkline } from './sparkline.js';

/** What a row says, as far as the host reports it. */
const COLUMNS = ['gpu_utilization', 'memory_used_mb', 'temperature', 'power_draw', 'sm_clock_mhz'];
const FULL_PERCENT = 100;

export interface Rows {
  app: App;
  host: Host;
  board: Board;
}

function metricsOf({ app, host }: Rows): Metric[] {
  return app.fleet.metrics.filter(
    ({ name }) => COLUMNS.includes(name) && host.gpus.some((gpu) => !Number.isNaN(app.fleet.value(gpu, name))),
  );
}

/** Of all there is; NaN: not known. */
function partUsed({ app }: Rows, gpu: Gpu, { name, unit }: Metric): number {
  const value = app.fleet.value(gpu, name);
  if (unit === '%') return value / FULL_PERCENT;
  if (name !== 'memory_used_mb') return NaN;
  return value / (value + app.fleet.value(gpu, 'memory_free_mb'));
}

function valueCell(rows: Rows, gpu: Gpu, metric: Metric): TemplateResult {
  const value = rows.app.fleet.value(gpu, metric.name);
  const text = formatValue(value, metric);
  return html`<td class="number" data-metric=${metric.name}>
    ${text === NOT_REPORTED ? html`<span class="muted">${text}</span>` : text}
    ${meter(partUsed(rows, gpu, metric))}
  </td>`;
}

function missingRow({ index, statusSince }: Gpu, columns: number): TemplateResult {
  return html`<tr class="host-missing">
    <th scope="row">GPU ${index}</th>
    <td>${statusBadge('missing')}</td>
    <td class="host-spark-cell"></td>
    <td colspan=${columns}>
      Nothing was ever heard of this place, while its neighbours report${statusSince === null ? '' : `, ${formatSince(statusSince)}`}.
    </td>
  </tr>`;
}

function gpuRow(rows: Rows, gpu: Gpu, metrics: readonly Metric[]): TemplateResult {
  const { app, board } = rows;
  if (gpu.uuid === null) return missingRow(gpu, metrics.length + 1);
  const points = board.history.points(gpu.uuid, 'gpu_utilization');
  const time = app.fleet.times[gpu.row]!;
  const findings = app.attention.of(gpu).filter(({ problem }) => problem !== gpu.status);
  return html`<tr data-gpu=${gpu.uuid}>
    <th scope="row"><a href=${hrefOf(app, gpuPage(gpu))}>GPU ${gpu.index}</a></th>
    <td>${statusBadge(gpu.status)} <span class="host-finding">${findings.map(findingBadge)}</span></td>
    <td class="host-spark-cell">${sparkline(points, board.range, FULL_PERCENT, board.history.step)}</td>
    ${metrics.map((metric) => valueCell(rows, gpu, metric))}
    <td class="number muted">${time > 0 ? formatAge(time) : NOT_REPORTED}</td>
  </tr>`;
}

interface Figures {
  min: number;
  mean: number;
  max: number;
  sum: number;
}

/** Over the active ones, as the API's statistics; NaN: none of them reported it. */
export function figuresOf(app: App, host: Host, metric: string): Figures {
  const values = host.gpus
    .filter(({ status }) => status === 'active')
    .map((gpu) => app.fleet.value(gpu, metric))
    .filter((value) => !Number.isNaN(value));
  if (values.length === 0) return { min: NaN, mean: NaN, max: NaN, sum: NaN };
  const sum = values.reduce((a, b) => a + b, 0);
  return { min: Math.min(...values), mean: sum / values.length, max: Math.max(...values), sum };
}

function figuresRow({ app, host }: Rows, title: string, figure: keyof Figures, metrics: readonly Metric[]): TemplateResult {
  return html`<tr data-figure=${figure}>
    <th scope="row" colspan="2">${title}</th>
    <td class="host-spark-cell"></td>
    ${metrics.map((metric) => html`<td class="number" data-metric=${metric.name}>${formatValue(figuresOf(app, host, metric.name)[figure], metric)}</td>`)}
    <td></td>
  </tr>`;
}

export function gpuTable(rows: Rows): TemplateResult {
  const metrics = metricsOf(rows);
  return html`<table class="table host-gpus">
    <thead>
      <tr>
        <th scope="col">GPU</th>
        <th scope="col">State</th>
        <th scope="col" class="host-spark-cell">Utilization over time</th>
        ${metrics.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}
        <th scope="col" class="number">Last sample</th>
      </tr>
    </thead>
    <tbody>${rows.host.gpus.map((gpu) => gpuRow(rows, gpu, metrics))}</tbody>
    ${metrics.length === 0
      ? nothing
      : html`<tfoot>
          ${figuresRow(rows, 'Least', 'min', metrics)}
          ${figuresRow(rows, 'Mean of the active GPUs', 'mean', metrics)}
          ${figuresRow(rows, 'Greatest', 'max', metrics)}
        </tfoot>`}
  </table>`;
}
