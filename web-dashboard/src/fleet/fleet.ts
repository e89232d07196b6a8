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

/** What has changed since the last time. */
export interface FleetChange {
  /** GPUs came or went, or rows are others: all that was kept by row is void. */
  inventory: boolean;
  /** A state is another. */
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

  /** Another inventory. Values of GPUs that stay are kept. */
  replace(clusters: Cluster[]): void {
    const before = { columns: this.columns, times: this.times, byUuid: this.#byUuid };
    this.clusters = clusters;
    this.hosts = clusters.flatMap((c) => c.hosts);
    this.gpus = this.hosts.flatMap((h) => h.gpus);
    this.#byUuid = new Map();
    this.gpus.forEach((gpu, row) => {
      gpu.row = row;
      if (gpu.uuid !== null) this.#byUuid.set(gpu.uuid, gpu);
    });
    const carry = (old: Float64Array): Float64Array => {
      const column = new Float64Array(this.gpus.length).fill(NaN);
      for (const gpu of this.gpus) {
        const was = gpu.uuid === null ? undefined : before.byUuid.get(gpu.uuid);
        if (was) column[gpu.row] = old[was.row] ?? NaN;
      }
      return column;
    };
    // The former rows are in before.byUuid's objects, which are not these.
    this.times = carry(before.times);
    this.problems = new Uint16Array(this.gpus.length);
    this.columns = new Map([...before.columns].map(([name, old]) => [name, carry(old)]));
    this.loaded = true;
  }
}
