// Mirrors and sources: within one server beside nats-server, and of streams on
// another server while either side is killed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { AckPolicy, headers, nanos, nkeyAuthenticator, nkeys } from 'nats';

import { makeAuthority } from './support/certificates.js';
import {
  connectNats,
  sleep,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';

const KILLS = 5;

// A client of one server: the API, and what its streams hold.
async function open(server) {
  const nc = await connectNats(server, { reconnect: false });
  nc.closed().catch(() => {});
  const at = { server, nc, js: nc.jetstream() };
  at.jsm = await nc.jetstreamManager();
  at.ask = async (subject, body) => {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const reply = await nc.request(`$JS.API.${subject}`, payload, { timeout: 5000 });
    return reply.json();
  };
  at.create = async (config) => {
    const reply = await at.ask(`STREAM.CREATE.${config.name}`, config);
    assert.equal(reply.error, undefined);
    return reply;
  };
  at.info = (stream) => at.ask(`STREAM.INFO.${stream}`);
  at.publish = async (subject, count, first = 1) => {
    for (let n = first; n < first + count; n += 500) {
      const batch = [];
      for (let i = n; i < n + 500 && i < first + count; i++)
        batch.push(at.js.publish(subject.replace('*', `${i % 3}`), `${i}`));
      await Promise.all(batch);
    }
  };
  at.until = (stream, done) =>
    waitFor(async () => done(await at.info(stream)), `${stream} as expected`);
  at.untilLast = (stream, seq) =>
    at.until(stream, ({ state }) => state.last_seq >= seq);
  return at;
}

function configured(start, text) {
  const file = join(tempDir('nexus-config-'), 'broker.conf');
  writeFileSync(file, text);
  return start({ args: ['-c', file] });
}

// Every message of a stream.
async function messages(at, stream) {
  const { state } = await at.info(stream);
  if (state.messages === 0) return [];
  const { name } = await at.jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    inactive_threshold: nanos(10_000),
  });
  const consumer = await at.js.consumers.get(stream, name);
  const got = [];
  while (got.length < state.messages) {
    const batch = await consumer.fetch({ max_messages: 1000, expires: 5000 });
    const before = got.length;
    for await (const message of batch) {
      got.push({
        seq: message.seq,
        subject: message.subject,
        data: message.string(),
        time: message.info.timestampNanos,
        source: message.headers?.get('Nats-Stream-Source'),
        kind: message.headers?.get('Kind'),
      });
      if (got.length === state.messages) break;
    }
    assert.ok(got.length > before, `${stream} ends after ${got.length}`);
  }
  await at.jsm.consumers.delete(stream, name);
  return got;
}

const numbers = (first, last) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);

