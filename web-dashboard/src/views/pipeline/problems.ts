// problems: what is wrong with the pipeline, in words, the worst first.

import { formatNumber } from '../../format.js';
import { formatDuration, formatSince, formatTime } from '../../time.js';
import { sumOf, type Now, type PipelineStatus } from './status.js';

export interface Problem {
  /** The same while it is the same problem, whatever its figures. */
  key: string;
  severity: 'critical' | 'warning' | 'notice';
  text: string;
}

const LAG_WARNING_S = 30;
const LAG_CRITICAL_S = 300;
const GROWTH_MS = 60_000;
/** What comes and goes within a batch is no queue. */
const GROWTH_MIN = 100;
const FULL_PART = 0.9;
const BEHIND_S = 10;
const BEHIND_MIN = 1000;

type Check = (now: Now, status: PipelineStatus) => Omit<Problem, 'key'> | null;

function count(value: number, one: string, many = `${one}s`): string {
  return `${formatNumber(value)} ${value === 1 ? one : many}`;
}

function waiting({ queueDepth, unacknowledged }: { queueDepth: number; unacknowledged: number }): number {
  return queueDepth + unacknowledged;
}

const CHECKS: Record<string, Check> = {
  broker: ({ broker }) =>
    broker.connected ? null : {
      severity: 'critical',
      text: `The gateway has no connection to the broker${Number.isNaN(broker.since) ? '' : `, ${formatSince(broker.since)}`}. `
        + 'What the stream holds and who is running is not known.',
    },
  database: ({ database }) =>
    database.connected ? null : {
      severity: 'critical',
      text: `The gateway has no connection to PostgreSQL: ${database.problem ?? 'no reason is known'}. History cannot be shown.`,
    },
  collectors: ({ collectors }) =>
    collectors !== 0 ? null : {
      severity: 'critical',
      text: 'No collector is running: samples wait in the broker and do not reach the database.',
    },
  lag: ({ lagSeconds, time }) =>
    !(lagSeconds > LAG_WARNING_S) ? null : {
      severity: lagSeconds > LAG_CRITICAL_S ? 'critical' : 'warning',
      text: `The collectors are ${formatDuration(lagSeconds * 1000)} behind: the oldest sample that is not in the database yet came at `
        + `${formatTime(time - lagSeconds * 1000)}.`,
    },
  queue: (now, status) => {
    const half = status.before(GROWTH_MS / 2);
    const whole = status.before(GROWTH_MS);
    const grows = half && whole && waiting(now) >= GROWTH_MIN && waiting(now) > waiting(half) && waiting(half) > waiting(whole);
    return !grows ? null : {
      severity: 'warning',
      text: `The queue grows: ${count(waiting(now), 'sample')} wait, ${formatNumber(waiting(whole))} a minute ago.`,
    };
  },
  full: ({ streamBytes, streamBytesMax }) =>
    !(streamBytes > streamBytesMax * FULL_PART) ? null : {
      severity: 'critical',
      text: `The stream is ${formatNumber((streamBytes / streamBytesMax) * 100, 0)} % full: at its limit it takes no more samples.`,
    },
  silent: ({ samplesPerSecond }) =>
    samplesPerSecond !== 0 ? null : {
      severity: 'warning',
      text: 'No samples come in: none in the last 10 s.',
    },
  behind: ({ samplesBehind, samplesPerSecond }) =>
    !(samplesBehind > Math.max(BEHIND_MIN, samplesPerSecond * BEHIND_S)) ? null : {
      severity: 'warning',
      text: `This gateway is ${count(samplesBehind, 'sample')} behind the stream: what is shown as live is older.`,
    },
  deadLetters: ({ deadLetters }, status) => {
    const earlier = status.history.find((point) => !Number.isNaN(point.deadLetters));
    const fresh = earlier ? deadLetters - earlier.deadLetters : 0;
    return !(deadLetters > 0) ? null : {
      severity: fresh > 0 ? 'warning' : 'notice',
      text: `${count(deadLetters, 'message')} could not be read or stored and ${deadLetters === 1 ? 'is' : 'are'} kept as dead letters`
        + `${fresh > 0 ? `, ${formatNumber(fresh)} of them new in the last 15 minutes` : ''}.`,
    };
  },
  redelivered: ({ redelivered }) =>
    !(redelivered > 0) ? null : {
      severity: 'notice',
      text: `${count(redelivered, 'sample')} had to be delivered again: a collector did not finish with ${redelivered === 1 ? 'it' : 'them'}.`,
    },
  badRows: ({ services }) => {
    const rows = sumOf(services, 'nexus-streamer', 'bad_rows');
    return !(rows > 0) ? null : {
      severity: 'notice',
      text: `${count(rows, 'row')} of the CSV files could not be read by the streamers.`,
    };
  },
};

const ORDER = ['critical', 'warning', 'notice'];

export function problemsOf(status: PipelineStatus): Problem[] {
  const { now } = status;
  if (!now) return [];
  return Object.entries(CHECKS)
    .map(([key, check]) => ({ key, found: check(now, status) }))
    .filter(({ found }) => found !== null)
    .map(({ key, found }) => ({ key, ...found! }))
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
