// legend: what the colours stand for, how many GPUs are where on the scale, where the
// one is that is pointed at, and what the drawings mean.

import { html, render } from 'lit-html';

import type { Metric } from '../fleet/fleet.js';
import { formatValue } from '../format.js';
import type { Look, Painter } from './paint.js';
import { histogram, ticksOf, type Domain } from './scale.js';

const BARS = 50;
const BARS_HEIGHT = 22;
const STRIP_HEIGHT = 10;
const SWATCH = 16;
/** About so many. */
const TICKS = 5;

const LOOKS: readonly { look: Look; marked?: boolean; text: string }[] = [
  { look: 'value', marked: true, text: 'needs attention' },
  { look: 'hollow', text: 'not reported' },
  { look: 'silent', text: 'silent' },
  { look: 'missing', text: 'missing' },
  { look: 'maintenance', text: 'maintenance' },
];

export class Legend {
  readonly element = document.createElement('div');
  #canvas = document.createElement('canvas');
  #ticks = document.createElement('div');
  #marker = document.createElement('div');
  #looks = document.createElement('ul');
  #domain: Domain | undefined;

  constructor() {
    this.element.className = 'heatmap-legend';
    this.#canvas.className = 'heatmap-strip';
    this.#ticks.className = 'heatmap-ticks';
    this.#marker.className = 'heatmap-marker';
    this.#marker.hidden = true;
    this.#looks.className = 'heatmap-looks';
    this.#looks.setAttribute('aria-label', 'What the drawings mean');
    const scale = document.createElement('div');
    scale.className = 'heatmap-scale';
    scale.setAttribute('role', 'img');
    scale.append(this.#canvas, this.#marker, this.#ticks);
    this.element.append(scale, this.#looks);
  }

  setScale(metric: Metric, domain: Domain): void {
    this.#domain = domain;
    const ticks = ticksOf(domain, metric.unit, TICKS);
    this.#canvas.parentElement!.setAttribute(
      'aria-label',
      `${metric.title}: colours from ${formatValue(domain.from, metric)} to ${formatValue(domain.to, metric)}`,
    );
    render(ticks.map((tick) => html`<span>${formatValue(tick, metric)}</span>`), this.#ticks);
    this.#ticks.querySelectorAll('span').forEach((label, i) => {
      label.style.left = this.#percent(ticks[i]!);
    });
  }

  /** The scale, and above it how many of the values are where. */
  paint(painter: Painter, values: Float64Array): void {
    const ratio = devicePixelRatio;
    const width = Math.round(this.#canvas.clientWidth * ratio);
    const height = Math.round((BARS_HEIGHT + STRIP_HEIGHT) * ratio);
    if (width === 0 || !this.#domain) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext('2d')!;
    const { colours, muted } = painter.palette;
    const strip = Math.round(STRIP_HEIGHT * ratio);
    context.clearRect(0, 0, width, height);
    colours.forEach((colour, i) => {
      const from = Math.floor((i * width) / colours.length);
      context.fillStyle = colour;
      context.fillRect(from, height - strip, Math.floor(((i + 1) * width) / colours.length) - from, strip);
    });
    const counts = histogram(values, this.#domain, BARS);
    const most = Math.max(1, ...counts);
    const room = height - strip - 2 * ratio;
    context.fillStyle = muted;
    counts.forEach((count, i) => {
      const high = count === 0 ? 0 : Math.max(ratio, Math.round((count / most) * room));
      const from = Math.floor((i * width) / BARS);
      context.fillRect(from, room - high, Math.floor(((i + 1) * width) / BARS) - from - ratio, high);
    });
  }

  paintLooks(painter: Painter): void {
    render(LOOKS.map(({ text }) => html`<li><canvas aria-hidden="true"></canvas>${text}</li>`), this.#looks);
    const size = Math.round(SWATCH * devicePixelRatio);
    this.#looks.querySelectorAll('canvas').forEach((canvas, i) => {
      const { look, marked } = LOOKS[i]!;
      canvas.width = canvas.height = size;
      painter.paintLook(canvas.getContext('2d')!, look, size, devicePixelRatio, marked);
    });
  }

  /** Where that value is; NaN: nowhere. */
  point(value: number): void {
    this.#marker.hidden = Number.isNaN(value) || !this.#domain;
    if (!this.#marker.hidden) this.#marker.style.left = this.#percent(value);
  }

  #percent(value: number): string {
    const { from, to } = this.#domain!;
    return `${Math.max(0, Math.min(1, (value - from) / (to - from))) * 100}%`;
  }
}
