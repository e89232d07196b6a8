// Consumers: pulled from, pushed by and acknowledged to by other people's
// client libraries.
import { scenarios } from './support/scenarios.js';
import { sleep, waitFor } from './support/wait.js';

const TCP = { transports: ['tcp'] };
const EVERY = { transports: ['tcp', 'tls', 'ws', 'wss'] };
const MS = 1_000_000; // in ns
const EXPLICIT = { ack_policy: 'explicit', ack_wait: 30_000 * MS };

// A stream with messages 1, 2, 3, … on subjects a, b, c, a, b, c, …
async function make(t, count, config = {}) {
  const { js, jsm } = await t.streams();
  const { stream, subject } = t;
  await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], ...config });
  let last = 0;
  const fill = async (n) => {
    for (const end = last + n; last < end; )
      await js.publish(`${subject}.${'abc'[last % 3]}`, `${++last}`);
  };
  await fill(count);
  const add = (config_) => jsm.consumers.add(stream, { ...EXPLICIT, ...config_ });
  const pull = async (config_) => {
    await add({ durable_name: 'pull', ...config_ });
    return js.consumers.get(stream, config_?.durable_name ?? 'pull');
  };
  const info = (name = 'pull') => jsm.consumers.info(stream, name);
  return { js, jsm, stream, subject, fill, add, pull, info };
}

const fetch = async (t, consumer, options) =>
  t.all(await consumer.fetch({ expires: 3000, ...options }));

scenarios('consumers are managed', TCP, (scenario) => {
  scenario('made', async (t) => {
    const { jsm, stream, subject, add } = await make(t, 4);
    const made = (config) => t.attempt('made', add(config));
    await made({ durable_name: 'plain' });
    await made({ durable_name: 'plain' });
    await made({ durable_name: 'none', ack_policy: 'none' });
    await made({ durable_name: 'all', ack_policy: 'all', max_ack_pending: 7 });
    await made({
      ...{ durable_name: 'full', description: 'all of it', filter_subject: `${subject}.a` },
      ...{ deliver_policy: 'all', max_deliver: 5 },
      ...{ backoff: [1e9, 2e9], max_waiting: 9, max_ack_pending: 11, max_batch: 50 },
      ...{ max_expires: 60_000 * MS, max_bytes: 9999, inactive_threshold: 3600e9 },
      ...{ headers_only: true, sample_freq: '50%' },
    });
    await made({ durable_name: 'pushed', deliver_subject: `${subject}_to`, max_deliver: 3 });
    await made({
      ...{ durable_name: 'shared', deliver_subject: `${subject}_to`, deliver_group: 'g' },
      ...{ flow_control: true, idle_heartbeat: 5e9, replay_policy: 'original' },
    });
    const names = (await t.all(jsm.consumers.list(stream))).map((c) => c.name);
    t.log('listed', names.sort());
    t.log('names', (await t.api(`CONSUMER.NAMES.${stream}`)).consumers.sort());
    t.log('info', await jsm.consumers.info(stream, 'plain'));
    t.log('deleted', await jsm.consumers.delete(stream, 'plain'));
    await t.attempt('gone', jsm.consumers.info(stream, 'plain'));
    await t.attempt('gone', jsm.consumers.delete(stream, 'plain'));
    await t.attempt('no stream', jsm.consumers.info(`${stream}_not`, 'plain'));
  });

  scenario('refused', async (t) => {
    const { add, subject } = await make(t, 1);
    const refused = (config) =>
      t.attempt(JSON.stringify(config), add({ durable_name: 'x', ...config }));
    await refused({ opt_start_seq: 3 });
    await refused({ deliver_policy: 'by_start_sequence' });
    await refused({ deliver_policy: 'by_start_time' });
    await refused({ max_deliver: 2, backoff: [1, 2, 3] });
    await refused({ deliver_subject: `${subject}.*` });
    await refused({ deliver_subject: 'to', max_waiting: 5 });
    await refused({ deliver_subject: 'to', flow_control: true });
    await refused({ deliver_subject: 'to', idle_heartbeat: 1 });
    await refused({ idle_heartbeat: 5e9 });
    await refused({ flow_control: true });
    await refused({ deliver_subject: `${subject}.a` });
    await refused({ rate_limit_bps: 5 });
    await refused({ num_replicas: 3 });
  });

  scenario('changed', async (t) => {
    const { add, jsm, stream } = await make(t, 1);
    await add({ durable_name: 'x' });
    const change = (config) =>
      t.attempt(JSON.stringify(config), jsm.consumers.update(stream, 'x', config));
    await change({ description: 'new', ack_wait: 5e9, max_deliver: 4 });
    await change({ max_ack_pending: 3, sample_freq: '10%', headers_only: true });
    await change({ backoff: [1e9] });
    await change({ deliver_policy: 'last' });
    await change({ ack_policy: 'all' });
    await change({ max_waiting: 5 });
    await change({ deliver_subject: 'pushed' });
  });
});

