// latestValues, query and subscription: the columns beside what gpus { latest }
// says, and who is told of what.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { post, startGraphql } from './support/graphql.js';
import {
  METRICS,
  connectNats,
  metric,
  startGateway,
  waitFor,
} from './support/index.js';
import { following, makeStream, publish, sample } from './support/live.js';
import { Socket } from './support/socket.js';

const FIELDS = `eventType asOf timestamp sequence following gpuUuids timestamps
  columns { metric values }`;
const EVENTS = `subscription Values($uuids: [ID!], $host: ID, $cluster: ID,
    $metrics: [MetricName!], $every: Int! = 100) {
  latestValues(gpuUuids: $uuids, hostId: $host, clusterId: $cluster,
    metrics: $metrics, intervalMs: $every) { ${FIELDS} }
}`;
const ALL = Object.fromEntries(METRICS.map((name, i) => [name, i + 0.5]));
const fieldOf = (name) => name.replace(/_(\w)/g, (_, c) => c.toUpperCase());

let api, nats;

before(async () => {
  // A place is missing when its host was quiet for so long.
  api = await startGraphql({ env: { SILENT_AFTER: '1s' } });
  nats = await connectNats(api.broker);
  await makeStream(nats);
  await following(api.gateway);
  await say('GPU-a', ALL, { host: 'alpha', gpu: '0' });
  await say('GPU-b', { temperature: 60 }, { host: 'alpha', gpu: '1' });
  await say('GPU-c', { temperature: 70, power_draw: 500 }, { host: 'beta' });
  await say('GPU-d', { xid: 0 }, { cluster: 'other', host: 'alpha' });
});

// ---- asking ----

async function ask(query, variables) {
  const { body } = await post(api.url, { query, variables });
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return body.data;
}

// Publishes, and waits until the gateway has it.
const places = new Map(); // by uuid
async function say(uuid, metrics, place = places.get(uuid)) {
  places.set(uuid, place);
  const sequence = await publish(nats, sample(uuid, metrics, place));
  await waitFor(async () => {
    const { fleet } = await ask('{ fleet { sequence } }');
    return fleet.sequence >= sequence;
  }, `sample ${sequence}`);
}

const valuesOf = async (args = '') =>
  (await ask(`{ latestValues${args} { ${FIELDS} } }`)).latestValues;

const column = ({ columns }, name) =>
  columns.find((c) => c.metric === name)?.values;

// ---- listening ----

const figure = (name) => metric(api.gateway, `nexus_gateway_graphql_${name}`);

// A subscriber that is followed.
async function listen(variables = {}, query = EVENTS) {
  const socket = await Socket.open(api.wsUrl);
  socket.say({ type: 'connection_init' });
  await socket.hearType('connection_ack');
  const count = await figure('subscriptions');
  socket.say({ id: '1', type: 'subscribe', payload: { query, variables } });
  await waitFor(
    async () => (await figure('subscriptions')) === count + 1,
    'the subscription'
  );
  return {
    ws: socket.ws,
    async next() {
      const { payload, ...message } = await socket.hear();
      assert.equal(message.type, 'next', JSON.stringify(payload));
      assert.equal(payload.errors, undefined);
      return { ...payload.data.latestValues, ...payload.extensions };
    },
    async close() {
      const count = await figure('subscriptions');
      socket.ws.terminate();
      await waitFor(
        async () => (await figure('subscriptions')) < count,
        'it to be gone'
      );
    },
  };
}

async function refused(variables, words) {
  const socket = await Socket.open(api.wsUrl);
  socket.say({ type: 'connection_init' });
  await socket.hearType('connection_ack');
  const payload = { query: EVENTS, variables };
  socket.say({ id: '1', type: 'subscribe', payload });
  const answer = await socket.hear();
  assert.equal(answer.type, 'error', JSON.stringify(answer));
  assert.match(answer.payload[0].message, words);
  socket.ws.terminate();
}

// ---- the query ----

test('columns hold what gpus { latest } says', async () => {
  const { gpus, latestValues: all } = await ask(`{
    gpus { uuid latest { timestamp ${METRICS.map(fieldOf).join(' ')} } }
    latestValues { ${FIELDS} }
  }`);
  assert.deepEqual(all.gpuUuids, ['GPU-a', 'GPU-b', 'GPU-c', 'GPU-d']);
  assert.deepEqual(all.gpuUuids, gpus.map((gpu) => gpu.uuid));
  assert.deepEqual(all.timestamps, gpus.map((gpu) => gpu.latest.timestamp));
  assert.deepEqual(all.columns.map((c) => c.metric), METRICS);
  for (const { metric: name, values } of all.columns)
    assert.deepEqual(values, gpus.map((gpu) => gpu.latest[fieldOf(name)]), name);
  assert.equal(all.eventType, 'latest_values');
  assert.equal(all.following, true);
  assert.equal(all.asOf, all.timestamp);
  assert.ok(all.sequence >= 4);
});

