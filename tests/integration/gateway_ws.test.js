// The WebSocket at /ws: its protocol, filters, resuming, and clients that do
// not behave.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  BUILD,
  SLOW,
  cleanEnv,
  connectNats,
  following,
  getJson,
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

let broker, postgres, nc, manager, gateway;

before(async () => {
  [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  nc = await connectNats(broker);
  manager = await makeStream(nc);
  gateway = await startGateway({
    broker,
    database: postgres,
    env: { WS_SUBSCRIPTIONS: '5', WS_MESSAGE_MAX: '2KB', SILENT_AFTER: '1h' },
  });
  await following(gateway);
});

const gauge = (name) => metric(gateway, `nexus_gateway_ws_${name}`);

test('a ping is answered, what is not understood told, all on one connection', async () => {
  const client = await liveClient(gateway);
  const refused = async (message, expected) => {
    client.say(message);
    const error = await client.next();
    assert.equal(error.type, 'error');
    assert.match(error.message, expected);
    return error;
  };
  client.say({ type: 'ping' });
  assert.deepEqual(await client.next(), { type: 'pong' });
  await refused('{', /not JSON: byte 1/);
  await refused('[]', /object/);
  await refused('{}', /"type" is missing/);
  await refused({ type: 'subscibe' }, /"subscibe": ping, subscribe/);
  await refused({ type: 'subscribe' }, /"topic" is missing/);
  await refused({ type: 'subscribe', topic: 'alerts' }, /"alerts": telemetry/);
  const telemetry = { type: 'subscribe', topic: 'telemetry' };
  await refused({ ...telemetry, filter: {} }, /no "filter" in the message/);
  const filters = async (value, expected) =>
    refused({ ...telemetry, filters: value }, expected);
  await filters([], /"filters": an object/);
  await filters({ gpu: 'x' }, /no "gpu" in "filters"/);
  await filters({ metrics: ['power'] }, /"power" is no metric/);
  await filters({ metrics: [] }, /a list of metrics/);
  await filters({ gpus: [] }, /"gpus"/);
  await filters({ gpus: Array(257).fill('g') }, /at most 256/);
  await filters({ host: 7 }, /"host": a text/);
  await refused({ ...telemetry, min_interval_ms: -1 }, /0 to 3600000/);
  await refused({ ...telemetry, since: 'x' }, /"since": the sequence/);
  await refused({ ...telemetry, since: 1, snapshot: true }, /exclude/);
  await refused({ ...telemetry, topic: 'status', since: 1 }, /resumed/);
  const named = await refused({ type: 'unsubscribe', id: 'x"y' }, /x"y/);
  assert.equal(named.id, 'x"y');
  client.say({ type: 'ping', id: 7 });
  assert.deepEqual(await client.next(), { type: 'pong', id: '7' });
});

test('an update has the values that were published', async () => {
  const client = await liveClient(gateway);
  const { id, sequence } = await client.subscribe({
    topic: 'telemetry',
    filters: { gpu_uuid: 'GPU-1', metrics: ['gpu_utilization', 'temperature'] },
  });
  const all = await client.subscribe({ topic: 'telemetry', id: 'all' });
  assert.equal(all.id, 'all');
  const s = sample(
    'GPU-1',
    { gpu_utilization: 85.5, power_draw: 320.1 },
    { host: 'a.b "c"', extra: { DCGM_NEW: 7 } }
  );
  const n = await publish(nc, s);
  const common = {
    type: 'telemetry_update',
    timestamp: s.ts.replace(/\.?0*Z$/, 'Z'),
    gpu_uuid: 'GPU-1',
    cluster_id: 'local',
    hostname: 'a.b "c"',
    gpu_id: '0',
    sequence: n,
  };
  assert.deepEqual(await client.next(), {
    ...common,
    id,
    data: { gpu_utilization: 85.5, temperature: null },
    previous: sequence,
  });
  assert.deepEqual(await client.next(), {
    ...common,
    id: 'all',
    data: { gpu_utilization: 85.5, power_draw: 320.1 },
    extra: { DCGM_NEW: 7 },
    previous: sequence,
  });
});

test('filters choose by cluster, host, GPUs and metrics', async () => {
  const client = await liveClient(gateway);
  const wishes = {
    cluster: { cluster: 'east' },
    host: { hostname: 'beta' },
    both: { cluster_id: 'local', host: 'beta' },
    gpus: { gpus: ['GPU-b', 'GPU-c', 'GPU-nowhere'] },
    xid: { metrics: ['xid'] },
  };
  for (const [id, filters] of Object.entries(wishes))
    await client.subscribe({ topic: 'telemetry', id, filters });
  const said = [
    ['GPU-a', { xid: 1 }, { cluster: 'local', host: 'alpha' }],
    ['GPU-b', { xid: 2, temperature: 1 }, { cluster: 'local', host: 'beta' }],
    ['GPU-c', { temperature: 1 }, { cluster: 'east', host: 'beta' }],
    ['GPU-d', { temperature: 1 }, { cluster: 'east', host: 'alpha' }],
  ];
  for (const one of said) await publish(nc, sample(...one));
  await waitFor(() => client.of('telemetry_update').length === 9, 'updates');
  const heard = {};
  for (const { id, gpu_uuid } of client.of('telemetry_update'))
    heard[id] = (heard[id] ?? '') + gpu_uuid.slice(-1);
  assert.deepEqual(heard, {
    cluster: 'cd',
    host: 'bc',
    both: 'b',
    gpus: 'bc',
    xid: 'ab',
  });
});

test('unsubscribing ends one, those of a topic, or all', async () => {
  const client = await liveClient(gateway);
  await client.subscribe({ topic: 'telemetry', id: 'a' });
  await client.subscribe({ topic: 'status', id: 'b' });
  await client.subscribe({ topic: 'telemetry', id: 'c' });
  client.say({ type: 'subscribe', topic: 'telemetry', id: 'a' });
  assert.match((await client.next('error')).message, /"a" is subscribed/);
  client.say({ type: 'unsubscribe', id: 'a' });
  assert.deepEqual(await client.next(), { type: 'unsubscribed', id: 'a' });
  await publish(nc, sample('GPU-1', { temperature: 1 }));
  assert.equal((await client.next()).id, 'c');
  client.say({ type: 'unsubscribe', topic: 'telemetry' });
  assert.deepEqual(await client.next(), {
    type: 'unsubscribed',
    topic: 'telemetry',
    count: 1,
  });
  for (let i = 0; i < 4; i++) await client.subscribe({ topic: 'telemetry' });
  client.say({ type: 'subscribe', topic: 'telemetry' });
  assert.match((await client.next('error')).message, /5 subscriptions/);
  client.say({ type: 'unsubscribe' });
  assert.equal((await client.next('unsubscribed')).count, 5);
  await publish(nc, sample('GPU-1', { temperature: 1 }));
  client.say({ type: 'ping' });
  assert.equal((await client.next()).type, 'pong');
});

test('no GPU is told more often than wished, and its newest is told', async () => {
  const client = await liveClient(gateway);
  await client.subscribe({ topic: 'telemetry', min_interval_ms: 400 });
  const start = Date.now();
  for (let i = 0; i < 20; i++)
    await publish(nc, sample('GPU-1', { temperature: i }));
  const last = await publish(nc, sample('GPU-1', { power_draw: 5 }));
  const first = await client.next('telemetry_update');
  assert.deepEqual(first.data, { temperature: 0 });
  let update;
  do update = await client.next('telemetry_update');
  while (update.sequence !== last);
  assert.equal(update.data.power_draw, 5);
  const told = client.of('telemetry_update').length;
  assert.ok(told <= 2 + (Date.now() - start) / 400, `${told} updates`);
  if (told === 2) assert.equal(update.data.temperature, 19);
});

test('a summary of the fleet comes when something changed', async () => {
  const client = await liveClient(gateway);
  const filters = { cluster: 'sum' };
  await client.subscribe({
    topic: 'fleet',
    filters,
    min_interval_ms: 50,
    snapshot: true,
  });
  const empty = await client.next('snapshot');
  assert.equal(empty.data.gpus, 0);
  for (const [uuid, temperature] of [['S-1', 40], ['S-2', 50.5], ['S-3', 45]])
    await publish(nc, sample(uuid, { temperature }, { cluster: 'sum' }));
  let update;
  do update = await client.next('fleet_update');
  while (update.data.gpus !== 3);
  assert.deepEqual(update.data.status, {
    maintenance: 0,
    missing: 0,
    silent: 0,
    active: 3,
  });
  assert.deepEqual(update.data.metrics, {
    temperature: { gpus: 3, average: 45.167, max: 50.5, sum: 135.5 },
  });
});

test('a client resumes where it was, without gap or repetition', async () => {
  const filters = { host: 'resume' };
  const say = (i) =>
    publish(nc, sample(`R-${i % 7}`, { temperature: i }, { host: 'resume' }));
  const first = await liveClient(gateway);
  await first.subscribe({ topic: 'telemetry', filters });
  for (let i = 0; i < 50; i++) await say(i);
  await waitFor(() => first.of('telemetry_update').length === 50, '50 updates');
  const since = first.messages.at(-1).sequence;
  first.socket.terminate();
  for (let i = 50; i < 2000; i++) await say(i);
  const second = await liveClient(gateway);
  let more = 2000;
  let publishing = true; // goes on while the other catches up
  const publisher = (async () => {
    while (publishing) await say(more++);
  })();
  await second.subscribe({ topic: 'telemetry', filters, since });
  await second.next('resumed');
  publishing = false;
  await publisher;
  await waitFor(
    () => second.of('telemetry_update').length >= more - 50,
    'all that was missed'
  );
  const updates = second.of('telemetry_update');
  assert.deepEqual(
    updates.map((u) => u.data.temperature),
    Array.from({ length: more - 50 }, (_, i) => i + 50)
  );
  let last = since;
  for (const { sequence, previous } of updates) {
    assert.equal(previous, last);
    last = sequence;
  }
  assert.equal(second.of('gap').length, 0);
});

test('catching up keeps to the interval, by the time of the samples', async () => {
  const say = (gpu, values) => publish(nc, sample(gpu, values));
  const since = await say('P-0', { temperature: 0 });
  for (let i = 1; i <= 200; i++)
    await say(`P-${i % 2}`, i < 190 ? { temperature: i } : { power_draw: i });
  const client = await liveClient(gateway);
  await client.subscribe({
    topic: 'telemetry',
    filters: { gpus: ['P-0', 'P-1'] },
    min_interval_ms: 3600_000,
    since,
  });
  await client.next('resumed');
  const updates = client.of('telemetry_update');
  assert.deepEqual(
    updates.map((u) => [u.gpu_uuid, u.data, u.sequence - since, u.resume - since]),
    [
      ['P-1', { temperature: 1 }, 1, 1],
      ['P-0', { temperature: 2 }, 2, 2],
      ['P-1', { temperature: 189, power_draw: 199 }, 199, 3],
      ['P-0', { temperature: 188, power_draw: 200 }, 200, 200],
    ]
  );
});

test('what the stream has no more is told as a gap', async () => {
  const n = await publish(nc, sample('GPU-1', { temperature: 1 }));
  await publish(nc, sample('GPU-1', { temperature: 2 }));
  const last = await publish(nc, sample('GPU-1', { temperature: 3 }));
  await manager.streams.purge('TELEMETRY', { seq: last });
  const client = await liveClient(gateway);
  await client.subscribe({ topic: 'telemetry', since: n });
  const gap = await client.next();
  assert.deepEqual([gap.type, gap.since, gap.first], ['gap', n, last]);
  const update = await client.next();
  assert.deepEqual([update.sequence, update.previous], [last, last - 1]);
  assert.deepEqual(await client.next(), {
    type: 'resumed',
    id: '1',
    sequence: last,
  });
  await client.subscribe({ topic: 'telemetry', since: last + 1000, id: 'x' });
  assert.match((await client.next('gap')).reason, /made anew/);
});

// The bytes of a subscription of its own, and then nothing is read.
async function deafClient(subscriptions = 1) {
  const socket = connect(gateway.port, '127.0.0.1');
  const request =
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  socket.on('error', () => {});
  socket.write(request);
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.read(); // the answer's head, and no more from here on
  const text = JSON.stringify({ type: 'subscribe', topic: 'telemetry' });
  const frame = Buffer.concat([
    Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]),
    Buffer.from(text),
  ]);
  for (let i = 0; i < subscriptions; i++) socket.write(frame);
  return socket;
}

