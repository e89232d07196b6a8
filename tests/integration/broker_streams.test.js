// What streams answer, word by word: each script is played to both servers,
// and what they said must be the same.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { headers } from 'nats';

import {
  connectNats,
  startBroker,
  startNatsServer,
  tempDir,
} from './support/index.js';

const ANSWER_MS = 5000;
const SILENCE_MS = 400;

// What differs from one run, or one version, to another.
const TIMES = ['created', 'time', 'ts', 'first_ts', 'last_ts', 'last_active'];
const NEWER = ['reserved_memory', 'reserved_storage', 'compression', 'consumer_limits'];
const LEFT_OUT = new Set([...TIMES, ...NEWER, 'api']);
const REFUSED = ['purged', 'total', 'offset', 'limit']; // beside an error

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value)
    .filter(([key]) => !LEFT_OUT.has(key))
    .filter(([key]) => !(value.error && REFUSED.includes(key)))
    .map(([key, member]) => [key, plain(member)]);
  return Object.fromEntries(members);
}

// Sentences that later versions of nats-server put in other words.
const WORDING = [
  [/ with transform from '.*' to '.*' not valid$/, ' not valid'],
  [/ retention policy to\/from workqueue$/, ' retention policy'],
  [/ requires explicit ack policy on workqueue stream$/, ' requires ack policy'],
];
const reword = (text) =>
  WORDING.reduce((all, [from, to]) => all.replace(from, to), text);

// A client that writes down what it is told.
class Script {
  constructor(nc) {
    this.nc = nc;
    this.said = [];
  }

  async ask(subject, payload, options) {
    return this.nc.request(subject, payload, { timeout: ANSWER_MS, ...options });
  }

  async api(request, body) {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const message = await this.ask(`$JS.API.${request}`, payload);
    const answer = plain(message.json());
    if (answer.error)
      answer.error.description = reword(answer.error.description);
    if (request.startsWith('STREAM.CREATE')) delete answer.domain; // newer
    this.said.push([request, answer]);
    return answer;
  }

  async publish(subject, payload, asked = {}) {
    const h = headers();
    for (const [name, value] of Object.entries(asked)) h.append(name, value);
    const message = await this.ask(subject, payload, { headers: h });
    this.said.push([subject, message.json()]);
    return message.json();
  }

  async direct(names, body) {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const message = await this.ask(`$JS.API.DIRECT.GET.${names}`, payload);
    const { headers: h } = message;
    const seen = { code: h.code, text: h.description, body: message.string() };
    for (const key of h.keys())
      if (key !== 'Nats-Time-Stamp') seen[key] = h.values(key);
    this.said.push([names, seen]);
  }

  async silence(subject, payload = '') {
    await assert.rejects(this.ask(subject, payload, { timeout: SILENCE_MS }));
  }
}

// A client of each server, and the tests that play a script to both.
function onBoth(options) {
  let clients;
  before(async () => {
    const starts = [startBroker(options), startNatsServer(options)];
    const servers = await Promise.all(starts);
    clients = await Promise.all(servers.map((server) => connectNats(server)));
  });
  after(() => Promise.all(clients.map((nc) => nc.close())));

  return (name, play) =>
    test(name, async () => {
      const scripts = clients.map((nc) => new Script(nc));
      await Promise.all(scripts.map((script) => play(script)));
      assert.ok(scripts[1].said.length > 0);
      assert.deepEqual(scripts[0].said, scripts[1].said);
    });
}

