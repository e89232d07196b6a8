// heatmap: every GPU a cell, by cluster and host, coloured by a metric. One canvas
// shows the part that is seen and some more above and below, so that scrolling moves
// what is painted and paints only now and then; over it lies the grid.
//
// It is painted once a frame at most: anew where the picture is another, else the
// cells with new values.

import { hrefOf, type App } from '../app.js';
import { Emitter } from '../emitter.js';
import type { Gpu, Metric } from '../fleet/fleet.js';
import { formatValue } from '../format.js';
import { gpuPage, hostPage } from '../route.js';
import { Grid } from './grid.js';
import {
  blockOf, cellRect, hitAt, hostsBetween, labelRect, layoutOf,
  type Layout, type Place, type Rect,
} from './layout.js';
import { lookOf, Painter, type CellPlace, type Pane, type Picture } from './paint.js';
import { paletteOf } from './palette.js';
import { colourIndex, domainOf, type Domain } from './scale.js';
import { Tooltip } from './tooltip.js';

/** What a test can ask of the canvas: where a GPU's cell is in the window, and its colour. */
export interface Cell extends Rect {
  look: string;
  /** Of a value; empty for the other looks. */
  colour: string;
}

export interface HeatmapCanvas extends HTMLCanvasElement {
  cellOf(uuid: string): Cell | undefined;
}

const FIRST_PAINT = 'nexus:fleet-painted';
/** What is painted beyond the part that is seen. */
const OVERSCAN = 400;
const CELL_MIN = 11;
/** Where one points with a finger. */
const CELL_MIN_TOUCH = 18;
/** Of the map's part that is seen at once: pixels, and of a window in which it stands far down. */
const HEIGHT_MIN = 320;
const HEIGHT_SHARE = 0.8;
const BELOW = 24;
/** After so long without scrolling the grid's rows follow. */
const SETTLED_MS = 150;
const NAMES_MS = 500;
const TEXTS_MAX = 2000;

export class Heatmap {
  /** The value that is pointed at, or has the focus; NaN: none. */
  readonly pointed = new Emitter<number>();
  /** The scale's ends, or the colours are others. */
  readonly scaleChanged = new Emitter();
  metric: Metric;
  domain: Domain = { from: 0, to: 1 };
  painter: Painter;

  #app: App;
  #root = document.createElement('div');
  #scroller = document.createElement('div');
  #content = document.createElement('div');
  #canvas = document.createElement('canvas') as HeatmapCanvas;
  #ring = document.createElement('div');
  #stale = document.createElement('p');
  #tooltip: Tooltip;
  #grid: Grid;
  #layout: Layout | undefined;
  #pane: Pane;
  /** By row: its host's number in Fleet.hosts. */
  #hostOf: Uint32Array = new Uint32Array();
  #taken: Uint8Array | undefined;
  #marked: Uint8Array = new Uint8Array();
  #problemsOf: (gpu: Gpu) => readonly string[];

  #anew = false;
  #dirty = new Set<number>();
  #frame = 0;
  #paints = 0;
  #settled = 0;
  #gridLater = 0;
  #pointer: PointerEvent | undefined;
  #pointerFrame = 0;
  #hovered: Place | undefined;
  #focused: Place | undefined;
  #namesTimer = 0;
  #texts = new Map<number, string>();
  #ends = new AbortController();
  #resized: ResizeObserver;

