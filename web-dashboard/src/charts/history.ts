// history: what GPUs reported in a window of time, from the database and live.
//
// Samples are followed first and asked for next, so that none falls between the
// two. What is asked for again (another window, the connection back, samples
// left out for us) takes the place of what was there, and the samples that came
// meanwhile are put to it by their times.

import type { Api } from '../api/client.js';
import { retryWait } from '../api/retry.js';
import { now } from '../clock.js';
import { Emitter, type Off } from '../emitter.js';
import type { Metric } from '../fleet/fleet.js';
import { formatError } from '../format.js';
import { stepFor, type Range } from '../time.js';
import { noPoints, Series, type Points } from './series.js';
import { stepValueOf } from './traits.js';

/** What is to be shown. */
interface Window extends Range {
  /** Seconds; 0: every sample. */
  step: number;
  /** Live, but what came later is not to be shown yet. */
  heldSince: number | undefined;
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
  } | null;
}

interface About {
  gpus: {
    uuid: string;
    intervalSeconds: number | null;
    latest: { values: { metric: { name: string }; value: number; timestamp: string }[] } | null;
  }[];
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
/** With more, steps are asked for. */
const SAMPLES_IN_STEP = 2;
/** Samples are written this long after they came, at most; in ms. */
const WRITTEN_AFTER = 30_000;
/** What came live is kept this long for an answer that does not have it yet; in ms. */
const KEPT = 900_000;
const KEPT_MAX = 2_000;
/** Before the window, so that lines come in from its edge; in ms. */
const LEAD = 60_000;
/** After the connection came back, or samples were left out: by then the rest is written, too; in ms. */
const SECOND_LOOK = 12_000;
/** Where the database lags behind what is known live: by then it may have caught up; in ms. */
const LAG_LOOK = 15_000;
/** Several reasons to ask again at once are one; in ms. */
const ASK_AGAIN = 500;

const ABOUT = `query About($uuids: [ID!]!) {
  gpus(filter: { uuid: $uuids }) {
    uuid intervalSeconds latest { values { metric { name } value timestamp } }
  }
}`;

function samplesQuery(fields: string): string {
  return `query Samples($uuid: ID!, $start: DateTime!, $end: DateTime, $limit: Int!) {
    gpu(uuid: $uuid) {
      samples: telemetry(start: $start, end: $end, limit: $limit) { timestamp ${fields} }
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
    }
  }`;
}

/** One GPU: its series by the metrics' names. */
class Track {
  series = new Map<string, Series>();
  latest = new Map<string, Latest>();
  /** What came live, by time. */
  recent: Sample[] = [];
  /** ms between samples; 0: not known, undefined: not asked for yet. */
  interval: number | undefined;
  /** The generation of what was asked for last. */
  asked = 0;
  /** There was an answer. */
  loaded = false;
  /** It was looked at again for what was on its way to the database when it was opened. */
  lookedAgain = false;

  learn(metric: string, latest: Latest): void {
    const known = this.latest.get(metric);
    if (!known || known.time <= latest.time) this.latest.set(metric, latest);
  }
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
  #range: Range | undefined;
  #pixels = 0;
  #window: Window | undefined;
  /** Answers to what was asked for before are dropped. */
  #generation = 1;
  #heldSince: number | undefined;
  #following: Off = () => {};
  #offResumed: Off;
  #again: ReturnType<typeof setTimeout> | undefined;
  #secondLook: ReturnType<typeof setTimeout> | undefined;
  #followAgain: ReturnType<typeof setTimeout> | undefined;
  /** In a row. */
  #failures = 0;
  #refusals = 0;

