// idle: for how long GPUs have done nothing, from what they reported in a day.

import type { Api } from '../api/client.js';
import { now as clockNow } from '../clock.js';
import type { Gpu } from './fleet.js';
import { IDLE_PERCENT } from './totals.js';

const WINDOW_MS = 24 * 3600_000;
const STEP_MS = 10 * 60_000;
/** GPUs a query; the API limits how much one may ask for. */
const BATCH = 50;
/** The window does not begin where a step does. */
const STEPS_MAX = WINDOW_MS / STEP_MS + 1;

const HISTORY = `query ($uuids: [ID!]!, $start: DateTime!) {
  gpus(filter: { uuid: $uuids }, limit: ${BATCH}) {
    uuid
    telemetry(start: $start, step: "${STEP_MS / 1000}s", aggregate: MAX, limit: ${STEPS_MAX}) {
      timestamp gpuUtilization
    }
  }
}`;

interface History {
  gpus: { uuid: string; telemetry: { timestamp: string; gpuUtilization: number | null }[] }[];
}

export interface Idle {
  gpu: Gpu;
  /** It has been idle since then, to ten minutes; ms since 1970. */
  since: number;
  /** Maybe for longer: there is nothing from before, or it is more than a day. */
  orLonger: boolean;
  /** GPU-hours of the last day in which it was idle. */
  hours: number;
}

/** A step is idle when even its greatest value is. Undefined: it is not idle now. */
function idleOf(gpu: Gpu, history: History['gpus'][number], now: number): Idle | undefined {
  const steps = history.telemetry
    .filter((step) => step.gpuUtilization !== null)
    .map((step) => ({
      start: Date.parse(step.timestamp),
      idle: step.gpuUtilization! < IDLE_PERCENT,
    }));
  const lastBusy = steps.map((step) => step.idle).lastIndexOf(false);
  const first = steps[lastBusy + 1];
  if (first === undefined) return undefined;
  const windowStart = now - WINDOW_MS;
  let ms = 0;
  for (const { start, idle } of steps) {
    if (idle) ms += Math.max(0, Math.min(start + STEP_MS, now) - Math.max(start, windowStart));
  }
  return {
    gpu,
    since: Math.max(first.start, windowStart),
    orLonger: lastBusy < 0,
    hours: ms / 3600_000,
  };
}

/**
 * Those of the GPUs that are idle, the longest first. It reads much of the
 * database: not to be called every second.
 */
export async function idleSince(
  api: Api,
  gpus: Iterable<Gpu>,
  signal?: AbortSignal,
): Promise<Idle[]> {
  const byUuid = new Map<string, Gpu>();
  for (const gpu of gpus) if (gpu.uuid !== null) byUuid.set(gpu.uuid, gpu);
  const uuids = [...byUuid.keys()];
  const now = clockNow();
  const start = new Date(now - WINDOW_MS).toISOString();
  const found: Idle[] = [];
  for (let i = 0; i < uuids.length; i += BATCH) {
    const some = { uuids: uuids.slice(i, i + BATCH), start };
    const answer = await api.query<History>(HISTORY, some, signal);
    for (const history of answer.gpus) {
      const idle = idleOf(byUuid.get(history.uuid)!, history, now);
      if (idle) found.push(idle);
    }
  }
  return found.sort((a, b) => a.since - b.since || b.hours - a.hours);
}
