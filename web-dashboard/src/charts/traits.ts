// traits: how a metric is drawn and read, beyond what the API says of it.

import type { Metric } from '../fleet/fleet.js';
import type { StepValue } from './series.js';

/** A gauge goes up and down, a counter up; a code is a name written as a number, a mask one a bit. */
export type Kind = 'gauge' | 'counter' | 'code' | 'mask';

export interface Traits {
  kind: Kind;
  /** What one unit of the axis is in the API's, and what it is called. */
  divisor: number;
  unit: string;
}

const KINDS: Record<string, Kind> = {
  energy_mj: 'counter',
  ecc_double_bit: 'counter',
  ecc_single_bit: 'counter',
  pcie_replays: 'counter',
  xid: 'code',
  throttle_reasons: 'mask',
};

const MILLIJOULE_PER_KWH = 3.6e9;

/** Units too small for an axis, by name: what is shown in their place. */
const LARGER: Record<string, { divisor: number; unit: string }> = {
  MiB: { divisor: 1024, unit: 'GiB' },
  mJ: { divisor: MILLIJOULE_PER_KWH, unit: 'kWh' },
};

export function traitsOf({ name, unit }: Metric): Traits {
  return { kind: KINDS[name] ?? 'gauge', ...(LARGER[unit] ?? { divisor: 1, unit }) };
}

export function stepValueOf(metric: Metric): StepValue {
  return traitsOf(metric).kind === 'gauge' ? 'mean' : 'greatest';
}

