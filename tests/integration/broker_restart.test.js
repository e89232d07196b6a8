// What an acknowledgement promises: the broker is killed and started again on
// the same folder.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { AckPolicy, nanos } from 'nats';

import { BUILD, connectNats, sleep, startBroker } from './support/index.js';

const KILLS = 8;

async function open(options) {
  const broker = await startBroker(options);
  const nc = await connectNats(broker, { reconnect: false });
  nc.closed().catch(() => {});
  return { broker, nc, js: nc.jetstream(), jsm: await nc.jetstreamManager() };
}

// Until nothing comes for longer than ack_wait: what was not acknowledged, and
// what the broker has forgotten the acknowledgement of.
async function drain(js, seen) {
  const consumer = await js.consumers.get('S', 'C');
  for (let got = 1; got > 0;) {
    got = 0;
    const batch = await consumer.fetch({ max_messages: 500, expires: 2500 });
    for await (const message of batch) {
      seen.add(message.seq);
      message.ack();
      got++;
    }
  }
}

test('every acknowledged message is there after SIGKILL', async () => {
  let at = await open();
  const { port, dir } = at.broker;
  await at.jsm.streams.add({ name: 'S', subjects: ['s.>'] });
  const acknowledged = new Map(); // message id -> sequence
  for (let round = 0; round < KILLS; round++) {
    let publishing = true;
    let n = 0;
    const publisher = async () => {
      while (publishing) {
        const id = `${round}-${n++}`;
        try {
          const ack = await at.js.publish(`s.${round}`, id, { msgID: id });
          acknowledged.set(id, ack.seq);
        } catch {
          return;
        }
      }
    };
    const publishers = Array.from({ length: 50 }, publisher);
    await sleep(50 + Math.random() * 250);
    await at.broker.kill();
    publishing = false;
    await Promise.all(publishers);
    await at.nc.close();
    at = await open({ port, dir });
  }
  assert.ok(acknowledged.size > KILLS * 20, `${acknowledged.size}`);
  const { state } = await at.jsm.streams.info('S');
  assert.ok(state.messages >= acknowledged.size);
  assert.equal(state.messages, state.last_seq - state.first_seq + 1);
  for (const [id, seq] of acknowledged) {
    const message = await at.jsm.streams.getMessage('S', { seq });
    assert.equal(message.string(), id);
    assert.equal(message.header.get('Nats-Msg-Id'), id);
  }
  const [id, seq] = [...acknowledged].at(-1);
  const again = await at.js.publish('s.x', id, { msgID: id });
  assert.deepEqual([again.duplicate, again.seq], [true, seq]);
});

test('no message is skipped when the broker dies under a consumer', async () => {
  let at = await open();
  const { port, dir } = at.broker;
  await at.jsm.streams.add({ name: 'S', subjects: ['s.>'] });
  await at.jsm.consumers.add('S', {
    durable_name: 'C',
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(1000),
    max_ack_pending: 500,
  });
  const total = 5000;
  const published = [];
  for (let i = 0; i < total; i++) published.push(at.js.publish('s.a', `${i}`));
  await Promise.all(published);
  let handled = 0; // acknowledgements that the broker confirmed
  const seen = new Set();
  for (let round = 0; round < KILLS; round++) {
    const work = (async () => {
      const consumer = await at.js.consumers.get('S', 'C');
      for (;;) {
        const batch = await consumer.fetch({ max_messages: 100, expires: 2000 });
        for await (const message of batch) {
          seen.add(message.seq);
          if (await message.ackAck()) handled++;
        }
      }
    })().catch(() => {});
    await sleep(100 + Math.random() * 300);
    await at.broker.kill();
    await at.nc.close();
    await work;
    at = await open({ port, dir });
  }
  assert.ok(handled > 0);
  await drain(at.js, seen);
  assert.equal(seen.size, total);
  const info = await at.jsm.consumers.info('S', 'C');
  assert.deepEqual([info.num_pending, info.num_ack_pending], [0, 0]);
  assert.equal(info.ack_floor.stream_seq, total);
});

test('a clean stop forgets nothing', async () => {
  let at = await open();
  const { port, dir } = at.broker;
  await at.jsm.streams.add({ name: 'S', subjects: ['s.>'], max_msgs: 100 });
  await at.jsm.consumers.add('S', {
    durable_name: 'C',
    ack_policy: AckPolicy.Explicit,
  });
  for (let i = 0; i < 20; i++) await at.js.publish('s.a', `${i}`);
  const consumer = await at.js.consumers.get('S', 'C');
  const got = [];
  for await (const m of await consumer.fetch({ max_messages: 10 })) got.push(m);
  for (const message of got.slice(0, 7)) message.ack();
  await at.nc.flush();
  const before = await at.jsm.consumers.info('S', 'C');
  await at.nc.close();
  await at.broker.stop();
  at = await open({ port, dir });
  const after = await at.jsm.consumers.info('S', 'C');
  assert.equal((await at.jsm.streams.info('S')).config.max_msgs, 100);
  assert.equal(after.created, before.created);
  for (const place of ['delivered', 'ack_floor'])
    assert.equal(after[place].stream_seq, before[place].stream_seq);
  assert.equal(after.num_ack_pending, 3);
  assert.equal(after.num_pending, 10);
});

test('a publish that was accepted before the stop is answered', async () => {
  const at = await open();
  await at.jsm.streams.add({ name: 'S', subjects: ['s.>'] });
  const published = [];
  for (let i = 0; i < 2000; i++) published.push(at.js.publish('s.a', 'x'));
  await at.nc.flush();
  await Promise.all([...published, at.broker.stop()]);
});

test('a second broker on the same folder does not start', async () => {
  const { broker } = await open();
  const { status, stderr } = spawnSync(
    join(BUILD, 'nexus-broker'),
    ['-a', '127.0.0.1', '-p', '0', '-js', '-sd', broker.dir],
    { encoding: 'utf8', timeout: 30_000 }
  );
  assert.equal(status, 1);
  assert.match(stderr, /another broker uses the folder/);
});
