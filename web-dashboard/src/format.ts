// format: quantities as text, with their units and as many digits as one reads; and errors.

import { throttleText, xidText } from './fleet/codes.js';
import type { Metric } from './fleet/fleet.js';

export const NOT_REPORTED = 'not reported';

interface Scale {
  /** So many of the metric's unit make one of this. */
  size: number;
  unit: string;
}

/** From the smallest; a value is shown in the last that it fills. */
const SCALES: Readonly<Record<string, readonly Scale[]>> = {
  MiB: [
    { size: 1, unit: 'MiB' },
    { size: 1024, unit: 'GiB' },
    { size: 1024 ** 2, unit: 'TiB' },
    { size: 1024 ** 3, unit: 'PiB' },
  ],
  mJ: [
    { size: 1, unit: 'mJ' },
    { size: 1e3, unit: 'J' },
    { size: 3.6e6, unit: 'Wh' },
    { size: 3.6e9, unit: 'kWh' },
    { size: 3.6e12, unit: 'MWh' },
  ],
  W: [
    { size: 1, unit: 'W' },
    { size: 1e4, unit: 'kW' },
    { size: 1e7, unit: 'MW' },
  ],
  'MB/s': [
    { size: 1, unit: 'MB/s' },
    { size: 1e3, unit: 'GB/s' },
    { size: 1e6, unit: 'TB/s' },
  ],
  B: [
    { size: 1, unit: 'B' },
    { size: 1e3, unit: 'kB' },
    { size: 1e6, unit: 'MB' },
    { size: 1e9, unit: 'GB' },
    { size: 1e12, unit: 'TB' },
  ],
};

/** kW are written from 10,000 W on, and are a thousand each all the same. */
const DIVISORS: Readonly<Record<string, number>> = { kW: 1e3, MW: 1e6 };

const formats = new Map<number, Intl.NumberFormat>();

function formatOf(digits: number): Intl.NumberFormat {
  let format = formats.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat('en-US', { maximumFractionDigits: digits });
    formats.set(digits, format);
  }
  return format;
}

const DIGITS_MAX = 6;
/** As much of 100 % as one digit says. */
const ALMOST_PERCENT = 99.9;
/** Nobody reads so many digits: 1e+15. */
const EXPONENT_FROM = 1e15;

/** A digit behind the point while there is one before it or two. What is not zero does not read as zero. */
function digitsFor(value: number): number {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 100) return 0;
  if (size >= 0.95) return 1;
  return size >= 0.01 ? 2 : Math.min(DIGITS_MAX, Math.ceil(-Math.log10(size)));
}

/** 12,345; 43.8; 0.25. At most `digits` behind the point, where that is given. */
export function formatNumber(value: number, digits?: number): string {
  if (Number.isNaN(value)) return NOT_REPORTED;
  const size = Math.abs(value);
  if (size >= EXPONENT_FROM && size < Infinity) return String(Number(value.toPrecision(3)));
  return formatOf(digits ?? digitsFor(value)).format(value === 0 ? 0 : value);
}

function formatScaled(value: number, unit: string, digits?: number): string {
  const scales = SCALES[unit] ?? [{ size: 1, unit }];
  let scale = scales[0]!;
  for (const next of scales) if (Math.abs(value) >= next.size) scale = next;
  const shown = value / (DIVISORS[scale.unit] ?? scale.size);
  return `${formatNumber(shown, digits)} ${scale.unit}`;
}

/** "87 %", "41.2 GiB", "79 (fallen off the bus)", "not reported" for NaN. */
export function formatValue(value: number, metric: Metric): string {
  if (Number.isNaN(value)) return NOT_REPORTED;
  if (metric.name === 'throttle_reasons' && Number.isInteger(value)) return throttleText(value);
  if (metric.name === 'xid' && xidText(value)) return `${value} (${xidText(value)})`;
  if (metric.unit === '') return formatNumber(value);
  // What is not quite all does not read as all.
  const nearlyAll = metric.unit === '%' && value < 100 && value > ALMOST_PERCENT;
  return formatScaled(nearlyAll ? ALMOST_PERCENT : value, metric.unit);
}

/** "1.5 GB", in powers of a thousand. */
export function formatBytes(bytes: number): string {
  return Number.isNaN(bytes) ? NOT_REPORTED : formatScaled(bytes, 'B');
}

/** "49.4/s", "49.4 samples/s". */
export function formatRate(perSecond: number, what = ''): string {
  if (Number.isNaN(perSecond)) return NOT_REPORTED;
  return `${formatNumber(perSecond)}${what && ` ${what}`}/s`;
}

/** What was thrown, in words. */
export function formatError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