describe('both servers', () => {
  const both = onBoth();

  for (const storage of ['file', 'memory'])
    both(`what a message counts: ${storage}`, async (s) => {
      const config = { name: 'BYTES', subjects: ['bytes.*'], storage };
      await s.api('STREAM.CREATE.BYTES', config);
      await s.publish('bytes.a', '1', { Key: 'value' });
      await s.api('STREAM.INFO.BYTES');
      await s.ask('bytes.b', '12345');
      await s.ask('bytes.b', '');
      const { state } = await s.api('STREAM.INFO.BYTES');
      assert.ok(state.bytes > 0);
      await s.api('STREAM.DELETE.BYTES');
    });

  both('configurations that are refused', async (s) => {
    for (const config of [
      { sealed: true },
      { deny_purge: true, allow_rollup_hdrs: true },
      { discard_new_per_subject: true },
      { discard: 'new', discard_new_per_subject: true },
      { republish: { src: '>', dest: 'REF' } },
      { republish: { src: '*', dest: 'q.$2' } },
      { max_age: 5 },
      { duplicate_window: 5 },
      { max_age: 1e9, duplicate_window: 2e9 },
      { subjects: ['ref.a', 'ref.a'] },
      { subjects: ['ref..a'] },
      { mirror: { name: 'X' }, subjects: ['ref'] },
      { mirror: { name: 'X' }, sources: [{ name: 'Y' }] },
      { num_replicas: 3 },
      { name: 'OTHER' },
    ])
      await s.api('STREAM.CREATE.REF', { name: 'REF', ...config });
    await s.api('STREAM.INFO.REF');
  });

  both('members that are shown', async (s) => {
    await s.api('STREAM.CREATE.SHOW', {
      name: 'SHOW',
      subjects: ['show.>'],
      placement: { cluster: 'x', tags: ['a'] },
      description: 'all of it',
      republish: { src: 'show.>', dest: 'shown.>', headers_only: true },
      max_msgs_per_subject: 5,
      no_ack: true,
      deny_delete: true,
      allow_direct: true,
    });
    await s.api('STREAM.DELETE.SHOW', { not: 'empty' });
    await s.api('STREAM.DELETE.SHOW');
    await s.api('STREAM.DELETE.SHOW');
  });

  both('limits of a subject', async (s) => {
    const config = { name: 'PER', subjects: ['per.>'], max_msgs_per_subject: 2 };
    await s.api('STREAM.CREATE.PER', config);
    for (const n of [1, 2, 3]) await s.publish('per.a', `${n}`);
    await s.publish('per.b', '4');
    await s.api('STREAM.INFO.PER', { subjects_filter: '>' });
    await s.api('STREAM.UPDATE.PER', { ...config, max_msgs_per_subject: 1 });
    await s.api('STREAM.INFO.PER', { subjects_filter: 'per.a' });
    await s.api('STREAM.MSG.GET.PER', { seq: 2 });
    await s.api('STREAM.INFO.PER', { deleted_details: true });
  });

  both('a subject that is full, where the new give way', async (s) => {
    await s.api('STREAM.CREATE.NEW', {
      name: 'NEW',
      subjects: ['new.>'],
      max_msgs_per_subject: 1,
      discard: 'new',
      discard_new_per_subject: true,
    });
    await s.publish('new.a', '1');
    await s.publish('new.a', '2');
    await s.publish('new.b', '3');
    await s.api('STREAM.INFO.NEW', { subjects_filter: 'new.*' });
  });

  both('the oldest of a subject leaves a full stream of the new', async (s) => {
    await s.api('STREAM.CREATE.FULL', {
      name: 'FULL',
      subjects: ['full.>'],
      max_msgs_per_subject: 1,
      max_msgs: 2,
      discard: 'new',
    });
    await s.publish('full.a', '1');
    await s.publish('full.b', '2');
    await s.publish('full.a', '3');
    await s.publish('full.c', '4');
    await s.api('STREAM.INFO.FULL', { subjects_filter: '>' });
  });

  both('expectations of a subject', async (s) => {
    const expecting = 'Nats-Expected-Last-Subject-Sequence';
    await s.api('STREAM.CREATE.EXP', { name: 'EXP', subjects: ['exp.>'] });
    await s.publish('exp.a', '1', { [expecting]: '0' });
    await s.publish('exp.a', '2', { [expecting]: '0' });
    await s.publish('exp.a', '2', { [expecting]: '1' });
    await s.publish('exp.b', '3', { [expecting]: '2' });
    await s.publish('exp.b', '3', { [expecting]: 'x' });
    await s.publish('exp.b', '3', { 'Nats-Expected-Last-Sequence': '0' });
    await s.publish('exp.b', '3', { 'Nats-Expected-Last-Sequence': 'x' });
    await s.publish('exp.b', '3', { 'Nats-Expected-Last-Sequence': '2' });
    await s.api('STREAM.INFO.EXP');
  });

  both('what was stored is a duplicate whatever it expects', async (s) => {
    await s.api('STREAM.CREATE.TWICE', { name: 'TWICE', subjects: ['twice.>'] });
    const asked = {
      'Nats-Msg-Id': 'one',
      'Nats-Expected-Last-Sequence': '0',
      'Nats-Expected-Last-Subject-Sequence': '0',
    };
    await s.publish('twice.a', '1', asked);
    await s.publish('twice.a', '1', asked);
    await s.publish('twice.a', '1', { ...asked, 'Nats-Expected-Stream': 'NO' });
    await s.publish('twice.a', '1', { ...asked, 'Nats-Msg-Id': 'two' });
  });

  both('nor does a message count twice that nobody waited for', async (s) => {
    const config = { name: 'ALONE', retention: 'interest', storage: 'memory' };
    await s.api('STREAM.CREATE.ALONE', config);
    const ask = () => s.publish('ALONE', '1', { 'Nats-Msg-Id': 'one' });
    await ask();
    const { duplicate } = await ask();
    s.said.pop(); // the peer says that the first one was number 0
    s.said.push(duplicate);
    await s.api('STREAM.INFO.ALONE');
  });

  both('rolling up', async (s) => {
    await s.api('STREAM.CREATE.ROLL', {
      name: 'ROLL',
      subjects: ['roll.>'],
      allow_rollup_hdrs: true,
    });
    for (const key of ['a', 'b', 'a', 'b']) await s.publish(`roll.${key}`, key);
    await s.publish('roll.a', 'sum', { 'Nats-Rollup': 'sub' });
    await s.api('STREAM.INFO.ROLL', { subjects_filter: '>' });
    await s.publish('roll.b', 'all', { 'Nats-Rollup': 'ALL' });
    await s.api('STREAM.INFO.ROLL', { subjects_filter: '>' });
    await s.api('STREAM.CREATE.ROLLNOT', { name: 'ROLLNOT' });
    await s.publish('ROLLNOT', 'x', { 'Nats-Rollup': 'all' });
    await s.api('STREAM.DELETE.ROLLNOT', { no: 'members' });
    await s.api('STREAM.DELETE.ROLLNOT', {});
  });

  both('messages one by one', async (s) => {
    await s.api('STREAM.CREATE.MSG', { name: 'MSG', subjects: ['msg.>'] });
    for (const n of [1, 2, 3, 4]) await s.publish(`msg.${n % 2}`, `${n}`);
    for (const body of [
      { seq: 2 },
      { seq: 9 },
      {},
      undefined,
      { seq: 1, last_by_subj: 'msg.1' },
      { last_by_subj: 'msg.1' },
      { last_by_subj: 'msg.*' },
      { next_by_subj: 'msg.0', seq: 3 },
      { last_by_subj: 'none' },
    ])
      await s.api('STREAM.MSG.GET.MSG', body);
    for (const body of [{ seq: 3 }, { seq: 99 }, {}, undefined])
      await s.api('STREAM.MSG.DELETE.MSG', body);
    await s.api('STREAM.MSG.GET.MSG', { seq: 3 });
    await s.api('STREAM.INFO.MSG', { deleted_details: true });
    const shut = { name: 'MSG', subjects: ['msg.>'], deny_delete: true };
    await s.api('STREAM.UPDATE.MSG', shut);
    await s.api('STREAM.MSG.DELETE.MSG', { seq: 1 });
    await s.api('STREAM.UPDATE.MSG', { ...shut, deny_delete: false });
  });

  both('messages read directly', async (s) => {
    const config = { name: 'DIR', subjects: ['dir.>'], allow_direct: true };
    await s.api('STREAM.CREATE.DIR', config);
    await s.publish('dir.a', '1', { K: 'v' });
    await s.publish('dir.b', '2');
    for (const body of [
      { seq: 1 },
      { seq: 9 },
      undefined,
      {},
      { last_by_subj: 'dir.b' },
      { next_by_subj: 'dir.b', seq: 1 },
      { seq: 1, last_by_subj: 'dir.b' },
    ])
      await s.direct('DIR', body);
    await s.direct('DIR.dir.a');
    await s.direct('DIR.dir.none');
    await s.api('STREAM.UPDATE.DIR', { ...config, allow_direct: false });
    await s.silence('$JS.API.DIRECT.GET.DIR.dir.a');
    await s.silence('$JS.API.DIRECT.GET.NONE.dir.a');
  });

  both('purging some', async (s) => {
    await s.api('STREAM.CREATE.PURGE', { name: 'PURGE', subjects: ['pg.>'] });
    for (let i = 0; i < 9; i++) await s.publish(`pg.${i % 3}`, `${i}`);
    await s.api('STREAM.PURGE.PURGE', { filter: 'pg.0', seq: 3, keep: 1 });
    await s.api('STREAM.PURGE.PURGE', { filter: 'pg.0', keep: 1 });
    await s.api('STREAM.PURGE.PURGE', { filter: 'pg.1', seq: 4 });
    await s.api('STREAM.PURGE.PURGE', { filter: 'none' });
    await s.api('STREAM.INFO.PURGE', { subjects_filter: '>' });
    await s.api('STREAM.PURGE.PURGE', { filter: 'pg.*', keep: 2 });
    await s.api('STREAM.INFO.PURGE', { subjects_filter: '>' });
    await s.api('STREAM.PURGE.PURGE', { seq: 100 });
    await s.api('STREAM.INFO.PURGE');
    await s.publish('pg.0', 'next');
  });

  both('names and lists', async (s) => {
    await s.api('STREAM.CREATE.NAME2', { name: 'NAME2', subjects: ['nm.b.>'] });
    await s.api('STREAM.CREATE.NAME1', { name: 'NAME1', subjects: ['nm.a.>'] });
    await s.api('STREAM.NAMES', { subject: 'nm.>' });
    await s.api('STREAM.NAMES', { subject: 'nm.>', offset: 1 });
    await s.api('STREAM.NAMES', { subject: 'nm.>', offset: 7 });
    await s.api('STREAM.NAMES', { subject: 'nm.a.b' });
    await s.api('STREAM.NAMES', { subject: 'none' });
    await s.api('STREAM.LIST', { subject: 'none' });
    await s.api('STREAM.INFO.NAME1', { unknown: 1 });
  });

  both('sealing, and what else may change', async (s) => {
    const config = { name: 'SEAL', subjects: ['seal.>'] };
    await s.api('STREAM.CREATE.SEAL', config);
    await s.publish('seal.a', '1');
    await s.api('STREAM.UPDATE.SEAL', { ...config, storage: 'memory' });
    await s.api('STREAM.UPDATE.SEAL', { ...config, max_consumers: 3 });
    await s.api('STREAM.UPDATE.SEAL', { ...config, retention: 'workqueue' });
    await s.api('STREAM.UPDATE.SEAL', { ...config, name: 'OTHER' });
    await s.api('STREAM.UPDATE.SEAL', { name: 'SEAL', subjects: ['sealed.>'] });
    await s.publish('sealed.a', '2');
    await s.api('STREAM.UPDATE.SEAL', { ...config, sealed: true });
    await s.publish('seal.a', '3');
    await s.api('STREAM.PURGE.SEAL');
    await s.api('STREAM.MSG.DELETE.SEAL', { seq: 1 });
    await s.api('STREAM.UPDATE.SEAL', config);
    await s.api('STREAM.DELETE.SEAL');
  });

  // A consumer asks for one message and acknowledges it.
  async function takeOne(s, stream, name) {
    const consumer = await s.nc.jetstream().consumers.get(stream, name);
    const message = await consumer.next({ expires: ANSWER_MS });
    s.said.push([name, message.subject, message.string()]);
    assert.ok(await message.ackAck());
  }

  async function addConsumer(s, stream, name, config) {
    const made = { durable_name: name, ack_policy: 'explicit', ...config };
    const body = { stream_name: stream, config: made };
    const request = `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${name}`;
    const message = await s.ask(request, JSON.stringify(body));
    const { error } = message.json();
    if (error) error.description = reword(error.description);
    s.said.push([name, error ?? 'made']);
  }

  both('a message stays while somebody is interested', async (s) => {
    const config = { name: 'INT', subjects: ['int.>'], retention: 'interest' };
    await s.api('STREAM.CREATE.INT', config);
    await s.publish('int.a', 'nobody');
    await s.api('STREAM.INFO.INT');
    await addConsumer(s, 'INT', 'A', { filter_subject: 'int.a' });
    await addConsumer(s, 'INT', 'ALL');
    await s.publish('int.a', 'both');
    await s.publish('int.b', 'one');
    await takeOne(s, 'INT', 'ALL');
    await takeOne(s, 'INT', 'ALL');
    await s.api('STREAM.INFO.INT', { subjects_filter: '>' });
    await takeOne(s, 'INT', 'A');
    await s.api('STREAM.INFO.INT');
    await s.publish('int.a', 'for A alone, in the end');
    await takeOne(s, 'INT', 'ALL');
    await s.ask('$JS.API.CONSUMER.DELETE.INT.A', '');
    await s.api('STREAM.INFO.INT');
  });

  both('a message of a work queue leaves when it is done', async (s) => {
    const config = { name: 'WQ', subjects: ['wq.>'], retention: 'workqueue' };
    await s.api('STREAM.CREATE.WQ', config);
    await s.publish('wq.a', '1');
    await s.publish('wq.b', '2');
    await addConsumer(s, 'WQ', 'NONE', { ack_policy: 'none' });
    await addConsumer(s, 'WQ', 'SOME', { ack_policy: 'all' });
    await addConsumer(s, 'WQ', 'LATE', { deliver_policy: 'new' });
    await addConsumer(s, 'WQ', 'A', { filter_subject: 'wq.a' });
    await addConsumer(s, 'WQ', 'AGAIN', { filter_subject: 'wq.*' });
    await addConsumer(s, 'WQ', 'ALL');
    await addConsumer(s, 'WQ', 'B', { filter_subject: 'wq.b' });
    await takeOne(s, 'WQ', 'B');
    await s.api('STREAM.INFO.WQ', { subjects_filter: '>' });
    await takeOne(s, 'WQ', 'A');
    await s.api('STREAM.INFO.WQ');
    await s.api('STREAM.UPDATE.WQ', { ...config, retention: 'limits' });
  });

  both('what is stored is told elsewhere', async (s) => {
    const sub = s.nc.subscribe('told.>', { max: 3, timeout: ANSWER_MS });
    await s.api('STREAM.CREATE.TELL', {
      name: 'TELL',
      subjects: ['tell.*'],
      republish: { src: 'tell.*', dest: 'told.$1.x' },
    });
    await s.publish('tell.a', '1', { K: 'v' });
    await s.publish('tell.b', '2');
    await s.publish('tell.a', '3');
    for await (const message of sub) {
      const seen = { subject: message.subject, body: message.string() };
      for (const key of message.headers.keys())
        if (key !== 'Nats-Time-Stamp') seen[key] = message.headers.values(key);
      s.said.push(seen);
    }
  });

  both('a message that is only announced', async (s) => {
    const sub = s.nc.subscribe('announced', { max: 1, timeout: ANSWER_MS });
    await s.api('STREAM.CREATE.ANN', {
      name: 'ANN',
      subjects: ['ann'],
      republish: { src: 'ann', dest: 'announced', headers_only: true },
    });
    await s.publish('ann', '12345');
    for await (const message of sub)
      s.said.push([message.string(), message.headers.get('Nats-Msg-Size')]);
  });

  both('age', async (s) => {
    await s.api('STREAM.CREATE.AGE', {
      name: 'AGE',
      subjects: ['age.>'],
      max_age: 2e8,
    });
    await s.publish('age.a', '1');
    await s.publish('age.b', '2');
    const deadline = Date.now() + ANSWER_MS;
    let state;
    do {
      const message = await s.ask('$JS.API.STREAM.INFO.AGE', '');
      ({ state } = message.json());
    } while (state.messages > 0 && Date.now() < deadline);
    s.said.push([state.messages, state.first_seq, state.last_seq]);
  });

  both('advisories about a stream', async (s) => {
    const sub = s.nc.subscribe('$JS.EVENT.ADVISORY.STREAM.*.ADV', { max: 3, timeout: ANSWER_MS });
    await s.nc.flush();
    await s.api('STREAM.CREATE.ADV', { name: 'ADV' });
    await s.api('STREAM.UPDATE.ADV', { name: 'ADV', max_msgs: 5 });
    await s.api('STREAM.DELETE.ADV');
    for await (const message of sub) {
      const { type, stream, action, id, timestamp } = message.json();
      assert.ok(id && Date.parse(timestamp));
      s.said.push([message.subject, type, stream, action]);
    }
  });

  both('who asks the API is told to who listens', async (s) => {
    const sub = s.nc.subscribe('$JS.EVENT.ADVISORY.API', {
      timeout: ANSWER_MS,
    });
    await s.nc.flush();
    await s.api('STREAM.NAMES', { subject: 'audited.nothing' });
    for await (const message of sub) {
      const { type, subject, request, response, client } = message.json();
      if (!request?.includes('audited')) continue;
      s.said.push([type, subject, request, JSON.parse(response), client.acc]);
      break;
    }
  });
});

