// Streams: made, changed, published to and read back by other people's
// client libraries.
import { scenarios } from './support/scenarios.js';
import { sleep, waitFor } from './support/wait.js';

const TCP = { transports: ['tcp'] };
const EVERY = { transports: ['tcp', 'tls', 'ws', 'wss'] };
const SECOND = 1_000_000_000; // in ns

// A stream of the run's own with subjects below its subject.
async function make(t, config = {}) {
  const { js, jsm } = await t.streams();
  const { stream, subject } = t;
  await jsm.streams.add({ name: stream, subjects: [`${subject}.>`], ...config });
  const publish = (tail, text = tail, options = undefined) =>
    js.publish(`${subject}.${tail}`, text, options);
  // The times of an empty stream mean nothing, and differ.
  const state = async (options) => {
    const { state: now } = await jsm.streams.info(stream, options);
    return now.messages > 0 ? now : { ...now, first_ts: '', last_ts: '' };
  };
  const stored = async () => {
    const { first_seq, last_seq } = await state();
    const messages = [];
    for (let seq = first_seq; seq <= last_seq; seq++) {
      const { message } = await t.api(`STREAM.MSG.GET.${stream}`, { seq });
      if (message) messages.push([seq, message.subject, atob(message.data ?? '')]);
    }
    return messages;
  };
  return { js, jsm, stream, subject, publish, state, stored };
}

scenarios('streams are managed', TCP, (scenario) => {
  scenario('made', EVERY, async (t) => {
    const { jsm } = await t.streams();
    const add = (config) =>
      t.attempt('made', jsm.streams.add({ name: t.stream, subjects: [t.subject], ...config }));
    await add({ description: 'all of it', max_msgs: 10, max_bytes: 1 << 20 });
    await add({ description: 'all of it', max_msgs: 10, max_bytes: 1 << 20 });
    await add({ description: 'another' });
    t.log('info', await jsm.streams.info(t.stream));
  });

  scenario('made with every setting', async (t) => {
    const { jsm } = await t.streams();
    const config = {
      ...{ retention: 'interest', storage: 'memory', discard: 'new' },
      ...{ max_consumers: 3, max_msgs: 100, max_bytes: 10_000, max_msg_size: 500 },
      ...{ max_msgs_per_subject: 5, discard_new_per_subject: true, no_ack: true },
      ...{ max_age: 60 * SECOND, duplicate_window: 30 * SECOND },
      ...{ allow_rollup_hdrs: true, deny_delete: true, allow_direct: true },
    };
    const made = await jsm.streams.add({ name: t.stream, subjects: [t.subject], ...config });
    t.log('made', made);
    t.log('deleted', await jsm.streams.delete(t.stream));
    await t.attempt('gone', jsm.streams.info(t.stream));
  });

  scenario('refused', async (t) => {
    const { jsm } = await make(t);
    for (const config of [
      { name: `${t.stream}_1`, subjects: [`${t.subject}.a`] },
      { name: `${t.stream}_2`, subjects: ['a b'] },
      { name: `${t.stream}_3`, subjects: ['dup', 'dup'] },
      { name: `${t.stream}_4`, subjects: ['x.>.y'] },
      { name: `${t.stream}_6`, subjects: ['six'], max_age: 5 },
      { name: `${t.stream}_7`, subjects: ['seven'], num_replicas: 3 },
      { name: `${t.stream}_8`, subjects: ['eight'], duplicate_window: -1 },
      { name: `${t.stream}_9`, subjects: ['nine'], retention: 'none' },
    ])
      await t.attempt(config.name, jsm.streams.add(config));
    const overlap = { name: `${t.stream}_5`, subjects: ['$JS.API.>'] };
    await t.refusal('the API', jsm.streams.add(overlap));
    await t.attempt('its name', jsm.streams.add({ name: 'a.b', subjects: ['c'] }));
    await t.attempt('nothing', t.api(`STREAM.CREATE.${t.stream}`, '{'));
    await t.attempt('another', t.api(`STREAM.CREATE.${t.stream}`, { name: 'other' }));
  });

  scenario('changed', async (t) => {
    const { jsm, publish, state } = await make(t);
    for (let i = 0; i < 5; i++) await publish('a', `${i}`);
    const change = (config) =>
      t.attempt('changed', jsm.streams.update(t.stream, config));
    await change({ description: 'new', max_msgs: 3 });
    t.log('cut', await state());
    await change({ subjects: [`${t.subject}.>`, `${t.subject}_more`] });
    await change({ storage: 'memory' });
    await t.refusal('retention', jsm.streams.update(t.stream, { retention: 'workqueue' }));
    await change({ max_consumers: 3 });
    await change({ max_msgs: -1, discard: 'new', allow_direct: true });
    await t.attempt('missing', jsm.streams.update(`${t.stream}_not`, { max_msgs: 1 }));
  });

  scenario('listed', async (t) => {
    const { jsm } = await make(t);
    await jsm.streams.add({ name: `${t.stream}_2`, subjects: [`${t.subject}_2`] });
    const mine = (name) => name === t.stream || name === `${t.stream}_2`;
    t.log('names', (await t.all(jsm.streams.names())).filter(mine).sort());
    t.log('of a subject', await t.all(jsm.streams.names(`${t.subject}.*.x`)));
    const infos = await t.all(jsm.streams.list());
    t.log('list', infos.filter((i) => mine(i.config.name)).length);
    t.log('of a subject', await t.all(jsm.streams.list(`${t.subject}_2`)));
    t.log('found', await jsm.streams.find(`${t.subject}.x`));
    await t.attempt('not found', jsm.streams.find(`${t.subject}_3`));
    t.log('none', await t.api('STREAM.NAMES', { subject: 'no.such' }));
  });

  scenario('asked for their messages', async (t) => {
    const { jsm, publish, stream, subject } = await make(t);
    const h = t.library.headers();
    h.set('K', 'v');
    await publish('a', 'one', { headers: h });
    await publish('b', 'two');
    await publish('a', 'three');
    const get = (query) => t.attempt('got', jsm.streams.getMessage(stream, query));
    await get({ seq: 1 });
    await get({ last_by_subj: `${subject}.a` });
    await get({ last_by_subj: `${subject}.>` });
    await get({ next_by_subj: `${subject}.a`, seq: 2 });
    await get({ seq: 4 });
    await get({ last_by_subj: `${subject}.none` });
    await t.attempt('neither', t.api(`STREAM.MSG.GET.${stream}`, {}));
    await t.attempt('empty', t.api(`STREAM.MSG.GET.${stream}`));
  });

  scenario('counted by subject', async (t) => {
    const { publish, state, subject } = await make(t);
    for (const tail of ['a', 'a', 'b', 'c.d']) await publish(tail);
    t.log('all', await state({ subjects_filter: '>' }));
    t.log('some', await state({ subjects_filter: `${subject}.*` }));
    t.log('none', await state({ subjects_filter: 'none' }));
    t.log('without', await state());
  });
});

