// GraphQL while the database hangs: clients that leave, answers in time, and
// nothing left behind.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { createClient as createSseClient } from 'graphql-sse';

import { post } from './support/graphql.js';
import {
  createSchema,
  insertFleet,
  metric,
  startGateway,
  startPostgres,
  waitFor,
} from './support/index.js';
import { Socket } from './support/socket.js';
import { SLOW } from './support/wait.js';

const FLEET = [
  {
    cluster: 'local',
    host: 'alpha',
    index: '0',
    uuid: 'GPU-1',
    model: 'H100',
    lastSeen: new Date(),
  },
];
const HISTORY = '{ gpu(uuid: "GPU-1") { telemetry { timestamp } } }';
const MAINTENANCE =
  'mutation { setGpuMaintenance(uuid: "GPU-1", on: true) { status } }';
const TOO_LONG = { code: 'LIMIT_EXCEEDED', message: /took longer/ };

let postgres, gateway, url;

before(async () => {
  postgres = await startPostgres();
  await createSchema(postgres);
  await insertFleet(postgres, FLEET);
  gateway = await startGateway({
    database: postgres,
    env: { GRAPHQL_TIMEOUT: '1s', DB_TIMEOUT: '3s' },
  });
  url = `${gateway.httpUrl}/graphql`;
  await waitFor(
    async () => (await post(url, { query: HISTORY })).body.data?.gpu,
    'the GPU'
  );
});

const outcomes = (type, outcome) =>
  metric(
    gateway,
    `nexus_gateway_graphql_operations_total{type="${type}",outcome="${outcome}"}`
  );

// While fn runs the database's processes stand still.
async function frozen(fn) {
  const pids = await postgres.query(
    "select pid from pg_stat_activity where application_name = 'nexus-gateway'"
  );
  for (const { pid } of pids) process.kill(pid, 'SIGSTOP');
  try {
    await fn();
  } finally {
    for (const { pid } of pids) process.kill(pid, 'SIGCONT');
  }
}

async function assertAnswersAgain() {
  await waitFor(async () => {
    const { body } = await post(url, { query: HISTORY });
    return body.errors === undefined;
  }, 'telemetry again');
}

function assertLate(body, started) {
  assert.equal(body.errors.length, 1);
  assert.equal(body.errors[0].extensions.code, TOO_LONG.code);
  assert.match(body.errors[0].message, TOO_LONG.message);
  assert.ok(Date.now() - started < 2000 * SLOW, 'it took too long to say so');
}

test('a client that leaves takes its query along', async () => {
  const before = await outcomes('query', 'cancelled');
  await frozen(async () => {
    const abort = new AbortController();
    const asked = Array.from({ length: 5 }, () =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: HISTORY }),
        signal: abort.signal,
      })
    );
    setTimeout(() => abort.abort(), 200);
    for (const reply of asked) await assert.rejects(reply, /abort/);
    await waitFor(
      async () => (await outcomes('query', 'cancelled')) === before + 5,
      'the queries to be given up'
    );
  });
  await assertAnswersAgain();
});

test('over HTTP the error comes in time', async () => {
  await frozen(async () => {
    const started = Date.now();
    const { status, body } = await post(url, { query: HISTORY });
    assert.equal(status, 200);
    assertLate(body, started);
    assert.equal(body.data?.gpu ?? null, null);
    const again = Date.now();
    assertLate((await post(url, { query: MAINTENANCE })).body, again);
  });
  await assertAnswersAgain();
});

test('over WebSocket, too, and the connection goes on', async () => {
  await frozen(async () => {
    const socket = await Socket.open(url.replace('http', 'ws'));
    socket.say({ type: 'connection_init' });
    await socket.hearType('connection_ack');
    const started = Date.now();
    socket.say({ id: '1', type: 'subscribe', payload: { query: HISTORY } });
    assertLate((await socket.hearType('next')).payload, started);
    await socket.hearType('complete');
    const query = '{ fleet { totalGPUs } }';
    socket.say({ id: '1', type: 'subscribe', payload: { query } });
    const { payload } = await socket.hearType('next');
    assert.equal(payload.data.fleet.totalGPUs, 1);
    // What is asked for, and then no more.
    const before = await outcomes('query', 'cancelled');
    socket.say({ id: '2', type: 'subscribe', payload: { query: HISTORY } });
    socket.say({ id: '2', type: 'complete' });
    socket.say({ id: '3', type: 'subscribe', payload: { query: HISTORY } });
    await socket.say({ type: 'ping' });
    await socket.hearType('pong');
    socket.ws.terminate();
    await waitFor(
      async () => (await outcomes('query', 'cancelled')) === before + 2,
      'the operations to be given up'
    );
  });
  await assertAnswersAgain();
});

test('and as an event', async () => {
  await frozen(async () => {
    const client = createSseClient({ url });
    const started = Date.now();
    const results = [];
    for await (const result of client.iterate({ query: HISTORY }))
      results.push(result);
    assert.equal(results.length, 1);
    assertLate(results[0], started);
    client.dispose();
  });
  await assertAnswersAgain();
});