test('a client that does not read costs nobody anything', async () => {
  const before = await gauge('subscriptions');
  const deaf = await deafClient(5);
  await waitFor(
    async () => (await gauge('subscriptions')) === before + 5,
    'its subscriptions'
  );
  const client = await liveClient(gateway);
  await client.subscribe({ topic: 'telemetry' });
  const extra = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [`DCGM_FI_DEV_PADDING_${i}`, i])
  );
  const COUNT = 12000;
  const pending = [];
  for (let i = 0; i < COUNT; i++) {
    const s = sample(`D-${i % 100}`, { temperature: i }, { extra });
    pending.push(publish(nc, s));
    if (pending.length === 200) await Promise.all(pending.splice(0));
  }
  await waitFor(
    () => client.messages.at(-1)?.data?.temperature === COUNT - 1,
    'the last update'
  );
  const updates = client.of('telemetry_update');
  const missed = updates.reduce((sum, u) => sum + (u.missed ?? 0), 0);
  assert.equal(updates.length + missed, COUNT);
  assert.ok((await gauge('kept_bytes')) < 6e6);
  // Its turn has come: the newest of each GPU, and how many it missed.
  const heard = [];
  let bytes = Buffer.alloc(0);
  deaf.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const head = (bytes[1] & 127) === 126 ? 4 : 2;
      const size = head === 4 && bytes.length >= 4 ? bytes.readUInt16BE(2) : bytes[1] & 127;
      if (bytes.length < head + size || bytes.length < 2) return;
      const text = bytes.subarray(head, head + size).toString();
      bytes = bytes.subarray(head + size);
      if (text.startsWith('{')) heard.push(JSON.parse(text));
    }
  });
  const lastOf = (id) => heard.filter((m) => m.id === id && m.data);
  await waitFor(
    () =>
      ['1', '2', '3', '4', '5'].every(
        (id) => lastOf(id).at(-1)?.data.temperature === COUNT - 1
      ),
    'the deaf one to catch up'
  );
  for (const id of ['1', '5']) {
    const got = lastOf(id);
    const left = got.reduce((sum, u) => sum + (u.missed ?? 0), 0);
    assert.equal(got.length + left, COUNT);
    assert.ok(left > 0);
    const newest = new Map(got.map((u) => [u.gpu_uuid, u.data.temperature]));
    for (let i = 0; i < 100; i++)
      assert.equal(newest.get(`D-${i}`), COUNT - 100 + i);
  }
  deaf.destroy();
  client.socket.close();
  await waitFor(
    async () => (await gauge('subscriptions')) === before,
    'both to be gone'
  );
});

