// The API beside Mercurius (JIT, loaders): the same queries on the same rows of
// the same PostgreSQL, one process each, wrk with 16 connections. Both answers
// are compared first. In turn, ROUNDS times SECONDS each; medians.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  createSchema,
  startBroker,
  startGateway,
  startPostgres,
  waitFor,
} from '../integration/support/index.js';
import { memoryMb, startPeer } from './support/peers.js';
import { median, reporter, thousands } from './support/report.js';
import { wrk } from './support/wrk.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS ?? 10);
const WARM_SECONDS = 3;
const ROWS = 2000; // a GPU
const STEP_S = 60;

const VALUES = `gpuUtilization memoryUtilization memoryUsedMb memoryFreeMb
  temperature powerDraw smClockMhz memoryClockMhz`.replace(/\s+/g, ' ');
const UUID = 'GPU-00000000-0000-0000-0000-000000000042';

const QUERIES = [
  {
    name: 'q1: 247 GPUs with host and name',
    query: '{ gpus { id uuid name device host { hostname } } }',
    bar: 30,
  },
  {
    name: 'q2: 100 samples of one GPU',
    query: `query($uuid: ID!) { gpu(uuid: $uuid) { id uuid name
      telemetry(limit: 100) { timestamp ${VALUES} } } }`,
    variables: { uuid: UUID },
    bar: 4.5,
  },
  {
    name: 'q3: clusters, hosts, 247 GPUs with latest values',
    query: `{ clusters { id name hosts { hostname gpus { id uuid name
      latest { timestamp ${VALUES} } } } } }`,
    bar: 40,
  },
];

const report = reporter('api');

// 31 hosts with 8 GPUs, one with 7; ROWS samples each up to now; a partition a
// day as a collector makes them.
async function fill(postgres) {
  await createSchema(postgres);
  await postgres.query('drop table telemetry_all');
  await postgres.query(`
    do $$
    declare d date;
    begin
      for d in select generate_series(
        date_trunc('day', now() - interval '${ROWS * STEP_S} seconds'), now(),
        interval '1 day')::date
      loop
        execute format('create table telemetry_%s partition of telemetry '
          'for values from (%L) to (%L)', to_char(d, 'YYYYMMDD'),
          d::timestamptz, (d + 1)::timestamptz);
      end loop;
    end $$`);
  await postgres.query("insert into cluster (name) values ('local')");
  await postgres.query(`insert into host (cluster_id, hostname)
    select 1, 'hgpu-' || to_char(n, 'FM000') from generate_series(0, 30) n`);
  await postgres.query(`insert into gpu (host_id, gpu_index, uuid, device,
      model, first_seen, last_seen)
    select n / 8 + 1, n % 8,
      'GPU-00000000-0000-0000-0000-' || to_char(n, 'FM000000000000'),
      'nvidia' || n % 8, 'NVIDIA H100 80GB HBM3', now(), now()
    from generate_series(0, 246) n`);
  await postgres.query(`insert into telemetry (gpu_id, ts, revision,
      gpu_utilization, memory_utilization, memory_used_mb, memory_free_mb,
      temperature, power_draw, sm_clock_mhz, memory_clock_mhz)
    select g, date_trunc('second', now()) - s * interval '${STEP_S} seconds', 1,
      (g * 7 + s * 3) % 101, (g + s) % 101, 40000 + (g * s) % 41559,
      41559 - (g * s) % 41559, 40 + (g + s) % 45,
      round((100 + random() * 600)::numeric, 3), 1200 + (g * s) % 780, 2619
    from generate_series(1, 247) g, generate_series(0, ${ROWS - 1}) s`);
  await postgres.query('vacuum analyze');
}

async function ask(url, { query, variables }) {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const text = await reply.text();
  const { data, errors } = JSON.parse(text);
  assert.equal(errors, undefined, text);
  return { data, bytes: text.length };
}

// Both in an order of their own: by UUID and by name, times as numbers, and
// ids that name a row or a thing left out.
function comparable(value) {
  if (Array.isArray(value)) {
    const items = value.map(comparable);
    const key = (v) => v?.uuid ?? v?.hostname ?? v?.timestamp ?? '';
    return items.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([k]) => k !== 'id');
  return Object.fromEntries(
    entries.map(([k, v]) => [
      k,
      k === 'timestamp' ? Date.parse(v) : comparable(v),
    ])
  );
}

const show = ({ rate, p50, p99 }) =>
  `${thousands(rate)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`;

const middle = (runs) => ({
  rate: median(runs.map(({ rate }) => rate)),
  p50: median(runs.map(({ p50 }) => p50)),
  p99: median(runs.map(({ p99 }) => p99)),
});

test('queries', async () => {
  const postgres = await startPostgres({
    settings: { shared_buffers: '512MB', max_wal_size: '4GB' },
  });
  await fill(postgres);
  const broker = await startBroker();
  const gateway = await startGateway({ broker, database: postgres });
  const peer = await startPeer('mercurius.js', postgres.dir);
  const ours = `http://127.0.0.1:${gateway.port}/graphql`;
  const theirs = `http://127.0.0.1:${peer.port}/graphql`;
  await waitFor(async () => {
    const { data } = await ask(ours, QUERIES[0]);
    return data.gpus.length === 247;
  }, 'the fleet to be loaded');
  for (const each of QUERIES) {
    const [mine, other] = [await ask(ours, each), await ask(theirs, each)];
    assert.deepEqual(comparable(mine.data), comparable(other.data));
    each.bytes = mine.bytes;
  }
  for (const { name, query, variables, bytes, bar } of QUERIES) {
    const runs = { ours: [], theirs: [] };
    for (const url of [ours, theirs])
      await wrk(url, query, variables, WARM_SECONDS);
    for (let i = 0; i < ROUNDS; i++) {
      runs.ours.push(await wrk(ours, query, variables, SECONDS));
      runs.theirs.push(await wrk(theirs, query, variables, SECONDS));
    }
    const [mine, other] = [middle(runs.ours), middle(runs.theirs)];
    report(`${name} (${thousands(bytes / 1000)} kB)`);
    report(`  ours       ${show(mine)}`);
    report(`  Mercurius  ${show(other)}`);
    report(
      `  ${(mine.rate / other.rate).toFixed(1)} times as many; at least ${bar}`
    );
  }
  const [mine, other] = [memoryMb(gateway.pid), memoryMb(peer.pid)];
  report(
    `resident memory after it: ours ${mine.resident.toFixed(1)} MB ` +
      `(peak ${mine.peak.toFixed(1)}), Mercurius ` +
      `${other.resident.toFixed(1)} MB (peak ${other.peak.toFixed(1)}); ` +
      'at most 30 MB'
  );
});
