// chart: one metric over time, a line for each GPU, with what it shows in figures
// below: in a sentence, where there are many, and a table of them on demand. The crosshair and the range are shared: the chart says what is wanted
// (ChartOwner), and is told.

import { html, nothing, render } from 'lit-html';
import uPlot from 'uplot';

import type { Metric } from '../fleet/fleet.js';
import { formatNumber, formatValue } from '../format.js';
import { formatTime, type Range } from '../time.js';
import { DISTANCES, timeLabels } from './axis.js';
import { colourOf, dashOf, swatch, type Colours } from './palette.js';
import { between, broken, envelope, gapOf, nearest, statisticsOf, type Points } from './series.js';
import { traitsOf, type Kind, type Traits } from './traits.js';

/** What is drawn for one GPU. */
export interface Line {
  /** The GPU's UUID. */
  key: string;
  label: string;
  /** Among the lines: it has the colour and the dashes. */
  place: number;
  points: Points;
  hidden: boolean;
}

export interface ChartOwner {
  readonly colours: Colours;
  zoomTo(start: number, end: number): void;
  /** Around a time; more than 1: closer. */
  zoomBy(factor: number, around: number): void;
  /** By so much of the window. */
  panBy(part: number): void;
  /** False: nothing to take back. */
  resetZoom(): boolean;
  /** The crosshair of all charts; null: none. */
  moveCursor(time: number | null): void;
  /** Calls its draw() when there is time. */
  queue(chart: Chart): void;
  /** Redrawing waits while a range is being drawn. */
  setDragging(dragging: boolean): void;
  announce(text: string): void;
}

/** What the table says of a line. */
interface Row {
  line: Line;
  last: number;
  figures: string[];
}

/** What the element shows of itself: for scripts and tests. */
export interface ChartElement extends HTMLElement {
  /** Of the first line: times in ms, values in the API's unit; those in the window. */
  points: [number[], number[]];
  lines: { key: string; label: string; points: Points }[];
}

const LINE_WIDTH = 1.75;
const AXIS_WIDTH = 54;
const AXIS_HEIGHT = 28;
const DRAG_MIN = 5;
/** Of the window, by the keys. */
const PAN_PART = 0.5;
const ZOOM_FACTOR = 2;
const KEY_STEPS = 10;
/** Lines behind the one that is looked for. */
const BEHIND_ALPHA = 0.18;
/** So many lines' figures are a table from the start. */
const TABLED_MAX = 2;

/** Above a line that does not move. */
const FLAT_HEADROOM = 1.25;
/** Of the values, by the axis at least. */
const SPAN_MIN = 0.05;
const DIGITS_MAX = 6;

/** Behind the point, so that labels this far apart differ as they should: 2.5 has one. */
function digitsOf(step: number): number {
  let digits = 0;
  while (digits < DIGITS_MAX && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-9) digits++;
  return digits;
}

/** What stands behind the value, for the whole range. */
const FIGURES: Readonly<Record<Kind, readonly string[]>> = {
  gauge: ['Min', 'Mean', 'Max'],
  counter: ['Min', 'Increase', 'Max'],
  code: ['In this range'],
  mask: ['In this range'],
};

/** How much larger than usual the page's text is, as on a wall. */
function scale(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}

const gaps = new WeakMap<Points, number>();

function gapIn(points: Points, step: number): number {
  let gap = gaps.get(points);
  if (gap === undefined) {
    gap = gapOf(points.times, step);
    gaps.set(points, gap);
  }
  return gap;
}

export class Chart {
  readonly element: ChartElement;
  readonly metric: Metric;
  readonly #traits: Traits;
  readonly #owner: ChartOwner;
  readonly #plotElement: HTMLElement;
  readonly #legendElement: HTMLElement;
  readonly #emptyElement: HTMLElement;
  readonly #resized: ResizeObserver;
  readonly #sight: IntersectionObserver;
  #plot: uPlot | undefined;
  #drawnKeys = '';
  #lines: Line[] = [];
  /** As of the last drawing: the crosshair moves more often. */
  #rows: Row[] = [];
  #range: Range = { start: 0, end: 1, live: true };
  #step = 0;
  #cursor: number | null = null;
  #visible = false;
  #stale = true;
  #movedByOwner = false;

