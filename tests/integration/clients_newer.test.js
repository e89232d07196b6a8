// What nats-server has since 2.10 and Debian's has not: what a client has to
// see stands here, and only our broker is asked. Streams and consumers are made
// past the libraries, which ask the server's version before they send such.
import { scenarios } from './support/scenarios.js';
import { waitFor } from './support/wait.js';

const TCP = { transports: ['tcp'] };

async function make(t, config = {}) {
  const { js, jsm } = await t.streams();
  const full = { name: t.stream, subjects: ['N.>'], storage: 'file', ...config };
  const made = await t.api(`STREAM.CREATE.${t.stream}`, full);
  return { js, jsm, made };
}

const addConsumer = (t, config, action) =>
  t.api(`CONSUMER.CREATE.${t.stream}.${config.name}`, {
    ...{ stream_name: t.stream, action },
    config: { durable_name: config.name, ack_policy: 'explicit', ...config },
  });

// A scenario for streams that take N.>, alone on a server of its own.
scenarios('since 2.10', { ...TCP, own: {} }, (scenario) => {
  const expecting = (name, expected, play) => scenario(name, { expected }, play);

  expecting(
    'several filters',
    [['pending', 3], ['got', ['N.a', 'N.b.x', 'N.a']]],
    async (t) => {
      const { js } = await make(t);
      for (const tail of ['a', 'b', 'b.x', 'a', 'c']) await js.publish(`N.${tail}`);
      const config = { name: 'c', filter_subjects: ['N.a', 'N.b.*'] };
      t.log('pending', (await addConsumer(t, config)).num_pending);
      const consumer = await js.consumers.get(t.stream, 'c');
      const got = await t.all(await consumer.fetch({ max_messages: 3, expires: 2000 }));
      t.log('got', got.map((m) => m.subject));
    }
  );

  expecting(
    'overlapping filters',
    [['refused', 10138]],
    async (t) => {
      await make(t);
      const config = { name: 'c', filter_subjects: ['N.a', 'N.*'] };
      t.log('refused', (await addConsumer(t, config)).error?.err_code);
    }
  );

  expecting(
    'metadata',
    [['stream', 'gpu'], ['consumer', 'team']],
    async (t) => {
      const { made } = await make(t, { metadata: { owner: 'gpu' } });
      t.log('stream', made.config.metadata.owner);
      const config = { name: 'c', metadata: { owner: 'team' } };
      t.log('consumer', (await addConsumer(t, config)).config.metadata.owner);
    }
  );

  expecting(
    'only to create, only to change',
    [
      ...[['change none', 10149], ['create', null], ['once more', null]],
      ...[['another', 10148], ['change', null]],
    ],
    async (t) => {
      await make(t);
      const ask = async (what, config, action) =>
        t.log(what, (await addConsumer(t, { name: 'c', ...config }, action)).error?.err_code);
      await ask('change none', {}, 'update');
      await ask('create', {}, 'create');
      await ask('once more', {}, 'create');
      await ask('another', { max_deliver: 5 }, 'create');
      await ask('change', { max_deliver: 5 }, 'update');
    }
  );

  expecting(
    'a pause',
    [['paused', true], ['meanwhile', 0], ['resumed', false], ['got', 1]],
    async (t) => {
      const { js } = await make(t);
      await js.publish('N.a');
      await addConsumer(t, { name: 'c' });
      const pause = (until) =>
        t.api(`CONSUMER.PAUSE.${t.stream}.c`, until ? { pause_until: until } : '');
      const fetch = async (expires) => {
        const consumer = await js.consumers.get(t.stream, 'c');
        return (await t.all(await consumer.fetch({ max_messages: 1, expires }))).length;
      };
      const until = new Date(Date.now() + 3_600_000).toISOString();
      t.log('paused', (await pause(until)).paused);
      t.log('meanwhile', await fetch(1000));
      t.log('resumed', (await pause()).paused);
      t.log('got', await fetch(3000));
    }
  );

  expecting(
    'a lifetime of one message',
    [['ack', 1], ['wrong', 10165], ['left', [2]]],
    async (t) => {
      const { js, jsm } = await make(t, { allow_msg_ttl: true });
      const put = (ttl) => {
        const headers = t.library.headers();
        if (ttl) headers.set('Nats-TTL', ttl);
        return js.publish('N.a', 'x', { headers });
      };
      t.log('ack', (await put('1s')).seq);
      await put();
      await t.refusal('wrong', put('soon'));
      const state = async () => (await jsm.streams.info(t.stream)).state;
      await waitFor(async () => (await state()).messages === 1, 'its end');
      t.log('left', [(await state()).first_seq]);
    }
  );

  expecting(
    'no lifetime where none is allowed',
    [['refused', 10166]],
    async (t) => {
      const { js } = await make(t);
      const headers = t.library.headers();
      headers.set('Nats-TTL', '1s');
      await t.refusal('refused', js.publish('N.a', 'x', { headers }));
    }
  );

  expecting(
    'other subjects',
    [['ack', 100], ['stored', 'M.a.N']],
    async (t) => {
      const { js, jsm } = await make(t, {
        subject_transform: { src: 'N.*', dest: 'M.{{wildcard(1)}}.N' },
        first_seq: 100,
      });
      t.log('ack', (await js.publish('N.a', 'x')).seq);
      t.log('stored', (await jsm.streams.getMessage(t.stream, { seq: 100 })).subject);
    }
  );
});
