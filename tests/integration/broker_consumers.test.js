// What newer servers than Debian's have, by the API's own words, and what
// survives a hard end.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

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

describe('priority groups as of 2.11, resets as of 2.14', () => {
  let broker;
  let nc;
  let js;
  let jsm;
  let count = 0;

  // The library asks the server's version before it sends such.
  async function connectAsNewer() {
    const connection = await connect({ port: broker.port });
    connection.features.update('2.14.0');
    return connection;
  }

  before(async () => {
    broker = await startBroker();
    nc = await connectAsNewer();
    js = jetstream(nc);
    jsm = await jetstreamManager(nc);
  });
  after(() => nc.close());

  // A stream and a consumer C of its own: { stream, publish }.
  async function make(config) {
    const stream = `P${++count}`;
    await jsm.streams.add({ name: stream, subjects: [stream] });
    await jsm.consumers.add(stream, { durable_name: 'C', ack_policy: 'explicit', ...config });
    const publish = async (n) => {
      for (let i = 0; i < n; i++) await js.publish(stream, `${i}`);
    };
    return { stream, publish };
  }

  // A client that takes what it gets: { messages, notes, stop }.
  async function consume(stream, options) {
    const connection = await connectAsNewer();
    const consumer = await jetstream(connection).consumers.get(stream, 'C');
    const taken = await consumer.consume({ max_messages: 5, expires: 30_000, ...options });
    const messages = [];
    const notes = [];
    (async () => {
      for await (const m of taken) {
        messages.push(m);
        m.ack();
      }
    })();
    (async () => {
      for await (const note of taken.status()) notes.push(note.type);
    })();
    return { messages, notes, stop: () => connection.close() };
  }

  test('one client is pinned, the next one follows', async () => {
    const policy = { priority_groups: ['g'], priority_policy: 'pinned_client' };
    const { stream, publish } = await make({ ...policy, priority_timeout: 60e9 });
    const first = await consume(stream, { group: 'g' });
    await publish(1);
    await waitFor(() => first.messages.length === 1, 'the first message');
    const second = await consume(stream, { group: 'g' });
    await publish(20);
    await waitFor(() => first.messages.length === 21, 'all of them');
    assert.equal(second.messages.length, 0);
    const pin = first.messages[0].headers.get('Nats-Pin-Id');
    for (const m of first.messages) assert.equal(m.headers.get('Nats-Pin-Id'), pin);
    const [state] = (await jsm.consumers.info(stream, 'C')).priority_groups;
    assert.equal(state.pinned_client_id, pin);
    assert.ok(Date.parse(state.pinned_ts) > Date.now() - 60_000);
    await jsm.consumers.unpin(stream, 'C', 'g');
    await waitFor(() => first.notes.includes('consumer_unpinned'), 'the notice');
    await first.stop();
    await publish(10);
    await waitFor(() => second.messages.length >= 10, 'the second client');
    assert.notEqual(second.messages[0].headers.get('Nats-Pin-Id'), pin);
    await second.stop();
  });

  test('a pinned client that went away is replaced in time', async () => {
    const policy = { priority_groups: ['g'], priority_policy: 'pinned_client' };
    const { stream, publish } = await make({ ...policy, priority_timeout: 1e9 });
    const first = await consume(stream, { group: 'g' });
    await publish(1);
    await waitFor(() => first.messages.length === 1, 'the first message');
    const second = await consume(stream, { group: 'g' });
    await first.stop();
    await publish(5);
    await waitFor(() => second.messages.length === 5, 'what came afterwards');
    await second.stop();
  });

  test('an overflow client helps out', async () => {
    const { stream, publish } = await make({
      ...{ priority_groups: ['g'], priority_policy: 'overflow' },
    });
    const helper = await consume(stream, { group: 'g', min_pending: 10 });
    await publish(9);
    assert.equal(helper.messages.length, 0);
    await publish(3);
    await waitFor(() => helper.messages.length === 3, 'the tenth to the twelfth');
    assert.equal((await jsm.consumers.info(stream, 'C')).num_pending, 9);
    await helper.stop();
  });

  test('the lowest number is served', async () => {
    const { stream, publish } = await make({
      ...{ priority_groups: ['g'], priority_policy: 'prioritized' },
    });
    const far = await consume(stream, { group: 'g', priority: 5 });
    await publish(2);
    await waitFor(() => far.messages.length === 2, 'the only one');
    const near = await consume(stream, { group: 'g', priority: 0 });
    const waiting = async () => (await jsm.consumers.info(stream, 'C')).num_waiting >= 2;
    await waitFor(waiting, 'both');
    await publish(3);
    await waitFor(() => near.messages.length === 3, 'the nearer one');
    assert.equal(far.messages.length, 2);
    await Promise.all([far.stop(), near.stop()]);
  });

  test('a reset brings messages again', async () => {
    const { stream, publish } = await make({});
    await publish(5);
    const fetch = async () => {
      const consumer = await js.consumers.get(stream, 'C');
      const seqs = [];
      for await (const m of await consumer.fetch({ max_messages: 5, expires: 1000 })) {
        seqs.push(m.seq);
        await m.ackAck();
      }
      return seqs;
    };
    assert.deepEqual(await fetch(), [1, 2, 3, 4, 5]);
    const reset = await jsm.consumers.reset(stream, 'C', 4);
    assert.equal(reset.reset_seq, 4);
    assert.equal(reset.delivered.consumer_seq, 0);
    assert.equal(reset.num_pending, 2);
    assert.deepEqual(await fetch(), [4, 5]);
    assert.equal((await jsm.consumers.reset(stream, 'C')).reset_seq, 6);
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
