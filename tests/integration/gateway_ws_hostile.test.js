// /ws and clients that mean no good: each is told what is wrong, or let go of,
// and one that behaves notices nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import {
  SLOW,
  connectNats,
  following,
  liveClient,
  makeStream,
  metric,
  publish,
  sample,
  startBroker,
  startGateway,
  startPostgres,
  waitFor,
} from './support/index.js';

let nc, gateway, witness;

const gauge = (name) => metric(gateway, `nexus_gateway_ws_${name}`);
const memory = () =>
  Number(
    /VmRSS:\s*(\d+)/.exec(
      readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8')
    )[1]
  );

// The witness hears a sample soon, whatever goes on.
async function undisturbed() {
  const sequence = await publish(nc, sample('GPU-w', { temperature: 1 }));
  await waitFor(
    () => witness.messages.at(-1)?.sequence === sequence,
    'the witness to hear of it',
    5000
  );
}

before(async () => {
  const [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  nc = await connectNats(broker);
  await makeStream(nc);
  gateway = await startGateway({ broker, database: postgres });
  await following(gateway);
  witness = await liveClient(gateway);
  await witness.subscribe({ topic: 'telemetry', filters: { gpus: ['GPU-w'] } });
});

test('whatever is no message is answered with an error', async () => {
  const client = await liveClient(gateway);
  const texts = [
    ...['', ' ', '{', '[', '"', 'null', '1e999', '{}{}', '\u0000', '{"type":}'],
    '{"type":"ping",}',
    '{"type":"ping","type":7}',
    '{"type":"subscribe","topic":"telemetry","filters":{"host":"\\ud800"}}',
    '['.repeat(30000),
    `{"type":"subscribe","topic":"${'é'.repeat(500)}"}`,
    `{"type":"subscribe","topic":"telemetry","${'☃'.repeat(300)}":1}`,
  ];
  for (const text of texts) {
    client.say(text);
    const answer = await client.next();
    assert.equal(answer.type, 'error', text.slice(0, 60));
    assert.ok(answer.message.length > 5);
  }
  assert.equal(await gauge('topics'), 1);
  await undisturbed();
});

test('ten thousand subscriptions are refused beyond the limit', async () => {
  const client = await liveClient(gateway);
  for (let i = 0; i < 10000; i++)
    client.say({
      type: 'subscribe',
      topic: 'telemetry',
      filters: { gpus: [`GPU-${i}`] },
    });
  await waitFor(() => client.messages.length === 10000, 'all answers');
  assert.equal(client.of('subscribed').length, 100);
  assert.match(client.of('error').at(-1).message, /100 subscriptions/);
  await undisturbed();
  client.socket.terminate();
});

test('subscribing and leaving over and over leaves nothing', async () => {
  const client = await liveClient(gateway);
  const round = async (n) => {
    for (let i = 0; i < 2000; i++) {
      const filters = { gpus: [`GPU-${n}-${i}`], host: `host-${i}` };
      client.say({ type: 'subscribe', topic: 'telemetry', id: 'x', filters });
      client.say({ type: 'unsubscribe', id: 'x' });
    }
    await waitFor(
      () => client.of('unsubscribed').length === 2000 * (n + 1),
      'all answers'
    );
    await undisturbed();
  };
  await round(0);
  const once = memory();
  for (let n = 1; n < 4; n++) await round(n);
  assert.equal(await gauge('topics'), 1);
  if (SLOW === 1) assert.ok(memory() < once + 4096, `${once}, ${memory()}`);
  client.socket.terminate();
});

test('one that asks and never reads is let go of', async () => {
  const socket = connect(gateway.port, '127.0.0.1');
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => (closed = true));
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  );
  socket.pause();
  const text = '{"type":"subscribe","topic":"nonsense","id":"0123456789"}';
  const frame = Buffer.concat([
    Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]),
    Buffer.from(text),
  ]);
  const flood = Buffer.concat(Array(2000).fill(frame));
  const once = memory();
  const connections = await gauge('connections');
  for (let i = 0; i < 100 && !closed; i++) {
    socket.write(flood);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await undisturbed();
  if (SLOW === 1) assert.ok(memory() < once + 16384, `${once}, ${memory()}`);
  socket.destroy();
  await waitFor(
    async () => (await gauge('connections')) <= connections,
    'it to be gone'
  );
});
