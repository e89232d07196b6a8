// table: the GPUs in figures, ordered by any column. Only the rows that are seen are in
// the document, however many there are.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import { hrefOf, type App } from '../../app.js';
import type { Gpu, Metric, Status } from '../../fleet/fleet.js';
import { formatNumber, formatValue, NOT_REPORTED } from '../../format.js';
import { gpuPage, hostPage } from '../../route.js';
import { formatAge } from '../../time.js';
import { statusBadge } from '../status.js';
import type { Selection } from './selection.js';

interface Column {
  /** As in route.sort. */
  name: string;
  title: string;
  number: boolean;
  /** What it is ordered by; NaN comes last either way. */
  key(gpu: Gpu): number;
  cell(gpu: Gpu): TemplateResult | string;
}

const ROW_HEIGHT = 34;
/** Rows kept above and below those that are seen. */
const SPARE = 8;
const STATUSES: readonly Status[] = ['active', 'maintenance', 'silent', 'missing'];
/** Metrics that have a column, and what is above it. */
const TITLES: Readonly<Record<string, string>> = {
  gpu_utilization: 'Utilization',
  memory_used_mb: 'Memory used',
  temperature: 'Temperature',
  power_draw: 'Power',
  sm_clock_mhz: 'SM clock',
  memory_clock_mhz: 'Memory clock',
};

/** All are of few makers: what tells models apart comes after these. */
function modelText({ model }: Gpu): TemplateResult | string {
  return model ? html`<span title=${model}>${model.replace(/^(NVIDIA|AMD|Intel)\s+/, '')}</span>` : '–';
}

export class Table {
  #app: App;
  #scroller: HTMLElement;
  #selection: Selection;
  #columns: Column[] = [];
  #order: Gpu[] = [];
  /** The rows that are in the document. */
  #first = 0;
  #last = 0;
  #frame = 0;
  #near = false;
  #pointed = false;
  #watcher: IntersectionObserver;