test('what was never reported is null, and a metric nobody has is left out', async () => {
  const two = await valuesOf('(filter: {uuid: ["GPU-b", "GPU-c"]})');
  assert.deepEqual(two.columns, [
    { metric: 'temperature', values: [60, 70] },
    { metric: 'power_draw', values: [null, 500] },
  ]);
  const zero = await valuesOf('(filter: {uuid: "GPU-d"})');
  assert.deepEqual(zero.columns, [{ metric: 'xid', values: [0] }]);
});

test('filters and metrics choose', async () => {
  const uuids = async (filter) =>
    (await valuesOf(`(filter: ${filter})`)).gpuUuids;
  assert.deepEqual(await uuids('{host: "local/alpha"}'), ['GPU-a', 'GPU-b']);
  assert.deepEqual(await uuids('{cluster: "other"}'), ['GPU-d']);
  assert.deepEqual(
    await uuids('{values: [{metric: temperature, min: 65}]}'),
    ['GPU-c']
  );
  assert.deepEqual(await uuids('{text: "nobody"}'), []);
  const some = await valuesOf('(metrics: [power_draw, temperature])');
  assert.deepEqual(
    some.columns.map((c) => c.metric),
    ['temperature', 'power_draw']
  );
  assert.deepEqual((await valuesOf('(metrics: [])')).columns, []);
  const long = JSON.stringify('x'.repeat(257));
  const query = `{ latestValues(filter: {text: ${long}}) { asOf } }`;
  const { body } = await post(api.url, { query });
  assert.match(body.errors[0].message, /filter\.text/);
});

test('a place whose GPU is missing is left out', async () => {
  await say('GPU-e', { temperature: 1 }, { host: 'gaps', gpu: '0' });
  await say('GPU-f', { temperature: 2 }, { host: 'gaps', gpu: '2' });
  await waitFor(async () => {
    const { host } = await ask('{ host(hostname: "gaps") { missing { index } } }');
    return host.missing.length === 1;
  }, 'the place to be missing');
  const { gpuUuids } = await valuesOf('(filter: {host: "gaps"})');
  assert.deepEqual(gpuUuids, ['GPU-e', 'GPU-f']);
});

// ---- the subscription ----

test('an event has the GPUs that reported, with all their values', async () => {
  const all = await listen();
  await say('GPU-b', { power_draw: 300 });
  const first = await all.next();
  assert.equal(first.eventType, 'latest_values');
  assert.deepEqual(first.gpuUuids, ['GPU-b']);
  assert.deepEqual(first.columns, [
    { metric: 'temperature', values: [60] },
    { metric: 'power_draw', values: [300] },
  ]);
  // The one before is not in it again; a value that is the same is news, too.
  await say('GPU-c', { temperature: 70 });
  const second = await all.next();
  assert.deepEqual(second.gpuUuids, ['GPU-c']);
  assert.ok(second.sequence > first.sequence);
  assert.ok(second.timestamp > first.timestamp);
  await all.close();
});

test('what comes within an interval comes at once, the newest of each', async () => {
  const all = await listen({ every: 1500 });
  for (let i = 1; i <= 5; i++) {
    await say('GPU-a', { temperature: i });
    await say('GPU-d', { temperature: 10 * i });
  }
  const heard = new Map();
  let events = 0;
  while (heard.get('GPU-a') !== 5 || heard.get('GPU-d') !== 50) {
    const event = await all.next();
    events += 1;
    const values = column(event, 'temperature');
    event.gpuUuids.forEach((uuid, i) => heard.set(uuid, values[i]));
  }
  assert.ok(events < 5, `${events} events`);
  await all.close();
});

test('a late sample fills a gap', async () => {
  const all = await listen();
  const late = { ...places.get('GPU-b'), ts: '2020-01-01T00:00:00Z' };
  const sent = sample('GPU-b', { temperature: 9, energy_mj: 77 }, late);
  await publish(nats, sent);
  const event = await all.next();
  assert.deepEqual(event.gpuUuids, ['GPU-b']);
  assert.deepEqual(column(event, 'energy_mj'), [77]);
  assert.deepEqual(column(event, 'temperature'), [60]);
  await all.close();
});

test('cluster, host, GPUs and metrics are chosen from', async () => {
  const wishes = {
    cluster: { cluster: 'other' },
    host: { host: 'beta' },
    // Twice the same is once.
    gpus: { uuids: ['GPU-b', 'GPU-a', 'GPU-b'] },
    metrics: { uuids: ['GPU-a'], metrics: ['power_draw', 'temperature'] },
    none: { uuids: ['GPU-c'], cluster: 'other' },
    later: { host: 'delta' },
  };
  const listeners = {};
  for (const [name, wish] of Object.entries(wishes))
    listeners[name] = await listen(wish);
  for (const uuid of ['GPU-a', 'GPU-b', 'GPU-c', 'GPU-d'])
    await say(uuid, { temperature: 33 });
  await say('GPU-new', { temperature: 34 }, { host: 'delta' });
  const heard = async (name, count) => {
    const uuids = [];
    while (uuids.length < count)
      uuids.push(...(await listeners[name].next()).gpuUuids);
    return uuids.sort();
  };
  assert.deepEqual(await heard('cluster', 1), ['GPU-d']);
  assert.deepEqual(await heard('host', 1), ['GPU-c']);
  assert.deepEqual(await heard('gpus', 2), ['GPU-a', 'GPU-b']);
  assert.deepEqual(await heard('later', 1), ['GPU-new']);
  const { columns } = await listeners.metrics.next();
  assert.deepEqual(columns, [
    { metric: 'temperature', values: [33] },
    { metric: 'power_draw', values: [ALL.power_draw] },
  ]);
  for (const listener of Object.values(listeners)) await listener.close();
});

