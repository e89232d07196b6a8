// board: the charts of some GPUs, one for each metric, with one range and one
// crosshair, over the history and live.

import { html, nothing, render } from 'lit-html';

import type { App } from '../app.js';
import { now } from '../clock.js';
import type { Off } from '../emitter.js';
import type { Gpu, Metric } from '../fleet/fleet.js';
import { START } from '../route.js';
import { keys } from '../shell/keyboard.js';
import { formatRange, formatTime, formatZone, resolveRange, type Range } from '../time.js';
import { findingBadge } from '../views/status.js';
import { Chart, type ChartOwner, type Line } from './chart.js';
import { csvName, csvOf, download } from './csv.js';
import { History } from './history.js';
import { Colours, swatch } from './palette.js';
import { between } from './series.js';

export interface BoardOptions {
  /** For the file's name: "hgpu-012_gpu-3". */
  name: string;
  label(gpu: Gpu): string;
  /** The page says itself what is not reported. */
  quiet?: boolean;
  /** Other points, or other GPUs: for what else shows them. */
  changed?(): void;
}

interface Limits {
  from: string;
  to: string;
}

/** Until a chart is laid out. */
const PIXELS_USUAL = 500;
/** A window that moves is drawn anew when it moved by a pixel, at most so often; in ms. */
const TICK_MIN = 1000;
const TICK_CALM = 5000;
/** Nothing is zoomed closer; in ms. */
const RANGE_MIN = 2000;
const RESIZED_MS = 400;
/** Redrawing for what came live, at most so often; in ms. */
const DRAW_MS = 250;
/** Charts are drawn for so long at a time; in ms. */
const FRAME_MS = 8;

