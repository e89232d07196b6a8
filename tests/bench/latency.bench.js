// The time from a sample's publication to its row being visible to another
// connection, at RATE samples a second over a fleet of 250 GPUs.
//
// The sample's own time is the moment it was handed to the client library; a
// reader asks the table for rows that it has not seen, all the time, and looks
// at the clock when they come. So the reader's own round trip counts, too.
import { test } from 'node:test';

import pg from 'pg';
import { headers } from 'nats';

import {
  connectNats,
  sleep,
  startBroker,
  startCollector,
  startPostgres,
  waitFor,
} from '../integration/support/index.js';
import { percentile, reporter, thousands } from './support/report.js';

const RATE = Number(process.env.RATE ?? 1000);
const SECONDS = Number(process.env.SECONDS ?? 20);
const FLEET = 250;
const WINDOW_US = 500_000; // how far behind the newest row others may come
const HOUR_US = 3_600_000_000;

const report = reporter('latency');
const nowUs = () =>
  Math.round((performance.timeOrigin + performance.now()) * 1000);

function isoOf(us) {
  const ms = new Date(Math.floor(us / 1000)).toISOString().slice(0, -1);
  return `${ms}${String(us % 1000).padStart(3, '0')}Z`;
}

function sampleAt(gpu, us) {
  return JSON.stringify({
    v: 1,
    ts: isoOf(us),
    cluster: 'bench',
    host: `host-${gpu >> 3}`,
    gpu: `${gpu & 7}`,
    uuid: `GPU-${gpu}`,
    device: `nvidia${gpu & 7}`,
    model: 'NVIDIA H100 80GB HBM3',
    metrics: { gpu_utilization: 85.5, temperature: 61, power_draw: 320.125 },
  });
}

// RATE a second for SECONDS, in steps of a millisecond or what the timer gives.
async function publish(nats) {
  const js = nats.jetstream();
  const encoder = new TextEncoder();
  const start = performance.now();
  const acks = [];
  for (let sent = 0; sent < RATE * SECONDS; ) {
    const due = Math.floor(((performance.now() - start) / 1000) * RATE);
    for (; sent < Math.min(due, RATE * SECONDS); sent++) {
      const gpu = sent % FLEET;
      const subject = `telemetry.bench.host-${gpu >> 3}.GPU-${gpu}`;
      const h = headers();
      h.set('Nexus-Schema', 'telemetry.v1');
      const body = encoder.encode(sampleAt(gpu, nowUs()));
      acks.push(js.publish(subject, body, { headers: h, msgID: `b-${sent}` }));
    }
    await sleep(1);
  }
  await Promise.all(acks);
}

// Latencies in µs, by the row's own time.
async function watch(client, total) {
  const seen = new Map();
  let newest = nowUs();
  const query = {
    name: 'fresh',
    text: `select (extract(epoch from ts) * 1000000)::bigint::text us, gpu_id
           from telemetry where gpu_id = any($1) and
           ts > to_timestamp($2::double precision / 1000000)`,
  };
  const { rows } = await client.query('select array_agg(id) ids from gpu');
  const deadline = Date.now() + (SECONDS + 60) * 1000;
  while (seen.size < total && Date.now() < deadline) {
    const values = [rows[0].ids, Math.max(0, newest - WINDOW_US)];
    const fresh = await client.query({ ...query, values });
    const at = nowUs();
    for (const { us, gpu_id } of fresh.rows) {
      const key = `${gpu_id}|${us}`;
      if (!seen.has(key)) seen.set(key, at - Number(us));
      newest = Math.max(newest, Number(us));
    }
  }
  return [...seen.values()];
}

test('latency', async () => {
  const postgres = await startPostgres({ durable: true });
  const broker = await startBroker();
  await startCollector({ broker, database: postgres });
  const nats = await connectNats(broker);
  // The fleet is registered first, at a time of its own.
  const encoder = new TextEncoder();
  for (let gpu = 0; gpu < FLEET; gpu++)
    await nats
      .jetstream()
      .publish(
        `telemetry.bench.host-${gpu >> 3}.GPU-${gpu}`,
        encoder.encode(sampleAt(gpu, nowUs() - HOUR_US))
      );
  await waitFor(async () => {
    const [{ n }] = await postgres.query('select count(*)::int n from gpu');
    return n === FLEET;
  }, 'the fleet to be registered');
  const client = new pg.Client({
    user: 'nexus',
    host: postgres.dir,
    database: 'nexus',
  });
  await client.connect();
  const watching = watch(client, RATE * SECONDS);
  await publish(nats);
  const latencies = (await watching).sort((a, b) => a - b);
  await client.end();
  const ms = (p) => (percentile(latencies, p) / 1000).toFixed(2);
  report(
    `publication to visible row, ${thousands(RATE)} samples/s for ` +
      `${SECONDS} s (${thousands(latencies.length)} samples)`
  );
  report(`  p50 ${ms(0.5)} ms  p99 ${ms(0.99)} ms  max ${ms(0.99999)} ms`);
});
