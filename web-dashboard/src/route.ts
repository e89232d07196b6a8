// route: what the address says, and back. All that makes up a picture is in it, so
// that an address that is passed on shows the same, and Back works:
//
//     #/                                    the fleet
//     #/host/<cluster>/<hostname>           a host
//     #/gpu/<uuid>?compare=<uuid>,<uuid>    a GPU, and others beside it
//     #/pipeline  #/api
//
//     ?metric=temperature&q=util<5&from=now-1h&to=now&sort=-temperature
//
// It stands behind the # so that the page works below any path.

import type { Gpu, Host } from './fleet/fleet.js';

/** `nowhere`: there is no page of that address. */
export type ViewName = 'fleet' | 'host' | 'gpu' | 'pipeline' | 'api' | 'nowhere';

export interface Route {
  view: ViewName;
  /** Of a host. */
  cluster: string;
  host: string;
  /** Of a GPU: its UUID. */
  gpu: string;
  /** UUIDs of the GPUs shown beside it. */
  compare: string[];
  /** What is searched for: see fleet/filter.ts. */
  query: string;
  /** The metric that colours the map, by its name in the API. */
  metric: string;
  /** The time range: RFC 3339 or now, now-15m; see time.ts. */
  from: string;
  to: string;
  /** What tables are ordered by: a column's name, with - the other way round. */
  sort: string;
}

export const START: Readonly<Route> = {
  view: 'fleet',
  cluster: '',
  host: '',
  gpu: '',
  compare: [],
  query: '',
  metric: 'gpu_utilization',
  from: 'now-15m',
  to: 'now',
  sort: '',
};

function pathOf(route: Route): string {
  const { view, cluster, host, gpu } = route;
  if (view === 'fleet') return '/';
  if (view === 'host') return `/host/${encodeURIComponent(cluster)}/${encodeURIComponent(host)}`;
  if (view === 'gpu') return `/gpu/${encodeURIComponent(gpu)}`;
  return `/${view}`;
}

/** Of one page: they differ in what it shows. */
export function samePage(a: Route, b: Route): boolean {
  return pathOf(a) === pathOf(b);
}

export function hostPage({ cluster, hostname }: Host): Partial<Route> {
  return { view: 'host', cluster: cluster.name, host: hostname, compare: [] };
}

/** Of a GPU by itself; of its host, where it is missing from that. */
export function gpuPage({ uuid, host }: Gpu): Partial<Route> {
  return uuid === null ? hostPage(host) : { view: 'gpu', gpu: uuid, compare: [] };
}

/** The address, from its #. What is as at the start is left out. */
export function formatRoute(route: Route): string {
  const params = new URLSearchParams();
  if (route.query) params.set('q', route.query);
  for (const name of ['metric', 'from', 'to', 'sort'] as const) {
    if (route[name] !== START[name]) params.set(name, route[name]);
  }
  if (route.view === 'gpu' && route.compare.length > 0) {
    params.set('compare', route.compare.join(','));
  }
  const text = params.toString();
  return `#${pathOf(route)}${text ? `?${text}` : ''}`;
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    return text ?? '';
  }
}

function placeOf(path: string): Partial<Route> {
  const [, view, first, second] = path.split('/');
  if (view === 'host' && first && second) {
    return { view, cluster: decode(first), host: decode(second) };
  }
  if (view === 'gpu' && first) return { view, gpu: decode(first) };
  if ((view === 'pipeline' || view === 'api') && !first) return { view };
  return view ? { view: 'nowhere' } : {};
}

/** What is not said is as at the start. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const params = new URLSearchParams(search);
  const route: Route = { ...START, ...placeOf(path), query: params.get('q') ?? '' };
  for (const name of ['metric', 'from', 'to', 'sort'] as const) {
    route[name] = params.get(name) || START[name];
  }
  route.compare = (params.get('compare') ?? '').split(',').filter(Boolean);
  return route;
}