  constructor(metric: Metric, owner: ChartOwner) {
    this.metric = metric;
    this.#traits = traitsOf(metric);
    this.#owner = owner;
    this.element = document.createElement('section') as unknown as ChartElement;
    this.element.className = 'chart card';
    this.element.dataset['metric'] = metric.name;
    this.element.setAttribute('aria-label', metric.title);
    const { unit } = this.#traits;
    render(
      html`<h3 class="chart-title">${metric.title}${unit ? html` <span class="chart-unit">${unit}</span>` : nothing}</h3>
        <div class="chart-plot" tabindex="0" role="application" aria-roledescription="chart"
             aria-label="${metric.title} over time. Left and right read values, plus and minus zoom, shift with left and right pans."
             @keydown=${(event: KeyboardEvent) => this.#keyDown(event)}
             @blur=${() => this.#owner.moveCursor(null)}></div>
        <p class="chart-empty" hidden></p>
        <div class="chart-legend"></div>`,
      this.element,
    );
    this.#plotElement = this.element.querySelector('.chart-plot')!;
    this.#emptyElement = this.element.querySelector('.chart-empty')!;
    this.#legendElement = this.element.querySelector('.chart-legend')!;
    Object.defineProperties(this.element, {
      points: { get: () => this.#shownPoints() },
      lines: { get: () => this.#shownLines() },
    });
    this.#resized = new ResizeObserver(() => this.#resize());
    this.#resized.observe(this.#plotElement);
    this.#sight = new IntersectionObserver(
      (entries) => {
        this.#visible = entries.at(-1)!.isIntersecting;
        if (this.#visible && this.#stale) this.#owner.queue(this);
      },
      { rootMargin: '120px' },
    );
    this.#sight.observe(this.element);
  }

  /** CSS pixels across; 0: not laid out yet. */
  get width(): number {
    return Math.max(0, this.#plotElement.clientWidth - AXIS_WIDTH * scale());
  }

  show(lines: Line[], range: Range, step: number, empty: string): void {
    this.#lines = lines;
    this.#range = range;
    this.#step = step;
    this.#emptyElement.textContent = empty;
    this.#stale = true;
    if (this.#visible) this.#owner.queue(this);
  }

  setCursor(time: number | null): void {
    if (time === this.#cursor) return;
    this.#cursor = time;
    this.#stale ||= !this.#visible;
    if (!this.#visible || !this.#plot) return;
    this.#placeCursor();
    this.#drawLegend();
  }

  /** The others fade; null: none does. */
  emphasize(key: string | null): void {
    const at = this.#lines.findIndex((line) => line.key === key);
    if (this.#visible) this.#plot?.setSeries(at < 0 ? null : at + 3, { focus: true });
  }

  /** Colours are others. */
  repaint(): void {
    this.#plot?.redraw(false, true);
  }

  close(): void {
    this.#sight.disconnect();
    this.#resized.disconnect();
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #pointsInRange({ points }: Line): Points {
    return between(points, this.#range.start, this.#range.end);
  }

  #shownLines(): ChartElement['lines'] {
    return this.#lines.map((line) => ({ key: line.key, label: line.label, points: this.#pointsInRange(line) }));
  }

  #shownPoints(): [number[], number[]] {
    const first = this.#lines[0];
    if (!first) return [[], []];
    const { times, values } = this.#pointsInRange(first);
    return [times, values];
  }

  // ---- drawing ----

  draw(): void {
    if (!this.#visible || !this.element.isConnected) return;
    this.#stale = false;
    const keys = this.#lines.map((line) => `${line.key} ${line.place}`).join();
    if (keys !== this.#drawnKeys || !this.#plot) this.#make(keys);
    const plot = this.#plot;
    if (!plot) return;
    this.#lines.forEach((line, i) => {
      if (plot.series[i + 3]!.show === line.hidden) plot.setSeries(i + 3, { show: !line.hidden });
    });
    const { start, end } = this.#range;
    plot.batch(() => {
      plot.setData(this.#data(), false);
      plot.setScale('x', { min: start, max: end });
    });
    this.#rows = this.#lines.map((line) => this.#rowOf(line));
    this.#emptyElement.hidden = this.#rows.some(({ last }) => !Number.isNaN(last));
    this.#placeCursor();
    this.#drawLegend();
  }

  /** Columns: times, the band's upper and lower edge, each line. */
  #data(): uPlot.AlignedData {
    const scaled = (values: readonly number[]) =>
      this.#traits.divisor === 1 ? values : values.map((value) => value / this.#traits.divisor);
    const shown = this.#lines.filter((line) => !line.hidden);
    const band =
      shown.length === 1
        ? shown[0]!.points
        : envelope(
            shown.map((line) => line.points),
            shown.map((line) => gapIn(line.points, this.#step)),
          );
    const bandGap = Math.max(0, ...shown.map((line) => gapIn(line.points, this.#step)));
    const tables = [
      broken(band.times, bandGap, scaled(band.highs), scaled(band.lows)),
      ...this.#lines.map(({ points }) => broken(points.times, gapIn(points, this.#step), scaled(points.values))),
    ];
    return uPlot.join(tables as uPlot.AlignedData[]);
  }

  #make(keys: string): void {
    const width = this.#plotElement.clientWidth;
    const height = this.#plotElement.clientHeight;
    if (width === 0 || height === 0) return;
    this.#plot?.destroy();
    this.#drawnKeys = keys;
    const empty = [[], [], [], ...this.#lines.map(() => [])] as unknown as uPlot.AlignedData;
    this.#plot = new uPlot(this.#options(width, height), empty, this.#plotElement);
    this.#plot.over.addEventListener('mousedown', () => {
      this.#owner.setDragging(true);
      addEventListener('mouseup', () => this.#owner.setDragging(false), { once: true });
    });
  }

  #options(width: number, height: number): uPlot.Options {
    const { colours } = this.#owner;
    const stroke = () => colours.of('--muted');
    const lines = { stroke: () => colours.of('--line'), width: 1 };
    const large = scale();
    const font = `${11 * large}px ${colours.of('--font')}`;
    return {
      width,
      height,
      ms: 1,
      legend: { show: false },
      padding: [8, 18, 0, 0],
      scales: { x: { time: true }, y: { range: (_, min, max) => this.#valueRange(min, max) } },
      axes: [
        { stroke, font, size: AXIS_HEIGHT * large, grid: lines, ticks: lines, space: 64 * large, incrs: DISTANCES, values: (_, splits, __, ___, step) => timeLabels(splits, step) },
        { stroke, font, size: AXIS_WIDTH * large, grid: lines, ticks: { ...lines, size: 4 }, space: 28 * large, ...this.#valueAxis() },
      ],
      series: [{}, this.#edge(), this.#edge(), ...this.#lines.map((line) => this.#lineOptions(line))],
      bands: [{ series: [1, 2], fill: () => colours.of('--chart-band') }],
      focus: { alpha: BEHIND_ALPHA },
      cursor: {
        x: true,
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false, dist: DRAG_MIN },
        bind: {
          dblclick: () => () => {
            this.#owner.resetZoom();
            return null;
          },
        },
      },
      hooks: {
        setCursor: [(plot) => this.#cursorMoved(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
    };
  }

  #edge(): uPlot.Series {
    return { width: 0, points: { show: false }, paths: this.#paths() };
  }

  #lineOptions({ place, hidden }: Line): uPlot.Series {
    const stroke = () => this.#owner.colours.of(`--series-${colourOf(place)}`);
    const dash = dashOf(place);
    return {
      show: !hidden,
      stroke,
      width: LINE_WIDTH * scale(),
      ...(dash.length > 0 ? { dash } : {}),
      points: { size: 4, fill: stroke, stroke, space: 24 },
      paths: this.#paths(),
    };
  }

  /** What keeps its value until it changes is drawn so. */
  #paths(): uPlot.Series.PathBuilder {
    const gauge = this.#traits.kind === 'gauge' || this.#traits.unit !== '';
    return gauge ? uPlot.paths.linear!() : uPlot.paths.stepped!({ align: 1 });
  }

  #valueRange(min: number | null, max: number | null): [number, number] {
    if (this.#traits.unit === '%') return [0, Math.max(100, max ?? 0)];
    if (min === null || max === null) return [0, 1];
    if (this.#traits.unit === '') return [0, Math.max(1, max * 1.1)];
    if (min === max) return min >= 0 ? [0, min * FLAT_HEADROOM || 1] : [min * FLAT_HEADROOM, 0];
    // What trembles by less than this is not blown up to fill the chart.
    const more = Math.max(0, Math.max(Math.abs(min), Math.abs(max)) * SPAN_MIN - (max - min)) / 2;
    const [low, high] = uPlot.rangeNum(min - more, max + more, 0.1, true);
    return [low ?? 0, high ?? 1];
  }

  #valueAxis(): Partial<uPlot.Axis> {
    const { kind, unit } = this.#traits;
    if (kind === 'mask') return { values: (_, splits) => splits.map((v) => `0x${Math.round(v).toString(16)}`), incrs: [1, 2, 4, 8, 16, 32, 64, 128, 256] };
    return {
      values: (_, splits, __, ___, step) => splits.map((v) => formatNumber(v, digitsOf(step))),
      ...(unit === '' ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6] } : {}),
    };
  }

  #resize(): void {
    if (!this.#visible) {
      this.#stale = true;
      return;
    }
    const { clientWidth: width, clientHeight: height } = this.#plotElement;
    if (!this.#plot) this.#owner.queue(this);
    else if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height)) {
      this.#plot.setSize({ width, height });
      this.#placeCursor();
    }
  }

  // ---- crosshair, zoom ----

  #placeCursor(): void {
    const plot = this.#plot;
    if (!plot) return;
    this.#movedByOwner = true;
    const { start, end } = this.#range;
    const inside = this.#cursor !== null && this.#cursor >= start && this.#cursor <= end;
    plot.setCursor(inside ? { left: plot.valToPos(this.#cursor!, 'x'), top: 1 } : { left: -10, top: -10 });
    this.#movedByOwner = false;
  }

  #cursorMoved(plot: uPlot): void {
    if (this.#movedByOwner || !plot.cursor.event) return;
    const left = plot.cursor.left ?? -1;
    this.#owner.moveCursor(left < 0 ? null : Math.round(plot.posToVal(left, 'x')));
  }

  #selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < DRAG_MIN) return;
    const [start, end] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#owner.setDragging(false);
    this.#owner.zoomTo(Math.round(start), Math.round(end));
  }

  #keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const around = this.#cursor ?? (this.#range.start + this.#range.end) / 2;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => (event.shiftKey ? this.#owner.panBy(-PAN_PART) : this.#read(-1)),
      ArrowRight: () => (event.shiftKey ? this.#owner.panBy(PAN_PART) : this.#read(1)),
      PageUp: () => this.#read(-KEY_STEPS),
      PageDown: () => this.#read(KEY_STEPS),
      Home: () => this.#read(-Infinity),
      End: () => this.#read(Infinity),
      '+': () => this.#owner.zoomBy(ZOOM_FACTOR, around),
      '=': () => this.#owner.zoomBy(ZOOM_FACTOR, around),
      '-': () => this.#owner.zoomBy(1 / ZOOM_FACTOR, around),
      '0': () => this.#owner.resetZoom(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /** Moves the crosshair by so many points, and says what is there. */
  #read(by: number): void {
    const shown = this.#lines.filter((line) => !line.hidden);
    const times = [...new Set(shown.flatMap((line) => this.#pointsInRange(line).times))].sort((a, b) => a - b);
    if (times.length === 0) {
      this.#owner.announce(`${this.metric.title}: ${this.#emptyElement.textContent}`);
      return;
    }
    const at = this.#cursor === null ? times.length : nearest(times, this.#cursor, Infinity);
    const to = Math.max(0, Math.min(times.length - 1, this.#cursor === null && by > 0 ? 0 : at + by));
    const time = times[to]!;
    this.#owner.moveCursor(time);
    const values = shown.map((line) => `${line.label} ${this.#format(this.#valueAt(line, time))}`);
    this.#owner.announce(`${formatTime(time, this.#range)}: ${values.join(', ')}`);
  }

  /** NaN: nothing near. */
  #valueAt({ points }: Line, time: number): number {
    const at = nearest(points.times, time, gapIn(points, this.#step) / 2);
    return at < 0 ? NaN : points.values[at]!;
  }

  // ---- legend ----

  #format(value: number): string {
    return Number.isNaN(value) ? '–' : formatValue(value, this.metric);
  }

  #drawLegend(): void {
    // Which may be long ago, or a step's mean: that it is now, the chart cannot say.
    const now = this.#cursor === null ? 'Last' : formatTime(this.#cursor, this.#range);
    const table = html`<table>
      <thead>
        <tr>
          <th scope="col"><span class="visually-hidden">GPU</span></th>
          <th scope="col" class="chart-now">${now}</th>
          ${FIGURES[this.#traits.kind].map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>${this.#rows.map((row) => this.#legendRow(row))}</tbody>
    </table>`;
    render(
      this.#lines.length <= TABLED_MAX
        ? table
        : html`<details>
            <summary><span class="chart-now">${now}</span> ${this.#extremes()}</summary>
            ${table}
          </details>`,
      this.#legendElement,
    );
  }

  #nowOf({ line, last }: Row): number {
    return this.#cursor === null ? last : this.#valueAt(line, this.#cursor);
  }

  /** The least and the greatest of the lines, and whose they are. */
  #extremes() {
    const values = this.#rows
      .filter(({ line }) => !line.hidden)
      .map((row) => ({ text: this.#format(this.#nowOf(row)), value: this.#nowOf(row), label: row.line.label }))
      .filter(({ value }) => !Number.isNaN(value))
      .sort((a, b) => a.value - b.value);
    const least = values[0];
    const greatest = values.at(-1);
    if (!least || !greatest) return this.#format(NaN);
    if (least.text === greatest.text) return html`<b>${least.text}</b> ${values.length > 1 ? 'each' : least.label}`;
    return html`<b>${least.text}</b> ${least.label} … <b>${greatest.text}</b> ${greatest.label}`;
  }

  /** In the order of FIGURES. */
  #figures(points: Points): string[] {
    const { kind } = this.#traits;
    if (kind === 'code' || kind === 'mask') return [this.#seen(points)];
    const { min, mean, max, increase } = statisticsOf(points);
    return [min, kind === 'counter' ? increase : mean, max].map((value) => this.#format(value));
  }

  /** Of a code, those there were; of a mask, all bits that were set. */
  #seen({ values }: Points): string {
    const all = [...new Set(values)].filter((value) => value !== 0);
    if (values.length === 0) return this.#format(NaN);
    if (this.#traits.kind === 'mask') return this.#format(all.reduce((bits, value) => bits | value, 0));
    return all.sort((a, b) => a - b).map((value) => this.#format(value)).join(', ') || 'none';
  }

  #rowOf(line: Line): Row {
    const points = this.#pointsInRange(line);
    return { line, last: points.values.at(-1) ?? NaN, figures: this.#figures(points) };
  }

  #legendRow(row: Row) {
    const { line, figures } = row;
    return html`<tr class=${line.hidden ? 'chart-hidden' : ''} data-gpu=${line.key}>
      <th scope="row"><span class=${this.#lines.length > 1 ? 'chart-key' : 'visually-hidden'}>${swatch(line.place)}${line.label}</span></th>
      <td class="chart-now">${this.#format(this.#nowOf(row))}</td>
      ${figures.map((text) => html`<td>${text}</td>`)}
    </tr>`;
  }
}
