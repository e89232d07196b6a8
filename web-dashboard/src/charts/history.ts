// history: what GPUs reported in a window of time, from the database and live.
//
// Samples are followed first and asked for next, so that none falls between the
// two. What is asked for again (another window, the connection back, samples
// left out for us) takes the place of what was there, and the samples that came
// meanwhile are put to it by their times.

import type { Api } from '../api/client.js';
import { Emitter, type Off } from '../emitter.js';
import type { Metric } from '../fleet/fleet.js';
import { noPoints, Series, type Points } from './series.js';
import { stepValueOf } from './traits.js';

/** What is to be shown. */
export interface Window {
  /** ms since 1970. */
  start: number;
  end: number;
  /** The window moves on with the time. */
  live: boolean;
  /** Seconds; 0: every sample. */
  step: number;
}

export interface Latest {
  value: number;
  /** ms since 1970. */
  time: number;
}

type Row = { timestamp: string } & Record<string, number | null>;

interface Answer {
  gpu: {
    samples: Row[];
    mean?: Row[];
    least?: Row[];
    greatest?: Row[];
    latest: { values: { metric: { name: string }; value: number; timestamp: string }[] } | null;
  } | null;
}

interface Update {
  telemetryUpdates: { timestamp: string; gpuUuid: string; data: Record<string, number | null> };
}

interface Sample {
  time: number;
  data: Record<string, number | null>;
}

/** What one answer may have of each. */
const LIMIT = 10_000;
/** Samples are written this long after they came, at most; in ms. */
const WRITTEN_AFTER = 30_000;
/** What came live is kept this long for an answer that does not have it yet; in ms. */
const KEPT = 900_000;
const KEPT_MAX = 2_000;
/** Before the window, so that lines come in from its edge; in ms. */
const LEAD = 60_000;
/** After the connection came back: by then the rest is written, too; in ms. */
const SECOND_LOOK = 12_000;
/** Several reasons to ask again at once are one; in ms. */
const ASK_AGAIN = 500;

const LATEST = 'latest { values { metric { name } value timestamp } }';

function samplesQuery(fields: string): string {
  return `query Samples($uuid: ID!, $start: DateTime!, $end: DateTime, $limit: Int!) {
    gpu(uuid: $uuid) {
      samples: telemetry(start: $start, end: $end, limit: $limit) { timestamp ${fields} }
      ${LATEST}
    }
  }`;
}

function stepsQuery(fields: string): string {
  const steps = (name: string, aggregate: string) =>
    `${name}: telemetry(start: $start, end: $end, limit: $limit, step: $step, aggregate: ${aggregate}) {
      timestamp ${fields}
    }`;
  return `query Steps($uuid: ID!, $start: DateTime!, $end: DateTime, $openFrom: DateTime!,
                      $step: Duration!, $limit: Int!) {
    gpu(uuid: $uuid) {
      ${steps('mean', 'AVG')} ${steps('least', 'MIN')} ${steps('greatest', 'MAX')}
      samples: telemetry(start: $openFrom, end: $end, limit: ${LIMIT}) { timestamp ${fields} }
      ${LATEST}
    }
  }`;
}

/** One GPU: its series by the metrics' names. */
class Track {
  series = new Map<string, Series>();
  latest = new Map<string, Latest>();
  /** What came live, by time. */
  recent: Sample[] = [];
  /** Of the request whose answer is in it. */
  generation = 0;
}

export class History {
  /** There are other points, or the state is another. */
  readonly changed = new Emitter();
  /** Requests under way. */
  loading = 0;
  /** Why the last one failed; empty: it did not. */
  error = '';

