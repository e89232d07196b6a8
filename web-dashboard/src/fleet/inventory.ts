// inventory: which GPUs there are, asked of the API in pages, so that a large
// fleet never holds up the page that shows it.

import type { Api } from '../api/client.js';
import type { Cluster, Gpu, Host, Metric, Status } from './fleet.js';

/** Of hosts. 2,000 GPUs or so are half a megabyte, read in a few milliseconds. */
const PAGE = 250;

const HOSTS = `query ($after: String) {
  hostsConnection(first: ${PAGE}, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      hostname clusterId
      missing { index since }
      gpus { uuid index model device pod namespace container status statusSince
             labels { key value } maintenance { reason } }
    }
  }
}`;

interface GpuAnswer {
  uuid: string;
  index: string;
  model: string;
  device: string;
  pod: string | null;
  namespace: string | null;
  container: string | null;
  status: Status;
  statusSince: string | null;
  labels: { key: string; value: string }[];
  maintenance: { reason: string | null } | null;
}

interface HostAnswer {
  hostname: string;
  clusterId: string;
  missing: { index: string; since: string | null }[];
  gpus: GpuAnswer[];
}

interface HostsAnswer {
  hostsConnection: {
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
    nodes: HostAnswer[];
  };
}

const order = new Intl.Collator('en', { numeric: true });

function timeOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

function gpuOf(host: Host, answer: GpuAnswer): Gpu {
  const { maintenance, statusSince, pod, namespace, container, ...names } = answer;
  return {
    ...names,
    row: 0,
    host,
    pod: pod ?? '',
    namespace: namespace ?? '',
    container: container ?? '',
    statusSince: timeOf(statusSince),
    maintenanceReason: maintenance?.reason ?? '',
  };
}

function placeOf(host: Host, index: string, since: string | null): Gpu {
  return {
    row: 0,
    uuid: null,
    index,
    host,
    model: '',
    device: '',
    pod: '',
    namespace: '',
    container: '',
    labels: [],
    status: 'missing',
    statusSince: timeOf(since),
    maintenanceReason: '',
  };
}

function hostOf(cluster: Cluster, { hostname, gpus, missing }: HostAnswer): Host {
  const host: Host = { hostname, cluster, gpus: [] };
  host.gpus = gpus.map((gpu) => gpuOf(host, gpu));
  if (missing.length > 0) {
    host.gpus.push(...missing.map(({ index, since }) => placeOf(host, index, since)));
    host.gpus.sort((a, b) => order.compare(a.index, b.index));
  }
  return host;
}

export async function askMetrics(api: Api): Promise<Metric[]> {
  const { metrics } = await api.query<{ metrics: Metric[] }>('{ metrics { name field unit title } }');
  return metrics;
}

/** All hosts with their GPUs, by cluster and name. */
export async function askInventory(api: Api): Promise<Cluster[]> {
  const clusters = new Map<string, Cluster>();
  let after: string | null = null;
  do {
    const answer: HostsAnswer = await api.query<HostsAnswer>(HOSTS, { after });
    const { nodes, pageInfo } = answer.hostsConnection;
    for (const host of nodes) {
      let cluster = clusters.get(host.clusterId);
      if (cluster === undefined) {
        cluster = { name: host.clusterId, hosts: [] };
        clusters.set(cluster.name, cluster);
      }
      cluster.hosts.push(hostOf(cluster, host));
    }
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return [...clusters.values()];
}
