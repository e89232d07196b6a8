// Streams can do what nats-server 2.9 could not: our broker alone is asked.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { headers } from 'nats';

import { connectNats, startBroker, waitFor } from './support/index.js';

const ANSWER_MS = 5000;
const S = 1e9;

describe('newer members of a stream', () => {
  let broker;
  let nc;
  before(async () => {
    broker = await startBroker();
    nc = await connectNats(broker);
  });
  after(() => nc.close());

  const ask = (subject, payload = '', options = {}) =>
    nc.request(subject, payload, { timeout: ANSWER_MS, ...options });

  async function api(request, body) {
    const payload = body === undefined ? '' : JSON.stringify(body);
    return (await ask(`$JS.API.${request}`, payload)).json();
  }

  async function create(config) {
    const answer = await api(`STREAM.CREATE.${config.name}`, config);
    assert.equal(answer.error, undefined, JSON.stringify(answer));
    return answer;
  }

  async function refused(config, code) {
    const { error } = await api(`STREAM.CREATE.${config.name}`, config);
    assert.equal(error?.err_code, code, JSON.stringify(error));
  }

  const info = (name, body) => api(`STREAM.INFO.${name}`, body);

  async function publish(subject, payload, asked = {}) {
    const h = headers();
    for (const [name, value] of Object.entries(asked)) h.append(name, value);
    return (await ask(subject, payload, { headers: h })).json();
  }

  // All that a direct request answers, up to the status.
  async function direct(name, body) {
    const got = [];
    const inbox = `_INBOX.direct.${Math.random()}`;
    const sub = nc.subscribe(inbox, { timeout: ANSWER_MS });
    nc.publish(`$JS.API.DIRECT.GET.${name}`, JSON.stringify(body), {
      reply: inbox,
    });
    for await (const message of sub) {
      got.push(message);
      if (message.headers.code !== 0) break;
    }
    const end = got.pop();
    const of = (message, key) => message.headers.get(key);
    return {
      status: `${end.headers.code} ${end.headers.description}`,
      left: of(end, 'Nats-Num-Pending'),
      upTo: of(end, 'Nats-UpTo-Sequence'),
      seqs: got.map((message) => Number(of(message, 'Nats-Sequence'))),
      pending: got.map((message) => Number(of(message, 'Nats-Num-Pending'))),
      before: got.map((message) => Number(of(message, 'Nats-Last-Sequence'))),
    };
  }

  test('what was asked for is shown', async () => {
    const asked = {
      metadata: { b: '2', a: '1' },
      consumer_limits: { max_ack_pending: 7, inactive_threshold: S },
      subject_transform: { src: 'show.*', dest: 'shown.$1' },
      first_seq: 100,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: 60 * S,
      persist_mode: 'async',
    };
    await create({ name: 'SHOW', subjects: ['show.*'], ...asked });
    const { config, state } = await info('SHOW');
    for (const [key, value] of Object.entries(asked))
      assert.deepEqual(config[key], value, key);
    assert.deepEqual([state.first_seq, state.last_seq], [100, 99]);
    assert.equal((await publish('show.x', '1')).seq, 100);
    const { message } = await api('STREAM.MSG.GET.SHOW', { seq: 100 });
    assert.equal(message.subject, 'shown.x');
  });

  test('what is refused', async () => {
    await refused({ name: 'R', compression: 's2' }, 10052);
    await refused({ name: 'R', subject_delete_marker_ttl: S }, 10052);
    await refused(
      { name: 'R', subject_transform: { src: 'a.*', dest: 'b.$2' } },
      10156
    );
    await refused({ name: 'R', num_replicas: 3 }, 10074);
  });

  test('a message lives as long as it says', async () => {
    await create({ name: 'TTL', subjects: ['ttl.>'], allow_msg_ttl: true });
    await publish('ttl.a', 'gone soon', { 'Nats-TTL': '1' });
    await publish('ttl.b', 'gone soon', { 'Nats-TTL': '1s' });
    await publish('ttl.c', 'stays', { 'Nats-TTL': 'never' });
    await publish('ttl.d', 'stays', { 'Nats-TTL': '1h' });
    for (const ttl of ['-1', '500ms', 'soon'])
      assert.equal(
        (await publish('ttl.e', 'x', { 'Nats-TTL': ttl })).error.err_code,
        10165
      );
    await waitFor(async () => (await info('TTL')).state.messages === 2, 'end');
    const { state } = await info('TTL', { subjects_filter: '>' });
    assert.deepEqual(state.subjects, { 'ttl.c': 1, 'ttl.d': 1 });
    await create({ name: 'NOTTL', subjects: ['nottl'] });
    assert.equal(
      (await publish('nottl', 'x', { 'Nats-TTL': '1' })).error.err_code,
      10166
    );
  });

  test('what was the last of its subject leaves a marker', async () => {
    await create({
      name: 'MARK',
      subjects: ['mark.>'],
      allow_msg_ttl: true,
      subject_delete_marker_ttl: 30 * S,
      max_age: S / 2,
      duplicate_window: S / 2,
    });
    await publish('mark.b', '1', { 'Nats-TTL': 'never' });
    await publish('mark.a', '2');
    await waitFor(
      async () => (await info('MARK')).state.last_seq === 3,
      'the marker'
    );
    const { message } = await api('STREAM.MSG.GET.MARK', { seq: 3 });
    assert.equal(message.subject, 'mark.a');
    const block = Buffer.from(message.hdrs, 'base64').toString();
    assert.match(block, /Nats-Marker-Reason: MaxAge\r\n/);
    assert.match(block, /Nats-TTL: 30s\r\n/);
    const { state } = await info('MARK', { subjects_filter: 'mark.b' });
    assert.deepEqual(state.subjects, { 'mark.b': 1 });
  });

  test('many messages at a time', async () => {
    await create({ name: 'MANY', subjects: ['many.>'], allow_direct: true });
    for (const key of ['a', 'b', 'a', 'c', 'a']) await publish(`many.${key}`, '');
    const batch = await direct('MANY', { seq: 1, batch: 2 });
    assert.deepEqual(batch.seqs, [1, 2]);
    assert.deepEqual(batch.pending, [4, 3]);
    assert.deepEqual(batch.before, [0, 1]);
    assert.equal(batch.status, '204 EOB');
    assert.equal(batch.left, '3');
    const some = await direct('MANY', {
      seq: 2,
      next_by_subj: 'many.a',
      batch: 9,
    });
    assert.deepEqual(some.seqs, [3, 5]);
    assert.deepEqual(some.pending, [1, 0]);
    const none = await direct('MANY', { seq: 9, batch: 1 });
    assert.equal(none.status, '404 Message Not Found');
  });

  test('the last messages of many subjects', async () => {
    await create({ name: 'LAST', subjects: ['last.>'], allow_direct: true });
    for (const key of ['a', 'b', 'a', 'c', 'a']) await publish(`last.${key}`, '');
    const all = await direct('LAST', { multi_last: ['last.>'] });
    assert.deepEqual(all.seqs, [2, 4, 5]);
    assert.deepEqual(all.pending, [2, 1, 0]);
    assert.deepEqual(all.before, [0, 2, 4]);
    assert.deepEqual([all.status, all.left, all.upTo], ['204 EOB', '0', '5']);
    const then = await direct('LAST', {
      multi_last: ['last.a', 'last.b'],
      up_to_seq: 4,
    });
    assert.deepEqual(then.seqs, [2, 3]);
    const one = await direct('LAST', { multi_last: ['last.>'], batch: 1 });
    assert.deepEqual([one.seqs, one.left], [[2], '2']);
    const none = await direct('LAST', { multi_last: ['nothing'] });
    assert.equal(none.status, '404 No Results');
    const both = await direct('LAST', {
      multi_last: ['last.a'],
      last_by_subj: 'last.a',
    });
    assert.equal(both.status, '408 Bad Request');
    const shape = await direct('LAST', { multi_last: 'last.a' });
    assert.equal(shape.status, '408 Malformed Request');
  });

  test('a message from a time on', async () => {
    await create({ name: 'FROM', subjects: ['from'], allow_direct: true });
    await publish('from', '1');
    const { message } = await api('STREAM.MSG.GET.FROM', { seq: 1 });
    await publish('from', '2');
    const later = new Date(Date.parse(message.time) + 1).toISOString();
    const one = await ask(
      '$JS.API.DIRECT.GET.FROM',
      JSON.stringify({ start_time: message.time })
    );
    assert.equal(one.headers.get('Nats-Sequence'), '1');
    const none = await ask(
      '$JS.API.DIRECT.GET.FROM',
      JSON.stringify({ start_time: new Date(Date.now() + 9e5).toISOString() })
    );
    assert.equal(none.headers.code, 404, later);
  });

  test('expectations of another subject', async () => {
    await create({ name: 'EXS', subjects: ['exs.>'] });
    await publish('exs.a', '1');
    await publish('exs.b', '2');
    const expecting = (seq, subject) => ({
      'Nats-Expected-Last-Subject-Sequence': seq,
      'Nats-Expected-Last-Subject-Sequence-Subject': subject,
    });
    const wrong = await publish('exs.c', '3', expecting('1', 'exs.b'));
    assert.equal(wrong.error.description, 'wrong last sequence: 2');
    assert.equal((await publish('exs.c', '3', expecting('2', 'exs.b'))).seq, 3);
    assert.equal((await publish('exs.d', '4', expecting('3', 'exs.*'))).seq, 4);
  });

  // Sent at once, so that the first is not on disk when the second is checked.
  test('of two that create a key at once, one does', async () => {
    await create({ name: 'KEYS', subjects: ['keys.>'] });
    const first = { 'Nats-Expected-Last-Subject-Sequence': '0' };
    const answers = await Promise.all(
      [1, 2, 3].map((n) => publish('keys.a', `${n}`, first))
    );
    assert.equal(answers.filter((answer) => answer.seq > 0).length, 1);
    assert.equal(
      answers.filter((answer) => answer.error?.err_code === 10071).length,
      2
    );
  });

  test('a purge takes what is not on disk yet', async () => {
    await create({ name: 'PNOW', subjects: ['pnow.>'] });
    nc.publish('pnow.a', '1');
    nc.publish('pnow.b', '2');
    nc.publish('pnow.a', '3');
    const answer = await api('STREAM.PURGE.PNOW', { filter: 'pnow.a' });
    assert.equal(answer.purged, 2);
    const { state } = await info('PNOW', { subjects_filter: '>' });
    assert.deepEqual(state.subjects, { 'pnow.b': 1 });
  });

  test('messages leave out of order, and a restart knows it', async () => {
    const dir = broker.dir;
    await create({
      name: 'BACK',
      subjects: ['back.>'],
      max_msgs_per_subject: 1,
      metadata: { k: 'v' },
      persist_mode: 'async',
    });
    for (const key of ['a', 'b', 'a']) await publish(`back.${key}`, key);
    const before = await info('BACK', { deleted_details: true });
    await broker.stop();
    broker = await startBroker({ dir });
    await nc.close();
    nc = await connectNats(broker);
    const after = await info('BACK', { deleted_details: true });
    assert.deepEqual(after.state, before.state);
    assert.deepEqual(after.config, before.config);
    assert.equal(after.state.num_subjects, 2);
  });
});
