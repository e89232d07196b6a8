// fleet: every GPU at a glance. Totals, the map, what needs attention, a table; the
// search is over all of them.

import { html, render } from 'lit-html';

import { hrefOf, type App, type View } from '../app.js';
import type { Off } from '../emitter.js';
import { problemBit, type Problem } from '../fleet/attention.js';
import type { FleetChange, Metric } from '../fleet/fleet.js';
import { Heatmap } from '../heatmap/heatmap.js';
import { Legend } from '../heatmap/legend.js';
import { START } from '../route.js';
import { keys } from '../shell/keyboard.js';
import { formatTime } from '../time.js';
import { AttentionList } from './fleet/attention.js';
import { IdleList } from './fleet/idle.js';
import { Selection } from './fleet/selection.js';
import { Table, tableTitle } from './fleet/table.js';
import { totalsTemplate } from './fleet/totals.js';

/** Marked in the map. */
const MARKED: readonly Problem[] = ['hot', 'xid_error', 'ecc_error', 'throttled', 'straggler'];
const MARKED_BITS = MARKED.reduce((bits, problem) => bits | problemBit(problem), 0);
const TICK_MS = 1000;

/** The map and the table take these themselves; they are listed in the help. */
const KEYS = [
  { key: 'ArrowUp', label: '← ↑ → ↓', text: 'In the map: the GPU beside, above, below; in the table: the row above, below' },
  { key: 'PageDown', label: 'PageUp PageDown', text: 'In the map: as far as it is seen' },
  { key: 'Home', label: 'Home End', text: 'In the map: the host, its last GPU; with Ctrl: the first host, the last GPU' },
  { key: 'Enter', text: 'In the map: open the GPU or the host' },
];

const PAGE = html`<div class="fleet">
  <h1 class="visually-hidden">Fleet</h1>
  <div class="fleet-part-totals"></div>
  <section class="card fleet-map" aria-label="Map of the GPUs">
    <div class="fleet-map-head">
      <div class="fleet-part-picker"></div>
      <div class="fleet-part-legend"></div>
    </div>
    <div class="fleet-part-found"></div>
    <div class="fleet-part-map"></div>
  </section>
  <div class="fleet-aside">
    <section class="card" aria-labelledby="fleet-attention-title">
      <h2 id="fleet-attention-title">Needs attention</h2>
      <div class="fleet-part-attention"></div>
    </section>
    <section class="card" aria-labelledby="fleet-idle-title">
      <h2 id="fleet-idle-title">Idle</h2>
      <div class="fleet-part-idle"></div>
    </section>
  </div>
  <section class="card fleet-table" aria-labelledby="fleet-table-title">
    <h2 id="fleet-table-title"></h2>
    <div class="fleet-part-table"></div>
  </section>
</div>`;

class FleetPage implements View {
  readonly title = 'Fleet';
  #app: App;
  #attention: AttentionList;
  #idle: IdleList;
  #selection: Selection;
  #heatmap: Heatmap | undefined;
  #legend = new Legend();
  #table: Table;
  #tableTitle: HTMLElement;
  #parts: Record<'totals' | 'picker' | 'found' | 'map', HTMLElement>;
  #offs: Off[];
  #timer: ReturnType<typeof setInterval>;
  #later: ReturnType<typeof setTimeout> | undefined;
  /** What waits for a turn. */
  #steps: (() => void)[] = [];
  #route: { query: string; metric: string; sort: string };

