// live: fills the fleet from the API and keeps it up to date.

import type { Api } from '../api/client.js';
import type { Cluster, Fleet, FleetChange, Gpu, Metric, Status } from './fleet.js';

const INVENTORY = `{
  asOf
  metrics { name field unit title }
  clusters { name hosts {
    hostname
    missing { index since }
    gpus { uuid index model device pod namespace container status statusSince
           labels { key value } maintenance { reason } }
  } }
}`;

interface InventoryGpu extends Omit<Gpu, 'row' | 'host' | 'statusSince' | 'maintenanceReason'> {
  uuid: string;
  status: Status;
  statusSince: string | null;
  maintenance: { reason: string | null } | null;
}

interface Inventory {
  asOf: string;
  metrics: Metric[];
  clusters: {
    name: string;
    hosts: {
      hostname: string;
      missing: { index: string; since: string | null }[];
      gpus: InventoryGpu[];
    }[];
  }[];
}

function byIndex(a: Gpu, b: Gpu): number {
  return a.index.localeCompare(b.index, 'en', { numeric: true });
}

function clustersOf(answer: Inventory): Cluster[] {
  return answer.clusters.map(({ name, hosts }) => {
    const cluster: Cluster = { name, hosts: [] };
    cluster.hosts = hosts.map(({ hostname, gpus, missing }) => {
      const host = { hostname, cluster, gpus: [] as Gpu[] };
      const there = gpus.map(
        ({ maintenance, statusSince, ...gpu }): Gpu => ({
          ...gpu,
          pod: gpu.pod ?? '',
          namespace: gpu.namespace ?? '',
          container: gpu.container ?? '',
          row: 0,
          host,
          statusSince: statusSince === null ? null : Date.parse(statusSince),
          maintenanceReason: maintenance?.reason ?? '',
        }),
      );
      const gone = missing.map(
        ({ index, since }): Gpu => ({
          row: 0, uuid: null, index, host, model: '', device: '', pod: '', namespace: '',
          container: '', labels: [], status: 'missing', maintenanceReason: '',
          statusSince: since === null ? null : Date.parse(since),
        }),
      );
      host.gpus = [...there, ...gone].sort(byIndex);
      return host;
    });
    return cluster;
  });
}

/** First cut: the latest values are asked for every second. */
export function follow(api: Api, fleet: Fleet, isPaused: () => boolean): void {
  let change: FleetChange = { inventory: false, status: false, rows: new Set() };
  const show = () => {
    requestAnimationFrame(show);
    if (isPaused() || !fleet.loaded) return;
    if (!change.inventory && !change.status && change.rows.size === 0) return;
    const shown = change;
    change = { inventory: false, status: false, rows: new Set() };
    fleet.changed.emit(shown);
  };
  requestAnimationFrame(show);

  const load = async () => {
    const answer = await api.query<Inventory>(INVENTORY);
    fleet.metrics = answer.metrics;
    fleet.asOf = Date.parse(answer.asOf);
    fleet.replace(clustersOf(answer));
    change.inventory = true;
  };
  const poll = async () => {
    const fields = fleet.metrics.map((m) => m.field).join(' ');
    const { gpus } = await api.query<{ gpus: { uuid: string; latest: Record<string, number | string | null> | null }[] }>(
      `{ gpus { uuid latest { timestamp ${fields} } } }`,
    );
    for (const { uuid, latest } of gpus) {
      const gpu = fleet.gpu(uuid);
      if (!gpu || !latest) continue;
      const time = Date.parse(String(latest['timestamp']));
      if (fleet.times[gpu.row] === time) continue;
      fleet.times[gpu.row] = time;
      for (const { name, field } of fleet.metrics) {
        const value = latest[field];
        if (typeof value === 'number') fleet.column(name)[gpu.row] = value;
      }
      change.rows.add(gpu.row);
      fleet.updates++;
    }
  };
  const turn = async () => {
    try {
      if (!fleet.loaded) await load();
      await poll();
    } finally {
      setTimeout(turn, 1000);
    }
  };
  void turn();
}
