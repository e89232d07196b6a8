// gpu: one GPU: where it is, how it is, what it reports and reported, beside others.

import { html, nothing, render } from 'lit-html';

import { hrefOf, type App, type View } from '../app.js';
import { Board } from '../charts/board.js';
import { Attention } from '../fleet/attention.js';
import type { Gpu } from '../fleet/fleet.js';
import { comparedTo, compareBar } from './gpu/compare.js';
import { editLabels, editMaintenance } from './gpu/edit.js';
import { latestTable } from './gpu/latest.js';
import { findingsList, placeOf, statusSince } from './status.js';

const AGES_MS = 1000;

class GpuView implements View {
  readonly #app: App;
  readonly #attention: Attention;
  readonly #head = document.createElement('div');
  readonly #compare = document.createElement('div');
  readonly #offs: (() => void)[];
  readonly #ages: ReturnType<typeof setInterval>;
  #board: Board | undefined;
  #gpu: Gpu | undefined;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#attention = new Attention(app.fleet);
    element.append(this.#head, this.#compare);
    this.#offs = [
      app.fleet.changed.on(({ inventory, status, rows }) => {
        if (inventory) this.#placeGpus();
        if (inventory || status || (this.#gpu && rows.has(this.#gpu.row))) this.#draw();
      }),
    ];
    this.#ages = setInterval(() => {
      if (!app.paused) this.#draw();
    }, AGES_MS);
    const chartsElement = document.createElement('div');
    chartsElement.className = 'charts';
    element.append(chartsElement);
    this.#gpu = app.fleet.gpu(app.route.gpu);
    this.#board = new Board(app, chartsElement, {
      name: this.#gpu ? `${this.#gpu.host.hostname}_gpu-${this.#gpu.index}` : app.route.gpu,
      label: (gpu) => (gpu.host === this.#gpu?.host ? `GPU ${gpu.index}` : placeOf(gpu)),
    });
    this.#placeGpus();
    this.#draw();
  }

  get title(): string {
    return this.#gpu ? `GPU ${this.#gpu.index} · ${this.#gpu.host.hostname}` : this.#app.route.gpu;
  }

  routeChanged(): void {
    this.#board?.routeChanged();
    this.#placeGpus();
    this.#draw();
  }

  close(): void {
    for (const off of this.#offs) off();
    clearInterval(this.#ages);
    this.#board?.close();
    this.#attention.close();
  }

  /** An inventory has other objects for the same GPUs. */
  #placeGpus(): void {
    this.#gpu = this.#app.fleet.gpu(this.#app.route.gpu);
    if (this.#gpu) this.#board?.setGpus([this.#gpu, ...comparedTo(this.#app, this.#gpu)]);
  }

  #draw(): void {
    const gpu = this.#gpu;
    render(gpu ? this.#headOf(gpu) : this.#unknown(), this.#head);
    render(gpu ? compareBar(this.#app, gpu) : nothing, this.#compare);
  }

  #unknown() {
    const app = this.#app;
    if (!app.fleet.loaded) return html`<p class="empty" role="status">Loading…</p>`;
    return html`<div class="notice">
      <h1>No such GPU</h1>
      <p>The fleet has no GPU <code>${app.route.gpu}</code>.</p>
      <a class="button" href=${hrefOf(app, { view: 'fleet' })}>All GPUs</a>
    </div>`;
  }

  #headOf(gpu: Gpu) {
    const { cluster } = gpu.host;
    const hostHref = hrefOf(this.#app, { view: 'host', cluster: cluster.name, host: gpu.host.hostname, compare: [] });
    return html`<header class="gpu-head">
        <h1><a href=${hostHref}>${gpu.host.hostname}</a> GPU ${gpu.index}</h1>
        <p class="gpu-status">${statusSince(gpu)}</p>
        <p class="gpu-model muted">${gpu.model}</p>
        ${this.#siblings(gpu)}
      </header>
      ${findingsList(this.#attention.of(gpu))}
      <div class="gpu-facts">
        <section class="card" aria-labelledby="gpu-identity">
          <h2 id="gpu-identity">Identity</h2>
          ${this.#identity(gpu, hostHref)}
        </section>
        <section class="card" aria-labelledby="gpu-latest">
          <h2 id="gpu-latest">Latest values</h2>
          <div class="table-scroll" tabindex="0" role="region" aria-labelledby="gpu-latest">
            ${this.#board ? latestTable(this.#board.history, gpu.uuid!, this.#app.fleet.metrics, Date.now()) : nothing}
          </div>
        </section>
      </div>`;
  }

  #siblings(gpu: Gpu) {
    const place = (other: Gpu) =>
      other.uuid === null
        ? html`<span class="gpu-sibling gpu-sibling-missing" title="Missing">${other.index}</span>`
        : html`<a class="gpu-sibling" href=${hrefOf(this.#app, { gpu: other.uuid, compare: [] })}
                  aria-label="GPU ${other.index}" aria-current=${other === gpu ? 'page' : 'false'}>${other.index}</a>`;
    return html`<nav class="gpu-siblings" aria-label="GPUs of this host">${gpu.host.gpus.map(place)}</nav>`;
  }

  #identity(gpu: Gpu, hostHref: string) {
    const fact = (name: string, value: unknown) => html`<div><dt>${name}</dt><dd>${value || html`<span class="muted">n/a</span>`}</dd></div>`;
    return html`<dl class="gpu-identity">
      ${fact('Host', html`<a href=${hostHref}>${gpu.host.hostname}</a>`)}
      ${fact('Cluster', gpu.host.cluster.name)}
      ${fact('Index', gpu.index)}
      ${fact('UUID', html`<code>${gpu.uuid}</code> <button type="button" class="button gpu-copy" @click=${() => this.#copy(gpu)}>Copy</button>`)}
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
    return html`${gpu.labels.length === 0 ? html`<span class="muted">none</span>` : nothing}
      ${gpu.labels.map(({ key, value }) => html`<span class="badge gpu-label">${key}${value ? ` = ${value}` : ''}</span> `)}
      <button type="button" class="button" @click=${() => editLabels(this.#app, gpu, () => this.#draw())}>Edit labels…</button>`;
  }

  #service(gpu: Gpu) {
    const out = gpu.status === 'maintenance';
    return html`${out ? `out of service${gpu.maintenanceReason ? `: ${gpu.maintenanceReason}` : ''}` : 'in service'}
      <button type="button" class="button" @click=${() => editMaintenance(this.#app, gpu, () => this.#draw())}>
        ${out ? 'Put back…' : 'Take out of service…'}
      </button>`;
  }

  async #copy(gpu: Gpu): Promise<void> {
    try {
      await navigator.clipboard.writeText(gpu.uuid!);
      this.#app.announce('UUID copied');
    } catch {
      this.#app.announce('The browser does not let this page copy: select the UUID instead');
    }
  }
}

export function openGpu(app: App, element: HTMLElement): View {
  return new GpuView(app, element);
}