const SETTINGS = `jetstream {
  domain: HUB
  max_file_store: 20000
  max_memory_store: 20000
}`;

describe('both servers, with a domain and little room', () => {
  const file = join(tempDir('streams-'), 'server.conf');
  writeFileSync(file, SETTINGS);
  const both = onBoth({ args: ['-c', file] });

  both('the domain is part of what is said', async (s) => {
    await s.api('INFO');
    await s.api('STREAM.CREATE.DOM', { name: 'DOM' });
    await s.publish('DOM', '1');
    await s.publish('DOM', '1', { 'Nats-Msg-Id': 'x' });
    await s.publish('DOM', '1', { 'Nats-Msg-Id': 'x' });
    const answer = await s.ask('$JS.HUB.API.STREAM.INFO.DOM', '');
    s.said.push(plain(answer.json()));
    await s.api('STREAM.DELETE.DOM');
  });

  both('a bucket is reached through the domain', async (s) => {
    const kv = await s.nc.jetstream({ domain: 'HUB' }).views.kv('far');
    s.said.push(await kv.put('a', '1'), await kv.create('b', '2'));
    s.said.push(await kv.update('a', '3', 1));
    await kv.delete('b');
    s.said.push((await kv.get('a')).string(), (await kv.get('b')).operation);
    s.nc.publish('$JS.HUB.API.$KV.far.c', '4');
    await s.api('STREAM.INFO.KV_far', { subjects_filter: '>' });
    await s.ask('$JS.HUB.API.$KV.none.a', '').catch((e) => s.said.push(e.code));
    s.said.push(await kv.destroy());
  });

  for (const storage of ['file', 'memory']) {
    both(`no more than the operator allows: ${storage}`, async (s) => {
      const config = { name: 'BIG', subjects: ['big'], storage };
      await s.api('STREAM.CREATE.BIG', { ...config, max_bytes: 30_000 });
      await s.api('STREAM.CREATE.BIG', config);
      const payload = 'x'.repeat(2000);
      for (let i = 0; i < 9; i++) await s.publish('big', payload);
      await s.ask('big', payload); // the peer takes one that does not fit
      for (let i = 0; i < 2; i++) await s.publish('big', payload);
      await s.ask('$JS.API.STREAM.PURGE.BIG', '');
      assert.ok((await s.ask('big', 'room again')).json().seq > 0);
      await s.api('STREAM.DELETE.BIG');
    });
  }
});