// Each payload once, whatever the order.
function assertEachOnce(got, count, what) {
  const seen = new Map();
  for (const { data } of got) seen.set(data, (seen.get(data) ?? 0) + 1);
  const twice = [...seen].filter(([, n]) => n > 1).map(([data]) => data);
  const lost = numbers(1, count).filter((data) => !seen.has(data));
  assert.deepEqual({ twice, lost }, { twice: [], lost: [] }, what);
}

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(`within one ${name}`, () => {
    let at;
    before(async () => (at = await open(await start())));
    after(() => at.nc.close());

    test('a mirror has the same messages at the same places', async () => {
      await at.create({ name: 'A', subjects: ['a.>'] });
      const h = headers();
      h.set('Kind', 'first');
      await at.js.publish('a.x', '1', { headers: h });
      await at.publish('a.*', 9, 2);
      await at.ask('STREAM.PURGE.A', { seq: 3 });
      await at.create({ name: 'AM', mirror: { name: 'A' } });
      await at.untilLast('AM', 10);
      assert.deepEqual(await messages(at, 'AM'), await messages(at, 'A'));
      const { state, mirror, config } = await at.info('AM');
      assert.deepEqual(
        [state.messages, state.first_seq, state.last_seq],
        [8, 3, 10]
      );
      const origin = (await at.info('A')).state;
      assert.equal(state.bytes, origin.bytes);
      assert.equal(state.last_ts, origin.last_ts);
      assert.deepEqual([mirror.name, mirror.lag, mirror.error], ['A', 0, undefined]);
      assert.ok(mirror.active >= 0, `${mirror.active}`);
      assert.equal(config.subjects, undefined);
      assert.equal(config.duplicate_window, undefined);
      // What comes later comes, too; what the origin loses stays.
      await at.publish('a.*', 5, 11);
      await at.untilLast('AM', 15);
      await at.ask('STREAM.PURGE.A');
      assert.equal((await at.info('AM')).state.messages, 13);
      // It may be purged itself, and goes on.
      await at.ask('STREAM.PURGE.AM');
      await at.publish('a.*', 1, 16);
      await at.untilLast('AM', 16);
      assert.deepEqual(await messages(at, 'AM'), await messages(at, 'A'));
    });

    test('a mirror begins where it is told, with what it selects', async () => {
      await at.create({ name: 'B', subjects: ['b.>'] });
      await at.publish('b.*', 9);
      await at.create({ name: 'BS', mirror: { name: 'B', opt_start_seq: 7 } });
      await at.create({ name: 'BF', mirror: { name: 'B', filter_subject: 'b.1' } });
      await at.untilLast('BS', 9);
      await at.untilLast('BF', 7);
      const origin = await messages(at, 'B');
      assert.deepEqual(await messages(at, 'BS'), origin.slice(6));
      assert.deepEqual(
        await messages(at, 'BF'),
        origin.filter(({ subject }) => subject === 'b.1')
      );
      const { state } = await at.info('BS');
      assert.deepEqual([state.first_seq, state.last_seq], [7, 9]);
      // By time: from the fifth on.
      const { message } = await at.ask('STREAM.MSG.GET.B', { seq: 5 });
      await at.create({ name: 'BT', mirror: { name: 'B', opt_start_time: message.time } });
      await at.untilLast('BT', 9);
      assert.deepEqual(await messages(at, 'BT'), origin.slice(4));
    });

    test('sources bring their messages together, marked', async () => {
      await at.create({ name: 'C1', subjects: ['c1.>'] });
      await at.create({ name: 'C2', subjects: ['c2.>'] });
      await at.publish('c1.*', 6);
      await at.publish('c2.x', 4);
      await at.create({
        name: 'C',
        subjects: ['own'],
        sources: [
          { name: 'C1', filter_subject: 'c1.1' },
          { name: 'C2', opt_start_seq: 3 },
          { name: 'C3' },
        ],
      });
      await at.untilLast('C', 4);
      await at.js.publish('own', 'own');
      await at.publish('c2.x', 1, 5);
      await at.untilLast('C', 6);
      // C3 comes later.
      await at.until('C', ({ sources }) =>
        sources.some((s) => s.name === 'C3' && s.error?.err_code === 10059)
      );
      await at.create({ name: 'C3', subjects: ['c3'] });
      await at.publish('c3', 1, 9);
      await at.untilLast('C', 7);
      const got = await messages(at, 'C');
      const marks = got
        .map(({ subject, data, source }) =>
          [subject, data, ...(source ?? '').split(' ').slice(0, 2)].join(' ').trim()
        )
        .sort();
      assert.deepEqual(marks, [
        'c1.1 1 C1 1',
        'c1.1 4 C1 4',
        'c2.x 3 C2 3',
        'c2.x 4 C2 4',
        'c2.x 5 C2 5',
        'c3 9 C3 1',
        'own own',
      ]);
      assert.deepEqual(got.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6, 7]);
      const { sources } = await at.info('C');
      assert.deepEqual(sources.map((s) => s.name).sort(), ['C1', 'C2', 'C3']);
      // A copy of a copy names where it was copied from last.
      await at.create({ name: 'CC', sources: [{ name: 'C' }] });
      await at.untilLast('CC', 7);
      for (const { seq, source } of await messages(at, 'CC'))
        assert.equal(source.split(' ').slice(0, 2).join(' '), `C ${seq}`);
    });

    test('what cannot be is refused', async () => {
      const refusals = [
        [{ name: 'X', subjects: ['x'], mirror: { name: 'Y' } }, 10034],
        [{ name: 'X', mirror: { name: 'Y' }, sources: [{ name: 'Z' }] }, 10031],
        [{ name: 'X', mirror: { name: 'X' } }, 10052],
        [{ name: 'X', sources: [{ name: 'X' }] }, 10052],
        [{ name: 'XB', sources: [{ name: 'XA' }] }, 10052],
      ];
      await at.create({ name: 'XA', sources: [{ name: 'XB' }] });
      for (const [config, code] of refusals) {
        const { error } = await at.ask(`STREAM.CREATE.${config.name}`, config);
        assert.equal(error?.err_code, code, JSON.stringify(config));
      }
      await at.create({ name: 'XM', mirror: { name: 'XO' } });
      const { error } = await at.ask('STREAM.UPDATE.XM', { name: 'XM', mirror: { name: 'XP' } });
      assert.equal(error?.err_code, 10055);
      // Nobody listens to a mirror's name.
      await assert.rejects(at.nc.request('XM', '', { timeout: 1000 }), { code: '503' });
    });

    test('an origin of another retention lets go of what was copied', async () => {
      for (const retention of ['interest', 'workqueue']) {
        const name = retention.toUpperCase();
        await at.create({ name, subjects: [retention], retention });
        await at.create({ name: `${name}-M`, mirror: { name } });
        await at.create({ name: `${name}-S`, sources: [{ name }] });
        // The other server needs a moment for its consumers.
        if (at.server.dir.includes('nats-server')) await sleep(300);
        await at.publish(retention, 50);
        await at.untilLast(`${name}-M`, 50);
        await at.untilLast(`${name}-S`, 50);
        await at.until(name, ({ state }) => state.messages === 0);
        assert.equal((await at.info(name)).state.last_seq, 50);
        for (const copy of ['M', 'S'])
          assert.equal((await at.info(`${name}-${copy}`)).state.messages, 50);
      }
    });

    test('a mirror keeps what it has when its origin goes', async () => {
      await at.create({ name: 'D', subjects: ['d'] });
      await at.publish('d', 3);
      await at.create({ name: 'DM', mirror: { name: 'D' } });
      await at.untilLast('DM', 3);
      await at.ask('STREAM.DELETE.D');
      await at.until('DM', ({ mirror }) => mirror.error?.err_code === 10059);
      assert.equal((await at.info('DM')).state.messages, 3);
    });
  });
}

