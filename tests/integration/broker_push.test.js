// Push consumers: who gets what, when, and how it is slowed down; on both
// servers, through the official client and by hand.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { AckPolicy, DeliverPolicy, consumerOpts, createInbox, nanos } from 'nats';

import {
  connectNats,
  startBroker,
  startNatsServer,
  waitFor,
} from './support/index.js';
import { Wire } from './support/wire.js';

const MIB = 1 << 20;

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  const ours = name === 'nexus-broker';
  describe(name, () => {
    let server;
    let nc;
    let js;
    let jsm;
    let count = 0;

    before(async () => {
      server = await start();
      nc = await connectNats(server);
      js = nc.jetstream();
      jsm = await nc.jetstreamManager();
    });
    after(() => nc.close());

    // A stream of its own with n messages on <subject>.x, .y, .x …
    async function makeStream(n = 0, config = {}) {
      const stream = `P${++count}`;
      const subject = `p${count}`;
      await jsm.streams.add({
        name: stream,
        subjects: [`${subject}.*`],
        storage: 'memory',
        ...config,
      });
      for (let i = 0; i < n; i++)
        await js.publish(`${subject}.${i % 2 ? 'y' : 'x'}`, `${i + 1}`);
      return { stream, subject };
    }

    // Everything that comes to a subject, as { data, status, reply … }.
    function listen(subject, options = {}) {
      const heard = [];
      const subscription = nc.subscribe(subject, {
        ...options,
        callback: (error, m) => {
          heard.push({
            subject: m.subject,
            data: m.string(),
            reply: m.reply,
            code: m.headers?.code ?? 0,
            status: m.headers?.description ?? '',
            headers: m.headers,
          });
        },
      });
      return { heard, subscription };
    }

    const heardSome = (heard, n, what = `${n} messages`) =>
      waitFor(() => heard.length >= n, what);

    const info = (stream, consumer) => jsm.consumers.info(stream, consumer);

    test('it waits for its subscriber, and for its next one', async () => {
      const { stream } = await makeStream(3);
      const deliver = createInbox();
      const made = await jsm.consumers.add(stream, {
        durable_name: 'C',
        deliver_subject: deliver,
        ack_policy: AckPolicy.Explicit,
      });
      assert.equal(made.num_pending, 3);
      assert.equal(made.delivered.consumer_seq, 0);
      assert.ok(!made.push_bound);
      const { heard, subscription } = listen(deliver);
      await heardSome(heard, 3);
      assert.deepEqual(heard.map((m) => m.data), ['1', '2', '3']);
      assert.match(heard[2].reply, new RegExp(`^\\$JS\\.ACK\\.${stream}\\.C\\.1\\.3\\.3\\.\\d+\\.0$`));
      assert.equal((await info(stream, 'C')).push_bound, true);
      for (const m of heard) nc.publish(m.reply);
      await waitFor(
        async () => (await info(stream, 'C')).ack_floor.stream_seq === 3,
        'acknowledgements'
      );
      subscription.unsubscribe();
      await nc.flush();
      await js.publish(`p${count}.x`, '4');
      assert.ok(!(await info(stream, 'C')).push_bound);
      const next = listen(deliver);
      await heardSome(next.heard, 1);
      assert.equal(next.heard[0].data, '4');
    });

    test('a queue group shares, and needs a member', async () => {
      const { stream, subject } = await makeStream();
      const deliver = createInbox();
      await jsm.consumers.add(stream, {
        durable_name: 'Q',
        deliver_subject: deliver,
        deliver_group: 'g',
        ack_policy: AckPolicy.Explicit,
      });
      const first = listen(deliver, { queue: 'g' });
      const second = listen(deliver, { queue: 'g' });
      await nc.flush();
      for (let i = 0; i < 100; i++) nc.publish(`${subject}.x`, `${i}`);
      await waitFor(
        () => first.heard.length + second.heard.length === 100,
        'all of them'
      );
      assert.ok(first.heard.length > 10 && second.heard.length > 10);
    });

    test('an ephemeral one goes when its listener does', async () => {
      const { stream } = await makeStream(1);
      const deliver = createInbox();
      const { heard, subscription } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'E',
        deliver_subject: deliver,
        inactive_threshold: nanos(200),
      });
      await heardSome(heard, 1);
      await new Promise((wake) => setTimeout(wake, 500));
      await info(stream, 'E');
      subscription.unsubscribe();
      await waitFor(
        () => info(stream, 'E').then(() => false, () => true),
        'the end of the consumer'
      );
    });

    test('what is not acknowledged comes again, by a back-off', async () => {
      const { stream } = await makeStream(1);
      const advisories = listen(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.>`);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        durable_name: 'B',
        deliver_subject: deliver,
        ack_policy: AckPolicy.Explicit,
        backoff: [nanos(100), nanos(200)],
        max_deliver: 3,
      });
      await heardSome(advisories.heard, 1, 'an advisory');
      assert.deepEqual(
        heard.map((m) => m.reply.split('.').slice(4, 7).join('.')),
        ['1.1.1', '2.1.2', '3.1.3']
      );
      const advisory = JSON.parse(advisories.heard[0].data);
      assert.equal(advisory.type, 'io.nats.jetstream.advisory.v1.max_deliver');
      assert.equal(advisory.deliveries, 3);
      assert.equal(advisory.stream_seq, 1);
    });

    test('every kind of answer', async () => {
      const { stream } = await makeStream(4);
      const naked = listen(`$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.${stream}.K`);
      const ended = listen(`$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${stream}.K`);
      const samples = listen(`$JS.EVENT.METRIC.CONSUMER.ACK.${stream}.K`);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        durable_name: 'K',
        deliver_subject: deliver,
        ack_policy: AckPolicy.Explicit,
        sample_freq: '100%',
      });
      await heardSome(heard, 4);
      nc.publish(heard[0].reply, '-NAK');
      nc.publish(heard[1].reply, '-NAK {"delay": 300000000}');
      nc.publish(heard[2].reply, '+TERM');
      const answer = await nc.request(heard[3].reply, '+ACK');
      assert.equal(answer.data.length, 0);
      await nc.request(heard[3].reply, '+ACK');
      await heardSome(heard, 6);
      assert.deepEqual(heard.slice(4).map((m) => m.data), ['1', '2']);
      await nc.request(heard[4].reply, '+WPI');
      for (const m of heard.slice(4)) await nc.request(m.reply, '');
      const { num_ack_pending, ack_floor } = await info(stream, 'K');
      assert.equal(num_ack_pending, 0);
      assert.equal(ack_floor.stream_seq, 4);
      await heardSome(naked.heard, 2);
      await heardSome(ended.heard, 1);
      await heardSome(samples.heard, 3);
      const sample = JSON.parse(samples.heard[0].data);
      assert.equal(sample.type, 'io.nats.jetstream.metric.v1.consumer_ack');
      assert.equal(sample.stream_seq, 4);
      assert.equal(sample.deliveries, 1);
      assert.ok(sample.ack_time > 0);
      const nak = JSON.parse(naked.heard[0].data);
      assert.equal(nak.type, 'io.nats.jetstream.advisory.v1.nak');
      assert.equal(nak.consumer_seq, 1);
      const term = JSON.parse(ended.heard[0].data);
      assert.equal(term.type, 'io.nats.jetstream.advisory.v1.terminated');
      assert.equal(term.stream_seq, 3);
    });

    test('acknowledging all means what is below, too', async () => {
      const { stream } = await makeStream(5);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        durable_name: 'A',
        deliver_subject: deliver,
        ack_policy: AckPolicy.All,
        max_ack_pending: 3,
      });
      await heardSome(heard, 3);
      await nc.request(heard[1].reply, '');
      await heardSome(heard, 5);
      const state = await info(stream, 'A');
      assert.equal(state.ack_floor.stream_seq, 2);
      assert.equal(state.num_ack_pending, 3);
    });

    test('heartbeats say where it stands', async () => {
      const { stream } = await makeStream(3);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'H',
        deliver_subject: deliver,
        filter_subject: `p${count}.x`,
        idle_heartbeat: nanos(150),
      });
      await heardSome(heard, 4);
      assert.equal(heard[2].code, 100);
      assert.equal(heard[2].status, 'Idle Heartbeat');
      assert.equal(heard[2].headers.get('Nats-Last-Consumer'), '2');
      assert.equal(heard[2].headers.get('Nats-Last-Stream'), '3');
    });

    test('flow control stops at a window, and goes on when answered', async () => {
      const { stream, subject } = await makeStream();
      const body = new Uint8Array(MIB / 4);
      for (let i = 0; i < 40; i++) await js.publish(`${subject}.x`, body);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'F',
        deliver_subject: deliver,
        idle_heartbeat: nanos(200),
        flow_control: true,
      });
      const of = (status) => heard.filter((m) => m.status === status);
      await waitFor(() => of('FlowControl Request').length > 0, 'a question');
      await waitFor(() => of('Idle Heartbeat').length > 0, 'a heartbeat');
      const asked = of('FlowControl Request')[0].reply;
      assert.match(asked, new RegExp(`^\\$JS\\.FC\\.${stream}\\.F\\.`));
      assert.equal(
        of('Idle Heartbeat')[0].headers.get('Nats-Consumer-Stalled'),
        asked
      );
      const before = of('').length;
      assert.ok(before >= 8 && before <= 10, `${before} within the window`);
      const answered = new Set();
      await waitFor(() => {
        for (const { reply } of of('FlowControl Request')) {
          if (!answered.has(reply)) nc.publish(reply);
          answered.add(reply);
        }
        return of('').length === 40;
      }, 'everything');
    });

    test('an ordered consumer reads everything, once, in order', async () => {
      const { stream, subject } = await makeStream();
      for (let i = 0; i < 2000; i++) nc.publish(`${subject}.x`, `${i}`);
      await nc.flush();
      const options = consumerOpts().orderedConsumer();
      const subscription = await js.subscribe(`${subject}.x`, options);
      let n = 0;
      for await (const m of subscription) {
        assert.equal(m.string(), `${n++}`);
        assert.equal(m.info.deliverySequence, n);
        if (m.info.pending === 0 && n >= 2000) break;
      }
      assert.equal(n, 2000);
      const consumers = await jsm.consumers.list(stream).next();
      for (const { config } of consumers) assert.equal(config.ack_policy, 'none');
    });

    test('the last of each subject', async () => {
      const { stream, subject } = await makeStream(5);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      const made = await jsm.consumers.add(stream, {
        name: 'L',
        deliver_subject: deliver,
        deliver_policy: DeliverPolicy.LastPerSubject,
        filter_subject: `${subject}.*`,
      });
      assert.equal(made.num_pending, 2);
      await heardSome(heard, 2);
      assert.deepEqual(heard.map((m) => m.data), ['4', '5']);
      await js.publish(`${subject}.x`, '6');
      await heardSome(heard, 3);
      assert.equal(heard[2].data, '6');
    });

    test('headers only', async () => {
      const { stream, subject } = await makeStream(1);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'O',
        deliver_subject: deliver,
        headers_only: true,
      });
      await js.publish(`${subject}.x`, 'four', { msgID: 'id' });
      await heardSome(heard, 2);
      assert.equal(heard[0].data + heard[1].data, '');
      assert.equal(heard[0].headers.get('Nats-Msg-Size'), '1');
      assert.equal(heard[1].headers.get('Nats-Msg-Size'), '4');
      assert.equal(heard[1].headers.get('Nats-Msg-Id'), 'id');
    });

    test('replay at the original speed', async () => {
      const { stream, subject } = await makeStream(1);
      await new Promise((wake) => setTimeout(wake, 300));
      await js.publish(`${subject}.x`, '2');
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'R',
        deliver_subject: deliver,
        replay_policy: 'original',
      });
      await heardSome(heard, 1);
      const from = Date.now();
      await heardSome(heard, 2);
      assert.ok(Date.now() - from >= 200, `${Date.now() - from} ms`);
    });

    test('a rate limit', async () => {
      const { stream, subject } = await makeStream();
      const body = new Uint8Array(10_000);
      for (let i = 0; i < 30; i++) await js.publish(`${subject}.x`, body);
      const deliver = createInbox();
      const { heard } = listen(deliver);
      await jsm.consumers.add(stream, {
        name: 'T',
        deliver_subject: deliver,
        rate_limit_bps: 1_600_000, // 200 kB a second
      });
      const from = Date.now();
      await heardSome(heard, 30);
      // The peer lets the largest message's size (1 MB) pass at first.
      if (ours) assert.ok(Date.now() - from >= 400, `${Date.now() - from} ms`);
    });

    test('created and deleted are told', async () => {
      const { stream } = await makeStream();
      const { heard } = listen(`$JS.EVENT.ADVISORY.CONSUMER.*.${stream}.D`);
      await jsm.consumers.add(stream, { durable_name: 'D', ack_policy: 'explicit' });
      await jsm.consumers.delete(stream, 'D');
      await heardSome(heard, 2);
      const events = heard.map((m) => JSON.parse(m.data));
      assert.deepEqual(events.map((e) => e.action), ['create', 'delete']);
      for (const event of events) {
        assert.equal(event.type, 'io.nats.jetstream.advisory.v1.consumer_action');
        assert.equal(event.stream, stream);
        assert.equal(event.consumer, 'D');
      }
    });

    test('a bound durable keeps its subject', async () => {
      const { stream } = await makeStream();
      const subject = createInbox();
      const create = async (members) => {
        const config = { durable_name: 'N', ack_policy: 'explicit', ...members };
        const reply = await nc.request(
          `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.N`,
          JSON.stringify({ stream_name: stream, config })
        );
        return JSON.parse(reply.string());
      };
      listen(subject);
      await create({ deliver_subject: subject });
      const refused = await create({ deliver_subject: createInbox() });
      assert.equal(refused.error.err_code, 10013);
      assert.equal(refused.error.description, 'consumer name already in use');
      const changed = { deliver_subject: subject, description: 'changed' };
      assert.equal((await create(changed)).config.description, 'changed');
    });

    test('key-value: watch, keys, history', async () => {
      const kv = await js.views.kv(`B${++count}`, { history: 3 });
      for (const [key, value] of [['a', '1'], ['b', '2'], ['a', '3'], ['c', '4']])
        await kv.put(key, value);
      await kv.delete('b');
      const keys = [];
      for await (const key of await kv.keys()) keys.push(key);
      assert.deepEqual(keys.sort(), ['a', 'c']);
      const history = [];
      for await (const e of await kv.history({ key: 'a' })) history.push(e.string());
      assert.deepEqual(history, ['1', '3']);
      const seen = [];
      for await (const e of await kv.watch()) {
        seen.push(`${e.operation} ${e.key} ${e.revision}`);
        if (seen.length === 3) await kv.put('d', '6');
        if (e.key === 'd') break;
      }
      assert.deepEqual(seen, ['PUT a 3', 'PUT c 4', 'DEL b 5', 'PUT d 6']);
      const empty = await js.views.kv(`B${++count}`);
      for await (const key of await empty.keys()) assert.fail(key);
    });

    // nats-server closes such a client when 64 MiB wait for it.
    if (ours)
      test('a listener that does not read holds the consumer', async () => {
        const { stream, subject } = await makeStream(0, { storage: 'file' });
        const body = new Uint8Array(MIB / 2);
        for (let i = 0; i < 100; i++) await js.publish(`${subject}.x`, body);
        const slow = await Wire.open(server, {});
        slow.say('SUB slow.inbox 1\r\n');
        await slow.expectOnly('');
        slow.socket.pause();
        await jsm.consumers.add(stream, {
          durable_name: 'S',
          deliver_subject: 'slow.inbox',
          ack_policy: AckPolicy.None,
        });
        await new Promise((wake) => setTimeout(wake, 500));
        const { delivered } = await info(stream, 'S');
        assert.ok(delivered.stream_seq < 50, `${delivered.stream_seq} sent`);
        slow.socket.resume();
        await waitFor(
          async () => (await info(stream, 'S')).delivered.stream_seq === 100,
          'the rest'
        );
        await waitFor(() => slow.received.length > 50 * MIB, 'all bytes');
        assert.equal(slow.closed, false);
      });
  });
}