scenarios('messages leave a stream', TCP, (scenario) => {
  scenario('one by one', async (t) => {
    const { jsm, publish, state, stored, stream } = await make(t);
    for (const tail of ['a', 'b', 'c', 'd', 'e']) await publish(tail);
    const remove = (seq, erase) =>
      t.attempt(`remove ${seq}`, jsm.streams.deleteMessage(stream, seq, erase));
    await remove(3);
    await remove(1, false);
    await remove(3);
    t.log('stored', await stored());
    t.log('state', await state({ deleted_details: true }));
    await remove(5);
    await publish('f');
    t.log('stored', await stored());
  });

  scenario('purged', async (t) => {
    const { jsm, publish, state, stored, stream, subject } = await make(t);
    const purge = async (options) => {
      await t.attempt('purged', jsm.streams.purge(stream, options));
      t.log('left', await stored(), await state());
    };
    for (const tail of ['a', 'b', 'a', 'c.d', 'a', 'b', 'b']) await publish(tail);
    await purge({ filter: `${subject}.a`, keep: 1 });
    await purge({ filter: `${subject}.b`, seq: 7 });
    await purge({ seq: 5 });
    await purge({ filter: `${subject}.none` });
    await purge({ filter: 'else.where' });
    await purge({ keep: 1 });
    await purge();
    await purge({ seq: 3, keep: 2 });
    await purge({ seq: 100 });
    await publish('a');
    t.log('after', await state());
  });

  scenario('not where that is forbidden', async (t) => {
    const { jsm, publish, stream } = await make(t, { deny_delete: true, deny_purge: true });
    await publish('a');
    await t.attempt('removed', jsm.streams.deleteMessage(stream, 1));
    await t.attempt('purged', jsm.streams.purge(stream));
    await t.attempt('allowed', jsm.streams.update(stream, { deny_delete: false }));
    await t.attempt('deleted', jsm.streams.delete(stream));
  });

  scenario('never once it is sealed', async (t) => {
    const { jsm, publish, stream, stored } = await make(t);
    await publish('a');
    await t.attempt('sealed', jsm.streams.update(stream, { sealed: true }));
    await t.attempt('published', publish('b'));
    await t.attempt('removed', jsm.streams.deleteMessage(stream, 1));
    await t.attempt('purged', jsm.streams.purge(stream));
    await t.attempt('opened', jsm.streams.update(stream, { sealed: false }));
    t.log('stored', await stored());
  });
});

