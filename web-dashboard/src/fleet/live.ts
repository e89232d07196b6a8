// live: fills the fleet from the API and keeps it up to date.
//
// Changes are subscribed to first and all the rest is asked for then, so that
// nothing falls between the two: latestValues brings what came since the event
// before, and where events were left out, or the connection was lost, everything
// is asked for again. What belongs to a GPU we have never heard of means that the
// inventory is another; so do figures of the fleet that are not ours.

import type { Api } from '../api/client.js';
import { retryWait } from '../api/retry.js';
import { heardTime } from '../clock.js';
import { Errand } from './errand.js';
import type { Fleet, FleetChange, LatestValues, Status } from './fleet.js';
import { askInventory, askMetrics } from './inventory.js';

const VALUES = 'asOf following gpuUuids timestamps columns { metric values }';
const ASK_VALUES = `{ latestValues { ${VALUES} } }`;
const FOLLOW_VALUES = `subscription ($intervalMs: Int!) {
  latestValues(intervalMs: $intervalMs) { ${VALUES} }
}`;
const FOLLOW_STATUS = `subscription {
  gpuStatusChanged { timestamp gpuUuid now gpu { maintenance { reason } } }
}`;
const FOLLOW_FIGURES = `subscription ($intervalMs: Int!) {
  fleetSummary(intervalMs: $intervalMs) {
    asOf following statusCounts { active silent missing maintenance }
  }
}`;

const VALUES_MS = 250;
const FIGURES_MS = 2000;
/** Labels and pods change without an event. They are looked at this often, less where there are many. */
const INVENTORY_MS = 60_000;
const INVENTORY_MS_EACH = 24;
/** A subscription that was refused and now lasts for so long is all right. */
const SETTLED_MS = 2000;

interface StatusChange {
  timestamp: string;
  gpuUuid: string | null;
  now: Status;
  gpu: { maintenance: { reason: string | null } | null } | null;
}

interface Figures {
  asOf: string;
  following: boolean;
  statusCounts: Record<Status, number>;
}

function unchanged(): FleetChange {
  return { inventory: false, status: false, rows: new Set() };
}

class Live {
  #api: Api;
  #fleet: Fleet;
  #isPaused: () => boolean;
  #change = unchanged();
  #frameWanted = false;
  #problems = new Map<string, string>();
  #inventory: Errand;
  #values: Errand;
  /** Figures that were not ours, and for which the inventory was asked for. */
  #odd = '';
  #asked = '';

