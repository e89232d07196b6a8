// totals: GPUs in figures, defined as the API's fleet { statistics statusCounts }:
// statistics are over the latest values of the active ones.

import type { Fleet, Gpu } from './fleet.js';

/** Below it an active GPU is idle. */
export const IDLE_PERCENT = 5;
/** From it on the API says that a GPU is hot. */
export const HOT_CELSIUS = 90;

/** NaN: not known. */
export interface Totals {
  /** Those that are there: the places of missing ones are not among them. */
  gpus: number;
  hosts: number;
  active: number;
  /** Active, and utilized below IDLE_PERCENT. */
  idle: number;
  /** GPUHealth.healthy is false. */
  unhealthy: number;
  silent: number;
  missing: number;
  maintenance: number;
  utilizationAverage: number;
  utilizationP95: number;
  powerWatts: number;
  /** How many report their power. */
  powerReporting: number;
}

export function isIdle(fleet: Fleet, gpu: Gpu): boolean {
  return gpu.status === 'active' && fleet.value(gpu, 'gpu_utilization') < IDLE_PERCENT;
}

/** As the API: a problem is known of it. Of what never reported nothing is. */
export function isUnhealthy(fleet: Fleet, gpu: Gpu): boolean {
  if (!(fleet.times[gpu.row]! > 0)) return false;
  return (
    gpu.status === 'silent' ||
    fleet.value(gpu, 'temperature') >= HOT_CELSIUS ||
    fleet.value(gpu, 'xid') > 0 ||
    fleet.value(gpu, 'ecc_double_bit') > 0
  );
}

/** Of sorted numbers, between two interpolated; NaN of none. */
export function percentileOf(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) return NaN;
  const at = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

export function totalsOf(fleet: Fleet, gpus: Iterable<Gpu>): Totals {
  const counts = { active: 0, silent: 0, missing: 0, maintenance: 0 };
  const hosts = new Set<object>();
  const utilizations = new Float64Array(fleet.gpus.length);
  const utilization = fleet.columns.get('gpu_utilization');
  const power = fleet.columns.get('power_draw');
  let there = 0;
  let idle = 0;
  let unhealthy = 0;
  let known = 0;
  let sum = 0;
  let powerWatts = 0;
  let powerReporting = 0;
  for (const gpu of gpus) {
    counts[gpu.status]++;
    hosts.add(gpu.host);
    if (gpu.uuid !== null) there++;
    if (isUnhealthy(fleet, gpu)) unhealthy++;
    if (gpu.status !== 'active') continue;
    const percent = utilization?.[gpu.row] ?? NaN;
    if (percent < IDLE_PERCENT) idle++;
    if (!Number.isNaN(percent)) {
      utilizations[known++] = percent;
      sum += percent;
    }
    const watts = power?.[gpu.row] ?? NaN;
    if (!Number.isNaN(watts)) {
      powerWatts += watts;
      powerReporting++;
    }
  }
  return {
    gpus: there,
    hosts: hosts.size,
    ...counts,
    idle,
    unhealthy,
    utilizationAverage: known > 0 ? sum / known : NaN,
    utilizationP95: percentileOf(utilizations.subarray(0, known).sort(), 95),
    powerWatts: powerReporting > 0 ? powerWatts : NaN,
    powerReporting,
  };
}