scenarios('publishing to a stream', TCP, (scenario) => {
  scenario('is acknowledged', async (t) => {
    const { publish, stored } = await make(t);
    t.log('first', await publish('a'));
    t.log('empty', await publish('b', ''));
    const h = t.library.headers();
    h.set('Key', 'value');
    t.log('headers', await publish('c', 'x', { headers: h }));
    t.log('large', (await publish('d', new Uint8Array(900_000))).seq);
    t.log('stored', (await stored()).map(([seq, subject]) => [seq, subject]));
  });

  scenario('of no subject', async (t) => {
    const { js } = await make(t);
    await t.attempt('nowhere', js.publish(`${t.subject}_not`, '', { retries: 1, timeout: 500 }));
  });

  scenario('with many under way', EVERY, async (t) => {
    const { publish, state } = await make(t);
    const acks = Array.from({ length: 500 }, (_, i) => publish('a', `${i}`));
    t.log('in order', (await Promise.all(acks)).every((ack, i) => ack.seq === i + 1));
    t.log('state', await state());
  });

  scenario('twice counts once', async (t) => {
    const { publish, stored } = await make(t);
    t.log('first', await publish('a', '1', { msgID: 'id' }));
    t.log('again', await publish('b', '2', { msgID: 'id' }));
    t.log('other', await publish('b', '3', { msgID: 'id2' }));
    t.log('stored', await stored());
  });

  scenario('twice, after the window', async (t) => {
    const { publish, stored } = await make(t, { duplicate_window: SECOND / 5 });
    t.log('first', await publish('a', '1', { msgID: 'id' }));
    await sleep(600);
    t.log('again', await publish('a', '2', { msgID: 'id' }));
    t.log('stored', await stored());
  });

  scenario('with expectations', async (t) => {
    const { publish, stored } = await make(t);
    const put = (tail, expect, options) =>
      t.attempt(JSON.stringify(expect), publish(tail, 'x', { expect, ...options }));
    await put('a', { lastSubjectSequence: 0 }, { msgID: 'one' });
    await put('a', { lastSubjectSequence: 0 });
    await put('a', { lastSubjectSequence: 1 });
    await put('b', { lastSequence: 9 });
    await put('b', { lastSequence: 2 }, { msgID: 'two' });
    await put('b', { lastMsgID: 'one' });
    await put('b', { lastMsgID: 'two' });
    await put('b', { streamName: 'other' });
    await put('b', { streamName: t.stream });
    t.log('stored', await stored());
  });

  scenario('instead of what was there', async (t) => {
    const { publish, stored, jsm } = await make(t, { allow_rollup_hdrs: true });
    const rollup = (kind) => {
      const h = t.library.headers();
      h.set('Nats-Rollup', kind);
      return { headers: h };
    };
    for (const tail of ['a', 'b', 'a', 'b']) await publish(tail);
    t.log('subject', await publish('a', 'new', rollup('sub')));
    t.log('stored', await stored());
    t.log('all', await publish('c', 'last', rollup('all')));
    t.log('stored', await stored());
    await jsm.streams.add({ name: `${t.stream}_not`, subjects: [`${t.subject}_not`] });
    const { js } = await t.streams();
    await t.attempt('not allowed', js.publish(`${t.subject}_not`, '', rollup('sub')));
  });

  scenario('is heard by subscribers, too', async (t) => {
    const { publish, state } = await make(t, { no_ack: true });
    const sub = t.nc.subscribe(`${t.subject}.>`);
    t.nc.publish(`${t.subject}.a`, 'core');
    await t.attempt('silence', publish('b', 'asked', { timeout: 300 }));
    t.log('heard', (await t.take(sub, 2)).map((m) => m.string()));
    t.log('state', await state());
  });

  // Newer servers tell the time as well.
  const log = (t, heard) => {
    for (const message of heard) message.headers.delete('Nats-Time-Stamp');
    t.log('heard', heard);
  };

  scenario('and on to another subject', async (t) => {
    const sub = t.nc.subscribe(`${t.subject}_re.>`);
    const { publish } = await make(t, {
      republish: { src: `${t.subject}.>`, dest: `${t.subject}_re.>` },
    });
    await publish('a', 'one');
    await publish('b', 'two');
    await publish('a', 'three');
    log(t, await t.take(sub, 3));
  });

  scenario('and on, the headers alone', async (t) => {
    const sub = t.nc.subscribe(`${t.subject}_re.>`);
    const { publish } = await make(t, {
      republish: { src: '>', dest: `${t.subject}_re.>`, headers_only: true },
    });
    const h = t.library.headers();
    h.set('Key', 'value');
    await publish('a', 'one', { headers: h });
    log(t, await t.take(sub, 1));
  });
});

