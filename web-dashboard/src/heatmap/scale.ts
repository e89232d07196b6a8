// scale: from a value to a colour, right for colour-blind eyes. The colours are
// viridis': lightness alone tells which of two values is the greater, whatever
// hues the eye takes apart. High values stand out from the ground most, so they
// are light on a dark page and dark on a light one.

import type { Metric } from '../fleet/fleet.js';
import { percentileOf } from '../fleet/totals.js';

export type Rgb = readonly [red: number, green: number, blue: number];

/** What the colours' ends stand for. */
export interface Domain {
  from: number;
  to: number;
}

export const COLOURS = 256;

/** Viridis at even distances, from dark to light, without what is as dark as a dark ground. */
const ON_DARK = [
  '#3a2f63', '#413f82', '#39558c', '#2f6b8e', '#26828e',
  '#1f988b', '#2db27d', '#67cc5c', '#addc30', '#fde725',
].map(rgbOf);

/** Its like from a pale end to viridis' dark one. Yellow, where little goes on, would shout. */
const ON_LIGHT = [
  '#e3ebcb', '#c5e0ae', '#98d097', '#66bd8a', '#3da58a',
  '#2b8b8d', '#31708d', '#3b538a', '#432f7c', '#440154',
].map(rgbOf);

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

/** The colours from the lowest value's to the highest's. */
export function coloursOn(dark: boolean): Rgb[] {
  const anchors = dark ? ON_DARK : ON_LIGHT;
  return Array.from({ length: COLOURS }, (_, i) => {
    const place = (i / (COLOURS - 1)) * (anchors.length - 1);
    const below = Math.min(Math.floor(place), anchors.length - 2);
    const [a, b] = [anchors[below]!, anchors[below + 1]!];
    const mix = (channel: 0 | 1 | 2) =>
      Math.round(a[channel] + (b[channel] - a[channel]) * (place - below));
    return [mix(0), mix(1), mix(2)];
  });
}

/** Which of the colours; what lies outside has the end's. */
export function colourIndex(value: number, { from, to }: Domain): number {
  const at = (value - from) / (to - from);
  return Math.max(0, Math.min(COLOURS - 1, Math.round(at * (COLOURS - 1))));
}

/** In a larger unit, values that are written in it are the round ones: 20 GiB. */
const LARGER: Readonly<Record<string, number>> = { MiB: 1024, mJ: 3.6e9 };

/** A round step, 1, 2 or 5 times a power of ten, so that about `count` of them span it. */
function roundStep(span: number, count: number, unit: string): number {
  const larger = LARGER[unit] ?? 1;
  const size = span / count >= larger / 2 ? larger : 1;
  const least = span / count / size;
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((f) => f * power >= least * 0.999)!;
  return factor * power * size;
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
  const step = roundStep(high - low, 8, metric.unit);
  return { from: Math.floor(low / step) * step, to: Math.ceil(high / step) * step };
}

/** Round values within it, about `count`. */
export function ticksOf({ from, to }: Domain, unit: string, count: number): number[] {
  const step = roundStep(to - from, count, unit);
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
