// csv: what the charts show as a table, RFC 4180, one row for each GPU and time.

import type { Gpu, Metric } from '../fleet/fleet.js';
import type { Points } from './series.js';

export interface Export {
  gpus: readonly Gpu[];
  metrics: readonly Metric[];
  /** ms; 0: samples, else means, least and greatest of steps. */
  step: number;
  /** Those to be written. */
  points(gpu: Gpu, metric: Metric): Points;
}

/** A spreadsheet takes text that begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function headerOf({ metrics, step }: Export): string[] {
  const columns = metrics.flatMap(({ title, unit }) => {
    const named = (what: string) => `${title}${what}${unit ? ` (${unit})` : ''}`;
    return step > 0 ? [named(''), named(' min'), named(' max')] : [named('')];
  });
  return ['time', 'cluster', 'host', 'gpu', 'uuid', ...columns];
}

function rowsOf(gpu: Gpu, { metrics, step, points }: Export): string[][] {
  const width = step > 0 ? 3 : 1;
  const rows = new Map<number, string[]>();
  metrics.forEach((metric, m) => {
    const { times, values, lows, highs } = points(gpu, metric);
    times.forEach((time, i) => {
      let row = rows.get(time);
      if (!row) rows.set(time, (row = new Array<string>(metrics.length * width).fill('')));
      const cells = step > 0 ? [values[i], lows[i], highs[i]] : [values[i]];
      cells.forEach((value, c) => (row[m * width + c] = String(value)));
    });
  });
  const place = [gpu.host.cluster.name, gpu.host.hostname, gpu.index, gpu.uuid ?? ''].map(cell);
  return [...rows]
    .sort(([a], [b]) => a - b)
    .map(([time, cells]) => [new Date(time).toISOString(), ...place, ...cells]);
}

/** Values in the API's units; what was not reported is empty. */
export function csvOf(what: Export): string {
  const rows = what.gpus.flatMap((gpu) => rowsOf(gpu, what));
  return [headerOf(what).map(cell), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

/** nexus_hgpu-012_gpu-3_20250718T200000Z_20250718T201500Z.csv */
export function csvName(what: string, start: number, end: number): string {
  const compact = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
  const safe = what.replace(/[^\w.-]+/g, '-');
  return `nexus_${safe}_${compact(start)}_${compact(end)}.csv`;
}

export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
