// gpu: one GPU: where it is, how it is, what it reports and reported, beside others.

import { html, render } from 'lit-html';

import { hrefOf, type App, type View } from '../app.js';
import { Board } from '../charts/board.js';
import type { Gpu } from '../fleet/fleet.js';
import { gpuPage, hostPage } from '../route.js';
import { copyText } from './clipboard.js';
import { comparedTo, compareBar } from './gpu/compare.js';
import { editLabels, editMaintenance } from './gpu/edit.js';
import { latestTable } from './gpu/latest.js';
import { findingsList, placeOf, statusSince } from './status.js';

const AGES_MS = 1000;

class GpuView implements View {
  readonly #app: App;
  readonly #parts: Record<'head' | 'latest' | 'compare' | 'charts' | 'identity', HTMLElement>;
  readonly #board: Board;
  readonly #offs: (() => void)[];
  readonly #ages: ReturnType<typeof setInterval>;
  #gpu: Gpu;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#gpu = app.fleet.gpu(app.route.gpu)!;
    render(
      html`<div class="gpu-head"></div>
        <div class="gpu-page">
          <div class="gpu-charts">
            <div class="gpu-compare"></div>
            <div class="charts gpu-board"></div>
          </div>
          <section class="card gpu-latest" aria-labelledby="gpu-latest"></section>
          <section class="card gpu-identity" aria-labelledby="gpu-identity"></section>
        </div>`,
      element,
    );
    const part = (name: string) => element.querySelector<HTMLElement>(`.gpu-${name}`)!;
    this.#parts = {
      head: part('head'),
      latest: part('latest'),
      compare: part('compare'),
      charts: part('board'),
      identity: part('identity'),
    };
    this.#board = new Board(app, this.#parts.charts, {
      name: `${this.#gpu.host.hostname}_gpu-${this.#gpu.index}`,
      label: (gpu) => (gpu.host === this.#gpu.host ? `GPU ${gpu.index}` : placeOf(gpu)),
      quiet: true,
      changed: () => this.#drawLatest(),
    });
    this.#offs = [
      app.fleet.changed.on(({ inventory, status, rows }) => {
        if (inventory) this.#placeGpus();
        if (inventory || status || rows.has(this.#gpu.row)) this.#draw();
      }),
    ];
    this.#ages = setInterval(() => {
      if (!app.paused) this.#drawLatest();
    }, AGES_MS);
    this.#placeGpus();
    this.#draw();
  }

  get title(): string {
    return placeOf(this.#gpu);
  }

  routeChanged(): void {
    this.#board.routeChanged();
    this.#placeGpus();
    this.#draw();
  }

  close(): void {
    for (const off of this.#offs) off();
    clearInterval(this.#ages);
    this.#board.close();
  }

  /** An inventory has other objects for the same GPUs; one that is gone is shown as it was. */
  #placeGpus(): void {
    this.#gpu = this.#app.fleet.gpu(this.#app.route.gpu) ?? this.#gpu;
    this.#board.setGpus([this.#gpu, ...comparedTo(this.#app, this.#gpu)]);
  }

  #draw(): void {
    render(this.#head(), this.#parts.head);
    render(compareBar(this.#app, this.#gpu), this.#parts.compare);
    render(this.#identity(), this.#parts.identity);
    this.#drawLatest();
  }

  #drawLatest(): void {
    const metrics = this.#app.fleet.metrics;
    render(
      html`<h2 id="gpu-latest">Latest values</h2>
        ${latestTable(this.#board.history, this.#gpu.uuid!, metrics)}`,
      this.#parts.latest,
    );
  }

  #head() {
    const gpu = this.#gpu;
    return html`<header class="gpu-title">
        <h1>${placeOf(gpu)}</h1>
        <p>${statusSince(gpu)}</p>
        <p class="muted">${gpu.model}</p>
        ${this.#siblings(gpu)}
      </header>
      ${findingsList(this.#app.attention.of(gpu))}`;
  }

  #siblings(gpu: Gpu) {
    const place = (other: Gpu) =>
      other.uuid === null
        ? html`<span class="gpu-sibling gpu-sibling-missing" title="GPU ${other.index} is missing">${other.index}</span>`
        : html`<a class="gpu-sibling" href=${hrefOf(this.#app, gpuPage(other))}
                  aria-label="GPU ${other.index}" aria-current=${other === gpu ? 'page' : 'false'}>${other.index}</a>`;
    return html`<nav class="gpu-siblings" aria-label="GPUs of this host">${gpu.host.gpus.map(place)}</nav>`;
  }

  #identity() {
    const gpu = this.#gpu;
    const { cluster, hostname } = gpu.host;
    const fact = (name: string, value: unknown) =>
      html`<div><dt>${name}</dt><dd>${value || html`<span class="muted">n/a</span>`}</dd></div>`;
    const hostHref = hrefOf(this.#app, hostPage(gpu.host));
    return html`<h2 id="gpu-identity">Identity</h2>
      <dl class="gpu-facts">
        ${fact('Host', html`<a href=${hostHref}>${hostname}</a>`)}
        ${fact('Cluster', cluster.name)}
        ${fact('Index', gpu.index)}
        ${fact('UUID', html`<code>${gpu.uuid}</code>
          <button type="button" class="button" aria-label="Copy the UUID" @click=${() => this.#copy(gpu)}>Copy</button>`)}
        ${fact('Model', gpu.model)}
        ${fact('Device', gpu.device)}
        ${fact('Pod', gpu.pod)}
        ${fact('Namespace', gpu.namespace)}
        ${fact('Container', gpu.container)}
        ${fact('Labels', this.#labels(gpu))}
        ${fact('Service', this.#service(gpu))}
      </dl>`;
  }

  #labels(gpu: Gpu) {
    const label = ({ key, value }: Gpu['labels'][number]) =>
      html`<span class="badge gpu-label">${key}${value ? `=${value}` : ''}</span> `;
    return html`${gpu.labels.length === 0 ? html`<span class="muted">none</span>` : gpu.labels.map(label)}
      <button type="button" class="button" @click=${() => editLabels(this.#app, gpu, () => this.#draw())}>Edit labels…</button>`;
  }

  #service(gpu: Gpu) {
    const out = gpu.status === 'maintenance';
    const reason = gpu.maintenanceReason ? `: ${gpu.maintenanceReason}` : '';
    return html`${out ? `out of service${reason}` : 'in service'}
      <button type="button" class="button" @click=${() => editMaintenance(this.#app, gpu, () => this.#draw())}>
        ${out ? 'Put back…' : 'Take out of service…'}
      </button>`;
  }

  async #copy({ uuid }: Gpu): Promise<void> {
    const copied = await copyText(uuid!);
    this.#app.announce(copied ? 'UUID copied' : 'The browser does not let this page copy: select the UUID instead');
  }
}

export function openGpu(app: App, element: HTMLElement): View {
  return new GpuView(app, element);
}