scenarios('pulling', TCP, (scenario) => {
  scenario('a batch', async (t) => {
    const { pull, info } = await make(t, 7);
    const consumer = await pull();
    t.log('three', await fetch(t, consumer, { max_messages: 3 }));
    t.log('info', await info());
    t.log('the rest', await fetch(t, consumer, { max_messages: 9, expires: 1000 }));
  });

  scenario('so many bytes', async (t) => {
    const { pull } = await make(t, 7);
    const consumer = await pull({ ack_policy: 'none' });
    const options = { max_bytes: 400, expires: 1000 };
    t.log('some', (await fetch(t, consumer, options)).map((m) => m.seq));
  });

  scenario('one', async (t) => {
    const { pull, fill } = await make(t, 1);
    const consumer = await pull();
    t.log('first', await consumer.next({ expires: 3000 }));
    t.log('nothing', await consumer.next({ expires: 1000 }));
    const waiting = consumer.next({ expires: 5000 });
    await waitFor(async () => (await consumer.info()).num_waiting === 1, 'the request');
    await fill(1);
    t.log('second', await waiting);
  });

  scenario('on and on', EVERY, async (t) => {
    const { pull, fill, info } = await make(t, 50);
    const messages = await (await pull()).consume({ max_messages: 10 });
    const filled = fill(200);
    const got = [];
    for await (const message of messages) {
      message.ack();
      if (got.push(message.seq) === 250) break;
    }
    messages.stop();
    await filled;
    t.log('in order', got.every((seq, i) => seq === i + 1));
    await waitFor(async () => (await info()).num_ack_pending === 0, 'all acknowledged');
    t.log('floor', (await info()).ack_floor);
  });

  scenario('by a callback', async (t) => {
    const { pull } = await make(t, 20);
    const got = [];
    const callback = (message) => {
      got.push(message.seq);
      message.ack();
    };
    const messages = await (await pull()).consume({ callback, max_messages: 5 });
    await waitFor(() => got.length === 20, 'all');
    await messages.close();
    t.log('got', got);
  });

  scenario('by several at a time', async (t) => {
    const { pull, js, stream, fill } = await make(t, 10);
    const [one, two] = [await pull(), await js.consumers.get(stream, 'pull')];
    const shares = [[], []];
    const open = [];
    for (const [i, consumer] of [one, two].entries())
      open.push(
        await consumer.consume({
          max_messages: 10,
          callback: (m) => shares[i].push(m.seq) && m.ack(),
        })
      );
    await fill(290);
    const seen = () => shares.flat().sort((a, b) => a - b);
    await waitFor(() => seen().length === 300, 'all');
    t.log('each once', seen().every((seq, i) => seq === i + 1));
    t.log('shared', shares.every((share) => share.length > 50));
    for (const messages of open) await messages.close();
  });

  scenario('of a consumer that is deleted', async (t) => {
    const { pull, jsm, stream } = await make(t, 0);
    const messages = await (await pull()).fetch({ max_messages: 5, expires: 5000 });
    const ended = t.attempt('ended', t.all(messages));
    await waitFor(
      async () => (await jsm.consumers.info(stream, 'pull')).num_waiting === 1,
      'the request'
    );
    await jsm.consumers.delete(stream, 'pull');
    await ended;
  });

  scenario('with heartbeats', async (t) => {
    const { pull, stream } = await make(t, 0);
    await pull();
    const inbox = t.library.createInbox();
    const sub = t.nc.subscribe(inbox);
    const request = { batch: 2, expires: 1400 * MS, idle_heartbeat: 500 * MS };
    t.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.pull`, JSON.stringify(request), {
      reply: inbox,
    });
    t.log('heard', await t.take(sub, 3));
  });

  scenario('word by word', async (t) => {
    const { pull, stream, fill } = await make(t, 2);
    await pull({ max_batch: 5, max_waiting: 2, max_expires: 5e9, max_bytes: 1000 });
    const inbox = t.library.createInbox();
    const sub = t.nc.subscribe(inbox);
    const ask = (request) => {
      const body = typeof request === 'string' ? request : JSON.stringify(request);
      t.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.pull`, body, { reply: inbox });
    };
    const heard = async (count) => t.log('heard', await t.take(sub, count));
    ask('');
    ask('1');
    await heard(2);
    ask({ batch: 1, no_wait: true });
    await heard(1);
    ask({ batch: 6 });
    ask({ batch: 1, expires: 6e9 });
    ask({ batch: 1, max_bytes: 2000 });
    await heard(3);
    ask({ batch: 1, expires: 200 * MS });
    await heard(1);
    ask({ batch: 1, expires: 100 * MS, idle_heartbeat: 90 * MS });
    await heard(1);
    await fill(1);
    ask({ batch: 5, expires: 2e9, max_bytes: 10 });
    await heard(1);
  });
});

