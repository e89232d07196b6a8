// axis: the labels of a time axis, in local time, as short as their distance allows.

import { two } from '../time.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What labels may be apart, in ms. */
export const DISTANCES: number[] = [
  ...[1, 10, 100],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28, 91, 365].map((n) => n * DAY),
];

function dayOf(time: Date): string {
  return time.toLocaleDateString('en', { month: 'short', day: 'numeric' });
}

function clockOf(time: Date, step: number): string {
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (step >= MINUTE) return minutes;
  const seconds = `${minutes}:${two(time.getSeconds())}`;
  return step >= SECOND ? seconds : `${seconds}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** One for each time; the day where it is another than the label's before. */
export function timeLabels(times: readonly number[], step: number): string[] {
  return times.map((ms, i) => {
    const time = new Date(ms);
    if (step >= DAY) return dayOf(time);
    const before = times[i - 1];
    const sameDay = before === undefined || new Date(before).toDateString() === time.toDateString();
    return sameDay ? clockOf(time, step) : dayOf(time);
  });
}