  constructor(api: Api, metrics: () => Metric[]) {
    this.#api = api;
    this.#metrics = metrics;
    this.#offResumed = api.resumed.on(() => {
      this.reload();
      this.#lookAgainIn(SECOND_LOOK);
    });
  }

  /** Shows these, about a point for each pixel. */
  show(uuids: readonly string[], range: Range, pixels: number): void {
    this.#range = range;
    this.#pixels = pixels;
    this.#generation++;
    this.showGpus(uuids);
  }

  /** Adds or takes away GPUs; the range stays. */
  showGpus(uuids: readonly string[]): void {
    const had = this.#tracks;
    this.#tracks = new Map(uuids.map((uuid) => [uuid, had.get(uuid) ?? new Track()]));
    if (uuids.length !== had.size || uuids.some((uuid) => !had.has(uuid))) this.#follow(uuids);
    void this.#load();
    this.changed.emit();
  }

  /** Asks for all of it again; what is shown stays until the answer is there. */
  reload(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.#generation++;
      for (const track of this.#tracks.values()) track.interval = undefined;
      void this.#load();
    }, ASK_AGAIN);
  }

  #lookAgainIn(ms: number): void {
    clearTimeout(this.#secondLook);
    this.#secondLook = setTimeout(() => this.reload(), ms);
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
    return this.#tracks.get(uuid)?.loaded ?? false;
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

  /** What comes is kept and not shown, until it is let go again. */
  hold(held: boolean): void {
    if (held) {
      this.#heldSince ??= now();
      return;
    }
    if (this.#heldSince === undefined) return;
    if (now() - this.#heldSince > KEPT / 2) this.reload();
    this.#heldSince = undefined;
    for (const track of this.#tracks.values()) this.#addRecent(track);
    this.changed.emit();
  }

  close(): void {
    this.#following();
    this.#offResumed();
    clearTimeout(this.#again);
    clearTimeout(this.#secondLook);
    clearTimeout(this.#followAgain);
    this.#generation++;
    this.#tracks.clear();
  }

  #fields(): string {
    return this.#metrics()
      .map(({ field }) => field)
      .join(' ');
  }

  #follow(uuids: readonly string[]): void {
    clearTimeout(this.#followAgain);
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
          this.#refusals = 0;
          if (missed > 0) {
            this.reload();
            this.#lookAgainIn(SECOND_LOOK);
          }
          this.#came(update.gpuUuid, { time: Date.parse(update.timestamp), data: update.data });
        },
        error: ({ message }) => {
          this.error = message;
          this.changed.emit();
          this.#followAgain = setTimeout(() => {
            this.#follow(this.uuids);
            this.reload();
          }, retryWait(++this.#refusals));
        },
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
      track.learn(name, { value, time: sample.time });
    }
    if (this.#heldSince !== undefined) return;
    if (this.#window?.live && track.loaded) this.#addSample(track, sample);
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

  /** Those that are known already are not doubled. */
  #addRecent(track: Track): void {
    if (!this.#window?.live || !track.loaded || this.#heldSince !== undefined) return;
    for (const sample of track.recent) this.#addSample(track, sample);
  }

  async #load(): Promise<void> {
    const generation = this.#generation;
    await this.#work(async () => {
      await this.#learn();
      if (generation !== this.#generation || !this.#range) return;
      const window = { ...this.#range, step: this.#stepFor(this.#range), heldSince: this.#heldSince };
      if (window.step !== this.#window?.step) this.#generation++;
      this.#window = window;
      const stale = [...this.#tracks].filter(([, { asked }]) => asked !== this.#generation);
      await Promise.all(stale.map(([uuid, track]) => this.#fetch(uuid, track, window)));
    });
  }

  /** What goes wrong is told until it goes well, and tried again, after longer and longer. */
  async #work(work: () => Promise<void>): Promise<void> {
    this.loading++;
    this.changed.emit();
    try {
      await work();
      this.error = '';
      this.#failures = 0;
    } catch (error) {
      this.error = formatError(error);
      if (this.#tracks.size > 0) this.#lookAgainIn(retryWait(++this.#failures));
    }
    this.loading--;
    this.changed.emit();
  }

  /** Of those just added: how often they report, and what they said last. */
  async #learn(): Promise<void> {
    const unknown = [...this.#tracks].filter(([, { interval }]) => interval === undefined);
    if (unknown.length === 0) return;
    const { gpus } = await this.#api.query<About>(ABOUT, { uuids: unknown.map(([uuid]) => uuid) });
    const known = new Map(gpus.map((gpu) => [gpu.uuid, gpu]));
    for (const [uuid, track] of unknown) {
      const about = known.get(uuid);
      track.interval = (about?.intervalSeconds ?? 0) * 1000;
      for (const { metric, value, timestamp } of about?.latest?.values ?? []) {
        track.learn(metric.name, { value, time: Date.parse(timestamp) });
      }
    }
  }

  /** Where a step would hold a sample or two, these say more. */
  #stepFor(range: Range): number {
    const step = stepFor(range, this.#pixels);
    const intervals = [...this.#tracks.values()].map(({ interval }) => interval ?? 0);
    return step * 1000 <= SAMPLES_IN_STEP * Math.min(...intervals) ? 0 : step;
  }

  async #fetch(uuid: string, track: Track, window: Window): Promise<void> {
    const generation = this.#generation;
    track.asked = generation;
    const openFrom = openFromOf(window);
    const answer = await this.#ask(uuid, window, openFrom).catch((error: unknown) => {
      if (track.asked === generation) track.asked = 0;
      throw error;
    });
    if (generation !== this.#generation || this.#tracks.get(uuid) !== track) return;
    track.loaded = true;
    this.#take(track, window, openFrom, answer);
    if (this.#lags(track, window, answer)) {
      track.lookedAgain = true;
      this.#lookAgainIn(LAG_LOOK);
    }
    this.changed.emit();
  }

  /** Something in the window that is known live is not written yet, though it should be. */
  #lags({ latest, lookedAgain }: Track, { start, step, live, heldSince }: Window, { gpu }: Answer): boolean {
    if (!live || heldSince !== undefined) return false;
    const known = Math.max(...[...latest.values()].map(({ time }) => time));
    const timeOf = (rows: Row[] = []) => Date.parse(rows.at(-1)?.timestamp ?? '') || -Infinity;
    const written = Math.max(timeOf(gpu?.samples), timeOf(gpu?.mean) + step * 1000);
    return known > start && written < known - (lookedAgain ? WRITTEN_AFTER : 0);
  }

  #ask(uuid: string, window: Window, openFrom: number): Promise<Answer> {
    const { start, end, step } = window;
    const iso = (ms: number) => new Date(ms).toISOString();
    const fields = this.#fields();
    const last = untilOf(window);
    const until = last === undefined ? undefined : iso(last);
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
    this.#addRecent(track);
  }
}

/** ms; undefined: up to the newest. The last step of a fixed range is whole. */
function untilOf({ end, live, step, heldSince }: Window): number | undefined {
  if (live) return heldSince;
  return step > 0 ? Math.ceil(end / step / 1000) * step * 1000 - 1 : end;
}

/** Steps from here on are made of samples: not all of them may be written yet. */
function openFromOf(window: Window): number {
  if (window.step === 0) return -Infinity;
  const length = window.step * 1000;
  const last = window.live ? window.heldSince : window.end - 1;
  const written = Math.min(last ?? Infinity, now() - WRITTEN_AFTER);
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
