// time: the range a page shows, how finely it is asked for, and how times read.
//
// A range is written as the API takes it: RFC 3339, or now, now-15m, now-2h. Now is
// so by the gateway's clock. What is written here is in the time zone of who reads it.

import { now as clockNow } from './clock.js';
import { START } from './route.js';

/** From when to when, ms since 1970. */
export interface Range {
  start: number;
  end: number;
  /** It ends now, and moves on. */
  live: boolean;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: Record<string, number> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** What is offered, as `from`; `to` is now. */
export const PRESETS: readonly { from: string; title: string; short: string }[] = [
  { from: 'now-5m', title: 'Last 5 minutes', short: '5 min' },
  { from: 'now-15m', title: 'Last 15 minutes', short: '15 min' },
  { from: 'now-1h', title: 'Last hour', short: '1 h' },
  { from: 'now-6h', title: 'Last 6 hours', short: '6 h' },
  { from: 'now-24h', title: 'Last 24 hours', short: '24 h' },
  { from: 'now-7d', title: 'Last 7 days', short: '7 d' },
];

/** ms since 1970; NaN where it is no time. */
export function parseTime(text: string, now = clockNow()): number {
  const ago = /^\s*now(?:\s*-\s*(\d{1,9})([smhd]))?\s*$/.exec(text);
  if (ago) return now - Number(ago[1] ?? 0) * (UNITS[ago[2] ?? 's'] ?? 0);
  // A day alone would be one of UTC.
  const day = /^\s*\d{4}-\d\d-\d\d\s*$/.test(text);
  if (day) return Date.parse(`${text.trim()}T00:00`);
  return /^\s*\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text.trim()) : NaN;
}

/** What is wrong with a range, and which end of it. */
export interface RangeFault {
  end: 'from' | 'to';
  text: string;
}

/** Null: nothing is wrong. */
export function rangeError(from: string, to: string, now = clockNow()): RangeFault | null {
  const start = parseTime(from, now);
  const end = parseTime(to, now);
  const wrong = (which: RangeFault['end'], text: string) => ({ end: which, text });
  if (from.trim() === '') return wrong('from', 'The start is missing.');
  if (Number.isNaN(start)) return wrong('from', `“${from}” is not a time.`);
  if (to.trim() === '') return wrong('to', 'The end is missing.');
  if (Number.isNaN(end)) return wrong('to', `“${to}” is not a time.`);
  if (start > now) return wrong('from', 'The start is in the future: nothing is there yet.');
  if (start >= end) return wrong('to', 'The end has to be after the start.');
  if (end - start < SECOND) return wrong('to', 'The range has to be a second or more.');
  return null;
}

/** The range of a route; one that makes no sense is the one at the start. */
export function resolveRange(route: { from: string; to: string }, now = clockNow()): Range {
  const { from, to } = rangeError(route.from, route.to, now) === null ? route : START;
  return { start: parseTime(from, now), end: parseTime(to, now), live: to.trim() === 'now' };
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];

/** One point a pixel is enough: the step in seconds; 0: every sample. */
export function stepFor(range: Range, pixels: number): number {
  const seconds = (range.end - range.start) / SECOND;
  const finest = seconds / Math.max(pixels, 100);
  if (finest <= 1) return 0;
  return STEPS.find((step) => step >= finest) ?? Math.ceil(finest / 86400) * 86400;
}

/** 7 is 07. */
export function two(number: number): string {
  return String(number).padStart(2, '0');
}

function formatDay(time: Date): string {
  const sameYear = time.getFullYear() === new Date(clockNow()).getFullYear();
  return time.toLocaleDateString('en', {
    month: 'short',
    day: 'numeric',
    ...(sameYear ? {} : { year: 'numeric' }),
  });
}

/**
 * 14:02:05, with the day where it is not today. With a range as finely as it needs,
 * and with the day where the range has several.
 */
export function formatTime(ms: number, range?: Range): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return 'n/a';
  const length = range ? range.end - range.start : 0;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  const exact = length > 6 * HOUR ? clock : `${clock}:${two(time.getSeconds())}`;
  const today = time.toDateString() === new Date(clockNow()).toDateString();
  return today && length <= DAY ? exact : `${formatDay(time)}, ${exact}`;
}

/** 3 s, 5 min, 2 h 10 min, 3 d 4 h. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND));
  if (seconds < 60) return `${seconds} s`;
  const pair = (big: number, unit: string, small: number, part: string) =>
    small > 0 ? `${big} ${unit} ${small} ${part}` : `${big} ${unit}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/**
 * Of a point in time: 3 s ago, 5 min ago; n/a where it is not known. Of one in the
 * future it says so: the clock that it is from goes wrong.
 */
export function formatAge(ms: number, now = clockNow()): string {
  if (!Number.isFinite(ms)) return 'n/a';
  if (ms - now >= MINUTE) return `${formatDuration(ms - now)} ahead`;
  return now - ms < SECOND ? 'just now' : `${formatDuration(now - ms)} ago`;
}

/** Of a point in time: since 14:02, since Nov 20, 14:02. */
export function formatSince(ms: number): string {
  return `since ${formatTime(ms).replace(/:\d\d$/, '')}`;
}

/** What local times are in, at that time: UTC, GMT+2. */
export function formatZone(ms: number): string {
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(ms);
  return parts.find(({ type }) => type === 'timeZoneName')!.value;
}

/** As it is written into a field, and read by parseTime: 2026-11-21 14:02:05, now-2h. */
export function formatField(text: string): string {
  if (text.includes('now')) return text.trim();
  const time = new Date(parseTime(text));
  if (Number.isNaN(time.getTime())) return text;
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** As it is in the address: 2026-11-21T13:02:05.000Z, now-2h. */
export function formatAddress(text: string): string {
  return text.includes('now') ? text.replace(/\s/g, '') : new Date(parseTime(text)).toISOString();
}

/** The range in words: Last 15 minutes; 14:02:00 – 14:17:00. */
export function formatRange(route: { from: string; to: string }): string {
  const preset = PRESETS.find((p) => p.from === route.from && route.to === 'now');
  if (preset) return preset.title;
  const range = resolveRange(route);
  if (range.live) return `Last ${formatDuration(range.end - range.start)}`;
  return `${formatTime(range.start, range)} – ${formatTime(range.end, range)}`;
}