test('clients that vanish leave nothing behind', async () => {
  const state = async () => ({
    subscriptions: await gauge('subscriptions'),
    connections: await gauge('connections'),
    topics: await gauge('topics'),
    replays: await metric(gateway, 'nexus_gateway_replays'),
    consumers: (await manager.streams.info('TELEMETRY')).state.consumer_count,
    broker: (await getJson(`${broker.httpUrl}/varz`)).body.subscriptions,
  });
  const calm = await waitFor(async () => {
    const now = await state();
    return now.replays === 0 && now.consumers === 1 ? now : false;
  }, 'what earlier tests left to be gone');
  const memory = () =>
    Number(
      execFileSync('ps', ['-o', 'rss=', '-p', `${gateway.child.pid}`], {
        encoding: 'utf8',
      })
    );
  const round = async (n) => {
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => liveClient(gateway))
    );
    for (const [i, client] of clients.entries()) {
      const wish = { type: 'subscribe', topic: 'telemetry' };
      client.say({ ...wish, filters: { gpu_uuid: `${n}-${i}` } });
      client.say({ ...wish, filters: { host: 'alpha' }, since: i % 2 });
      client.say({ ...wish, min_interval_ms: 100, snapshot: true });
    }
    for (let i = 0; i < 20; i++)
      await publish(nc, sample(`V-${i}`, { temperature: i }));
    await waitFor(
      async () => (await gauge('subscriptions')) >= calm.subscriptions + 600,
      'all subscriptions'
    );
    for (const client of clients) client.socket.terminate();
    await waitFor(async () => {
      const now = await state();
      return Object.keys(calm).every((key) => now[key] <= calm[key]);
    }, 'everything to be as it was');
  };
  await round(1);
  const once = memory();
  for (let n = 2; n < 5; n++) await round(n);
  // A sanitizer keeps what was freed; without one it is given back soon.
  if (SLOW === 1)
    await waitFor(() => memory() < once + 4096, `${once} kB again`);
});