scenarios('acknowledging', TCP, (scenario) => {
  const figures = ({ delivered, ack_floor, ...info }) => [
    ...[delivered, ack_floor.consumer_seq, ack_floor.stream_seq],
    ...[info.num_ack_pending, info.num_redelivered, info.num_pending],
  ];

  scenario('each', async (t) => {
    const { pull, info } = await make(t, 3);
    const got = await fetch(t, await pull(), { max_messages: 3 });
    t.log('second', await got[1].ackAck(), figures(await info()));
    t.log('first', await got[0].ackAck(), figures(await info()));
    t.log('again', await got[0].ackAck(), figures(await info()));
    t.log('third', await got[2].ackAck(), figures(await info()));
  });

  scenario('all up to one', async (t) => {
    const { pull, info } = await make(t, 5);
    const got = await fetch(t, await pull({ ack_policy: 'all' }), { max_messages: 5 });
    t.log('third', await got[2].ackAck(), figures(await info()));
    t.log('fifth', await got[4].ackAck(), figures(await info()));
  });

  scenario('not', async (t) => {
    const { pull, info } = await make(t, 2);
    const consumer = await pull({ ack_policy: 'none' });
    t.log('got', await fetch(t, consumer, { max_messages: 2 }));
    t.log('info', figures(await info()));
  });

  scenario('that it failed', async (t) => {
    const { pull, info } = await make(t, 1);
    const consumer = await pull();
    const next = async () => (await fetch(t, consumer, { max_messages: 1 }))[0];
    const first = await next();
    first.nak();
    const second = await next();
    t.log('again', first, second, figures(await info()));
    const began = Date.now();
    second.nak(300);
    const third = await next();
    t.log('later', third, Date.now() - began >= 250);
    third.term();
    await t.nc.flush();
    await waitFor(async () => (await info()).num_ack_pending === 0, 'the end');
    t.log('given up', figures(await info()));
  });

  scenario('that it takes longer', async (t) => {
    const { pull, info } = await make(t, 1);
    const consumer = await pull({ ack_wait: 600 * MS });
    const [message] = await fetch(t, consumer, { max_messages: 1 });
    for (let i = 0; i < 4; i++) {
      await sleep(250);
      message.working();
    }
    t.log('once', await message.ackAck(), figures(await info()));
  });

  scenario('too late', async (t) => {
    const { pull } = await make(t, 2);
    const consumer = await pull({ ack_wait: 400 * MS });
    const [first] = await fetch(t, consumer, { max_messages: 2 });
    await first.ackAck();
    t.log('again', await fetch(t, consumer, { max_messages: 1 }));
  });

  scenario('never, and is told so', async (t) => {
    const event = `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${t.stream}.pull`;
    const advisories = t.nc.subscribe(event);
    const { pull, info } = await make(t, 1);
    const consumer = await pull({ max_deliver: 2, ack_wait: 300 * MS });
    t.log('got', await fetch(t, consumer, { max_messages: 3, expires: 1500 }));
    const [advisory] = await t.take(advisories, 1);
    t.log('told', advisory.subject, advisory.json());
    t.log('left', (await info()).num_pending);
  });

  scenario('longer and longer', async (t) => {
    const { pull } = await make(t, 1);
    const consumer = await pull({ max_deliver: 4, backoff: [100 * MS, 300 * MS, 500 * MS] });
    const times = [];
    for (let i = 0; i < 3; i++) {
      const [message] = await fetch(t, consumer, { max_messages: 1 });
      times.push(Date.now());
      t.log('got', message);
    }
    t.log('waited', times[2] - times[0] >= 330);
  });

  scenario('and what others hear of it', async (t) => {
    const events = t.nc.subscribe(`$JS.EVENT.*.CONSUMER.*.${t.stream}.pull`);
    const { pull } = await make(t, 3);
    const consumer = await pull({ sample_freq: '100%' });
    const got = await fetch(t, consumer, { max_messages: 3 });
    got[0].ack();
    got[1].nak(60_000);
    got[2].term();
    const heard = await t.take(events, 4);
    const told = heard.map((m) => [m.subject.split('.')[4], m.json()]);
    for (const [, event] of told) event.ack_time &&= '<time>';
    for (const [, event] of told) event.delay &&= '<time>';
    t.log('told', told);
  });

  scenario('and asking for the next', async (t) => {
    const { pull, stream } = await make(t, 3);
    await pull();
    const inbox = t.library.createInbox();
    const sub = t.nc.subscribe(inbox);
    const iterator = sub[Symbol.asyncIterator]();
    const api = `$JS.API.CONSUMER.MSG.NEXT.${stream}.pull`;
    t.nc.publish(api, '', { reply: inbox });
    const first = (await iterator.next()).value;
    t.nc.publish(first.reply, '+NXT', { reply: inbox });
    const second = (await iterator.next()).value;
    t.nc.publish(second.reply, '+NXT {"batch":1}', { reply: inbox });
    const third = (await iterator.next()).value;
    t.log('got', [first, second, third].map((m) => m.string()));
  });

  scenario('before more is sent', async (t) => {
    const { pull } = await make(t, 5);
    const consumer = await pull({ max_ack_pending: 2 });
    const got = await fetch(t, consumer, { max_messages: 5, expires: 1000 });
    t.log('two', got);
    for (const message of got) await message.ackAck();
    t.log('two more', await fetch(t, consumer, { max_messages: 2 }));
  });
});