scenarios('a full stream', TCP, (scenario) => {
  const fill = async (t, config, text = undefined) => {
    const made = await make(t, config);
    for (const tail of ['a', 'b', 'a', 'c', 'b', 'a'])
      await t.attempt(tail, made.publish(tail, text));
    t.log('stored', await made.stored());
    t.log('state', await made.state());
    return made;
  };

  scenario('lets the oldest go', (t) => fill(t, { max_msgs: 3 }));
  scenario('lets the oldest go for bytes', (t) => fill(t, { max_bytes: 120 }));
  scenario('refuses', (t) => fill(t, { max_msgs: 3, discard: 'new' }));
  scenario('refuses bytes', (t) =>
    fill(t, { max_bytes: 120, discard: 'new' }, 'x'.repeat(20)));
  scenario('of each subject', (t) => fill(t, { max_msgs_per_subject: 1 }));
  scenario('of each subject two', (t) => fill(t, { max_msgs_per_subject: 2, max_msgs: 4 }));
  scenario('of each subject, and refuses the rest', (t) =>
    fill(t, { max_msgs_per_subject: 1, max_msgs: 2, discard: 'new' }));
  scenario('of each subject, and refuses', (t) =>
    fill(t, {
      ...{ max_msgs_per_subject: 2, max_msgs: 100 },
      ...{ discard: 'new', discard_new_per_subject: true },
    }));
  scenario('in memory', async (t) => {
    // Their messages weigh less in memory.
    const { publish, stored } = await make(t, { max_msgs: 4, storage: 'memory' });
    for (const tail of ['a', 'b', 'a', 'c', 'b', 'a']) await publish(tail);
    t.log('stored', await stored());
  });
  scenario('of small messages', async (t) => {
    const { publish } = await fill(t, { max_msg_size: 10 });
    await t.attempt('too large', publish('a', 'x'.repeat(11)));
  });

  scenario('of young messages', async (t) => {
    const { publish, state, stored } = await make(t, {
      ...{ max_age: SECOND / 4, duplicate_window: SECOND / 4 },
    });
    await publish('a');
    await publish('b');
    await waitFor(async () => (await state()).messages === 0, 'the end of both');
    t.log('state', await state());
    await publish('c');
    t.log('stored', await stored());
  });
});

