// host: one machine: its GPUs side by side, and their charts as lines of one picture.

import { html, nothing, render } from 'lit-html';

import { hrefOf, type App, type View } from '../app.js';
import { Board } from '../charts/board.js';
import type { Host } from '../fleet/fleet.js';
import { formatValue } from '../format.js';
import { keys } from '../shell/keyboard.js';
import { figuresOf, gpuTable } from './host/rows.js';
import { findingsList, statusBadge } from './status.js';

const AGES_MS = 1000;

class HostView implements View {
  readonly #app: App;
  readonly #head = document.createElement('div');
  readonly #board: Board;
  readonly #offs: (() => void)[];
  readonly #ages: ReturnType<typeof setInterval>;
  #host: Host;

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#host = app.fleet.host(app.route.cluster, app.route.host)!;
    const chartsElement = document.createElement('div');
    this.#head.className = 'host-page';
    chartsElement.className = 'charts';
    element.append(this.#head, chartsElement);
    this.#board = new Board(app, chartsElement, { name: app.route.host, label: (gpu) => `GPU ${gpu.index}` });
    this.#offs = [
      app.fleet.changed.on(({ inventory, status, rows }) => {
        if (inventory) this.#placeGpus();
        if (inventory || status || this.#host.gpus.some((gpu) => rows.has(gpu.row))) this.#draw();
      }),
      keys.register({ key: '[', text: 'The host before', run: () => this.#goTo(-1) }),
      keys.register({ key: ']', text: 'The next host', run: () => this.#goTo(1) }),
    ];
    this.#ages = setInterval(() => {
      if (!app.paused) this.#draw();
    }, AGES_MS);
    this.#placeGpus();
    this.#draw();
  }

  get title(): string {
    return this.#app.route.host;
  }

  routeChanged(): void {
    this.#board.routeChanged();
    this.#draw();
  }

  close(): void {
    for (const off of this.#offs) off();
    clearInterval(this.#ages);
    this.#board.close();
  }

  #placeGpus(): void {
    const { cluster, host } = this.#app.route;
    this.#host = this.#app.fleet.host(cluster, host) ?? this.#host;
    this.#board.setGpus(this.#host.gpus);
  }

  /** In the fleet's order. */
  #neighbour(by: number): Host | undefined {
    const { hosts } = this.#app.fleet;
    return hosts[hosts.indexOf(this.#host) + by];
  }

  #goTo(by: number): boolean {
    const host = this.#neighbour(by);
    if (!host) return false;
    this.#app.navigate({ cluster: host.cluster.name, host: host.hostname });
    return true;
  }

  #draw(): void {
    render(this.#headOf(this.#host), this.#head);
  }

  #headOf(host: Host) {
    const findings = host.gpus.flatMap((gpu) => this.#app.attention.of(gpu));
    return html`<header class="host-head">
        <h1>${host.hostname}</h1>
        <p class="host-states">${this.#states(host)}</p>
        <p class="muted small">Cluster ${host.cluster.name}${this.#models(host)}</p>
        <nav class="host-neighbours" aria-label="Other hosts">
          ${this.#neighbourLink('‹ Previous host', '[', this.#neighbour(-1))}
          ${this.#neighbourLink('Next host ›', ']', this.#neighbour(1))}
        </nav>
      </header>
      ${findingsList(findings)}
      ${this.#figures(host)}
      <section class="card" aria-labelledby="host-gpus">
        <h2 id="host-gpus">GPUs</h2>
        <div class="table-scroll" tabindex="0" role="region" aria-label="Table of the GPUs">
          ${gpuTable({ app: this.#app, host, board: this.#board })}
        </div>
      </section>`;
  }

  #neighbourLink(text: string, key: string, host: Host | undefined) {
    if (!host) return nothing;
    return html`<a class="button" title="${host.hostname} (key ${key})"
      href=${hrefOf(this.#app, { cluster: host.cluster.name, host: host.hostname })}>${text}</a>`;
  }

  #states(host: Host) {
    const counts = (['active', 'silent', 'maintenance', 'missing'] as const)
      .map((status) => ({ status, count: host.gpus.filter((gpu) => gpu.status === status).length }))
      .filter(({ count }) => count > 0);
    return counts.map(({ status, count }) => html`<span class="host-state">${count} ${statusBadge(status)}</span> `);
  }

  #models(host: Host): string {
    const models = new Set(host.gpus.map(({ model }) => model).filter(Boolean));
    return models.size > 0 ? ` · ${[...models].join(', ')}` : '';
  }

  #figures(host: Host) {
    const { fleet } = this.#app;
    const figure = (title: string, metric: string, what: 'sum' | 'mean' | 'max') => {
      const known = fleet.metric(metric);
      if (!known) return nothing;
      return html`<div class="host-figure" data-figure=${`${metric} ${what}`}>
        <dt>${title}</dt>
        <dd>${formatValue(figuresOf(this.#app, host, metric)[what], known)}</dd>
      </div>`;
    };
    return html`<dl class="host-figures">
      ${figure('Mean utilization', 'gpu_utilization', 'mean')}
      ${figure('Power now', 'power_draw', 'sum')}
      ${figure('Hottest', 'temperature', 'max')}
      ${figure('Memory used', 'memory_used_mb', 'sum')}
    </dl>`;
  }
}

export function openHost(app: App, element: HTMLElement): View {
  return new HostView(app, element);
}
