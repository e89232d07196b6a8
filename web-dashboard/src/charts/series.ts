// series: what a GPU reported of one metric, as points in order of time, each time once.
//
// A point is a sample, or a step of time with the mean, the least and the greatest
// of what came in it. The server makes the steps of the past; samples from
// `openFrom` on are kept one by one and put into steps here by the same rule, so
// that what comes live and what is fetched again merge by time: nothing doubled.

/** Columns of equal length, by time. */
export interface Points {
  /** ms since 1970; of a step, its beginning. */
  times: number[];
  values: number[];
  /** Of a sample, its value. */
  lows: number[];
  highs: number[];
}

/** What stands for a step: of codes and counters a mean says nothing. */
export type StepValue = 'mean' | 'greatest';

/** Steps that are kept open for samples that come late. */
const OPEN_STEPS = 2;
/** Closing is work: not at every sample. */
const OPEN_STEPS_MAX = 8;
/** So many usual intervals without a point are a gap. */
const GAP_INTERVALS = 3;
/** Where too few points tell what is usual, ms. */
const INTERVAL_UNKNOWN = 60_000;

export function noPoints(): Points {
  return { times: [], values: [], lows: [], highs: [] };
}

/** The first index whose time is not before. */
export function firstAt(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function push(points: Points, time: number, value: number, low: number, high: number): void {
  points.times.push(time);
  points.values.push(value);
  points.lows.push(low);
  points.highs.push(high);
}

function slice({ times, values, lows, highs }: Points, from: number, to: number): Points {
  return {
    times: times.slice(from, to),
    values: values.slice(from, to),
    lows: lows.slice(from, to),
    highs: highs.slice(from, to),
  };
}

/** The points from start to end, both in. */
export function between(points: Points, start: number, end: number): Points {
  return slice(points, firstAt(points.times, start), firstAt(points.times, end + 1));
}

export class Series {
  /** ms; 0: every point is a sample. */
  readonly step: number;
  readonly #stepValue: StepValue;
  #closed: Points;
  #openFrom: number;
  #times: number[] = [];
  #values: number[] = [];
  #points: Points | undefined;

  /** closed: the server's steps, those from openFrom on are left to samples. */
  constructor(step = 0, closed = noPoints(), openFrom = -Infinity, stepValue: StepValue = 'mean') {
    this.step = step;
    this.#stepValue = stepValue;
    this.#openFrom = step > 0 ? openFrom : -Infinity;
    this.#closed = step > 0 ? slice(closed, 0, firstAt(closed.times, openFrom)) : noPoints();
  }

  /** Takes a sample in; false: it is known, or of a step that is closed. */
  add(time: number, value: number): boolean {
    if (time < this.#openFrom) return false;
    const at = firstAt(this.#times, time);
    if (this.#times[at] === time && this.#values[at] === value) return false;
    const known = this.#times[at] === time ? 1 : 0;
    this.#times.splice(at, known, time);
    this.#values.splice(at, known, value);
    this.#points = undefined;
    const newest = this.#times.at(-1)!;
    if (this.step > 0 && newest - this.#openFrom > OPEN_STEPS_MAX * this.step) {
      this.#close(this.#stepOf(newest) - OPEN_STEPS * this.step);
    }
    return true;
  }

  /** All points there are. Not to be changed. */
  get points(): Points {
    this.#points ??= this.step > 0 ? this.#withOpenSteps() : this.#samples();
    return this.#points;
  }

  /** Lets go of what was before. */
  dropBefore(time: number): void {
    const closed = firstAt(this.#closed.times, time);
    const open = firstAt(this.#times, time);
    if (closed + open === 0) return;
    this.#closed = slice(this.#closed, closed, this.#closed.times.length);
    this.#times.splice(0, open);
    this.#values.splice(0, open);
    this.#points = undefined;
  }

  #stepOf(time: number): number {
    return Math.floor(time / this.step) * this.step;
  }

  #samples(): Points {
    return { times: this.#times, values: this.#values, lows: this.#values, highs: this.#values };
  }

  #withOpenSteps(): Points {
    const points = slice(this.#closed, 0, this.#closed.times.length);
    this.#pushSteps(points, this.#times.length);
    return points;
  }

  /** The first `count` samples as steps. */
  #pushSteps(points: Points, count: number): void {
    for (let i = 0; i < count; ) {
      const begin = this.#stepOf(this.#times[i]!);
      let [sum, low, high, n] = [0, Infinity, -Infinity, 0];
      for (; i < count && this.#times[i]! < begin + this.step; i++, n++) {
        const value = this.#values[i]!;
        sum += value;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      push(points, begin, this.#stepValue === 'mean' ? sum / n : high, low, high);
    }
  }

  /** What was before becomes steps for good. */
  #close(before: number): void {
    const count = firstAt(this.#times, before);
    this.#pushSteps(this.#closed, count);
    this.#times.splice(0, count);
    this.#values.splice(0, count);
    this.#openFrom = before;
  }
}

/** A longer time without a point is a gap: ms. */
export function gapOf(times: readonly number[], step: number): number {
  const intervals: number[] = [];
  for (let i = 1; i < times.length; i++) intervals.push(times[i]! - times[i - 1]!);
  if (intervals.length < 2) return GAP_INTERVALS * Math.max(step, INTERVAL_UNKNOWN);
  intervals.sort((a, b) => a - b);
  return GAP_INTERVALS * Math.max(step, intervals[intervals.length >> 1]!);
}

/** The point nearest to a time, as its index; -1: none is within `reach`. */
export function nearest(times: readonly number[], time: number, reach: number): number {
  const after = firstAt(times, time);
  const at =
    after > 0 && (after === times.length || time - times[after - 1]! <= times[after]! - time)
      ? after - 1
      : after;
  return at < times.length && Math.abs(times[at]! - time) <= reach ? at : -1;
}

/** Where all of them lie: the least and the greatest over those heard of within their gap. */
export function envelope(list: readonly Points[], gaps: readonly number[]): Points {
  const times = [...new Set(list.flatMap((points) => points.times))].sort((a, b) => a - b);
  const at = list.map(() => -1);
  const all = noPoints();
  for (const time of times) {
    let [low, high] = [Infinity, -Infinity];
    list.forEach((points, i) => {
      while (points.times[at[i]! + 1]! <= time) at[i]!++;
      const mine = at[i]!;
      if (mine < 0 || time - points.times[mine]! > gaps[i]!) return;
      low = Math.min(low, points.lows[mine]!);
      high = Math.max(high, points.highs[mine]!);
    });
    push(all, time, (low + high) / 2, low, high);
  }
  return all;
}

/** Times with columns, a null put into each gap: there a line breaks. */
export function broken(
  times: readonly number[],
  gap: number,
  ...columns: (readonly number[])[]
): [number[], ...(number | null)[][]] {
  const outTimes: number[] = [];
  const out: (number | null)[][] = columns.map(() => []);
  times.forEach((time, i) => {
    const before = times[i - 1];
    if (before !== undefined && time - before > gap) {
      outTimes.push((before + time) / 2);
      for (const column of out) column.push(null);
    }
    outTimes.push(time);
    out.forEach((column, c) => column.push(columns[c]![i]!));
  });
  return [outTimes, ...out];
}

export interface Statistics {
  /** NaN, all of them, where there is no point. */
  min: number;
  mean: number;
  max: number;
  /** How much a counter has grown; a counter that starts anew starts at 0. */
  increase: number;
}

export function statisticsOf({ values, lows, highs }: Points): Statistics {
  if (values.length === 0) return { min: NaN, mean: NaN, max: NaN, increase: NaN };
  let [min, max, sum, increase] = [Infinity, -Infinity, 0, 0];
  values.forEach((value, i) => {
    min = Math.min(min, lows[i]!);
    max = Math.max(max, highs[i]!);
    sum += value;
    const before = values[i - 1];
    if (before !== undefined) increase += value >= before ? value - before : value;
  });
  return { min, mean: sum / values.length, max, increase };
}
