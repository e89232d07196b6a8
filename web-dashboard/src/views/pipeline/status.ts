// status: what the API tells of the pipeline, now and over the last quarter of an
// hour, kept up to date. What is not known is NaN.

import type { Api } from '../../api/client.js';
import { Emitter, type Off } from '../../emitter.js';
import { formatError } from '../../format.js';

const FIGURES = [
  'samplesTotal', 'samplesPerSecond', 'streamMessages', 'streamBytes', 'streamBytesMax',
  'queueDepth', 'unacknowledged', 'redelivered', 'lagSeconds', 'collectors', 'rowsTotal',
  'rowsPerSecond', 'deadLetters', 'samplesBehind', 'webSocketClients', 'subscriptions',
  'updatesTotal', 'updatesPerSecond', 'updatesMissed', 'operationsTotal', 'operationsPerSecond',
] as const;

export type FigureName = (typeof FIGURES)[number];
export type Figures = Record<FigureName, number>;

export interface Point extends Figures {
  /** ms since 1970. */
  time: number;
}

export interface Service {
  name: string;
  id: string;
  host: string;
  pid: number | null;
  version: string;
  /** ms since 1970. */
  startedAt: number;
  lastSeen: number;
  figures: Map<string, number>;
}

export interface Now extends Point {
  broker: { connected: boolean; since: number; address: string | null };
  database: { connected: boolean; problem: string | null };
  /** Null: not known. */
  services: Service[] | null;
}

type Answer<T> = { [K in keyof T]: T[K] extends number ? number | null : T[K] };
type PointAnswer = Answer<Figures> & { timestamp: string };

interface StatusAnswer extends PointAnswer {
  broker: { connected: boolean; since: string | null; address: string | null };
  database: Now['database'];
  services: (Omit<Service, 'startedAt' | 'lastSeen' | 'figures'> & {
    startedAt: string;
    lastSeen: string;
    figures: { name: string; value: number | null }[];
  })[] | null;
  history: PointAnswer[];
}

const INTERVAL_MS = 2000;
/** What is shown of the past. */
export const HISTORY_MS = 15 * 60 * 1000;

const FRAGMENT = `fragment figures on PipelineFigures { timestamp ${FIGURES.join(' ')} }`;

const FOLLOW = `subscription ($intervalMs: Int!) {
  pipelineStatus(intervalMs: $intervalMs) {
    broker { connected since address }
    database { connected problem }
    services { name id host pid version startedAt lastSeen figures { name value } }
    history(limit: 2) { ...figures }
    ...figures
  }
} ${FRAGMENT}`;

const HISTORY = `{ pipeline { history { ...figures } } } ${FRAGMENT}`;

function timeOf(text: string | null): number {
  return text === null ? NaN : Date.parse(text);
}

function pointOf(answer: PointAnswer): Point {
  const point = { time: timeOf(answer.timestamp) } as Point;
  for (const name of FIGURES) point[name] = answer[name] ?? NaN;
  return point;
}

function nowOf(answer: StatusAnswer): Now {
  const { broker, database, services } = answer;
  return {
    ...pointOf(answer),
    broker: { ...broker, since: timeOf(broker.since) },
    database,
    services:
      services?.map((service) => ({
        ...service,
        startedAt: timeOf(service.startedAt),
        lastSeen: timeOf(service.lastSeen),
        figures: new Map(service.figures.map(({ name, value }) => [name, value ?? NaN])),
      })) ?? null,
  };
}

export class PipelineStatus {
  /** Undefined until the API has told. */
  now: Now | undefined;
  /** Oldest first, each time once. */
  history: Point[] = [];
  /** What the API said where it refused. */
  error = '';
  readonly changed = new Emitter();
  readonly #api: Api;
  readonly #offs: Off[];

  constructor(api: Api) {
    this.#api = api;
    this.#offs = [
      api.subscribe<{ pipelineStatus: StatusAnswer }>(
        FOLLOW,
        { intervalMs: INTERVAL_MS },
        {
          next: ({ pipelineStatus }) => this.#take(pipelineStatus),
          error: (error) => this.#refused(error),
        },
      ),
      api.resumed.on(() => void this.#load()),
    ];
    void this.#load();
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  /** The newest point that is so old or older; undefined where there is none. */
  before(ms: number): Point | undefined {
    const time = (this.now?.time ?? NaN) - ms;
    return this.history.filter((point) => point.time <= time).at(-1);
  }

  async #load(): Promise<void> {
    try {
      const { pipeline } = await this.#api.query<{ pipeline: { history: PointAnswer[] } }>(HISTORY);
      this.#add(pipeline.history);
      this.changed.emit();
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    this.error = formatError(error);
    this.changed.emit();
  }

  #take(answer: StatusAnswer): void {
    this.error = '';
    this.now = nowOf(answer);
    this.#add(answer.history);
    this.changed.emit();
  }

  /** What is there already is the same: a gap is filled without doubles. */
  #add(answers: PointAnswer[]): void {
    const points = new Map(this.history.map((point) => [point.time, point]));
    for (const answer of answers) {
      const point = pointOf(answer);
      points.set(point.time, point);
    }
    const newest = Math.max(...points.keys());
    this.history = [...points.values()]
      .filter(({ time }) => time > newest - HISTORY_MS - 5000)
      .sort((a, b) => a.time - b.time);
  }
}

/** Summed over services of that program; NaN where none tells it. */
export function sumOf(services: readonly Service[] | null, program: string, figure: string): number {
  const values = (services ?? [])
    .filter(({ name }) => name === program)
    .map(({ figures }) => figures.get(figure) ?? NaN)
    .filter((value) => !Number.isNaN(value));
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0);
}