  constructor(app: App, element: HTMLElement) {
    this.#app = app;
    this.#route = app.route;
    this.#selection = new Selection(app.fleet, app.route.query);
    render(PAGE, element);
    const part = (name: string) => element.querySelector<HTMLElement>(`.fleet-part-${name}`)!;
    this.#parts = {
      totals: part('totals'),
      picker: part('picker'),
      found: part('found'),
      map: part('map'),
    };
    part('legend').append(this.#legend.element);
    this.#attention = new AttentionList(app, part('attention'));
    this.#idle = new IdleList(app, part('idle'));
    this.#table = new Table(app, part('table'), this.#selection);
    this.#tableTitle = element.querySelector<HTMLElement>('#fleet-table-title')!;
    this.#offs = [
      app.fleet.changed.on((change) => this.#fleetChanged(change)),
      app.fleet.freshnessChanged.on(() => this.#showFreshness()),
      app.api.connectionChanged.on(() => this.#showFreshness()),
      ...KEYS.map((key) => keys.register(key)),
      app.themeChanged.on(() => this.#heatmap?.themeChanged()),
    ];
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    if (app.fleet.loaded) this.#fleetChanged({ inventory: true, status: true, rows: new Set() });
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#later);
    for (const off of this.#offs) off();
    this.#attention.close();
    this.#idle.close();
    this.#heatmap?.close();
    this.#table.close();
  }

  routeChanged(): void {
    const { query, metric, sort } = this.#app.route;
    const before = this.#route;
    this.#route = { query, metric, sort };
    if (query !== before.query) {
      this.#selection.setQuery(query);
      this.#heatmap?.setTaken(this.#selection.taken);
      this.#app.announce(query === '' ? 'All GPUs' : this.#selection.text);
    }
    if (metric !== before.metric) this.#heatmap?.setMetric(this.#metric());
    this.#table.changed();
    this.#showScale();
    this.#showHead();
    this.#showLists();
  }

  /** The map first; what stands beside and below it follows, so that no turn is long. */
  #fleetChanged({ inventory, status, rows }: FleetChange): void {
    if (inventory) this.#inventoryChanged();
    else if (status) this.#tick();
    if (status) this.#heatmap?.statusChanged();
    this.#heatmap?.valuesChanged(rows);
  }

  #inventoryChanged(): void {
    this.#selection.update();
    this.#showHead();
    const heatmap = (this.#heatmap ??= this.#openHeatmap());
    heatmap.inventoryChanged();
    heatmap.setTaken(this.#selection.taken);
    heatmap.setMarked(this.#marked());
    this.#inTurns(() => this.#table.changed(), () => this.#showLists(), () => this.#showScale());
  }

  /** Later, each in a turn of its own, so that pointing and scrolling go on between them. */
  #inTurns(...steps: (() => void)[]): void {
    this.#steps.push(...steps);
    if (this.#steps.length === 0) return;
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      const step = this.#steps.shift()!;
      this.#inTurns();
      step();
    });
  }

  /** Each second: what is made of all values. */
  #tick(): void {
    const { fleet, paused } = this.#app;
    if (!fleet.loaded || paused || !this.#heatmap) return;
    if (this.#selection.update()) this.#heatmap.setTaken(this.#selection.taken);
    this.#heatmap.setMarked(this.#marked());
    this.#heatmap.tick();
    this.#inTurns(
      () => this.#paintLegend(),
      () => this.#showHead(),
      () => this.#table.update(),
      () => this.#showLists(),
    );
  }

  #marked(): Uint8Array {
    return Uint8Array.from(this.#app.fleet.problems, (bits) => (bits & MARKED_BITS ? 1 : 0));
  }

  #openHeatmap(): Heatmap {
    const heatmap = new Heatmap(this.#app, this.#parts.map, this.#metric(), (gpu) =>
      this.#app.attention.of(gpu).map((finding) => finding.text),
    );
    heatmap.pointed.on((value) => this.#legend.point(value));
    heatmap.scaleChanged.on(() => this.#showScale());
    heatmap.setTaken(this.#selection.taken);
    this.#legend.setScale(heatmap.metric, heatmap.domain);
    this.#legend.paintLooks(heatmap.painter);
    return heatmap;
  }

  #metric(): Metric {
    const { fleet, route } = this.#app;
    return fleet.metric(route.metric) ?? fleet.metric(START.metric) ?? fleet.metrics[0]!;
  }

  /** Those that some GPU reports, and the one that is shown. */
  #metrics(): Metric[] {
    const { fleet } = this.#app;
    const chosen = this.#metric();
    return fleet.metrics.filter((m) => m === chosen || fleet.columns.get(m.name)?.some((v) => v === v));
  }

  // ---- what is shown ----

  #showScale(): void {
    const heatmap = this.#heatmap;
    if (!heatmap) return;
    this.#legend.setScale(heatmap.metric, heatmap.domain);
    this.#paintLegend();
    this.#legend.paintLooks(heatmap.painter);
  }

  #paintLegend(): void {
    if (this.#heatmap) this.#legend.paint(this.#heatmap.painter, this.#heatmap.values());
  }

  #showFreshness(): void {
    const { api, fleet } = this.#app;
    const at = fleet.asOf > 0 ? formatTime(fleet.asOf) : '';
    const { state } = api.connection;
    const cut = fleet.loaded && ((state !== 'live' && state !== 'connecting') || !fleet.following);
    this.#heatmap?.setStale(cut ? `Not live: what was known at ${at}` : '');
  }

  #showHead(): void {
    if (!this.#app.fleet.loaded) return;
    render(totalsTemplate(this.#app, this.#selection), this.#parts.totals);
    render(this.#pickerTemplate(), this.#parts.picker);
    render(this.#foundTemplate(), this.#parts.found);
    this.#tableTitle.textContent = tableTitle(this.#selection);
  }

  #showLists(): void {
    this.#attention.update();
    this.#idle.update();
  }

  #pickerTemplate() {
    const chosen = this.#metric();
    const pick = (event: Event) =>
      this.#app.navigate({ metric: (event.target as HTMLSelectElement).value }, 'replace');
    return html`<label class="fleet-picker">
      <span>Coloured by</span>
      <select class="input" @change=${pick}>
        ${this.#metrics().map(
          (m) => html`<option value=${m.name} ?selected=${m === chosen}>${m.title}${m.unit ? `, ${m.unit}` : ''}</option>`,
        )}
      </select>
    </label>`;
  }

  #foundTemplate() {
    if (this.#app.fleet.gpus.length === 0) {
      return html`<p class="fleet-found">
        <strong>No GPU has ever reported here.</strong> Each appears by itself with its first sample.
        <a href=${hrefOf(this.#app, { view: 'pipeline' })}>See whether samples come</a>
      </p>`;
    }
    const { filter, text, gpus } = this.#selection;
    if (filter.empty && filter.error === '') return html``;
    const clear = () => this.#app.navigate({ query: '' });
    const nothingFound = gpus.length > 0 ? ''
      : `No GPU matches “${filter.text}”. Words are looked for in names and labels; all of them have to match. `;
    return html`<p class="fleet-found">
      <strong>${filter.empty ? 'All GPUs' : text}</strong>
      <span>${nothingFound}${filter.error ? `Not understood: ${filter.error}.` : ''}</span>
      <button type="button" class="button" @click=${clear}>Clear the search</button>
    </p>`;
  }
}

export function openFleet(app: App, element: HTMLElement): View {
  return new FleetPage(app, element);
}