  readonly #api: Api;
  readonly #metrics: () => Metric[];
  #tracks = new Map<string, Track>();
  #window: Window | undefined;
  #generation = 1;
  #following: Off = () => {};
  #offResumed: Off;
  #again: ReturnType<typeof setTimeout> | undefined;
  #secondLook: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api, metrics: () => Metric[]) {
    this.#api = api;
    this.#metrics = metrics;
    this.#offResumed = api.resumed.on(() => {
      this.reload();
      clearTimeout(this.#secondLook);
      this.#secondLook = setTimeout(() => this.reload(), SECOND_LOOK);
    });
  }

  /** Shows these, fetching what is not there. */
  show(uuids: readonly string[], window: Window): void {
    this.#window = window;
    this.#generation++;
    this.showGpus(uuids);
  }

  /** Adds or takes away GPUs; the window stays. */
  showGpus(uuids: readonly string[]): void {
    const had = this.#tracks;
    this.#tracks = new Map(uuids.map((uuid) => [uuid, had.get(uuid) ?? new Track()]));
    if (uuids.length !== had.size || uuids.some((uuid) => !had.has(uuid))) this.#follow(uuids);
    this.#load();
    this.changed.emit();
  }

  /** Asks for all of it again; what is shown stays until the answer is there. */
  reload(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#generation++;
      this.#load();
    }, ASK_AGAIN);
  }

  get uuids(): string[] {
    return [...this.#tracks.keys()];
  }

  points(uuid: string, metric: string): Points {
    return this.#tracks.get(uuid)?.series.get(metric)?.points ?? noPoints();
  }

  /** The last value ever reported, with its own time. */
  latest(uuid: string, metric: string): Latest | undefined {
    return this.#tracks.get(uuid)?.latest.get(metric);
  }

  /** An answer was there: what is not known was not reported. */
  loaded(uuid: string): boolean {
    return (this.#tracks.get(uuid)?.generation ?? 0) > 0;
  }

  /** ms; 0: points are samples. */
  get step(): number {
    return (this.#window?.step ?? 0) * 1000;
  }

  /** Lets go of what has left a window that moves. */
  dropBefore(time: number): void {
    for (const { series } of this.#tracks.values()) {
      for (const one of series.values()) one.dropBefore(time);
    }
  }

  close(): void {
    this.#following();
    this.#offResumed();
    clearTimeout(this.#again);
    clearTimeout(this.#secondLook);
    this.#generation++;
    this.#tracks.clear();
  }

  #fields(): string {
    return this.#metrics()
      .map(({ field }) => field)
      .join(' ');
  }

  #follow(uuids: readonly string[]): void {
    this.#following();
    this.#following = () => {};
    if (uuids.length === 0) return;
    this.#following = this.#api.subscribe<Update>(
      `subscription Samples($uuids: [ID!]!) {
        telemetryUpdates(gpuUuids: $uuids) { timestamp gpuUuid data { ${this.#fields()} } }
      }`,
      { uuids },
      {
        next: ({ telemetryUpdates: update }, missed) => {
          if (missed > 0) this.reload();
          this.#came(update.gpuUuid, { time: Date.parse(update.timestamp), data: update.data });
        },
        error: (error) => this.#failed(error),
      },
    );
  }

  #came(uuid: string, sample: Sample): void {
    const track = this.#tracks.get(uuid);
    if (!track) return;
    track.recent.push(sample);
    const old = track.recent.findIndex(({ time }) => time > sample.time - KEPT);
    track.recent.splice(0, Math.max(old, track.recent.length - KEPT_MAX));
    for (const { name, field } of this.#metrics()) {
      const value = sample.data[field];
      if (typeof value !== 'number') continue;
      const latest = track.latest.get(name);
      if (!latest || latest.time <= sample.time) track.latest.set(name, { value, time: sample.time });
    }
    if (this.#window?.live && track.generation > 0) this.#addSample(track, sample);
    this.changed.emit();
  }

  #addSample(track: Track, { time, data }: Sample): void {
    for (const metric of this.#metrics()) {
      const value = data[metric.field];
      if (typeof value !== 'number') continue;
      let series = track.series.get(metric.name);
      if (!series) {
        series = new Series(this.step, noPoints(), -Infinity, stepValueOf(metric));
        track.series.set(metric.name, series);
      }
      series.add(time, value);
    }
  }

  #load(): void {
    if (!this.#window) return;
    for (const [uuid, track] of this.#tracks) {
      if (track.generation !== this.#generation) void this.#fetch(uuid, track, this.#window);
    }
  }

  async #fetch(uuid: string, track: Track, window: Window): Promise<void> {
    const generation = this.#generation;
    const current = () => generation === this.#generation && this.#tracks.get(uuid) === track;
    this.loading++;
    this.changed.emit();
    try {
      const openFrom = openFromOf(window);
      const answer = await this.#ask(uuid, window, openFrom);
      if (!current()) return;
      this.error = '';
      this.#take(track, window, openFrom, answer);
      track.generation = generation;
    } catch (error) {
      if (current()) this.#failed(error);
    } finally {
      this.loading--;
      this.changed.emit();
    }
  }

  #ask(uuid: string, { start, end, live, step }: Window, openFrom: number): Promise<Answer> {
    const iso = (ms: number) => new Date(ms).toISOString();
    const fields = this.#fields();
    const until = live ? undefined : iso(step > 0 ? Math.ceil(end / step / 1000) * step * 1000 - 1 : end);
    if (step === 0) {
      const variables = { uuid, start: iso(start - LEAD), end: until, limit: LIMIT };
      return this.#api.query<Answer>(samplesQuery(fields), variables);
    }
    const first = Math.floor(start / step / 1000 - 1) * step * 1000;
    const limit = Math.min(LIMIT, Math.ceil((end - first) / step / 1000) + 2);
    const variables = { uuid, start: iso(first), end: until, openFrom: iso(openFrom), step: `${step}s`, limit };
    return this.#api.query<Answer>(stepsQuery(fields), variables);
  }

  #take(track: Track, window: Window, openFrom: number, { gpu }: Answer): void {
    track.series = new Map();
    if (!gpu) return;
    for (const metric of this.#metrics()) {
      const closed = stepsOf(metric, gpu);
      track.series.set(metric.name, new Series(window.step * 1000, closed, openFrom, stepValueOf(metric)));
    }
    for (const row of gpu.samples) {
      this.#addSample(track, { time: Date.parse(row.timestamp), data: row });
    }
    if (window.live) for (const sample of track.recent) this.#addSample(track, sample);
    for (const { metric, value, timestamp } of gpu.latest?.values ?? []) {
      const time = Date.parse(timestamp);
      const known = track.latest.get(metric.name);
      if (!known || known.time < time) track.latest.set(metric.name, { value, time });
    }
  }

  #failed(error: unknown): void {
    this.error = error instanceof Error ? error.message : String(error);
    this.changed.emit();
  }
}

/** Steps from here on are made of samples: not all of them may be written yet. */
function openFromOf({ end, live, step }: Window): number {
  if (step === 0) return -Infinity;
  const length = step * 1000;
  const written = Math.min(live ? Infinity : end, Date.now() - WRITTEN_AFTER);
  return Math.floor(written / length) * length;
}

function stepsOf(metric: Metric, { mean, least, greatest }: NonNullable<Answer['gpu']>): Points {
  const points = noPoints();
  const isMean = stepValueOf(metric) === 'mean';
  // By time: a step may have come between the three.
  const valuesOf = (rows: Row[] = []) =>
    new Map(rows.map((row) => [row.timestamp, row[metric.field] as number | null]));
  const [lows, highs] = [valuesOf(least), valuesOf(greatest)];
  for (const [timestamp, value] of valuesOf(mean)) {
    const low = lows.get(timestamp) ?? value;
    const high = highs.get(timestamp) ?? value;
    if (value === null || low === null || high === null) continue;
    points.times.push(Date.parse(timestamp));
    points.values.push(isMean ? value : high);
    points.lows.push(low);
    points.highs.push(high);
  }
  return points;
}