scenarios('what is delivered', TCP, (scenario) => {
  const begins = (name, config) =>
    scenario(name, async (t) => {
      const { pull } = await make(t, 7);
      const consumer = await pull(config);
      t.log('pending', (await consumer.info()).num_pending);
      const { num_pending: count } = await consumer.info(true);
      if (count > 0) t.log('got', await fetch(t, consumer, { max_messages: count }));
    });
  begins('all', { deliver_policy: 'all' });
  begins('the last', { deliver_policy: 'last' });
  begins('what is new', { deliver_policy: 'new' });
  begins('from a place', { deliver_policy: 'by_start_sequence', opt_start_seq: 5 });
  begins('from a place beyond', { deliver_policy: 'by_start_sequence', opt_start_seq: 50 });
  begins('the last of each', { deliver_policy: 'last_per_subject', filter_subject: '>' });

  scenario('what is filtered', async (t) => {
    const { pull, subject } = await make(t, 8);
    const consumer = await pull({ filter_subject: `${subject}.b` });
    t.log('got', await fetch(t, consumer, { max_messages: 3 }));
    const config = { durable_name: 'last', deliver_policy: 'last' };
    const last = await pull({ ...config, filter_subject: `${subject}.a` });
    t.log('last', await fetch(t, last, { max_messages: 1 }));
    const none = await pull({ durable_name: 'none', filter_subject: `${subject}.z` });
    t.log('none', (await none.info()).num_pending);
  });

  scenario('from a time', async (t) => {
    const { pull, fill } = await make(t, 3);
    await sleep(30);
    const opt_start_time = new Date().toISOString();
    await sleep(30);
    await fill(2);
    const consumer = await pull({ deliver_policy: 'by_start_time', opt_start_time });
    t.log('got', await fetch(t, consumer, { max_messages: 2 }));
  });

  scenario('the headers alone', async (t) => {
    const { pull, js, subject } = await make(t, 1);
    const headers = t.library.headers();
    headers.set('Key', 'value');
    await js.publish(`${subject}.a`, 'text', { headers });
    const consumer = await pull({ headers_only: true });
    t.log('got', await fetch(t, consumer, { max_messages: 2 }));
  });

  scenario('what was removed is left out', async (t) => {
    const { pull, jsm, stream, subject } = await make(t, 6);
    await jsm.streams.deleteMessage(stream, 3);
    await jsm.streams.purge(stream, { filter: `${subject}.a` });
    const consumer = await pull();
    t.log('pending', (await consumer.info()).num_pending);
    t.log('got', await fetch(t, consumer, { max_messages: 3 }));
  });
});