test('who comes later hears the same, from then on', async () => {
  const early = await listen();
  await say('GPU-a', { temperature: 1 });
  await early.next();
  const topics = await figure('topics');
  const late = await listen();
  assert.equal(await figure('topics'), topics, 'one topic for both');
  await say('GPU-b', { temperature: 2 });
  const [one, other] = [await early.next(), await late.next()];
  assert.deepEqual(one, other);
  assert.deepEqual(one.gpuUuids, ['GPU-b']);
  await late.close();
  await early.close();
});

test('bad arguments are refused', async () => {
  await refused({ every: 99 }, /intervalMs: expected 100 to 3600000, got 99/);
  await refused({ every: 3_600_001 }, /intervalMs/);
  await refused({ uuids: [] }, /gpuUuids/);
  await refused({ uuids: Array(257).fill('GPU-a') }, /256 at most/);
  await refused({ cluster: 'other', host: 'local/alpha' }, /hostId/);
});

test('a slow reader gets the newest event and how many it missed', async () => {
  const names = Array.from({ length: 90 }, (_, i) => `n${i}: gpuUuids`);
  const large = EVENTS.replace('gpuUuids timestamps', `gpuUuids ${names.join(' ')}`);
  const GPUS = 300;
  const uuids = Array.from({ length: GPUS }, (_, i) => `GPU-${'x'.repeat(60)}${i}`);
  const variables = { cluster: 'large' };
  const slow = await listen(variables, large);
  const fast = await listen(variables, large);
  slow.ws.pause();
  const EVENTS_MAX = 20; // of 1.9 MB: more than sockets and log hold
  let events = 0;
  for (let value = 1; events < EVENTS_MAX; value++) {
    for (const uuid of uuids) {
      const s = sample(uuid, { temperature: value }, { cluster: 'large' });
      nats.publish(`telemetry.large.alpha.${uuid}`, JSON.stringify(s));
    }
    let heard = 0;
    while (heard < GPUS) {
      const event = await fast.next();
      events += 1;
      heard += column(event, 'temperature').filter((v) => v === value).length;
    }
  }
  slow.ws.resume();
  let [heard, missed, last] = [0, 0];
  while (heard + missed < events) {
    last = await slow.next();
    heard += 1;
    missed += last.missed ?? 0;
  }
  assert.equal(heard + missed, events);
  assert.ok(missed > 0);
  const { sequence } = (await ask('{ fleet { sequence } }')).fleet;
  assert.equal(last.sequence, sequence);
  await slow.close();
  await fast.close();
});

test('a fleet of thousands is within the limits', async () => {
  const COUNT = 3000;
  for (let i = 0; i < COUNT; i++) {
    const s = sample(`GPU-many-${i}`, ALL, { cluster: 'many', gpu: `${i}` });
    nats.publish(`telemetry.many.alpha.${s.uuid}`, JSON.stringify(s));
  }
  await waitFor(async () => {
    const { fleet } = await ask('{ fleet(filter: {cluster: "many"}) { totalGPUs } }');
    return fleet.totalGPUs === COUNT;
  }, 'all of them');
  const { gpuUuids, columns } = await valuesOf('(filter: {cluster: "many"})');
  assert.equal(gpuUuids.length, COUNT);
  assert.deepEqual(columns.map((c) => c.values.length), METRICS.map(() => COUNT));
});

test('an answer may be larger than what a client may leave unread', async () => {
  const gateway = await startGateway({
    broker: api.broker,
    database: api.postgres,
    env: { GRAPHQL_UNSENT: '4096' },
  });
  await following(gateway);
  const socket = await Socket.open(`ws://127.0.0.1:${gateway.port}/graphql`);
  socket.say({ type: 'connection_init' });
  await socket.hearType('connection_ack');
  let count = 0;
  await waitFor(async () => {
    const payload = { query: `{ latestValues { ${FIELDS} } }` };
    socket.say({ id: '1', type: 'subscribe', payload });
    const answer = await socket.hearType('next');
    assert.deepEqual(await socket.hear(), { id: '1', type: 'complete' });
    count = answer.payload.data.latestValues.gpuUuids.length;
    return count >= 3000;
  }, 'a large answer');
  socket.ws.terminate();
});
