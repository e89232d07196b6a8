// fleet: what is known now of all GPUs. Lists of names on one side, numbers in
// columns on the other: column(metric)[gpu.row]. NaN is "not reported", never zero.
//
// live.ts fills it from the API; views read it and are told of changes once a
// frame at most.

import { Emitter } from '../emitter.js';

export type Status = 'active' | 'silent' | 'missing' | 'maintenance';

export interface Metric {
  /** As in the API: gpu_utilization. */
  name: string;
  /** Its field in Telemetry: gpuUtilization. */
  field: string;
  /** `%`, `MiB`, `°C`; empty for counts and codes. */
  unit: string;
  title: string;
}

export interface Cluster {
  name: string;
  hosts: Host[];
}

export interface Host {
  hostname: string;
  cluster: Cluster;
  /** By index; a missing GPU has its place among them. */
  gpus: Gpu[];
}

/** A GPU, or the place of one that is missing. */
export interface Gpu {
  /** Its place in the columns, and in Fleet.gpus. */
  row: number;
  /** Null: its place alone is known (status missing). */
  uuid: string | null;
  index: string;
  host: Host;
  model: string;
  device: string;
  pod: string;
  namespace: string;
  container: string;
  labels: { key: string; value: string }[];
  status: Status;
  /** ms since 1970; null where it is not known. */
  statusSince: number | null;
  maintenanceReason: string;
}

/** The latest values of GPUs, as the API tells them. */
export interface LatestValues {
  asOf: string;
  following: boolean;
  gpuUuids: string[];
  /** Of the latest sample of each. */
  timestamps: string[];
  /** Each as long as gpuUuids; a metric that none reported has none. */
  columns: { metric: string; values: (number | null)[] }[];
}

/** What has changed since the last time. */
export interface FleetChange {
  /** GPUs came or went, or rows are others: all that was kept by row is void. */
  inventory: boolean;
  /** A state, a label, or what runs on a GPU is another. */
  status: boolean;
  /** Rows with new values. */
  rows: Set<number>;
}

export class Fleet {
  /** False until the first inventory is there. */
  loaded = false;
  metrics: Metric[] = [];
  clusters: Cluster[] = [];
  hosts: Host[] = [];
  /** By cluster, host and index: a GPU is at its row. */
  gpus: Gpu[] = [];
  /** Up to when all that came is in it, ms since 1970. Stands still while the gateway does not hear the broker. */
  asOf = 0;
  /** False while the gateway does not hear the broker. */
  following = true;
  /** How many samples were taken in since the page was opened. */
  updates = 0;
  /** Grows whenever a name, a label or a state is another. */
  revision = 0;
  /** Why what is shown may be old, in words; empty while all is well. */
  problem = '';
  /** Of the latest sample of each row, ms since 1970; NaN: nothing ever came. */
  times: Float64Array = new Float64Array();

  /** Once a frame at most, and not while paused. */
  readonly changed = new Emitter<FleetChange>();
  /** asOf, following or problem is another; also while paused. */
  readonly freshnessChanged = new Emitter();

  /** What is wrong with each row, in bits: see attention.ts, which keeps it. */
  problems: Uint16Array = new Uint16Array();

  columns = new Map<string, Float64Array>();
  #byUuid = new Map<string, Gpu>();

  gpu(uuid: string): Gpu | undefined {
    return this.#byUuid.get(uuid);
  }

  host(cluster: string, hostname: string): Host | undefined {
    return this.hosts.find((h) => h.hostname === hostname && h.cluster.name === cluster);
  }

  metric(name: string): Metric | undefined {
    return this.metrics.find((m) => m.name === name);
  }

  /** The latest value; NaN: not reported. */
  value(gpu: Gpu, metric: string): number {
    return this.columns.get(metric)?.[gpu.row] ?? NaN;
  }

  /** The latest values by row; NaN: not reported. */
  column(metric: string): Float64Array {
    let column = this.columns.get(metric);
    if (column === undefined) {
      column = new Float64Array(this.gpus.length).fill(NaN);
      this.columns.set(metric, column);
    }
    return column;
  }

