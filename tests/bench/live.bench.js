// Subscriptions: CLIENTS subscribers of the whole fleet, RATE updates a second
// for SECONDS; the same beside graphql-ws on Node, at the rate it can follow;
// idle subscribers' memory; and what subscribers leave that die.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  BUILD,
  connectNats,
  createSchema,
  getJson,
  startBroker,
  startGateway,
  startPostgres,
  waitFor,
} from '../integration/support/index.js';
import { following, makeStream } from '../integration/support/live.js';
import { cpuSeconds, memoryMb, startPeer } from './support/peers.js';
import { reporter, thousands } from './support/report.js';

const CLIENTS = Number(process.env.CLIENTS ?? 1000);
const RATE = Number(process.env.RATE ?? 400);
const PEER_RATE = Number(process.env.PEER_RATE ?? 20);
const SECONDS = Number(process.env.SECONDS ?? 20);
const IDLE = Number(process.env.IDLE ?? 10000);
const CYCLES = Number(process.env.CYCLES ?? 1000);
const GPUS = 248;

const DOCUMENT = `subscription { telemetryUpdates(clusterId: \\"bench\\") {
  eventType timestamp hostId gpuId data {
  gpuUtilization temperature powerDraw energyMj } } }`.replace(/\s+/g, ' ');

// The same metrics by /ws.
const WISH = JSON.stringify({
  type: 'subscribe',
  topic: 'telemetry',
  filters: {
    cluster: 'bench',
    metrics: ['gpu_utilization', 'temperature', 'power_draw', 'energy_mj'],
  },
});

const report = reporter('live');

// { line(): the next line it prints, child }
function startLoad(...args) {
  const child = spawn(
    join(BUILD, 'tests/bench/live_load'),
    args.map((arg) => `${arg}`),
    { stdio: ['pipe', 'pipe', 'inherit'] }
  );
  let text = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => (text += chunk));
  const line = async () => {
    await waitFor(
      () => text.includes('\n') || child.exitCode !== null,
      'the load program',
      300_000
    );
    assert.ok(text.includes('\n'), 'the load program failed');
    const end = text.indexOf('\n');
    const first = text.slice(0, end);
    text = text.slice(end + 1);
    return first;
  };
  return { child, line };
}

// Events and the server's CPU time for them.
async function fan(server, broker, rate, path = '/graphql', wish = DOCUMENT) {
  const load = startLoad(
    ...['fan', server.port, path, CLIENTS, broker.port],
    ...[rate, SECONDS, GPUS, wish]
  );
  assert.equal(await load.line(), 'ready');
  const before = cpuSeconds(server.pid);
  load.child.stdin.end('\n');
  const result = JSON.parse(await load.line());
  const cpu = cpuSeconds(server.pid) - before;
  return { ...result, cpu, perCpu: result.received / cpu };
}

function show(name, { received, missing, cpu, perCpu, ...ms }) {
  report(
    `  ${name.padEnd(10)} ${thousands(received / SECONDS)} events/s, ` +
      `${missing} missing; p50 ${ms.p50_ms} ms  p99 ${ms.p99_ms} ms  ` +
      `max ${ms.max_ms} ms; ${cpu.toFixed(1)} s of CPU time, ` +
      `${thousands(perCpu)} events/CPU s`
  );
}

const subscriptionsOf = async (broker) =>
  (await getJson(`${broker.httpUrl}/subsz`)).body.num_subscriptions;

async function start() {
  const postgres = await startPostgres();
  await createSchema(postgres);
  const broker = await startBroker();
  await makeStream(await connectNats(broker));
  const gateway = await startGateway({ broker, database: postgres });
  await following(gateway);
  return { broker, gateway };
}

test('fan-out', async () => {
  const { broker, gateway } = await start();
  const mine = await fan(gateway, broker, RATE);
  const plain = await fan(gateway, broker, RATE, '/ws', WISH);
  const peer = await startPeer('graphql_ws.js', broker.url);
  const theirs = await fan(peer, broker, PEER_RATE);
  report(
    `${thousands(CLIENTS)} subscribers of ${GPUS} GPUs, ${RATE} updates/s ` +
      `(graphql-ws: ${PEER_RATE}/s), ${SECONDS} s`
  );
  show('ours', mine);
  show('ours, /ws', plain);
  show('graphql-ws', theirs);
  report(
    `  ${(mine.perCpu / theirs.perCpu).toFixed(1)} times as many events a ` +
      'CPU second; at least 5. p99 at most 100 ms, none missing'
  );
});

test('idle subscribers', async () => {
  const { gateway } = await start();
  const before = memoryMb(gateway.pid).resident;
  const load = startLoad(
    ...['idle', gateway.port, '/graphql', IDLE, DOCUMENT]
  );
  assert.equal(await load.line(), 'ready');
  const { resident } = memoryMb(gateway.pid);
  load.child.stdin.end();
  await once(load.child, 'close');
  report(
    `${thousands(IDLE)} idle subscribers: ${resident.toFixed(1)} MB resident ` +
      `(${before.toFixed(1)} MB with none); at most 100 MB`
  );
});

test('subscribers that die', async () => {
  const { broker, gateway } = await start();
  const churn = async () => {
    const load = startLoad(
      ...['churn', gateway.port, '/graphql', CYCLES, DOCUMENT]
    );
    assert.equal(JSON.parse(await load.line()).cycles, CYCLES);
  };
  await churn(); // what is grown once is there
  const before = memoryMb(gateway.pid).resident;
  const subscriptions = await subscriptionsOf(broker);
  await churn();
  await waitFor(
    async () => (await subscriptionsOf(broker)) === subscriptions,
    'the broker to have as many subscriptions as before'
  );
  const after = memoryMb(gateway.pid).resident;
  report(
    `${thousands(CYCLES)} subscribers that die: ${before.toFixed(1)} MB ` +
      `before, ${after.toFixed(1)} MB after; the broker's subscriptions ` +
      `${subscriptions} before and after`
  );
});