scenarios('pushing', TCP, (scenario) => {
  const to = (t) => `${t.subject}_to`;

  scenario('to who listens', async (t) => {
    const { add, info, fill } = await make(t, 2);
    await add({ durable_name: 'push', deliver_subject: to(t) });
    t.log('waits', await info('push'));
    const sub = t.nc.subscribe(to(t));
    await fill(1);
    const got = await t.take(sub, 3);
    t.log('got', got.map((m) => [m.subject, m.string()]));
    for (const message of got) await t.nc.request(message.reply);
    t.log('info', await info('push'));
    sub.unsubscribe();
    await t.nc.flush();
    await waitFor(async () => !(await info('push')).push_bound, 'that it is free');
  });

  scenario('again what is not acknowledged', async (t) => {
    const { add } = await make(t, 2);
    const sub = t.nc.subscribe(to(t));
    await add({ durable_name: 'push', deliver_subject: to(t), ack_wait: 300 * MS });
    const got = await t.take(sub, 4);
    t.log('got', got.map((m) => m.string()));
    t.log('counts', got.map((m) => m.reply.split('.').slice(2, 7)));
  });

  scenario('to a group', async (t) => {
    const { add, fill } = await make(t, 0);
    const other = await t.connect();
    const group = [t.nc, other].map((nc) => nc.subscribe(to(t), { queue: 'g' }));
    await other.flush();
    await add({ durable_name: 'push', deliver_subject: to(t), deliver_group: 'g' });
    const alone = t.nc.subscribe(to(t));
    await fill(60);
    const heard = () => group.map((sub) => sub.getReceived());
    await waitFor(() => heard()[0] + heard()[1] === 60, 'all');
    t.log('shared', heard().every((n) => n > 5), alone.getReceived());
  });

  scenario('no more than wanted at a time', async (t) => {
    const { add, info } = await make(t, 5);
    const sub = t.nc.subscribe(to(t));
    await add({ durable_name: 'push', deliver_subject: to(t), max_ack_pending: 2 });
    const iterator = sub[Symbol.asyncIterator]();
    const got = [(await iterator.next()).value, (await iterator.next()).value];
    await t.nc.flush();
    t.log('two', (await info('push')).num_ack_pending, sub.getReceived());
    for (const message of got) message.respond('+ACK');
    await waitFor(() => sub.getReceived() === 4, 'two more');
  });

  scenario('with heartbeats', async (t) => {
    const { add, fill } = await make(t, 1);
    const sub = t.nc.subscribe(to(t));
    await add({ durable_name: 'push', deliver_subject: to(t), idle_heartbeat: 300 * MS });
    const got = await t.take(sub, 3);
    t.log('got', got.map((m) => [m.string(), m.headers ?? 'a message']));
    t.log('beats', got.slice(1).map((m) => [m.headers.keys(), m.headers.code]));
    await fill(1);
  });

  scenario('as fast as it is answered', EVERY, async (t) => {
    const { js, subject, add, info } = await make(t, 0);
    const body = new Uint8Array(64 * 1024);
    for (let i = 0; i < 100; i++) await js.publish(`${subject}.a`, body);
    let asked = 0;
    let got = 0;
    t.nc.subscribe(to(t), {
      callback: (_, message) => {
        if (message.headers?.code === 100) {
          if (message.reply) asked++;
          message.respond();
        } else {
          got++;
        }
      },
    });
    const flow = { flow_control: true, idle_heartbeat: 1000 * MS };
    await add({ durable_name: 'push', deliver_subject: to(t), ack_policy: 'none', ...flow });
    await waitFor(() => got === 100, 'all');
    t.log('asked', asked > 0, (await info('push')).delivered.stream_seq);
  });

  scenario('and stops when it is not answered', async (t) => {
    const { js, subject, add } = await make(t, 0);
    const body = new Uint8Array(512 * 1024);
    for (let i = 0; i < 20; i++) await js.publish(`${subject}.a`, body);
    const sub = t.nc.subscribe(to(t));
    const flow = { flow_control: true, idle_heartbeat: 300 * MS };
    await add({ durable_name: 'push', deliver_subject: to(t), ack_policy: 'none', ...flow });
    let stalled;
    let got = 0;
    for await (const message of sub) {
      if (message.data.length > 0) got++;
      stalled = message.headers?.get('Nats-Consumer-Stalled');
      if (stalled) break;
    }
    t.log('stalled', got < 20, stalled.startsWith(`$JS.FC.${t.stream}.push.`));
    t.nc.publish(stalled);
    await waitFor(() => sub.getReceived() > got + 1, 'more');
  });

  scenario('to one at a time', async (t) => {
    const { add } = await make(t, 0);
    t.nc.subscribe(to(t));
    await add({ durable_name: 'push', deliver_subject: to(t) });
    const again = { durable_name: 'push', deliver_subject: `${to(t)}_2` };
    const config = { ...EXPLICIT, ...again };
    const request = { stream_name: t.stream, config };
    t.log('taken', await t.api(`CONSUMER.DURABLE.CREATE.${t.stream}.push`, request));
  });

  scenario('what came at its pace', async (t) => {
    const { fill, add } = await make(t, 1);
    await sleep(400);
    await fill(1);
    const sub = t.nc.subscribe(to(t));
    const config = { deliver_subject: to(t), replay_policy: 'original' };
    const began = Date.now();
    await add({ durable_name: 'push', ...config });
    t.log('got', (await t.take(sub, 2)).map((m) => m.string()));
    t.log('slowly', Date.now() - began >= 300);
  });

  scenario('as the old library subscribes', { library: 'nats 2' }, async (t) => {
    const { consumerOpts } = await import('nats');
    const { js, subject, stream } = await make(t, 6);
    const read = async (what, options, count) => {
      const sub = await js.subscribe(`${subject}.*`, options);
      t.log(what, await t.take(sub, count));
      return sub;
    };
    const durable = consumerOpts().durable('old').deliverTo(to(t)).manualAck();
    const first = await read('durable', durable.deliverAll().ackExplicit(), 6);
    const { name, ...config } = (await first.consumerInfo()).config;
    t.log('info', name ?? config.durable_name, config);
    await first.destroy();
    const ordered = consumerOpts().orderedConsumer();
    const second = js.subscribe(`${subject}.a`, ordered);
    t.log('ordered', (await t.take(await second, 2)).map((m) => m.string()));
    (await second).unsubscribe();
    const sub = await js.pullSubscribe(`${subject}.*`, {
      config: { durable_name: 'oldpull', ack_policy: 'explicit' },
      stream,
    });
    sub.pull({ batch: 4, expires: 2000 });
    t.log('pulled', await t.take(sub, 4));
  });

  scenario('as the new library consumes', { library: '@nats-io' }, async (t) => {
    const { js, stream, add } = await make(t, 6);
    await add({ durable_name: 'push', deliver_subject: to(t), idle_heartbeat: 1e9 });
    const consumer = await js.consumers.getPushConsumer(stream, 'push');
    const messages = await consumer.consume();
    const got = await t.take(messages, 6);
    for (const message of got) message.ack();
    t.log('got', got);
    messages.stop();
    const ordered = await js.consumers.getPushConsumer(stream);
    t.log('ordered', (await t.take(await ordered.consume(), 6)).map((m) => m.seq));
  });
});