  constructor(app: App, element: HTMLElement, selection: Selection) {
    this.#app = app;
    this.#selection = selection;
    this.#scroller = document.createElement('div');
    this.#scroller.className = 'fleet-table-scroller';
    element.append(this.#scroller);
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#scroller.addEventListener('keydown', (event) => this.#keyPressed(event));
    this.#scroller.addEventListener('pointerenter', () => (this.#pointed = true));
    this.#scroller.addEventListener('pointerleave', () => (this.#pointed = false));
    this.#watcher = new IntersectionObserver(
      ([entry]) => {
        this.#near = entry!.isIntersecting;
        if (this.#near) this.update();
      },
      { rootMargin: '300px' },
    );
    this.#watcher.observe(element);
  }

  close(): void {
    this.#watcher.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** Other GPUs are shown, or in another order. */
  changed(): void {
    this.#columns = this.#columnsFor();
    this.#sort();
    this.#render();
  }

  /** Values are others. Rows stay where they are while someone points at them. */
  update(): void {
    if (!this.#near) return;
    if (this.#columns.length === 0) this.#columns = this.#columnsFor();
    const held = this.#pointed || this.#scroller.contains(document.activeElement);
    if (!held || this.#order.length === 0) this.#sort();
    this.#render();
  }

  // ---- columns and order ----

  #columnsFor(): Column[] {
    const { fleet, route } = this.#app;
    const models = new Map([...new Set(fleet.gpus.map((gpu) => gpu.model))].sort().map((m, i) => [m, i]));
    const names = new Set([...Object.keys(TITLES), route.metric]);
    const metrics = [...names].map((name) => fleet.metric(name)).filter((m) => m !== undefined);
    const cluster = (gpu: Gpu) => gpu.host.cluster;
    return [
      ...(fleet.clusters.length > 1
        ? [{ name: 'cluster', title: 'Cluster', number: false,
             key: (gpu: Gpu) => fleet.clusters.indexOf(cluster(gpu)), cell: (gpu: Gpu) => cluster(gpu).name }]
        : []),
      { name: 'host', title: 'Host', number: false, key: (gpu) => gpu.row, cell: (gpu) => this.#hostLink(gpu) },
      {
        name: 'gpu', title: 'GPU', number: true,
        key: (gpu) => Number(gpu.index) + gpu.row / 1e6, cell: (gpu) => this.#gpuLink(gpu),
      },
      { name: 'model', title: 'Model', number: false, key: (gpu) => models.get(gpu.model)!, cell: modelText },
      {
        name: 'status', title: 'Status', number: false,
        key: (gpu) => STATUSES.indexOf(gpu.status),
        cell: ({ status }) => statusBadge(status),
      },
      ...metrics.map((metric) => this.#metricColumn(metric)),
      {
        name: 'seen', title: 'Last seen', number: true,
        key: (gpu) => fleet.times[gpu.row] || NaN,
        cell: (gpu) => (fleet.times[gpu.row]! > 0 ? formatAge(fleet.times[gpu.row]!) : NOT_REPORTED),
      },
    ];
  }

  #metricColumn(metric: Metric): Column {
    const { fleet } = this.#app;
    return {
      name: metric.name,
      title: TITLES[metric.name] ?? metric.title,
      number: true,
      key: (gpu) => fleet.value(gpu, metric.name),
      cell: (gpu) => formatValue(fleet.value(gpu, metric.name), metric),
    };
  }

  #hostLink({ host }: Gpu): TemplateResult {
    return html`<a href=${hrefOf(this.#app, hostPage(host))}>${host.hostname}</a>`;
  }

  #gpuLink(gpu: Gpu): TemplateResult | string {
    const { uuid, index, host } = gpu;
    if (uuid === null) return index;
    return html`<a class="fleet-table-gpu" href=${hrefOf(this.#app, gpuPage(gpu))} aria-label=${`GPU ${index} of ${host.hostname}`}>${index}</a>`;
  }

  /** The column, and whether it goes down. */
  #sorting(): { name: string; down: boolean } {
    const { sort } = this.#app.route;
    const down = sort.startsWith('-');
    const name = down ? sort.slice(1) : sort;
    return this.#columns.some((c) => c.name === name) ? { name, down } : { name: 'host', down: false };
  }

  #sort(): void {
    const { name, down } = this.#sorting();
    const { gpus } = this.#selection;
    if (name === 'host' && !down) {
      this.#order = [...gpus];
      return;
    }
    const column = this.#columns.find((c) => c.name === name)!;
    const sign = down ? -1 : 1;
    const keys = new Float64Array(this.#app.fleet.gpus.length);
    for (const gpu of gpus) {
      const key = column.key(gpu);
      keys[gpu.row] = Number.isNaN(key) ? Infinity : key * sign;
    }
    this.#order = [...gpus].sort((a, b) => {
      const [x, y] = [keys[a.row]!, keys[b.row]!];
      return x === y ? a.row - b.row : x - y;
    });
  }

