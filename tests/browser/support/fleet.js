// A fleet to think about, without a server: what live.ts would have made of it.
import { importSources } from './source.js';

const METRICS = {
  gpu_utilization: '%',
  memory_utilization: '%',
  memory_used_mb: 'MiB',
  memory_free_mb: 'MiB',
  temperature: '°C',
  memory_temperature: '°C',
  power_draw: 'W',
  energy_mj: 'mJ',
  sm_clock_mhz: 'MHz',
  memory_clock_mhz: 'MHz',
  encoder_utilization: '%',
  decoder_utilization: '%',
  xid: '',
  ecc_double_bit: '',
  ecc_single_bit: '',
  throttle_reasons: '',
  pcie_replays: '',
  nvlink_bandwidth: 'MB/s',
};

function camel(name) {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

export const metrics = Object.entries(METRICS).map(([name, unit]) => ({
  name,
  field: camel(name),
  unit,
  title: name,
}));

// Every one with its own Fleet would be no fleet the others know.
export async function load(...files) {
  const [{ Fleet }, ...modules] = await importSources('fleet/fleet.ts', ...files);
  return { Fleet, ...Object.assign({}, ...modules) };
}

function gpuOf(host, gpu, index) {
  const { values, time, ...rest } = gpu;
  return {
    row: 0,
    uuid: `GPU-${host.hostname}-${index}`,
    index: String(index),
    host,
    model: 'NVIDIA H100 80GB HBM3',
    device: `nvidia${index}`,
    pod: '',
    namespace: '',
    container: '',
    labels: [],
    status: 'active',
    statusSince: null,
    maintenanceReason: '',
    ...rest,
  };
}

// clusters: { east: { alpha: [{ status, values: { temperature: 91 } }, …] } }
export function makeClusters(clusters) {
  return Object.entries(clusters).map(([name, hosts]) => {
    const cluster = { name, hosts: [] };
    cluster.hosts = Object.entries(hosts).map(([hostname, gpus]) => {
      const host = { hostname, cluster, gpus: [] };
      host.gpus = gpus.map((gpu, index) => gpuOf(host, gpu, index));
      return host;
    });
    return cluster;
  });
}

// By fleet: the rows with values that nobody was told of.
const untold = new WeakMap();

export function setValues(fleet, gpu, values, time = 1000) {
  if (!untold.has(fleet)) untold.set(fleet, new Set());
  untold.get(fleet).add(gpu.row);
  fleet.times[gpu.row] = time;
  for (const [name, value] of Object.entries(values)) fleet.column(name)[gpu.row] = value;
}

export function fill(fleet, clusters) {
  fleet.metrics = metrics;
  fleet.replace(makeClusters(clusters));
  const given = Object.values(clusters).flatMap((hosts) => Object.values(hosts).flat());
  fleet.gpus.forEach((gpu, row) => {
    if (given[row].values) setValues(fleet, gpu, given[row].values, given[row].time);
  });
  return fleet;
}

export function tell(fleet, change = {}) {
  const rows = untold.get(fleet) ?? new Set();
  untold.delete(fleet);
  fleet.changed.emit({ inventory: false, status: false, rows, ...change });
}