scenarios('streams that let go', TCP, (scenario) => {
  const consumer = async (t, name, config = {}) => {
    const { js, jsm } = await t.streams();
    await jsm.consumers.add(t.stream, {
      ...{ durable_name: name, ack_policy: 'explicit', ack_wait: 30 * SECOND },
      ...config,
    });
    return js.consumers.get(t.stream, name);
  };
  const handle = async (t, from, count) => {
    const got = await t.all(await from.fetch({ max_messages: count, expires: 2000 }));
    for (const message of got) await message.ackAck();
    t.log('handled', got);
  };

  scenario('of what everybody had', async (t) => {
    const { publish, stored, state } = await make(t, { retention: 'interest' });
    t.log('nobody', await publish('a', '1'));
    t.log('stored', await stored(), await state());
    const [one, two] = [await consumer(t, 'one'), await consumer(t, 'two')];
    for (const text of ['2', '3']) await publish('a', text);
    await handle(t, one, 2);
    t.log('stored', await stored());
    await handle(t, two, 1);
    t.log('stored', await stored());
    const { jsm } = await t.streams();
    await jsm.consumers.delete(t.stream, 'two');
    t.log('stored', await stored());
  });

  scenario('of what nobody filters', async (t) => {
    const { publish, stored } = await make(t, { retention: 'interest' });
    const one = await consumer(t, 'one', { filter_subject: `${t.subject}.a` });
    await publish('a');
    t.log('nobody', await publish('b'));
    t.log('stored', await stored());
    await handle(t, one, 1);
    t.log('stored', await stored());
  });

  scenario('of work that is done', async (t) => {
    const { publish, stored } = await make(t, { retention: 'workqueue' });
    for (const text of ['1', '2', '3']) await publish('a', text);
    t.log('waits', await stored());
    const one = await consumer(t, 'one');
    await handle(t, one, 2);
    t.log('left', await stored());
    const got = await t.all(await one.fetch({ max_messages: 1, expires: 1000 }));
    got[0].term();
    await t.nc.flush();
    await waitFor(async () => (await stored()).length === 0, 'the end');
  });

  scenario('and take whom they can', async (t) => {
    await make(t, { retention: 'workqueue' });
    const add = (name, config) => t.attempt(name, consumer(t, name, config).then(() => 'made'));
    await t.refusal('none', consumer(t, 'none', { ack_policy: 'none' }));
    await add('new', { deliver_policy: 'new' });
    await add('a', { filter_subject: `${t.subject}.a` });
    await add('a2', { filter_subject: `${t.subject}.a` });
    await add('all', {});
    await add('b', { filter_subject: `${t.subject}.b` });
  });
});

scenarios('direct get', TCP, (scenario) => {
  scenario('of messages', async (t) => {
    const { jsm, publish, stream, subject } = await make(t, { allow_direct: true });
    const h = t.library.headers();
    h.set('Key', 'value');
    await publish('a', 'one', { headers: h });
    await publish('b', 'two');
    await publish('a', '');
    const get = (query) => t.attempt('got', jsm.direct.getMessage(stream, query));
    await get({ seq: 1 });
    await get({ last_by_subj: `${subject}.a` });
    await get({ last_by_subj: `${subject}.*` });
    await get({ next_by_subj: `${subject}.a`, seq: 2 });
    await get({ seq: 9 });
    await get({ last_by_subj: `${subject}.none` });
    const raw = (tail, body) => t.nc.request(`$JS.API.DIRECT.GET.${stream}${tail}`, body);
    await t.attempt('by subject', raw(`.${subject}.b`));
    await t.attempt('empty', raw('', ''));
    await t.attempt('nothing', raw('', '{}'));
    await t.attempt('not there', raw(`.${subject}.none`));
  });

  scenario('where it is not allowed', async (t) => {
    const { jsm, publish, stream } = await make(t);
    await publish('a', 'one');
    await t.attempt('direct', jsm.direct.getMessage(stream, { seq: 1 }));
  });
});

scenarios('an account', { ...TCP, own: {} }, (scenario) => {
  scenario('counts', async (t) => {
    const { jsm, publish } = await make(t);
    await publish('a', 'x'.repeat(1000));
    await jsm.streams.add({ name: 'M', subjects: ['m'], storage: 'memory' });
    await t.nc.request('m', 'y'.repeat(500));
    await jsm.consumers.add(t.stream, { durable_name: 'd', ack_policy: 'explicit' });
    const { api, memory, ...info } = await jsm.getAccountInfo();
    t.log('figures', info);
    t.log('api', api.total > 0, api.errors, memory > 500);
  });

  scenario('hears what is done', async (t) => {
    const sub = t.nc.subscribe('$JS.EVENT.ADVISORY.*.*.>');
    const { jsm, stream } = await make(t);
    await jsm.streams.update(stream, { max_msgs: 5 });
    await jsm.consumers.add(stream, { durable_name: 'd', ack_policy: 'explicit' });
    await jsm.consumers.delete(stream, 'd');
    await jsm.streams.delete(stream);
    const heard = await t.take(sub, 5);
    t.log('heard', heard.map((m) => [m.subject, m.json()]));
  });
});