const calm = matchMedia('(prefers-reduced-motion: reduce)');

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export class Board implements ChartOwner {
  readonly history: History;
  readonly colours = new Colours();
  readonly #app: App;
  readonly #options: BoardOptions;
  readonly #bar: HTMLElement;
  readonly #legend: HTMLElement;
  readonly #grid: HTMLElement;
  readonly #rest: HTMLElement;
  readonly #charts = new Map<string, Chart>();
  readonly #hidden = new Set<string>();
  /** The range that a zoom was made in, by the zoom's. */
  readonly #zooms = new Map<string, Limits>();
  readonly #offs: Off[] = [];
  readonly #resized: ResizeObserver;
  #gpus: Gpu[] = [];
  #asked = '';
  #now = now();
  #dragging = false;
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setTimeout> | undefined;
  #resizing: ReturnType<typeof setTimeout> | undefined;
  #cursor: number | null = null;
  #cursorFrame = 0;
  readonly #queue = new Set<Chart>();
  #queueFrame = 0;

  constructor(app: App, element: HTMLElement, options: BoardOptions) {
    this.#app = app;
    this.#options = options;
    this.history = new History(app.api, () => app.fleet.metrics);
    this.#bar = document.createElement('div');
    this.#bar.className = 'charts-bar';
    this.#legend = document.createElement('div');
    this.#legend.className = 'charts-legend';
    this.#grid = document.createElement('div');
    this.#grid.className = 'charts-grid';
    this.#rest = document.createElement('div');
    element.append(this.#bar, this.#legend, this.#grid, this.#rest);
    this.#resized = new ResizeObserver(() => {
      clearTimeout(this.#resizing);
      this.#resizing = setTimeout(() => this.#ask(), RESIZED_MS);
    });
    this.#resized.observe(this.#grid);
    this.history.hold(app.paused);
    this.#offs.push(
      this.history.changed.on(() => this.#drawSoon()),
      app.pausedChanged.on((paused) => {
        this.history.hold(paused);
        this.#draw();
      }),
      app.themeChanged.on(() => {
        this.colours.forget();
        for (const chart of this.#charts.values()) chart.repaint();
      }),
      keys.register({ key: 'Escape', text: 'Take back the zoom', run: () => this.resetZoom() }),
      keys.register({ key: '0', text: 'Take back the zoom, in a chart' }),
      keys.register({ key: '+', label: '+ −', text: 'Zoom, in a chart' }),
      keys.register({ key: 'ArrowLeft', label: '← →', text: 'Read values, in a chart; with Shift: pan' }),
    );
    this.#ticking = setTimeout(() => this.#tick(), TICK_MIN);
  }

  /** Shows these, the first ones first. */
  setGpus(gpus: readonly Gpu[]): void {
    this.#gpus = gpus.filter((gpu) => gpu.uuid !== null);
    // Laid out first: how wide the charts are says how many points are asked for.
    this.#draw();
    this.#ask();
    this.#drawBar();
  }

  routeChanged(): void {
    this.#ask();
    this.#draw();
  }

  close(): void {
    for (const off of this.#offs) off();
    clearTimeout(this.#drawing);
    clearTimeout(this.#ticking);
    clearTimeout(this.#resizing);
    cancelAnimationFrame(this.#cursorFrame);
    cancelAnimationFrame(this.#queueFrame);
    this.#resized.disconnect();
    for (const chart of this.#charts.values()) chart.close();
    this.history.close();
  }

  /** What is shown now. */
  get range(): Range {
    if (!this.#app.paused) this.#now = now();
    return resolveRange(this.#app.route, this.#now);
  }

  // ---- what the charts want ----

  zoomTo(start: number, end: number): void {
    const { from, to } = this.#app.route;
    const middle = (start + end) / 2;
    const half = Math.max(end - start, RANGE_MIN) / 2;
    const zoom = { from: iso(Math.round(middle - half)), to: iso(Math.round(middle + half)) };
    this.#zooms.set(`${zoom.from} ${zoom.to}`, this.#zooms.get(`${from} ${to}`) ?? { from, to });
    this.#app.navigate(zoom, 'push');
    this.#app.announce(`Zoomed to ${formatRange(zoom)}`);
  }

  zoomBy(factor: number, around: number): void {
    const { start, end } = this.range;
    const length = (end - start) / factor;
    const begin = around - ((around - start) / (end - start)) * length;
    this.#goTo(begin, begin + length);
  }

  panBy(part: number): void {
    const { start, end } = this.range;
    const by = (end - start) * part;
    this.#goTo(start + by, end + by);
  }

  /** Not into the future: nothing is there. */
  #goTo(start: number, end: number): void {
    const late = Math.max(0, end - now());
    if (start - late < 0) return;
    this.zoomTo(start - late, end - late);
  }

  resetZoom(): boolean {
    const { from, to } = this.#app.route;
    const before = this.#zooms.get(`${from} ${to}`);
    if (!before && this.range.live) return false;
    this.#app.navigate(before ?? { from: START.from, to: START.to }, 'push');
    this.#app.announce(`Showing ${formatRange(this.#app.route)}`);
    return true;
  }

  moveCursor(time: number | null): void {
    this.#cursor = time;
    cancelAnimationFrame(this.#cursorFrame);
    this.#cursorFrame = requestAnimationFrame(() => {
      for (const chart of this.#charts.values()) chart.setCursor(this.#cursor);
    });
  }

  queue(chart: Chart): void {
    this.#queue.add(chart);
    this.#queueFrame ||= requestAnimationFrame(() => this.#drawQueue());
  }

  /** As many as a frame has time for. */
  #drawQueue(): void {
    const began = performance.now();
    for (const chart of this.#queue) {
      this.#queue.delete(chart);
      chart.draw();
      if (performance.now() - began > FRAME_MS) break;
    }
    this.#queueFrame = this.#queue.size > 0 ? requestAnimationFrame(() => this.#drawQueue()) : 0;
  }

  setDragging(dragging: boolean): void {
    this.#dragging = dragging;
    if (!dragging) this.#drawSoon();
  }

  announce(text: string): void {
    this.#app.announce(text);
  }

  // ---- history ----

  /** Asks for what is not there: other GPUs, another range, finer or coarser points. */
  #ask(): void {
    const { from, to } = this.#app.route;
    const pixels = this.#pixels();
    const asked = `${from} ${to} ${pixels}`;
    const uuids = this.#gpus.map((gpu) => gpu.uuid!);
    if (uuids.length === 0) return;
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.history.show(uuids, this.range, pixels);
    } else if (uuids.join() !== this.history.uuids.join()) {
      this.history.showGpus(uuids);
    }
  }

  /** By the hundred: a little wider or narrower asks for nothing. */
  #pixels(): number {
    const widths = [...this.#charts.values()].map((chart) => chart.width);
    return Math.ceil((Math.max(0, ...widths) || PIXELS_USUAL) / 100) * 100;
  }

  // ---- drawing ----

  #tick(): void {
    const { start, end, live } = this.range;
    const pixel = (end - start) / PIXELS_USUAL;
    const wait = Math.max(pixel, calm.matches ? TICK_CALM : TICK_MIN);
    if (live && !this.#app.paused) {
      this.history.dropBefore(start - (end - start) / 10);
      this.#draw();
    }
    this.#ticking = setTimeout(() => this.#tick(), Math.min(wait, 60_000));
  }

  #drawSoon(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#draw();
    }, DRAW_MS);
  }

  #draw(): void {
    if (this.#dragging) return;
    this.#drawBar();
    this.#drawLegend();
    const metrics = this.#reported();
    this.#placeCharts(metrics);
    const { range, history } = this;
    for (const metric of metrics) {
      this.#charts.get(metric.name)!.show(this.#linesOf(metric), range, history.step, this.#emptyText(metric));
    }
    this.#drawRest();
    this.#options.changed?.();
  }

  /** Metrics that one of the GPUs reports or reported, in the catalogue's order. */
  #reported(): Metric[] {
    const { fleet } = this.#app;
    return fleet.metrics.filter((metric) =>
      this.#gpus.some(
        (gpu) => !Number.isNaN(fleet.value(gpu, metric.name)) || this.history.latest(gpu.uuid!, metric.name),
      ),
    );
  }

  #linesOf(metric: Metric): Line[] {
    return this.#gpus.map((gpu, place) => ({
      key: gpu.uuid!,
      label: this.#options.label(gpu),
      place,
      points: this.history.points(gpu.uuid!, metric.name),
      hidden: this.#hidden.has(gpu.uuid!),
    }));
  }

  #emptyText(metric: Metric): string {
    if (!this.#gpus.every((gpu) => this.history.loaded(gpu.uuid!))) return this.history.error ? 'Not loaded' : 'Loading…';
    const times = this.#gpus.map((gpu) => this.history.latest(gpu.uuid!, metric.name)?.time ?? 0);
    const last = Math.max(0, ...times);
    return `Not reported in this range${last > 0 ? `; last ${formatTime(last)}` : ''}`;
  }

  /** When the GPUs reported last, where the range has nothing of them; NaN: it has, or they never did. */
  #newestElsewhere(): number {
    const uuids = this.#gpus.map((gpu) => gpu.uuid!);
    const { range, history } = this;
    if (!uuids.every((uuid) => history.loaded(uuid))) return NaN;
    let newest = NaN;
    for (const { name } of this.#reported()) {
      for (const uuid of uuids) {
        if (between(history.points(uuid, name), range.start, range.end).times.length > 0) return NaN;
        const latest = history.latest(uuid, name);
        if (latest && !(newest >= latest.time)) newest = latest.time;
      }
    }
    return newest;
  }

  /** A range as long as this one that ends a little later. */
  #showUntil(time: number): void {
    const length = this.range.end - this.range.start;
    this.zoomTo(time - 0.9 * length, time + 0.1 * length);
  }

  #placeCharts(metrics: readonly Metric[]): void {
    const wanted = new Set(metrics.map(({ name }) => name));
    for (const [name, chart] of this.#charts) {
      if (wanted.has(name)) continue;
      chart.close();
      chart.element.remove();
      this.#charts.delete(name);
    }
    metrics.forEach((metric, i) => {
      let chart = this.#charts.get(metric.name);
      if (!chart) {
        chart = new Chart(metric, this);
        this.#charts.set(metric.name, chart);
      }
      if (this.#grid.children[i] !== chart.element) {
        this.#grid.insertBefore(chart.element, this.#grid.children[i] ?? null);
      }
    });
  }

  #drawRest(): void {
    if (this.#options.quiet) return;
    const reported = new Set(this.#reported());
    const loaded = this.#gpus.length > 0 && this.#gpus.every((gpu) => this.history.loaded(gpu.uuid!));
    const rest = this.#app.fleet.metrics.filter((metric) => !reported.has(metric));
    render(
      loaded && rest.length > 0
        ? html`<p class="charts-rest muted small">Not reported: ${rest.map(({ title }) => title).join(', ')}.</p>`
        : nothing,
      this.#rest,
    );
  }

  #drawBar(): void {
    const { range } = this;
    const middle = (range.start + range.end) / 2;
    const route = this.#app.route;
    const zoomed = this.#zooms.has(`${route.from} ${route.to}`);
    const newest = this.#newestElsewhere();
    render(
      html`<h2>Charts</h2>
        <p class="charts-range muted small">${formatRange(route)}${this.#pointsText()} · times in ${formatZone(range.end)}</p>
        <p class="charts-state small" role="status">${this.#stateText()}</p>
        ${Number.isNaN(newest)
          ? nothing
          : html`<p class="charts-fixed small">
              Nothing was reported in this range.
              <button type="button" class="button" @click=${() => this.#showUntil(newest)}>Show the newest, ${formatTime(newest)}</button>
            </p>`}
        ${range.live
          ? nothing
          : html`<p class="charts-fixed small">
              <span class="badge badge-warning">Fixed range</span> New values are not shown.
              ${zoomed
                ? html`<button type="button" class="button" @click=${() => this.resetZoom()}>Take back the zoom</button>`
                : nothing}
            </p>`}
        <div class="charts-tools" role="group" aria-label="Charts">
          ${this.#tool('‹', 'Earlier', () => this.panBy(-0.5))}
          ${this.#tool('−', 'Zoom out', () => this.zoomBy(0.5, middle))}
          ${this.#tool('+', 'Zoom in', () => this.zoomBy(2, middle))}
          ${this.#tool('›', 'Later', () => this.panBy(0.5), range.live)}
          <button type="button" class="button" @click=${() => this.#export()}>Export CSV</button>
        </div>`,
      this.#bar,
    );
  }

  #toggleLine(key: string): void {
    if (!this.#hidden.delete(key)) this.#hidden.add(key);
    this.#draw();
  }

  #emphasize(key: string | null): void {
    for (const chart of this.#charts.values()) chart.emphasize(key);
  }

  /** Of all charts; a single line needs none. */
  #drawLegend(): void {
    const several = this.#gpus.length > 1;
    render(several ? html`<ul aria-label="Lines">${this.#gpus.map((gpu, place) => this.#key(gpu, place))}</ul>` : nothing, this.#legend);
  }

  #key(gpu: Gpu, place: number) {
    const key = gpu.uuid!;
    const label = this.#options.label(gpu);
    const slow = this.#app.attention.of(gpu).find(({ problem }) => problem === 'straggler');
    return html`<li>
      <button type="button" class="chart-key" data-gpu=${key} aria-pressed=${this.#hidden.has(key) ? 'false' : 'true'}
        title="Show or hide ${label}" @click=${() => this.#toggleLine(key)}
        @pointerenter=${() => this.#emphasize(key)} @pointerleave=${() => this.#emphasize(null)}
        @focus=${() => this.#emphasize(key)} @blur=${() => this.#emphasize(null)}>
        ${swatch(place)}${label}${slow ? findingBadge(slow) : nothing}
      </button>
    </li>`;
  }

  #tool(sign: string, name: string, run: () => void, disabled = false) {
    return html`<button type="button" class="button button-icon" aria-label=${name} title=${name} ?disabled=${disabled} @click=${run}>
      ${sign}
    </button>`;
  }

  #pointsText(): string {
    const seconds = this.history.step / 1000;
    return seconds === 0 ? ' · every sample' : ` · mean, least and greatest of ${stepText(seconds)}`;
  }

  #stateText() {
    const { history } = this;
    if (history.error) {
      return html`<span class="charts-error">History could not be loaded: ${history.error}.</span>
        <button type="button" class="button" @click=${() => history.reload()}>Try again</button>`;
    }
    return history.loading > 0 ? 'Loading history…' : '';
  }

  #export(): void {
    const { start, end } = this.range;
    const gpus = this.#gpus.filter((gpu) => !this.#hidden.has(gpu.uuid!));
    const text = csvOf({
      gpus,
      metrics: this.#reported(),
      step: this.history.step,
      points: (gpu, metric) => between(this.history.points(gpu.uuid!, metric.name), start, end),
    });
    download(csvName(this.#options.name, start, end), text);
    this.#app.announce('Exported as CSV');
  }
}

function stepText(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? 'each hour' : `each ${seconds / 3600} h`;
  if (seconds % 60 === 0) return seconds === 60 ? 'each minute' : `each ${seconds / 60} min`;
  return seconds === 1 ? 'each second' : `each ${seconds} s`;
}