  #sortBy({ name, number }: Column): void {
    const now = this.#sorting();
    const down = now.name === name ? !now.down : number && name !== 'gpu';
    const sort = `${down ? '-' : ''}${name}`;
    this.#app.navigate({ sort: sort === 'host' ? '' : sort }, 'replace');
  }

  /** What the map is coloured by, or the table ordered by, is shown however narrow it is. */
  #classOf({ name, number }: Column): string {
    const chosen = name === this.#app.route.metric || name === this.#sorting().name;
    return `${number ? 'number' : ''} ${chosen ? 'fleet-table-chosen' : ''}`;
  }

  // ---- rows ----

  #seen(): [first: number, last: number] {
    const { scrollTop, clientHeight } = this.#scroller;
    const seen = Math.ceil((clientHeight || 480) / ROW_HEIGHT);
    const most = Math.max(0, this.#order.length - seen);
    const first = Math.min(most, Math.floor(scrollTop / ROW_HEIGHT));
    return [first, Math.min(this.#order.length, first + seen)];
  }

  /** Once a frame, and only where a row is missing: the spare ones are seen first. */
  #scrolled(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const [first, last] = this.#seen();
      if (first < this.#first || last > this.#last) this.#render();
    });
  }

  #render(): void {
    const seen = this.#seen();
    const first = Math.max(0, seen[0] - SPARE);
    const last = Math.min(this.#order.length, seen[1] + SPARE);
    this.#first = first;
    this.#last = last;
    render(this.#template(first, last), this.#scroller);
    const spacers = this.#scroller.querySelectorAll<HTMLElement>('.fleet-table-spacer td');
    spacers[0]!.style.height = `${first * ROW_HEIGHT}px`;
    spacers[1]!.style.height = `${(this.#order.length - last) * ROW_HEIGHT}px`;
  }

  #template(first: number, last: number): TemplateResult {
    const columns = this.#columns;
    const sorting = this.#sorting();
    const spacer = html`<tbody class="fleet-table-spacer" aria-hidden="true"><tr><td colspan=${columns.length}></td></tr></tbody>`;
    return html`<table class="table" aria-rowcount=${this.#order.length + 1} aria-label="GPUs">
      <thead>
        <tr aria-rowindex="1">
          ${columns.map((column) => {
            const on = column.name === sorting.name;
            const order = sorting.down ? 'descending' : 'ascending';
            return html`<th scope="col" class=${this.#classOf(column)} data-column=${column.name} aria-sort=${on ? order : nothing}>
              <button type="button" @click=${() => this.#sortBy(column)}>${column.title}<span
                aria-hidden="true">${on ? (sorting.down ? ' ▼' : ' ▲') : ''}</span></button>
            </th>`;
          })}
        </tr>
      </thead>
      ${spacer}
      <tbody>
        ${this.#order.slice(first, last).map(
          (gpu, i) => html`<tr aria-rowindex=${first + i + 2} data-uuid=${gpu.uuid ?? nothing}>
            ${columns.map((c) => html`<td class=${this.#classOf(c)} data-column=${c.name}>${c.cell(gpu)}</td>`)}
          </tr>`,
        )}
      </tbody>
      ${spacer}
    </table>`;
  }

  /** Up and down go from row to row. */
  #keyPressed(event: KeyboardEvent): void {
    const down = event.key === 'ArrowDown';
    if ((!down && event.key !== 'ArrowUp') || event.ctrlKey || event.altKey || event.metaKey) return;
    const cell = (event.target as Element).closest<HTMLTableCellElement>('tbody td');
    const row = cell?.parentElement;
    const button = (event.target as Element).closest('thead');
    if (!row && !(button && down)) return;
    event.preventDefault();
    const at = row ? Number(row.getAttribute('aria-rowindex')) - 2 : -1;
    const next = at + (down ? 1 : -1);
    if (next < 0 || next >= this.#order.length) return;
    this.#reveal(next);
    const found = this.#scroller.querySelector<HTMLTableRowElement>(`tr[aria-rowindex="${next + 2}"]`);
    const same = found?.cells[cell?.cellIndex ?? 0]?.querySelector('a') ?? found?.querySelector('a');
    same?.focus({ preventScroll: true });
  }

  #reveal(row: number): void {
    const { scrollTop, clientHeight } = this.#scroller;
    const head = this.#scroller.querySelector('thead')!.clientHeight;
    const top = row * ROW_HEIGHT;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + ROW_HEIGHT + head > scrollTop + clientHeight) {
      this.#scroller.scrollTop = top + ROW_HEIGHT + head - clientHeight;
    }
    this.#render();
  }
}

export function tableTitle(selection: Selection): string {
  return selection.filter.empty ? `${formatNumber(selection.total)} GPUs` : selection.text;
}