scenarios('in order', TCP, (scenario) => {
  scenario('read', async (t) => {
    const { js, stream, fill } = await make(t, 20);
    const consumer = await js.consumers.get(stream);
    const messages = await consumer.consume({ max_messages: 10 });
    const filled = fill(30);
    t.log('got', (await t.take(messages, 50)).map((m) => m.seq));
    await filled;
  });

  scenario('read from a place, filtered', async (t) => {
    const { js, stream, subject } = await make(t, 12);
    const options = { filterSubjects: `${subject}.a`, filter_subjects: `${subject}.a` };
    const consumer = await js.consumers.get(stream, { ...options, opt_start_seq: 4 });
    t.log('got', (await fetch(t, consumer, { max_messages: 3 })).map((m) => m.seq));
  });

  scenario('read on when the consumer goes', async (t) => {
    const { js, jsm, stream, fill } = await make(t, 5);
    const consumer = await js.consumers.get(stream);
    const messages = await consumer.consume({ max_messages: 10, expires: 1000 });
    const got = await t.take(messages, 5);
    const [{ name }] = await t.all(jsm.consumers.list(stream));
    await jsm.consumers.delete(stream, name);
    await fill(5);
    got.push(...(await t.take(messages, 5)));
    t.log('got', got.map((m) => m.seq));
  });
});