describe('copies are whole', () => {
  test('a full stream stops the copying, and nothing is lost', async () => {
    const at = await open(await startBroker());
    await at.create({ name: 'O', subjects: ['o'] });
    await at.publish('o', 20);
    await at.create({ name: 'S', sources: [{ name: 'O' }], max_msgs: 5, discard: 'new' });
    await at.until('S', ({ sources }) => sources[0].error?.err_code === 10077);
    assert.equal((await at.info('S')).sources[0].lag, 15);
    const got = [];
    while (got.length < 20) {
      await at.until('S', ({ state }) => state.messages > 0);
      got.push(...(await messages(at, 'S')).map(({ data }) => data));
      await at.ask('STREAM.PURGE.S', { seq: (await at.info('S')).state.last_seq + 1 });
      // Between the two answers nothing comes: it is full, or all is there.
    }
    assert.deepEqual([...new Set(got)], numbers(1, 20));
    await at.nc.close();
  });

  test('nobody pretends that a message was copied', async () => {
    const at = await open(await startBroker());
    await at.create({ name: 'O', subjects: ['o'] });
    await at.create({ name: 'S', subjects: ['s'], sources: [{ name: 'O' }] });
    const h = headers();
    h.set('Nats-Stream-Source', 'O 1000 > > o');
    await assert.rejects(at.js.publish('s', '', { headers: h }), (error) => {
      assert.equal(error.api_error?.err_code, 10003);
      return true;
    });
    h.set('Nats-Stream-Source', 'ANOTHER 1000 > > o');
    await at.js.publish('s', '', { headers: h });
    await at.nc.close();
  });

  test('an origin that was made anew is followed', async () => {
    const at = await open(await startBroker());
    await at.create({ name: 'O', subjects: ['o'] });
    await at.publish('o', 3);
    await at.create({ name: 'M', mirror: { name: 'O' } });
    await at.create({ name: 'S', sources: [{ name: 'O' }] });
    await at.untilLast('M', 3);
    await at.untilLast('S', 3);
    await at.ask('STREAM.DELETE.O');
    await at.create({ name: 'O', subjects: ['o'] });
    await at.publish('o', 5, 11);
    // Its sequences begin again: of these a mirror takes what is behind its own.
    await at.untilLast('M', 5);
    const mirrored = await messages(at, 'M');
    assert.deepEqual(mirrored.map(({ data }) => data), ['1', '2', '3', '14', '15']);
    await at.untilLast('S', 8);
    const sourced = await messages(at, 'S');
    assert.deepEqual(
      sourced.map(({ data }) => data),
      [...numbers(1, 3), ...numbers(11, 15)]
    );
    await at.nc.close();
  });

  test('subjects are changed on the way', async () => {
    const at = await open(await startBroker());
    await at.create({ name: 'O', subjects: ['o.>'] });
    await at.publish('o.*', 6);
    const subject_transforms = [
      { src: 'o.1', dest: 'one' },
      { src: 'o.2', dest: '' },
    ];
    await at.create({ name: 'S', sources: [{ name: 'O', subject_transforms }] });
    await at.untilLast('S', 4);
    const got = await messages(at, 'S');
    assert.deepEqual(
      got.map(({ subject, data, source }) => [subject, data, source]),
      [
        ['one', '1', 'O 1 o.1\fo.2 one\f> o.1'],
        ['o.2', '2', 'O 2 o.1\fo.2 one\f> o.2'],
        ['one', '4', 'O 4 o.1\fo.2 one\f> o.1'],
        ['o.2', '5', 'O 5 o.1\fo.2 one\f> o.2'],
      ]
    );
    await at.nc.close();
  });

  test('after SIGKILL sources go on where they were', async () => {
    const total = 3000 * KILLS;
    let at = await open(await startBroker());
    const { port, dir } = at.server;
    await at.create({ name: 'O1', subjects: ['o1'] });
    await at.create({ name: 'O2', subjects: ['o2.>'] });
    await at.create({
      name: 'S',
      sources: [{ name: 'O1' }, { name: 'O2', filter_subject: 'o2.1' }],
    });
    await at.create({ name: 'M', mirror: { name: 'O1' } });
    for (let round = 0; round < KILLS; round++) {
      const publishing = at.publish('o1', 3000, 1 + round * 3000).catch(() => {});
      at.publish('o2.1', 500, 1 + round * 500).catch(() => {});
      await sleep(Math.random() * 60);
      await at.server.kill();
      await at.nc.close();
      await publishing;
      at = await open(await startBroker({ port, dir }));
      // What was not acknowledged may be there or not.
      const kept = await messages(at, 'O1');
      const there = new Set(kept.map(({ data }) => data));
      await Promise.all(
        numbers(1 + round * 3000, (round + 1) * 3000)
          .filter((data) => !there.has(data))
          .map((data) => at.js.publish('o1', data))
      );
    }
    const [o1, o2] = [await messages(at, 'O1'), await messages(at, 'O2')];
    await at.untilLast('M', o1.at(-1).seq);
    await at.untilLast('S', o1.length + o2.length);
    await sleep(100);
    assert.deepEqual(await messages(at, 'M'), o1);
    const got = await messages(at, 'S');
    assertEachOnce(got.filter((m) => m.subject === 'o1'), total, 'o1');
    assert.deepEqual(
      got.filter((m) => m.subject === 'o2.1').map(({ data }) => data),
      o2.map(({ data }) => data)
    );
    await at.nc.close();
  });

  test('nor does a work queue get again what is done', async () => {
    const total = 1500 * KILLS;
    let at = await open(await startBroker());
    const { port, dir } = at.server;
    await at.create({ name: 'O', subjects: ['o'] });
    await at.publish('o', total);
    await at.create({ name: 'Q', sources: [{ name: 'O' }], retention: 'workqueue' });
    await at.jsm.consumers.add('Q', {
      durable_name: 'C',
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(1_000),
      max_ack_pending: 20_000,
    });
    const places = new Map(); // payload -> sequences in Q
    const drain = async () => {
      const consumer = await at.js.consumers.get('Q', 'C');
      for (;;) {
        let count = 0;
        const batch = await consumer.fetch({ max_messages: 400, expires: 1500 });
        for await (const message of batch) {
          const seqs = places.get(message.string()) ?? new Set();
          places.set(message.string(), seqs.add(message.seq));
          message.ack();
          count++;
        }
        if (count === 0) return;
      }
    };
    for (let round = 0; round < KILLS; round++) {
      drain().catch(() => {});
      await sleep(20 + Math.random() * 100);
      await at.server.kill();
      await at.nc.close();
      at = await open(await startBroker({ port, dir }));
    }
    await at.until('Q', ({ sources }) => sources[0].lag === 0);
    await drain();
    assert.deepEqual(numbers(1, total).filter((data) => !places.has(data)), []);
    const twice = [...places].filter(([, seqs]) => seqs.size > 1);
    assert.deepEqual(twice, []);
    await at.nc.close();
  });
});

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(`of a stream on ${name}`, () => {
    const api = '$JS.HUB.API';
    const external = { api };

    async function openBoth(hubOptions, url = (hub) => hub.url) {
      const hub = await open(await start(hubOptions));
      const env = { BROKER_JS_REMOTE: `HUB=${url(hub.server)}` };
      const leaf = await open(await startBroker({ env }));
      return { hub, leaf, env };
    }

    test('mirror and sources are as those of a stream here', async () => {
      const { hub, leaf } = await openBoth();
      await hub.create({ name: 'O', subjects: ['o.>'] });
      await hub.publish('o.*', 2000);
      await hub.ask('STREAM.PURGE.O', { seq: 101 });
      await leaf.create({ name: 'M', mirror: { name: 'O', external } });
      await leaf.create({
        name: 'S',
        sources: [{ name: 'O', filter_subject: 'o.1', opt_start_seq: 1501, external }],
      });
      await leaf.create({ name: 'T', sources: [{ name: 'LATER', external }] });
      await leaf.untilLast('M', 2000);
      const origin = await messages(hub, 'O');
      assert.deepEqual(await messages(leaf, 'M'), origin);
      const selected = origin.filter((m) => m.subject === 'o.1' && m.seq > 1500);
      await leaf.untilLast('S', selected.length);
      assert.deepEqual(
        (await messages(leaf, 'S')).map(({ data, source }) => [
          data,
          source.replace(/^O:\w{8} /, ''),
        ]),
        selected.map(({ data, seq }) => [data, `${seq} o.1 > o.1`])
      );
      const { mirror } = await leaf.info('M');
      assert.deepEqual(
        [mirror.name, mirror.lag, mirror.external.api, mirror.error],
        ['O', 0, api, undefined]
      );
      await leaf.until('T', ({ sources }) => sources[0].error?.err_code === 10059);
      await hub.create({ name: 'LATER', subjects: ['later'] });
      await hub.publish('later', 3);
      await leaf.untilLast('T', 3);
      await Promise.all([hub.nc.close(), leaf.nc.close()]);
    });

    test('either side may go and come back', async () => {
      const total = 2000 * KILLS;
      let { hub, leaf, env } = await openBoth();
      await hub.create({ name: 'O', subjects: ['o.>'] });
      await leaf.create({ name: 'M', mirror: { name: 'O', external } });
      await leaf.create({ name: 'S', sources: [{ name: 'O', external }] });
      for (let round = 0; round < KILLS; round++) {
        const side = round % 2 === 0 ? leaf : hub;
        const { port, httpPort, dir } = side.server;
        const there = hub.publish('o.*', 2000, 1 + round * 2000);
        if (side === leaf) {
          await sleep(Math.random() * 60);
          await leaf.server.kill();
          await leaf.nc.close();
          leaf = await open(await startBroker({ port, httpPort, dir, env }));
          await there;
        } else {
          await there;
          await hub.nc.close();
          // What nats-server acknowledged is safe only when it ends by itself.
          if (start === startBroker) await hub.server.kill();
          else await hub.server.stop('SIGINT');
          await leaf.until('M', ({ mirror }) => mirror.error !== undefined);
          hub = await open(await start({ port, httpPort, dir }));
        }
      }
      await leaf.untilLast('M', total);
      await leaf.untilLast('S', total);
      const origin = await messages(hub, 'O');
      assertEachOnce(origin, total, 'the origin');
      assert.deepEqual(await messages(leaf, 'M'), origin);
      const sourced = await messages(leaf, 'S');
      assert.deepEqual(
        sourced.map(({ data }) => data),
        origin.map(({ data }) => data)
      );
      await Promise.all([hub.nc.close(), leaf.nc.close()]);
    });

    test('with a password, and not with a wrong one', async () => {
      const args = ['--user', 'me', '--pass', 'p@ss word'];
      const hubServer = await start({ args });
      const hub = await connectNats(hubServer, { user: 'me', pass: 'p@ss word' });
      const jsm = await hub.jetstreamManager();
      await jsm.streams.add({ name: 'O', subjects: ['o'] });
      await hub.jetstream().publish('o', '1');
      const address = `127.0.0.1:${hubServer.port}`;
      const env = {
        BROKER_JS_REMOTE: `HUB=nats://me:p%40ss%20word@${address},BAD=nats://me:no@${address}`,
      };
      const leaf = await open(await startBroker({ env }));
      await leaf.create({ name: 'M', mirror: { name: 'O', external } });
      await leaf.create({ name: 'B', mirror: { name: 'O', external: { api: '$JS.BAD.API' } } });
      await leaf.untilLast('M', 1);
      await leaf.until('B', ({ mirror }) =>
        /Authorization Violation/.test(mirror.error?.description)
      );
      await Promise.all([hub.close(), leaf.nc.close()]);
    });

    test('with an nkey, and not with another one', async () => {
      const files = ['own', 'other'].map((name) => {
        const key = nkeys.createUser();
        const file = join(tempDir('nkeys-'), name);
        writeFileSync(file, `${Buffer.from(key.getSeed())}\n`);
        return { key, file };
      });
      const [own, other] = files;
      const hubServer = await configured(
        start,
        `authorization { users: [ { nkey: ${own.key.getPublicKey()} } ] }`
      );
      const authenticator = nkeyAuthenticator(own.key.getSeed());
      const hub = await connectNats(hubServer, { authenticator });
      await (await hub.jetstreamManager()).streams.add({ name: 'O', subjects: ['o'] });
      await hub.jetstream().publish('o', '1');
      const remote = (domain, { file }) =>
        `{ domain: ${domain}, url: "nats://127.0.0.1:${hubServer.port}", nkey: "${file}" }`;
      const leaf = await open(
        await configured(
          startBroker,
          `jetstream { remotes: [ ${remote('HUB', own)}, ${remote('BAD', other)} ] }`
        )
      );
      await leaf.create({ name: 'M', mirror: { name: 'O', external } });
      await leaf.create({ name: 'B', mirror: { name: 'O', external: { api: '$JS.BAD.API' } } });
      await leaf.untilLast('M', 1);
      await leaf.until('B', ({ mirror }) =>
        /Authorization Violation/.test(mirror.error?.description)
      );
      await Promise.all([hub.close(), leaf.nc.close()]);
    });

    test('over TLS, by the name in its certificate, with a token', async () => {
      const authority = makeAuthority();
      const { certFile, keyFile } = authority.issue('hub', '/CN=hub', 'DNS:localhost');
      const hubServer = await configured(
        start,
        `authorization { token: "s3cret" }
         tls { cert_file: "${certFile}", key_file: "${keyFile}", timeout: 2 }`
      );
      const tls = { ca: authority.ca, servername: 'localhost' };
      const port = hubServer.port;
      const hub = await connectNats(`localhost:${port}`, { token: 's3cret', tls });
      await (await hub.jetstreamManager()).streams.add({ name: 'O', subjects: ['o'] });
      await hub.jetstream().publish('o', '1');
      const leaf = await open(
        await configured(
          startBroker,
          `jetstream {
             remotes: [
               { domain: HUB, url: "tls://localhost:${port}", token: "s3cret"
                 tls { ca_file: "${authority.caFile}" } }
               { domain: ADDRESS, url: "nats://s3cret@127.0.0.1:${port}"
                 tls { ca_file: "${authority.caFile}" } }
               { domain: STRANGER, url: "nats://s3cret@localhost:${port}" }
             ]
           }`
        )
      );
      for (const domain of ['HUB', 'ADDRESS', 'STRANGER'])
        await leaf.create({
          name: domain,
          mirror: { name: 'O', external: { api: `$JS.${domain}.API` } },
        });
      await leaf.untilLast('HUB', 1);
      for (const domain of ['ADDRESS', 'STRANGER'])
        await leaf.until(domain, ({ mirror }) =>
          /TLS handshake failed/.test(mirror.error?.description)
        );
      await Promise.all([hub.close(), leaf.nc.close()]);
    });
  });
}

test('what is said in clear before TLS is not listened to', async () => {
  const hub = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('INFO {"tls_required":true}\r\nMSG a 1 1\r\nx\r\n');
  });
  await new Promise((done) => hub.listen(0, '127.0.0.1', done));
  const env = { BROKER_JS_REMOTE: `HUB=nats://127.0.0.1:${hub.address().port}` };
  const leaf = await open(await startBroker({ env }));
  await leaf.create({
    name: 'M',
    mirror: { name: 'O', external: { api: '$JS.HUB.API' } },
  });
  await leaf.until('M', ({ mirror }) =>
    /goes on in clear/.test(mirror.error?.description)
  );
  await leaf.nc.close();
  hub.close();
});
