// Streams and consumers through the official client, on both servers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { AckPolicy, DeliverPolicy, headers, nanos } from 'nats';

import {
  connectNats,
  sleep,
  startBroker,
  startNatsServer,
  waitFor,
} from './support/index.js';

const CONSUMER = {
  durable_name: 'C',
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(30_000),
};

const text = (message) => message.string();

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(name, () => {
    let nc;
    let js;
    let jsm;
    let count = 0;

    before(async () => {
      nc = await connectNats(await start());
      js = nc.jetstream();
      jsm = await nc.jetstreamManager();
    });
    after(() => nc.close());

    // A stream of its own for each test: { stream, subject }.
    async function makeStream(config = {}) {
      const stream = `S${++count}`;
      const subject = `s${count}`;
      await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], ...config });
      return { stream, subject };
    }

    async function fill(subject, n) {
      for (let i = 1; i <= n; i++) await js.publish(`${subject}.x`, `${i}`);
    }

    async function makeConsumer(stream, config = {}) {
      await jsm.consumers.add(stream, { ...CONSUMER, ...config });
      return js.consumers.get(stream, 'C');
    }

    async function fetch(consumer, options) {
      const got = [];
      for await (const message of await consumer.fetch(options))
        got.push(message);
      return got;
    }

    const refusal = (promise, code) =>
      assert.rejects(promise, (error) => {
        assert.equal(error.api_error?.err_code, code, error.message);
        return true;
      });

    test('a stream is made, found, changed, listed and deleted', async () => {
      const { stream, subject } = await makeStream({ max_bytes: 1 << 20 });
      const info = await jsm.streams.info(stream);
      assert.equal(info.config.name, stream);
      assert.deepEqual(info.config.subjects, [`${subject}.>`]);
      assert.equal(info.config.max_bytes, 1 << 20);
      assert.equal(info.config.retention, 'limits');
      assert.equal(info.config.storage, 'file');
      assert.equal(info.config.discard, 'old');
      assert.equal(info.config.num_replicas, 1);
      assert.equal(info.config.max_msgs, -1);
      assert.equal(info.config.max_age, 0);
      assert.equal(info.config.duplicate_window, nanos(120_000));
      assert.equal(info.state.messages, 0);
      assert.equal(info.state.first_seq, 0);
      assert.equal(info.state.first_ts, '0001-01-01T00:00:00Z');
      const changed = await jsm.streams.update(stream, { max_msgs: 7 });
      assert.equal(changed.config.max_msgs, 7);
      assert.equal(await jsm.streams.find(`${subject}.a`), stream);
      const names = [];
      for await (const n of jsm.streams.names()) names.push(n);
      assert.ok(names.includes(stream));
      assert.equal(await jsm.streams.delete(stream), true);
      await refusal(jsm.streams.info(stream), 10059);
    });

    test('what is published is counted as the other server counts', async () => {
      const { stream, subject } = await makeStream();
      const ack = await js.publish(`${subject}.a`, 'hello');
      assert.equal(ack.stream, stream);
      assert.equal(ack.seq, 1);
      assert.equal(ack.duplicate, false);
      const h = headers();
      h.set('K', 'v');
      await js.publish(`${subject}.b`, 'x', { headers: h });
      const { state } = await jsm.streams.info(stream);
      assert.equal(state.messages, 2);
      assert.equal(state.last_seq, 2);
      const subjects = 2 * `${subject}.a`.length;
      assert.equal(state.bytes, 2 * 30 + subjects + 6 + 4 + 18);
    });

    test('a message id counts once', async () => {
      const { stream, subject } = await makeStream();
      await js.publish(`${subject}.a`, '1', { msgID: 'one' });
      await js.publish(`${subject}.a`, '2');
      const again = await js.publish(`${subject}.a`, '1', { msgID: 'one' });
      assert.equal(again.duplicate, true);
      assert.equal(again.seq, 1);
      assert.equal((await jsm.streams.info(stream)).state.messages, 2);
    });

    test('expectations', async () => {
      const { stream, subject } = await makeStream();
      const to = `${subject}.a`;
      await js.publish(to, '1', { msgID: 'm1' });
      const expecting = (expect) => js.publish(to, 'x', { expect });
      await refusal(expecting({ streamName: 'other' }), 10060);
      await refusal(expecting({ lastSequence: 9 }), 10071);
      await refusal(expecting({ lastMsgID: 'm9' }), 10070);
      await js.publish(to, '2', {
        expect: { streamName: stream, lastSequence: 1, lastMsgID: 'm1' },
      });
      await refusal(expecting({ lastMsgID: 'm1' }), 10070);
    });

    test('a full stream', async () => {
      const limits = { max_msgs: 2 };
      const old = await makeStream(limits);
      await fill(old.subject, 5);
      const { state } = await jsm.streams.info(old.stream);
      assert.deepEqual([state.first_seq, state.last_seq], [4, 5]);
      const fresh = await makeStream({ ...limits, discard: 'new' });
      await fill(fresh.subject, 2);
      await assert.rejects(
        js.publish(`${fresh.subject}.x`, '3'),
        (error) =>
          error.api_error.description === 'maximum messages exceeded' &&
          error.api_error.code === 503
      );
    });

    test('purging', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 10);
      assert.equal((await jsm.streams.purge(stream, { seq: 4 })).purged, 3);
      assert.equal((await jsm.streams.purge(stream, { keep: 2 })).purged, 5);
      assert.equal((await jsm.streams.purge(stream)).purged, 2);
      const { state } = await jsm.streams.info(stream);
      assert.deepEqual(
        [state.messages, state.first_seq, state.last_seq],
        [0, 11, 10]
      );
    });

    test('single messages', async () => {
      const { stream, subject } = await makeStream();
      const h = headers();
      h.set('K', 'v');
      await js.publish(`${subject}.a`, 'one', { headers: h });
      await js.publish(`${subject}.b`, 'two');
      const first = await jsm.streams.getMessage(stream, { seq: 1 });
      assert.equal(first.string(), 'one');
      assert.equal(first.header.get('K'), 'v');
      assert.equal(first.subject, `${subject}.a`);
      const last = await jsm.streams.getMessage(stream, {
        last_by_subj: `${subject}.a`,
      });
      assert.equal(last.seq, 1);
      await refusal(jsm.streams.getMessage(stream, { seq: 9 }), 10037);
    });

    test('what is refused', async () => {
      const { stream, subject } = await makeStream();
      await refusal(jsm.streams.add({ name: stream, subjects: ['z'] }), 10058);
      await refusal(
        jsm.streams.add({ name: 'OVER', subjects: [`${subject}.a`] }),
        10065
      );
      await refusal(
        jsm.streams.add({ name: 'DUP', subjects: ['d', 'd'] }),
        10052
      );
      await refusal(
        jsm.streams.add({ name: 'API', subjects: ['$JS.API.>'] }),
        10052
      );
      await refusal(
        jsm.streams.add({ name: 'AGE', subjects: ['age'], max_age: 5 }),
        10052
      );
      await refusal(
        jsm.streams.add({ name: 'R', subjects: ['r'], num_replicas: 3 }),
        10074
      );
      await refusal(jsm.streams.update(stream, { storage: 'memory' }), 10052);
      await refusal(jsm.consumers.info(stream, 'nope'), 10014);
      await refusal(jsm.consumers.delete(stream, 'nope'), 10014);
      await refusal(
        jsm.consumers.add(stream, { ...CONSUMER, opt_start_seq: 3 }),
        10094
      );
      await refusal(
        jsm.consumers.add(stream, {
          ...CONSUMER,
          max_deliver: 2,
          backoff: [nanos(1000), nanos(2000)],
        }),
        10116
      );
    });

    test('a consumer delivers, and its figures are exact', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 5);
      const made = await jsm.consumers.add(stream, CONSUMER);
      assert.equal(made.num_pending, 5);
      assert.equal(made.config.max_ack_pending, 1000);
      assert.equal(made.config.max_waiting, 512);
      assert.equal(made.config.max_deliver, -1);
      const consumer = await js.consumers.get(stream, 'C');
      const got = await fetch(consumer, { max_messages: 3, expires: 2000 });
      assert.deepEqual(got.map(text), ['1', '2', '3']);
      assert.deepEqual(
        got.map((m) => m.info.pending),
        [4, 3, 2]
      );
      assert.equal(got[0].info.stream, stream);
      assert.equal(got[0].info.consumer, 'C');
      assert.equal(got[2].info.streamSequence, 3);
      assert.equal(got[2].info.deliverySequence, 3);
      assert.equal(got[0].redelivered, false);
      assert.equal(await got[1].ackAck(), true);
      let info = await jsm.consumers.info(stream, 'C');
      assert.equal(info.ack_floor.consumer_seq, 0);
      assert.equal(info.ack_floor.stream_seq, 0);
      assert.ok(Date.parse(info.delivered.last_active) > Date.now() - 60_000);
      assert.equal(info.num_ack_pending, 2);
      assert.equal(await got[0].ackAck(), true);
      info = await jsm.consumers.info(stream, 'C');
      assert.equal(info.ack_floor.stream_seq, 2);
      assert.equal(info.delivered.stream_seq, 3);
      assert.equal(info.num_pending, 2);
    });

    test('messages that come while a request waits', async () => {
      const { stream, subject } = await makeStream();
      const consumer = await makeConsumer(stream);
      const waiting = fetch(consumer, { max_messages: 3, expires: 5000 });
      await waitFor(
        async () => (await jsm.consumers.info(stream, 'C')).num_waiting === 1,
        'the request to wait'
      );
      await fill(subject, 3);
      assert.deepEqual((await waiting).map(text), ['1', '2', '3']);
      assert.equal((await jsm.consumers.info(stream, 'C')).num_waiting, 0);
    });

    test('a request ends when its time is over', async () => {
      const { stream, subject } = await makeStream();
      const consumer = await makeConsumer(stream);
      await fill(subject, 1);
      const got = await fetch(consumer, { max_messages: 5, expires: 1000 });
      assert.deepEqual(got.map(text), ['1']);
    });

    test('nak, with and without delay, term, work in progress', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 1);
      const consumer = await makeConsumer(stream);
      const [first] = await fetch(consumer, { max_messages: 1 });
      first.nak();
      const [second] = await fetch(consumer, { max_messages: 1 });
      assert.equal(second.redelivered, true);
      assert.equal(second.info.redeliveryCount, 2);
      assert.equal(second.info.deliverySequence, 2);
      second.nak(400);
      const began = Date.now();
      const [third] = await fetch(consumer, { max_messages: 1, expires: 5000 });
      assert.ok(Date.now() - began > 300);
      third.working();
      third.term();
      await nc.flush();
      const info = await jsm.consumers.info(stream, 'C');
      assert.equal(info.num_ack_pending, 0);
      assert.equal(info.ack_floor.stream_seq, 1);
    });

    test('what is not acknowledged in time comes again', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 2);
      const consumer = await makeConsumer(stream, { ack_wait: nanos(500) });
      const first = await fetch(consumer, { max_messages: 2 });
      first[0].ack();
      const again = await fetch(consumer, { max_messages: 1, expires: 5000 });
      assert.deepEqual(again.map(text), ['2']);
      assert.equal(again[0].info.redeliveryCount, 2);
    });

    test('no more than max_deliver times, and then an advisory', async () => {
      const { stream, subject } = await makeStream();
      const advisories = nc.subscribe(
        `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.C`,
        { max: 1 }
      );
      await fill(subject, 1);
      const consumer = await makeConsumer(stream, {
        ack_wait: nanos(200),
        max_deliver: 2,
      });
      const got = await fetch(consumer, { max_messages: 5, expires: 1500 });
      assert.equal(got.length, 2);
      for await (const message of advisories) {
        const advisory = message.json();
        assert.equal(advisory.stream_seq, 1);
        assert.equal(advisory.deliveries, 2);
        assert.equal(
          advisory.type,
          'io.nats.jetstream.advisory.v1.max_deliver'
        );
      }
    });

    test('max_ack_pending holds delivery back', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 5);
      const consumer = await makeConsumer(stream, { max_ack_pending: 2 });
      const got = await fetch(consumer, { max_messages: 5, expires: 1000 });
      assert.equal(got.length, 2);
      got.forEach((message) => message.ack());
      await nc.flush();
      const more = await fetch(consumer, { max_messages: 2, expires: 2000 });
      assert.deepEqual(more.map(text), ['3', '4']);
    });

    test('where delivery begins', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 3);
      await sleep(50);
      const middle = new Date().toISOString();
      await sleep(50);
      await js.publish(`${subject}.y`, '4');
      for (const [config, expected] of [
        [{ deliver_policy: DeliverPolicy.All }, '1'],
        [{ deliver_policy: DeliverPolicy.Last }, '4'],
        [
          { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 3 },
          '3',
        ],
        [
          { deliver_policy: DeliverPolicy.StartTime, opt_start_time: middle },
          '4',
        ],
        [{ filter_subject: `${subject}.y` }, '4'],
      ]) {
        const consumer = await makeConsumer(stream, config);
        const [message] = await fetch(consumer, { max_messages: 1 });
        assert.equal(text(message), expected, JSON.stringify(config));
        await jsm.consumers.delete(stream, 'C');
      }
      const consumer = await makeConsumer(stream, {
        deliver_policy: DeliverPolicy.New,
      });
      await js.publish(`${subject}.z`, '5');
      const [message] = await fetch(consumer, { max_messages: 1 });
      assert.equal(text(message), '5');
    });

    test('a filter counts what it selects', async () => {
      const { stream, subject } = await makeStream();
      for (let i = 0; i < 10; i++)
        await js.publish(`${subject}.${i % 2 ? 'odd' : 'even'}`, `${i}`);
      const consumer = await makeConsumer(stream, {
        filter_subject: `${subject}.odd`,
      });
      assert.equal((await jsm.consumers.info(stream, 'C')).num_pending, 5);
      const got = await fetch(consumer, { max_messages: 2 });
      assert.deepEqual(got.map(text), ['1', '3']);
      assert.deepEqual(
        got.map((m) => m.info.pending),
        [4, 3]
      );
    });

    test('collectors that share a consumer divide the work', async () => {
      const { stream, subject } = await makeStream();
      await makeConsumer(stream, { max_ack_pending: 5000 });
      const seen = new Map();
      const shares = [0, 0, 0];
      const stops = [];
      for (const [i] of shares.entries()) {
        const consumer = await js.consumers.get(stream, 'C');
        const messages = await consumer.consume({ max_messages: 100 });
        stops.push(messages);
        (async () => {
          for await (const message of messages) {
            seen.set(message.seq, (seen.get(message.seq) ?? 0) + 1);
            shares[i]++;
            message.ack();
          }
        })();
      }
      const published = [];
      for (let i = 0; i < 3000; i++)
        published.push(js.publish(`${subject}.x`, `${i}`));
      await Promise.all(published);
      await waitFor(() => seen.size === 3000, 'all messages');
      for (const messages of stops) await messages.close();
      assert.ok([...seen.values()].every((n) => n === 1));
      assert.ok(shares.every((n) => n > 300), `${shares}`);
    });

    test('an ephemeral consumer, with a name of its own', async () => {
      const { stream, subject } = await makeStream();
      await fill(subject, 2);
      const info = await jsm.consumers.add(stream, {
        ack_policy: AckPolicy.None,
        inactive_threshold: nanos(60_000),
      });
      assert.match(info.name, /^\w{8,}$/);
      const consumer = await js.consumers.get(stream, info.name);
      const got = await fetch(consumer, { max_messages: 2 });
      assert.deepEqual(got.map(text), ['1', '2']);
      const names = [];
      for await (const c of jsm.consumers.list(stream)) names.push(c.name);
      assert.deepEqual(names, [info.name]);
    });

    test('account figures', async () => {
      const info = await jsm.getAccountInfo();
      assert.ok(info.streams > 0);
      assert.equal(info.limits.max_streams, -1);
      assert.ok(info.api.total > 0);
    });

    test('statuses of requests, word for word', async () => {
      const { stream, subject } = await makeStream();
      await makeConsumer(stream, { max_batch: 5, max_waiting: 1 });
      const inbox = nc.subscribe('statuses');
      const heard = inbox[Symbol.asyncIterator]();
      const ask = (request, to = 'statuses') =>
        nc.publish(
          `$JS.API.CONSUMER.MSG.NEXT.${stream}.C`,
          JSON.stringify(request),
          { reply: to }
        );
      const next = async () => {
        const { value } = await heard.next();
        return {
          status: `${value.headers.code} ${value.headers.description}`,
          left: value.headers.get('Nats-Pending-Messages'),
          bytes: value.headers.get('Nats-Pending-Bytes'),
        };
      };
      ask({ batch: 1, no_wait: true });
      assert.equal((await next()).status, '404 No Messages');
      ask({ batch: 6 });
      assert.equal((await next()).status, '409 Exceeded MaxRequestBatch of 5');
      ask({ batch: 2, expires: nanos(300), max_bytes: 999 });
      assert.deepEqual(await next(), {
        status: '408 Request Timeout',
        left: '2',
        bytes: '999',
      });
      ask({ batch: 1, expires: 100, idle_heartbeat: 90 });
      assert.equal(
        (await next()).status,
        '400 Bad Request - heartbeat value too large'
      );
      await fill(subject, 1);
      ask({ batch: 2, expires: nanos(5000), max_bytes: 10 });
      assert.deepEqual(await next(), {
        status: '409 Message Size Exceeds MaxBytes',
        left: '2',
        bytes: '10',
      });
      await jsm.streams.purge(stream);
      ask({ batch: 1, expires: nanos(1000), idle_heartbeat: nanos(300) });
      assert.equal((await next()).status, '100 Idle Heartbeat');
      ask({ batch: 1 });
      assert.equal((await next()).status, '409 Exceeded MaxWaiting');
      await jsm.consumers.delete(stream, 'C');
      assert.equal((await next()).status, '409 Consumer Deleted');
      inbox.unsubscribe();
    });
  });
}
