// scale: from a value to a colour, right for colour-blind eyes. The colours are
// viridis: lightness alone tells which of two values is the greater, whatever
// hues the eye takes apart. High values stand out from the ground most, so the
// table runs the other way round on a light page.

import type { Metric } from '../fleet/fleet.js';
import { percentileOf } from '../fleet/totals.js';

export type Rgb = readonly [red: number, green: number, blue: number];

/** What the colours' ends stand for. */
export interface Domain {
  from: number;
  to: number;
}

export const COLOURS = 256;

/** Viridis at even distances, from its darkest to its lightest. */
const ANCHORS = [
  '#440154', '#482878', '#3e4989', '#31688e', '#26828e',
  '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725',
].map(rgbOf);

/** On a dark ground the darkest could not be told from it. */
const DARKEST_ON_DARK = 0.12;

export function rgbOf(hex: string): Rgb {
  const number = parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

function linear(channel: number): number {
  const c = channel / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance as WCAG has it, 0 to 1. */
export function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function viridis(at: number): Rgb {
  const place = at * (ANCHORS.length - 1);
  const below = Math.min(Math.floor(place), ANCHORS.length - 2);
  const [a, b] = [ANCHORS[below]!, ANCHORS[below + 1]!];
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * (place - below));
  return [mix(0), mix(1), mix(2)];
}

/** The colours from the lowest value's to the highest's. */
export function coloursOn(dark: boolean): Rgb[] {
  const colours: Rgb[] = [];
  for (let i = 0; i < COLOURS; i++) {
    const at = i / (COLOURS - 1);
    colours.push(viridis(dark ? DARKEST_ON_DARK + at * (1 - DARKEST_ON_DARK) : 1 - at));
  }
  return colours;
}

/** Which of the colours; what lies outside has the end's. */
export function colourIndex(value: number, { from, to }: Domain): number {
  const at = (value - from) / (to - from);
  return Math.max(0, Math.min(COLOURS - 1, Math.round(at * (COLOURS - 1))));
}

/** A round step, 1, 2 or 5 times a power of ten, so that `count` of them span it. */
function roundStep(span: number, count: number): number {
  const least = span / count;
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((f) => f * power >= least * 0.999)!;
  return factor * power;
}

/** The reported values in order. */
function reported(values: Float64Array): Float64Array {
  return values.filter((v) => !Number.isNaN(v)).sort();
}

/**
 * What is known of a unit is fixed, so that a colour means the same tomorrow;
 * else what all but the outermost values span, with round ends.
 */
export function domainOf(metric: Metric, values: Float64Array): Domain {
  if (metric.unit === '%') return { from: 0, to: 100 };
  if (metric.unit === '°C') return { from: 20, to: 100 };
  const sorted = reported(values);
  if (sorted.length === 0) return { from: 0, to: 1 };
  const low = percentileOf(sorted, 2);
  const high = percentileOf(sorted, 98);
  if (low === high) return { from: Math.min(0, low), to: Math.max(0, high) || 1 };
  const step = roundStep(high - low, 8);
  return { from: Math.floor(low / step) * step, to: Math.ceil(high / step) * step };
}

/** Round values within it, about `count`. */
export function ticksOf({ from, to }: Domain, count = 5): number[] {
  const step = roundStep(to - from, count);
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** How many values lie in each of equal parts of the domain, what lies outside in the ends'. */
export function histogram(values: Float64Array, domain: Domain, parts: number): Uint32Array {
  const counts = new Uint32Array(parts);
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    const at = Math.floor(((value - domain.from) / (domain.to - domain.from)) * parts);
    counts[Math.max(0, Math.min(parts - 1, at))]!++;
  }
  return counts;
}
