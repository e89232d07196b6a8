// Clients that come, ask and are killed, a thousand times, each with a document
// of its own; and those that only mean ill. The gateway is then as it was.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { before, test } from 'node:test';

import { post, startGraphql } from './support/graphql.js';
import { following, makeStream, publish, sample } from './support/live.js';
import { connectNats, metric, waitFor } from './support/index.js';
import { Socket } from './support/socket.js';
import { SLOW } from './support/wait.js';

const CYCLES = 1000;
const AT_ONCE = 25;

let api, nats;

before(async () => {
  api = await startGraphql({ env: { GRAPHQL_CACHE_DOCUMENTS: '100' } });
  nats = await connectNats(api.broker);
  await makeStream(nats);
  await following(api.gateway);
  await publish(nats, sample('GPU-a', { temperature: 1 }));
});

const figure = (name) => metric(api.gateway, `nexus_gateway_graphql_${name}`);

// Says nothing with a sanitizer (SLOW), which keeps what was freed.
const memory = () =>
  Number(
    execFileSync('ps', ['-o', 'rss=', '-p', `${api.gateway.pid}`], {
      encoding: 'utf8',
    })
  );

async function assertAsBefore() {
  const names = ['subscriptions', 'topics'];
  for (const protocol of ['graphql-transport-ws', 'graphql-ws', 'sse'])
    names.push(`connections{protocol="${protocol}"}`);
  for (const name of names)
    await waitFor(async () => (await figure(name)) === 0, `no ${name}`);
  const { body } = await post(api.url, { query: '{ gpus { uuid } }' });
  assert.deepEqual(body, { data: { gpus: [{ uuid: 'GPU-a' }] } });
}

async function open() {
  const socket = await Socket.open(api.wsUrl);
  socket.say({ type: 'connection_init' });
  await socket.hearType('connection_ack');
  return socket;
}

const SOURCES = [
  (i) => `fleetSummary(intervalMs: ${100 + i})  { x${i}: totalGPUs }`,
  (i) => `telemetryUpdates(gpuUuid: "GPU-${i}") { x${i}: gpuUuid }`,
  (i) => `gpuStatusChanged { x${i}: gpuUuid gpu { telemetry { samples } } }`,
];

// Connects, follows, hears something or not, and is cut off.
async function cycle(i) {
  const socket = await open();
  const query = `subscription S${i} { ${SOURCES[i % 3](i)} }`;
  socket.say({ type: 'subscribe', id: `${i}`, payload: { query } });
  if (i % 3 === 0) await socket.hearType('next');
  else {
    socket.say({ type: 'ping' });
    await socket.hearType('pong');
  }
  socket.ws.terminate();
}

async function cycles(first, count) {
  for (let i = first; i < first + count; i += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => cycle(i + k)));
  await assertAsBefore();
}

test('connect, subscribe, kill, a thousand times', async () => {
  await cycles(0, 200);
  const settled = memory();
  await cycles(200, CYCLES);
  const grown = memory() - settled;
  assert.ok(SLOW > 1 || grown < 4096, `${grown} kB more`);
});

test('a flood of subscriptions on one connection', async () => {
  const socket = await open();
  for (let i = 0; i < 2000; i++)
    socket.say({
      type: 'subscribe',
      id: `${i}`.padStart(200, 'x'),
      payload: { query: `subscription { ${SOURCES[1](i)} }` },
    });
  for (let i = 100; i < 2000; i++) {
    const { type, payload } = await socket.hear();
    assert.equal(type, 'error');
    assert.equal(payload[0].extensions.code, 'LIMIT_EXCEEDED');
  }
  assert.equal(await figure('topics'), 100);
  socket.ws.terminate();
  await assertAsBefore();
});

test('a flood of pings that nobody reads the answers of', async () => {
  const socket = await open();
  const settled = memory();
  socket.ws.pause();
  const payload = { x: 'p'.repeat(1000) };
  const message = JSON.stringify({ type: 'ping', payload });
  let open_ = true;
  socket.closed.then(() => (open_ = false));
  for (let i = 0; i < 20_000 && open_; i++) {
    socket.say(message);
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor(
    async () => (await figure('connections{protocol="graphql-transport-ws"}')) === 0,
    'it to be let go'
  );
  const grown = memory() - settled;
  assert.ok(SLOW > 1 || grown < 8192, `${grown} kB more`);
  socket.ws.terminate();
  await assertAsBefore();
});

test('a connection_init of any size', async () => {
  const socket = await Socket.open(api.wsUrl);
  const payload = { token: 'x'.repeat(200_000) };
  socket.say({ type: 'connection_init', payload });
  await socket.hearType('connection_ack');
  socket.ws.terminate();
  const larger = await Socket.open(api.wsUrl);
  larger.say({ type: 'connection_init', payload: { x: 'x'.repeat(1 << 20) } });
  assert.equal((await larger.closed).code, 1009);
  await assertAsBefore();
});

// What a client says byte for byte; resolves to all it was told.
function raw(text) {
  return new Promise((resolve, reject) => {
    const socket = connect(api.gateway.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (part) => (heard += part));
    socket.on('close', () => resolve(heard));
    socket.on('error', reject);
    socket.write(text);
  });
}

test('requests behind one another are answered in order', async () => {
  const request = (query, more = '') => {
    const body = JSON.stringify({ query });
    return `POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  };
  const many = Array.from({ length: 50 }, (_, i) =>
    request(`{ gpu(uuid: "GPU-a") { a${i}: uuid telemetry { samples } } }`)
  );
  const heard = await raw(
    many.join('') + request('{ last: asOf }', 'Connection: close\r\n')
  );
  const names = [...heard.matchAll(/"(a\d+|last)":/g)].map(([, name]) => name);
  assert.deepEqual(names, [...many.map((_, i) => `a${i}`), 'last']);
});