  constructor(api: Api, fleet: Fleet, isPaused: () => boolean) {
    this.#api = api;
    this.#fleet = fleet;
    this.#isPaused = isPaused;
    this.#inventory = new Errand(
      () => this.#askAll(),
      (problem) => this.#tell('inventory', problem),
    );
    this.#values = new Errand(
      () => this.#askValues(),
      (problem) => this.#tell('latest values', problem),
    );
  }

  start(): void {
    this.#followValues();
    this.#followStatus();
    this.#followFigures();
    this.#inventory.ask();
    // Behind the subscriptions, which are taken up again in this same turn.
    this.#api.resumed.on(() => setTimeout(() => this.#inventory.ask()));
    this.#askNowAndThen();
  }

  #askNowAndThen(): void {
    const wait = INVENTORY_MS + INVENTORY_MS_EACH * this.#fleet.gpus.length;
    setTimeout(() => {
      if (!document.hidden) this.#inventory.ask();
      this.#askNowAndThen();
    }, wait);
  }

  // ---- asking ----

  async #askAll(): Promise<void> {
    const fleet = this.#fleet;
    if (fleet.metrics.length === 0) fleet.metrics = await askMetrics(this.#api);
    const first = !fleet.loaded;
    const became = fleet.replace(await askInventory(this.#api));
    if (became === 'other rows') this.#change = { ...unchanged(), inventory: true };
    if (became === 'other names') this.#change.status = true;
    // The first picture is of all: cells without their values would be grey for a moment.
    if (!first) this.#show();
    await this.#askValues();
    this.#change.inventory ||= first;
    this.#show();
  }

  async #askValues(): Promise<void> {
    const { latestValues } = await this.#api.query<{ latestValues: LatestValues }>(ASK_VALUES);
    this.#take(latestValues);
  }

  // ---- following ----

  #followValues(): void {
    this.#subscribe<{ latestValues: LatestValues }>(
      FOLLOW_VALUES,
      { intervalMs: VALUES_MS },
      ({ latestValues }, missed) => {
        if (missed > 0) this.#values.ask();
        this.#take(latestValues);
      },
      () => this.#values.ask(),
    );
  }

  #followStatus(): void {
    this.#subscribe<{ gpuStatusChanged: StatusChange }>(
      FOLLOW_STATUS,
      {},
      ({ gpuStatusChanged }, missed) => {
        if (missed > 0) this.#inventory.ask();
        this.#setStatus(gpuStatusChanged);
      },
      () => this.#inventory.ask(),
    );
  }

  #followFigures(): void {
    this.#subscribe<{ fleetSummary: Figures }>(
      FOLLOW_FIGURES,
      { intervalMs: FIGURES_MS },
      ({ fleetSummary }) => {
        this.#setFreshness(fleetSummary);
        this.#compare(fleetSummary);
      },
    );
  }

  /** Follows it for good: where the API refuses it, again and again. */
  #subscribe<T>(
    query: string,
    variables: Record<string, unknown>,
    next: (data: T, missed: number) => void,
    again?: () => void,
  ): void {
    let failures = 0;
    const open = () => {
      const settled = setTimeout(() => {
        failures = 0;
        this.#tell(query, '');
      }, SETTLED_MS);
      const close = this.#api.subscribe<T>(query, variables, {
        next,
        error: (error) => {
          clearTimeout(settled);
          close();
          failures++;
          this.#tell(query, error.message);
          setTimeout(() => {
            open();
            again?.();
          }, retryWait(failures));
        },
      });
    };
    open();
  }

  // ---- taking in ----

  #take(latest: LatestValues): void {
    const fleet = this.#fleet;
    this.#setFreshness(latest);
    if (!fleet.loaded) return; // all is asked for when the inventory is there
    const allKnown = fleet.take(latest, this.#change.rows);
    if (!allKnown) this.#inventory.ask();
    this.#show();
  }

  #setStatus({ timestamp, gpuUuid, now, gpu: answer }: StatusChange): void {
    const gpu = gpuUuid === null ? undefined : this.#fleet.gpu(gpuUuid);
    if (gpu === undefined) {
      if (this.#fleet.loaded) this.#inventory.ask();
      return;
    }
    this.#fleet.set(gpu, {
      status: now,
      statusSince: Date.parse(timestamp),
      maintenanceReason: answer?.maintenance?.reason ?? '',
    });
    this.#change.status = true;
    this.#show();
  }

  #setFreshness({ asOf, following }: { asOf: string; following: boolean }): void {
    const fleet = this.#fleet;
    const time = Date.parse(asOf);
    if (following && time !== fleet.asOf) heardTime(time);
    if (time === fleet.asOf && following === fleet.following) return;
    fleet.asOf = time;
    fleet.following = following;
    fleet.freshnessChanged.emit();
  }

  /** Other figures twice in a row are no change on its way: a GPU is not known to us. */
  #compare({ statusCounts }: Figures): void {
    if (!this.#fleet.loaded) return;
    const counts = { active: 0, silent: 0, missing: 0, maintenance: 0 };
    for (const gpu of this.#fleet.gpus) counts[gpu.status]++;
    const statuses = Object.keys(counts) as Status[];
    const figures = statuses.map((status) => statusCounts[status]).join();
    const odd = figures === statuses.map((status) => counts[status]).join() ? '' : figures;
    if (odd !== '' && odd === this.#odd && odd !== this.#asked) {
      this.#asked = odd;
      this.#inventory.ask();
    }
    if (odd === '') this.#asked = '';
    this.#odd = odd;
  }

  // ---- telling ----

  #tell(what: string, problem: string): void {
    if (problem === '') this.#problems.delete(what);
    else this.#problems.set(what, problem);
    const text = [...new Set(this.#problems.values())].join('; ');
    if (text === this.#fleet.problem) return;
    this.#fleet.problem = text;
    this.#fleet.freshnessChanged.emit();
  }

  /** With the next frame. A hidden page has none: what changes meanwhile is told in one. */
  #show(): void {
    if (this.#frameWanted) return;
    this.#frameWanted = true;
    requestAnimationFrame(() => {
      this.#frameWanted = false;
      this.#emit();
    });
  }

  #emit(): void {
    const change = this.#change;
    if (!change.inventory && !change.status && change.rows.size === 0) return;
    if (this.#isPaused()) {
      this.#show();
      return;
    }
    this.#change = unchanged();
    this.#fleet.changed.emit(change);
  }
}

/** Fills the fleet and keeps it up to date, from now on. */
export function follow(api: Api, fleet: Fleet, isPaused: () => boolean): void {
  new Live(api, fleet, isPaused).start();
}
