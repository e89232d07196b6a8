// What newer servers than Debian's have, by the API's own words, and what
// survives a hard end.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { connectNats, startBroker, waitFor } from './support/index.js';

describe('consumers as of 2.10 and 2.11', () => {
  let nc;
  let js;
  let count = 0;

  before(async () => {
    nc = await connectNats(await startBroker());
    js = nc.jetstream();
  });
  after(() => nc.close());

  async function api(subject, body) {
    const reply = await nc.request(
      `$JS.API.${subject}`,
      body === undefined ? '' : JSON.stringify(body)
    );
    return JSON.parse(reply.string());
  }

  // A stream of its own: { stream, subject }.
  async function makeStream(config = {}) {
    const stream = `C${++count}`;
    const subject = `c${count}`;
    await api(`STREAM.CREATE.${stream}`, {
      name: stream,
      subjects: [`${subject}.*`],
      ...config,
    });
    return { stream, subject };
  }

  const create = (stream, name, config, action) =>
    api(`CONSUMER.CREATE.${stream}.${name}`, {
      stream_name: stream,
      config: { ack_policy: 'explicit', ...config },
      action,
    });

  async function fetch(stream, name, batch) {
    const consumer = await js.consumers.get(stream, name);
    const got = [];
    for await (const m of await consumer.fetch({ max_messages: batch, expires: 1000 }))
      got.push(m);
    return got;
  }

  test('several filters, and what is pending of them', async () => {
    const { stream, subject } = await makeStream();
    for (const token of ['a', 'b', 'c', 'a', 'b', 'c'])
      await js.publish(`${subject}.${token}`, token);
    const filters = [`${subject}.a`, `${subject}.c`];
    const made = await create(stream, 'F', { filter_subjects: filters });
    assert.deepEqual(made.config.filter_subjects, filters);
    assert.equal(made.config.filter_subject, undefined);
    assert.equal(made.num_pending, 4);
    const got = await fetch(stream, 'F', 4);
    assert.deepEqual(got.map((m) => m.string()), ['a', 'c', 'a', 'c']);
    assert.deepEqual(got.map((m) => m.info.pending), [3, 2, 1, 0]);
  });

  test('filters that do not go together are refused', async () => {
    const { stream, subject } = await makeStream();
    const one = `${subject}.a`;
    for (const [config, code] of [
      [{ filter_subject: one, filter_subjects: [`${subject}.b`] }, 10136],
      [{ filter_subjects: [one, `${subject}.*`] }, 10138],
      [{ filter_subjects: [one, ''] }, 10139],
    ])
      assert.equal((await create(stream, 'X', config)).error.err_code, code);
    const listed = { filter_subjects: [one, `${subject}.b`] };
    const refused = await create(stream, `X.${one}`, listed);
    assert.equal(refused.error.err_code, 10137);
  });

  test('create and update are told apart', async () => {
    const { stream } = await makeStream();
    const code = async (...args) => (await create(...args)).error?.err_code;
    assert.equal(await code(stream, 'A', {}, 'update'), 10149);
    assert.equal(await code(stream, 'A', {}, 'create'), undefined);
    assert.equal(await code(stream, 'A', {}, 'create'), undefined);
    assert.equal(await code(stream, 'A', { description: 'x' }, 'create'), 10148);
    assert.equal(await code(stream, 'A', { description: 'x' }, 'update'), undefined);
  });

  test('metadata is kept, and shown', async () => {
    const { stream } = await makeStream();
    const metadata = { team: 'red', 'a"b': 'ü' };
    await create(stream, 'M', { durable_name: 'M', metadata });
    const { config } = await api(`CONSUMER.INFO.${stream}.M`);
    assert.deepEqual(config.metadata, metadata);
  });

  test('a paused one delivers nothing until it goes on', async () => {
    const { stream, subject } = await makeStream();
    await js.publish(`${subject}.a`, '1');
    await create(stream, 'P', { durable_name: 'P' });
    const until = new Date(Date.now() + 3600_000).toISOString();
    const paused = await api(`CONSUMER.PAUSE.${stream}.P`, { pause_until: until });
    assert.equal(paused.type, 'io.nats.jetstream.api.v1.consumer_pause_response');
    assert.equal(paused.paused, true);
    assert.ok(paused.pause_remaining > 3500e9);
    assert.equal((await api(`CONSUMER.INFO.${stream}.P`)).paused, true);
    assert.equal((await fetch(stream, 'P', 1)).length, 0);
    const resumed = await api(`CONSUMER.PAUSE.${stream}.P`);
    assert.equal(resumed.paused, false);
    assert.equal((await fetch(stream, 'P', 1)).length, 1);
  });

  test('a pause ends by itself', async () => {
    const { stream, subject } = await makeStream();
    await js.publish(`${subject}.a`, '1');
    const until = new Date(Date.now() + 400).toISOString();
    const made = await create(stream, 'P', { pause_until: until });
    assert.equal(made.paused, true);
    const from = Date.now();
    assert.equal((await fetch(stream, 'P', 1)).length, 1);
    assert.ok(Date.now() - from >= 250);
  });

  test("the stream's limits for consumers", async () => {
    const { stream } = await makeStream({
      consumer_limits: { max_ack_pending: 10, inactive_threshold: 60e9 },
    });
    const { config } = await create(stream, 'L', {});
    assert.equal(config.max_ack_pending, 10);
    const refused = await create(stream, 'L2', { max_ack_pending: 11 });
    assert.equal(refused.error.err_code, 10121);
  });
});

test('after kill -9 nothing is skipped, and the filters are there', async () => {
  let broker = await startBroker();
  let nc = await connectNats(broker);
  let js = nc.jetstream();
  let jsm = await nc.jetstreamManager();
  await jsm.streams.add({ name: 'K', subjects: ['k.*'] });
  for (let i = 0; i < 100; i++) await js.publish(`k.${i % 4}`, `${i}`);
  await nc.request(
    '$JS.API.CONSUMER.CREATE.K.C',
    JSON.stringify({
      stream_name: 'K',
      config: {
        durable_name: 'C',
        ack_policy: 'explicit',
        ack_wait: 1e9,
        filter_subjects: ['k.1', 'k.3'],
        max_ack_pending: 30,
      },
    })
  );
  let consumer = await js.consumers.get('K', 'C');
  const seen = new Set();
  for await (const m of await consumer.fetch({ max_messages: 20 })) {
    if (m.seq % 8 !== 0) seen.add(m.string());
    if (m.seq % 8 !== 0) await m.ackAck();
  }
  await broker.kill();
  await nc.close();
  broker = await startBroker({ port: broker.port, dir: broker.dir });
  nc = await connectNats(broker);
  js = nc.jetstream();
  jsm = await nc.jetstreamManager();
  const { config } = await jsm.consumers.info('K', 'C');
  assert.deepEqual(config.filter_subjects, ['k.1', 'k.3']);
  consumer = await js.consumers.get('K', 'C');
  await waitFor(async () => {
    for await (const m of await consumer.fetch({ max_messages: 50, expires: 1000 })) {
      seen.add(m.string());
      await m.ackAck();
    }
    return seen.size === 50;
  }, 'all of them');
  const info = await jsm.consumers.info('K', 'C');
  assert.equal(info.num_pending, 0);
});
