// What clients of /ws leave that die: nothing.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  SLOW,
  connectNats,
  following,
  getJson,
  makeStream,
  metric,
  publish,
  sample,
  startBroker,
  startGateway,
  startPostgres,
  waitFor,
} from './support/index.js';
import { post } from './support/graphql.js';

const AT_ONCE = 50;
const CYCLES = 1000;
const BOUND_KB = 3072;

const HEAD = [
  'GET /ws HTTP/1.1',
  'Host: gateway',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n');

// A masked text frame; the mask is zero, so the text stands as it is.
function frame(message) {
  const text = Buffer.from(JSON.stringify(message));
  assert.ok(text.length >= 126);
  const head = Buffer.from([0x81, 0xfe, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(text.length, 2);
  return Buffer.concat([head, text]);
}

// Connected and subscribed; one that reads nothing is given its socket only.
async function victim(gateway, n) {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.on('error', () => {});
  const pad = 'x'.repeat(100);
  const wishes = [
    { filters: { gpus: [`GPU-${n}`, `GPU-${n % 20}`, pad] } },
    { filters: { host: `host-${n}`, cluster: pad }, min_interval_ms: 50 },
    { filters: { host: 'alpha', gpus: [pad, 'GPU-1'] }, since: 1 },
  ];
  socket.write(HEAD);
  for (const wish of wishes)
    socket.write(frame({ type: 'subscribe', topic: 'telemetry', ...wish }));
  return socket;
}

async function services(gateway) {
  const query = '{ pipeline { services { id } } }';
  const { body } = await post(`${gateway.httpUrl}/graphql`, { query });
  return body.data.pipeline.services;
}

test('what clients that die leave is gone', { timeout: 300_000 }, async () => {
  const [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  const nc = await connectNats(broker);
  const manager = await makeStream(nc);
  const gateway = await startGateway({
    broker,
    database: postgres,
    env: { SILENT_AFTER: '1h' },
  });
  await following(gateway);
  const memory = () =>
    Number(
      /VmRSS:\s*(\d+)/.exec(
        readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8')
      )[1]
    );
  const state = async () => ({
    subscriptions: await metric(gateway, 'nexus_gateway_ws_subscriptions'),
    connections: await metric(gateway, 'nexus_gateway_ws_connections'),
    topics: await metric(gateway, 'nexus_gateway_ws_topics'),
    replays: await metric(gateway, 'nexus_gateway_replays'),
    consumers: (await manager.streams.info('TELEMETRY')).state.consumer_count,
    broker: (await getJson(`${broker.httpUrl}/varz`)).body.subscriptions,
  });
  await waitFor(
    async () => (await services(gateway))?.length > 0,
    "the gateway's own subscriptions to be there"
  );
  const calm = await state();
  const calmAgain = () =>
    waitFor(
      async () => {
        const now = await state();
        return Object.keys(calm).every((key) => now[key] <= calm[key]);
      },
      'everything to be as it was',
      60_000
    );
  let made = 0;
  const round = async () => {
    const sockets = await Promise.all(
      Array.from({ length: AT_ONCE }, () => victim(gateway, made++))
    );
    await waitFor(
      async () =>
        (await metric(gateway, 'nexus_gateway_ws_subscriptions')) >=
        AT_ONCE * 3,
      'all subscriptions'
    );
    for (let i = 0; i < 20; i++)
      await publish(nc, sample(`GPU-${i}`, { temperature: i }));
    for (const socket of sockets) socket.resetAndDestroy();
    await waitFor(
      async () =>
        (await metric(gateway, 'nexus_gateway_ws_connections')) === 0,
      'the connections to be gone'
    );
  };
  const rounds = async (n) => {
    for (let i = 0; i < n; i++) await round();
    await calmAgain();
  };
  await rounds(4); // what is grown once is there
  const once = memory();
  await rounds(CYCLES / AT_ONCE);
  if (SLOW !== 1) return; // a sanitizer keeps what was freed
  await waitFor(
    () => memory() < once + BOUND_KB,
    `${once} kB again`,
    15_000
  );
});