  /**
   * Another inventory. Where all GPUs stand as before, they stay the objects they
   * are, with what is new of them; else rows are others, and values go with their GPUs.
   */
  replace(clusters: Cluster[]): 'same' | 'other names' | 'other rows' {
    const gpus = clusters.flatMap((c) => c.hosts).flatMap((h) => h.gpus);
    if (this.loaded && sameRows(this.gpus, gpus)) {
      let changed = false;
      gpus.forEach((gpu, row) => {
        if (refresh(this.gpus[row]!, gpu)) changed = true;
      });
      if (changed) this.revision++;
      return changed ? 'other names' : 'same';
    }
    this.#setRows(clusters);
    this.revision++;
    this.loaded = true;
    return 'other rows';
  }

  /** Writes what is new of a GPU. */
  set(gpu: Gpu, change: Partial<Gpu>): void {
    Object.assign(gpu, change);
    this.revision++;
  }

  #setRows(clusters: Cluster[]): void {
    const hosts = clusters.flatMap((c) => c.hosts);
    const former = hosts.flatMap((h) => h.gpus).map((gpu) => this.#known(gpu)?.row ?? -1);
    this.#keepObjects(hosts);
    const carry = (old: Float64Array): Float64Array => {
      const column = new Float64Array(former.length);
      for (let row = 0; row < column.length; row++) {
        column[row] = former[row]! < 0 ? NaN : old[former[row]!]!;
      }
      return column;
    };
    this.clusters = clusters;
    this.hosts = hosts;
    this.gpus = hosts.flatMap((h) => h.gpus);
    this.#byUuid = new Map();
    this.gpus.forEach((gpu, row) => {
      gpu.row = row;
      if (gpu.uuid !== null) this.#byUuid.set(gpu.uuid, gpu);
    });
    this.times = carry(this.times);
    this.columns = new Map([...this.columns].map(([name, old]) => [name, carry(old)]));
    this.problems = new Uint16Array(this.gpus.length);
  }

  #known({ uuid }: Gpu): Gpu | undefined {
    return uuid === null ? undefined : this.#byUuid.get(uuid);
  }

  /** A GPU stays the object it is, for who holds it. One that is gone has no row. */
  #keepObjects(hosts: Host[]): void {
    for (const gpu of this.gpus) gpu.row = -1;
    for (const host of hosts) {
      host.gpus = host.gpus.map((gpu) => {
        const known = this.#known(gpu);
        return known ? Object.assign(known, gpu) : gpu;
      });
    }
  }

  /**
   * Takes values in, but for what is older than what is known; adds the rows to
   * `rows`. False: there is a GPU among them that we do not know.
   */
  take(latest: LatestValues, rows: Set<number>): boolean {
    const { gpuUuids, timestamps } = latest;
    const rowOf = new Int32Array(gpuUuids.length).fill(-1);
    let allKnown = true;
    let text = '';
    let time = NaN;
    for (let i = 0; i < gpuUuids.length; i++) {
      const gpu = this.#byUuid.get(gpuUuids[i]!);
      if (gpu === undefined) {
        allKnown = false;
        continue;
      }
      // Many are of one moment.
      if (timestamps[i] !== text) time = Date.parse((text = timestamps[i]!));
      if (time < this.times[gpu.row]!) continue;
      if (time !== this.times[gpu.row]) this.updates++;
      this.times[gpu.row] = time;
      rowOf[i] = gpu.row;
      rows.add(gpu.row);
    }
    for (const { metric, values } of latest.columns) {
      const column = this.column(metric);
      for (let i = 0; i < rowOf.length; i++) {
        if (rowOf[i]! >= 0) column[rowOf[i]!] = values[i] ?? NaN;
      }
    }
    return allKnown;
  }
}

function sameRows(a: Gpu[], b: Gpu[]): boolean {
  return (
    a.length === b.length &&
    a.every((gpu, row) => {
      const other = b[row]!;
      return (
        gpu.uuid === other.uuid &&
        gpu.index === other.index &&
        gpu.host.hostname === other.host.hostname &&
        gpu.host.cluster.name === other.host.cluster.name
      );
    })
  );
}

const REFRESHED = [
  'model',
  'device',
  'pod',
  'namespace',
  'container',
  'status',
  'statusSince',
  'maintenanceReason',
] as const;

/** What is new of a GPU is written into what is known of it. False: nothing is. */
function refresh(gpu: Gpu, now: Gpu): boolean {
  const sameLabels =
    gpu.labels.length === now.labels.length &&
    gpu.labels.every(({ key, value }, i) => {
      const label = now.labels[i]!;
      return key === label.key && value === label.value;
    });
  if (sameLabels && REFRESHED.every((name) => gpu[name] === now[name])) return false;
  Object.assign(gpu, now, { row: gpu.row, host: gpu.host });
  return true;
}