test('a message that is too large ends the connection', async () => {
  const client = await liveClient(gateway);
  client.say({ type: 'ping', id: 'x'.repeat(3000) });
  assert.equal(await client.closed, 1009);
});

test('a request that is no WebSocket is told so', async () => {
  const reply = await fetch(`${gateway.httpUrl}/ws`);
  assert.equal(reply.status, 426);
  assert.match(reply.headers.get('content-type'), /problem\+json/);
});

test('/ws can be turned off, and its settings are checked', async () => {
  const off = await startGateway({
    broker,
    database: postgres,
    env: { ENABLE_WEBSOCKET: 'false' },
  });
  assert.equal((await fetch(`${off.httpUrl}/ws`)).status, 404);
  const check = (env) => {
    const { status, stderr } = spawnSync(
      join(BUILD, 'nexus-gateway'),
      ['--check'],
      { env: cleanEnv(env), encoding: 'utf8' }
    );
    return { status, stderr };
  };
  assert.equal(check({ FOLLOW: 'telemetry.*.h.>,telemetry.a.b.c' }).status, 0);
  for (const [name, value, expected] of [
    ['FOLLOW', 'events.>', /FOLLOW.*events\.>.*telemetry\./],
    ['FOLLOW', 'telemetry.>.x', /telemetry\.>\.x/],
    ['FOLLOW', 'telemetry..x', /telemetry\.\.x/],
    ['FOLLOW', ' , ', /FOLLOW: a subject/],
    ['WS_SUBSCRIPTIONS', '0', /WS_SUBSCRIPTIONS.*from 1 to/],
    ['WS_MESSAGE_MAX', '1', /WS_MESSAGE_MAX/],
    ['WS_KEPT_MAX', 'x', /WS_KEPT_MAX/],
    ['SILENT_AFTER', '0', /SILENT_AFTER/],
    ['ENABLE_WEBSOCKET', 'maybe', /ENABLE_WEBSOCKET/],
  ]) {
    const { status, stderr } = check({ [name]: value });
    assert.equal(status, 2, `${name}=${value}`);
    assert.match(stderr, expected);
  }
});