  constructor(app: App, element: HTMLElement, metric: Metric, problemsOf: (gpu: Gpu) => readonly string[]) {
    this.#app = app;
    this.metric = metric;
    this.#problemsOf = problemsOf;
    this.#root.className = 'heatmap';
    this.#scroller.className = 'heatmap-scroller';
    this.#content.className = 'heatmap-content';
    this.#canvas.className = 'heatmap-canvas';
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.#canvas.cellOf = (uuid) => this.#cellOf(uuid);
    this.#ring.className = 'heatmap-ring';
    this.#ring.hidden = true;
    this.#stale.className = 'heatmap-stale';
    this.#stale.hidden = true;
    const cells = document.createElement('div');
    cells.className = 'heatmap-grid';
    cells.setAttribute('aria-label', 'GPUs by host');
    this.#content.append(this.#canvas, cells, this.#ring);
    this.#scroller.append(this.#content);
    this.#tooltip = new Tooltip(app.fleet);
    this.#root.append(this.#scroller, this.#stale, this.#tooltip.element);
    element.append(this.#root);
    this.painter = new Painter(paletteOf(this.#root));
    this.#pane = { context: this.#canvas.getContext('2d')!, top: 0, height: 0, ratio: 1 };
    this.#grid = new Grid(cells, {
      nameOf: (gpu) => this.#nameOf(gpu),
      open: (place, newTab) => this.#open(place, newTab),
      focused: (place) => this.#focus(place),
      reveal: (rect) => this.#reveal(rect),
      viewHeight: () => this.#scroller.clientHeight,
      describedBy: this.#tooltip.element.id,
    });
    this.#listen();
    this.#resized = new ResizeObserver(() => this.#resize());
    this.#resized.observe(this.#root);
  }

  close(): void {
    this.#ends.abort();
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#pointerFrame);
    clearTimeout(this.#settled);
    clearTimeout(this.#gridLater);
    clearTimeout(this.#namesTimer);
    this.#root.remove();
  }

  // ---- what is shown ----

  setMetric(metric: Metric): void {
    this.metric = metric;
    this.#texts.clear();
    this.#rescale();
    this.#paintAnew();
    this.#nameAnew();
  }

  /** By row, 1: a filter takes it. Undefined: there is no filter. */
  setTaken(taken: Uint8Array | undefined): void {
    this.#taken = taken;
    this.#paintAnew();
    this.#nameAnew();
  }

  /** By row, 1: something is wrong with it. */
  setMarked(marked: Uint8Array): void {
    const before = this.#marked;
    this.#marked = marked;
    const changed = new Set<number>();
    marked.forEach((mark, row) => mark !== before[row] && changed.add(row));
    if (changed.size > 0) this.valuesChanged(changed);
  }

  /** Other GPUs. */
  inventoryChanged(): void {
    const { fleet } = this.#app;
    this.#hostOf = new Uint32Array(fleet.gpus.length);
    fleet.hosts.forEach((host, number) => {
      for (const gpu of host.gpus) this.#hostOf[gpu.row] = number;
    });
    if (this.#marked.length !== fleet.gpus.length) this.#marked = new Uint8Array(fleet.gpus.length);
    this.#hovered = undefined;
    this.#lay();
    this.#rescale();
    this.#paintAnew();
    // At first the picture, then the grid: one long turn would hold up both.
    clearTimeout(this.#gridLater);
    if (this.#grid.empty) this.#gridLater = setTimeout(() => this.#fillGrid());
    else this.#fillGrid();
  }

  #fillGrid(): void {
    if (this.#layout) this.#grid.setHosts(this.#app.fleet.hosts, this.#layout);
  }

  valuesChanged(rows: ReadonlySet<number>): void {
    for (const row of rows) this.#dirty.add(row);
    this.#nameAnew();
    this.#schedule();
  }

  statusChanged(): void {
    this.#nameAnew();
    this.#paintAnew();
  }

  /** The theme or the density of the screen is another. */
  themeChanged(): void {
    this.painter = new Painter(paletteOf(this.#root));
    this.scaleChanged.emit();
    this.#paintAnew();
  }

  /** What is shown is of then; empty: it is live. */
  setStale(text: string): void {
    this.#root.classList.toggle('heatmap-is-stale', text !== '');
    this.#stale.hidden = text === '';
    if (this.#stale.textContent !== text) this.#stale.textContent = text;
  }

  /** Once a second: what need not follow each value. */
  tick(): void {
    this.#rescale();
    this.#pointAgain();
  }

  /** What the colours are for: a silent GPU's last value is none of them. */
  values(): Float64Array {
    const { fleet } = this.#app;
    const column = fleet.column(this.metric.name);
    return column.filter((_, row) => fleet.gpus[row]!.status === 'active');
  }

  #rescale(): void {
    const domain = domainOf(this.metric, this.values());
    if (domain.from === this.domain.from && domain.to === this.domain.to) return;
    this.domain = domain;
    this.scaleChanged.emit();
    this.#paintAnew();
  }

  /** Names follow what is painted, a little later and all at once. */
  #nameAnew(): void {
    this.#namesTimer ||= setTimeout(() => {
      this.#namesTimer = 0;
      this.#grid.updateNames();
    }, NAMES_MS);
  }

  /** Many values are alike, and writing one costs more than all the rest of a name. */
  #textOf(value: number): string {
    let text = this.#texts.get(value);
    if (text === undefined) {
      if (this.#texts.size === TEXTS_MAX) this.#texts.clear();
      text = formatValue(value, this.metric);
      this.#texts.set(value, text);
    }
    return text;
  }

  #nameOf(gpu: Gpu): string {
    const value = this.#textOf(this.#app.fleet.value(gpu, this.metric.name));
    const words = [gpu.host.hostname, `GPU ${gpu.index}`, value, gpu.status];
    if (this.#marked[gpu.row] === 1 && gpu.status === 'active') words.push('needs attention');
    if (this.#taken?.[gpu.row] === 0) words.push('filtered out');
    return words.join(', ');
  }

  // ---- layout ----

  #lay(): void {
    const width = this.#content.clientWidth;
    if (width === 0) return;
    const top = this.#root.getBoundingClientRect().top + scrollY;
    const below = innerHeight - top - BELOW;
    const height = below > HEIGHT_MIN ? below : Math.max(HEIGHT_MIN, innerHeight * HEIGHT_SHARE);
    const cellMin = matchMedia('(pointer: coarse)').matches ? CELL_MIN_TOUCH : CELL_MIN;
    this.#layout = layoutOf(this.#app.fleet.clusters, { width, height, cellMin });
    this.#scroller.style.maxHeight = `${height}px`;
    this.#content.style.height = `${this.#layout.height}px`;
  }

  #resize(): void {
    const { width } = this.#layout ?? { width: 0 };
    const before = this.#scroller.style.maxHeight;
    const first = this.#layout === undefined;
    this.#lay();
    if (!this.#layout || (width === this.#layout.width && before === this.#scroller.style.maxHeight)) return;
    if (first) this.#fillGrid();
    else this.#grid.setLayout(this.#layout);
    this.#tooltip.hide();
    this.#paintAnew();
  }

  #rectOf({ host, slot }: Place): Rect | undefined {
    const block = this.#layout && blockOf(this.#layout, host);
    if (!this.#layout || !block) return undefined;
    return slot < 0 ? labelRect(this.#layout, block) : cellRect(this.#layout, block, slot);
  }

  #gpuAt({ host, slot }: Place): Gpu | undefined {
    return this.#app.fleet.hosts[host]?.gpus[slot];
  }

  /** In the window. */
  #inWindow(rect: Rect): Rect {
    const { left, top } = this.#content.getBoundingClientRect();
    return { ...rect, x: rect.x + left, y: rect.y + top };
  }

  #cellOf(uuid: string): Cell | undefined {
    const gpu = this.#app.fleet.gpu(uuid);
    const host = gpu && this.#hostOf[gpu.row]!;
    const rect = gpu && this.#rectOf({ host: host!, slot: gpu.host.gpus.indexOf(gpu) });
    if (!rect || !this.#layout) return undefined;
    const look = lookOf(this.#picture(), gpu);
    const value = this.#app.fleet.value(gpu, this.metric.name);
    const colour = look === 'value' ? this.painter.palette.colours[colourIndex(value, this.domain)]! : '';
    return { ...this.#inWindow(rect), look, colour };
  }

  // ---- painting ----

  #picture(): Picture {
    return {
      fleet: this.#app.fleet,
      layout: this.#layout!,
      metric: this.metric,
      domain: this.domain,
      taken: this.#taken,
      marked: this.#marked,
    };
  }

  #paintAnew(): void {
    this.#anew = true;
    this.#schedule();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    if (!this.#layout || !this.#app.fleet.loaded) return;
    const started = performance.now();
    if (this.#fitPane() || this.#anew) {
      const painted = this.painter.paint(this.#pane, this.#picture());
      this.#canvas.dataset['painted'] = String(painted);
    } else if (this.#dirty.size > 0) {
      this.painter.paintCells(this.#pane, this.#picture(), this.#dirtyCells());
    } else {
      return;
    }
    this.#anew = false;
    this.#dirty.clear();
    this.#canvas.dataset['paints'] = String(++this.#paints);
    this.#canvas.dataset['paintMs'] = (performance.now() - started).toFixed(2);
    this.#markFirst();
  }

  /** For who measures how long the first picture took. */
  #markFirst(): void {
    if (performance.getEntriesByName(FIRST_PAINT).length > 0) return;
    if (this.#app.fleet.times.some((time) => time > 0)) performance.mark(FIRST_PAINT);
  }

  /** Those in the pane. */
  *#dirtyCells(): Generator<CellPlace> {
    const { top, height } = this.#pane;
    const [first, last] = hostsBetween(this.#layout!, top, top + height);
    for (const row of this.#dirty) {
      const host = this.#hostOf[row]!;
      if (host < first || host >= last) continue;
      const { section, number } = blockOf(this.#layout!, host)!;
      const gpu = this.#app.fleet.gpus[row]!;
      yield [section, number, gpu.row - gpu.host.gpus[0]!.row];
    }
  }

  /** The canvas over what is seen. True where it had to be moved or made anew. */
  #fitPane(): boolean {
    const { scrollTop, clientHeight } = this.#scroller;
    const { width, height: all } = this.#layout!;
    const ratio = devicePixelRatio;
    const height = Math.min(all, clientHeight + 2 * OVERSCAN);
    const pane = this.#pane;
    const pixels = Math.ceil(width * ratio);
    const resized = pane.height !== height || pane.ratio !== ratio || this.#canvas.width !== pixels;
    const bottom = Math.min(all, scrollTop + clientHeight);
    const covered = scrollTop >= pane.top && bottom <= pane.top + pane.height;
    if (!resized && covered) return false;
    pane.top = Math.max(0, Math.min(all - height, scrollTop - OVERSCAN));
    this.#canvas.style.transform = `translateY(${pane.top}px)`;
    if (!resized) return true;
    pane.height = height;
    pane.ratio = ratio;
    this.#canvas.width = pixels;
    this.#canvas.height = Math.ceil(height * ratio);
    this.#canvas.style.width = `${this.#canvas.width / ratio}px`;
    this.#canvas.style.height = `${this.#canvas.height / ratio}px`;
    return true;
  }

  // ---- pointer and focus ----

  #listen(): void {
    const { signal } = this.#ends;
    const on = this.#content.addEventListener.bind(this.#content);
    on('pointermove', (event) => this.#pointerAt(event), { signal });
    on('pointerleave', () => this.#pointerAt(undefined), { signal });
    on('click', (event) => this.#clicked(event), { signal });
    on('auxclick', (event) => event.button === 1 && this.#clicked(event), { signal });
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { signal, passive: true });
    addEventListener('resize', () => this.#resize(), { signal });
    addEventListener('keydown', (event) => this.#dismiss(event), { signal, capture: true });
  }

  #placeUnder(event: MouseEvent): Place | undefined {
    if (!this.#layout) return undefined;
    const { left, top } = this.#content.getBoundingClientRect();
    const hit = hitAt(this.#layout, event.clientX - left, event.clientY - top);
    return hit && { host: hit.hostNumber, slot: hit.slot };
  }

  #clicked(event: MouseEvent): void {
    const place = event.detail === 0 ? this.#grid.placeOf(event.target) : this.#placeUnder(event);
    if (place) this.#open(place, event.ctrlKey || event.metaKey || event.button === 1);
  }

  /** A GPU, or its host: of a label, or where the GPU is missing. */
  #open(place: Place, newTab: boolean): void {
    const host = this.#app.fleet.hosts[place.host];
    if (!host) return;
    const gpu = this.#gpuAt(place);
    const there = gpu ? gpuPage(gpu) : hostPage(host);
    if (newTab) open(hrefOf(this.#app, there), '_blank', 'noopener');
    else this.#app.navigate(there);
  }

  /** Followed once a frame: the tooltip's text and place cost a layout. */
  #pointerAt(event: PointerEvent | undefined): void {
    this.#pointer = event;
    this.#pointerFrame ||= requestAnimationFrame(() => {
      this.#pointerFrame = 0;
      this.#hover(this.#pointer && this.#placeUnder(this.#pointer));
    });
  }

  #hover(place: Place | undefined): void {
    const before = this.#hovered;
    if (before?.host === place?.host && before?.slot === place?.slot) return;
    this.#hovered = place;
    this.#point(place ?? this.#focused);
    this.#showRing(place && this.#rectOf(place));
  }

  #showRing(rect: Rect | undefined): void {
    this.#ring.hidden = !rect;
    this.#content.classList.toggle('heatmap-pointing', rect !== undefined);
    if (rect) {
      this.#ring.style.transform = `translate(${rect.x}px, ${rect.y}px)`;
      this.#ring.style.width = `${rect.width}px`;
      this.#ring.style.height = `${rect.height}px`;
    }
  }

  #focus(place: Place | undefined): void {
    this.#focused = place;
    this.#point(place ?? this.#hovered);
  }

  #point(place: Place | undefined): void {
    const rect = place && this.#rectOf(place);
    const gpu = place && this.#gpuAt(place);
    // Asked before anything is written: else the browser would have to lay out once more.
    const beside = rect && this.#inWindow(rect);
    this.pointed.emit(gpu ? this.#app.fleet.value(gpu, this.metric.name) : NaN);
    if (!place || !beside) this.#tooltip.hide();
    else if (gpu) this.#tooltip.showGpu(gpu, this.metric, this.#problemsOf(gpu), beside);
    else this.#tooltip.showHost(this.#app.fleet.hosts[place.host]!, beside);
  }

  #pointAgain(): void {
    if (this.#tooltip.shown) this.#point(this.#hovered ?? this.#focused);
  }

  /** Esc takes the tooltip away, and that is all it does then. */
  #dismiss(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !this.#tooltip.shown) return;
    if (event.target instanceof Element && event.target.closest('input, dialog')) return;
    this.#tooltip.hide();
    event.preventDefault();
    event.stopPropagation();
  }

  #reveal(rect: Rect): void {
    const { scrollTop, clientHeight } = this.#scroller;
    const room = this.#layout!.labelHeight + 4;
    if (rect.y - room < scrollTop) this.#scroller.scrollTop = Math.max(0, rect.y - room);
    else if (rect.y + rect.height + 4 > scrollTop + clientHeight) {
      this.#scroller.scrollTop = rect.y + rect.height + 4 - clientHeight;
    }
    const { y, height } = this.#inWindow(rect);
    if (y < 0 || y + height > innerHeight) scrollBy({ top: y - innerHeight / 2 });
  }

  #scrolled(): void {
    this.#schedule();
    if (this.#hovered) this.#hover(undefined);
    clearTimeout(this.#settled);
    this.#settled = setTimeout(() => {
      const { scrollTop, clientHeight } = this.#scroller;
      if (this.#layout) this.#grid.show(...hostsBetween(this.#layout, scrollTop, scrollTop + clientHeight));
      this.#pointAgain();
    }, SETTLED_MS);
  }
}