scenarios('a server that goes', { ...TCP, own: {} }, (scenario) => {
  scenario('leaves consumers where they were', async (t) => {
    const { pull, info } = await make(t, 10);
    const got = await fetch(t, await pull(), { max_messages: 6 });
    for (const message of got.slice(0, 4)) await message.ackAck();
    await t.restart();
    await waitFor(() => t.nc.flush().then(() => true), 'the connection');
    await waitFor(() => info(), 'the consumer');
    const { js } = await t.streams();
    const consumer = await js.consumers.get(t.stream, 'pull');
    const rest = await fetch(t, consumer, { max_messages: 4 });
    t.log('new', rest.map((m) => m.seq));
    t.log('stream', (await t.api(`STREAM.INFO.${t.stream}`)).state);
  });

  scenario('and comes back goes on being consumed', async (t) => {
    const { pull, fill } = await make(t, 5);
    const consumer = await pull();
    const messages = await consumer.consume({ max_messages: 10, expires: 2000 });
    const got = [];
    (async () => {
      for await (const message of messages) got.push(message.seq) && message.ack();
    })();
    await waitFor(() => got.length === 5, 'the first');
    await t.restart();
    await waitFor(() => fill(5).then(() => true), 'more');
    await waitFor(() => new Set(got).size >= 10, 'the rest');
    t.log('got', [...new Set(got)].slice(0, 10));
    messages.stop();
  });
});
