// tooltip: what is known of one GPU, beside its cell.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import type { Fleet, Gpu, Host, Metric } from '../fleet/fleet.js';
import { formatValue, NOT_REPORTED } from '../format.js';
import { formatAge, formatSince } from '../time.js';
import type { Rect } from './layout.js';

/** Said of each GPU, besides the metric that colours the map. */
const METRICS = ['gpu_utilization', 'memory_used_mb', 'temperature', 'power_draw'];
const DISTANCE = 8;

export class Tooltip {
  readonly element = document.createElement('div');
  #shown = false;

  constructor(readonly fleet: Fleet) {
    this.element.className = 'heatmap-tooltip';
    this.element.id = 'heatmap-tooltip';
    this.element.setAttribute('role', 'tooltip');
    this.element.hidden = true;
  }

  get shown(): boolean {
    return this.#shown;
  }

  showGpu(gpu: Gpu, metric: Metric, problems: readonly string[], beside: Rect): void {
    render(this.#gpu(gpu, metric, problems), this.element);
    this.#place(beside);
  }

  showHost(host: Host, beside: Rect): void {
    const there = host.gpus.filter((gpu) => gpu.uuid !== null);
    const missing = host.gpus.length - there.length;
    const active = there.filter((gpu) => gpu.status === 'active').length;
    render(
      html`<strong>${host.hostname}</strong>
        <span>Cluster ${host.cluster.name}</span>
        <span>${there.length} GPUs, ${active} active${missing ? `, ${missing} missing` : ''}</span>`,
      this.element,
    );
    this.#place(beside);
  }

  hide(): void {
    this.#shown = false;
    this.element.hidden = true;
  }

  #gpu(gpu: Gpu, metric: Metric, problems: readonly string[]): TemplateResult {
    const { fleet } = this;
    const others = METRICS.filter((name) => name !== metric.name);
    const line = (m: Metric | undefined) =>
      m ? html`<dt>${m.title}</dt><dd>${formatValue(fleet.value(gpu, m.name), m)}</dd>` : nothing;
    const since = gpu.statusSince === null ? '' : ` ${formatSince(gpu.statusSince)}`;
    const time = fleet.times[gpu.row] ?? NaN;
    return html`<strong>${gpu.host.hostname}, GPU ${gpu.index}</strong>
      ${fleet.clusters.length > 1 ? html`<span>Cluster ${gpu.host.cluster.name}</span>` : nothing}
      ${gpu.model ? html`<span>${gpu.model}</span>` : nothing}
      <span>${gpu.status}${gpu.status === 'active' ? '' : since}${
        gpu.maintenanceReason ? `: ${gpu.maintenanceReason}` : ''}</span>
      ${problems.map((text) => html`<span class="heatmap-problem">${text}</span>`)}
      ${gpu.uuid === null
        ? html`<span>Nothing was ever heard of the GPU in this place.</span>`
        : html`<dl>
            <div class="heatmap-chosen">${line(metric)}</div>
            ${others.map((name) => html`<div>${line(fleet.metric(name))}</div>`)}
            <div><dt>Last seen</dt><dd>${time > 0 ? formatAge(time) : NOT_REPORTED}</dd></div>
            ${gpu.pod ? html`<div><dt>Pod</dt><dd>${gpu.pod}</dd></div>` : nothing}
          </dl>`}`;
  }

  /** Below it and to its right, or where there is room. */
  #place(beside: Rect): void {
    const { element } = this;
    element.hidden = false;
    this.#shown = true;
    const { offsetWidth: width, offsetHeight: height } = element;
    const roomX = document.documentElement.clientWidth - width - DISTANCE;
    const below = beside.y + beside.height + DISTANCE;
    const above = beside.y - height - DISTANCE;
    const fitsBelow = below + height <= innerHeight;
    element.style.left = `${Math.max(DISTANCE, Math.min(beside.x, roomX))}px`;
    element.style.top = `${fitsBelow || above < 0 ? below : above}px`;
  }
}
