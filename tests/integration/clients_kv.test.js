// Key-value buckets as other people's client libraries make and use them.
import { scenarios } from './support/scenarios.js';
import { sleep, waitFor } from './support/wait.js';

const TCP = { transports: ['tcp'] };
const EVERY = { transports: ['tcp', 'tls', 'ws', 'wss'] };

const make = (t, options = {}) => t.library.makeBucket(t.nc, t.subject, options);

async function fill(kv, values) {
  for (const [key, value] of Object.entries(values)) await kv.put(key, value);
}

const statusOf = async (kv) => {
  const status = await kv.status();
  const { bucket, values, history, ttl, replicas, size } = status;
  const { storage, maxValueSize, max_bytes, description } = status;
  const limits = [history, ttl, replicas, storage, maxValueSize, max_bytes];
  return [bucket, values, size, description, ...limits];
};

scenarios('a bucket', TCP, (scenario) => {
  scenario('keeps what was put', EVERY, async (t) => {
    const kv = await make(t);
    t.log('put', await kv.put('a', 'one'), await kv.put('b.c', 'two'), await kv.put('a', 'three'));
    t.log('got', await kv.get('a'), await kv.get('b.c'), await kv.get('none'));
    t.log('before', await kv.get('a', { revision: 1 }));
    t.log('empty', await kv.put('e', ''), await kv.get('e'));
    t.log('large', await kv.put('l', new Uint8Array(500_000)), await kv.get('l'));
    for (const key of ['k/=-_.9', 'ÄÖ', 'a b', '.a', ''])
      await t.attempt(`key ${key}`, (async () => kv.put(key, 'x'))());
  });

  scenario('is made as a stream', async (t) => {
    const kv = await make(t, { history: 5, ttl: 60_000, max_bytes: 100_000, description: 'd' });
    await fill(kv, { a: '1', b: '2' });
    t.log('status', await statusOf(kv));
    t.log('config', (await kv.status()).streamInfo.config);
    await make(t, { history: 5, ttl: 60_000, max_bytes: 100_000, description: 'd' });
    const opened = await t.library.openBucket(t.nc, t.subject);
    t.log('opened', await opened.get('a'));
    t.log('destroyed', await kv.destroy());
    await t.attempt('gone', kv.get('a'));
  });

  scenario('makes a key once', async (t) => {
    const kv = await make(t, { history: 3 });
    await t.attempt('made', kv.create('a', 'one'));
    await t.attempt('again', kv.create('a', 'two'));
    await kv.delete('a');
    await t.attempt('after a delete', kv.create('a', 'three'));
    await kv.purge('a');
    await t.attempt('after a purge', kv.create('a', 'four'));
    t.log('got', await kv.get('a'));
  });

  scenario('makes a key for one of many', async (t) => {
    const kv = await make(t);
    const tries = Array.from({ length: 30 }, (_, i) => kv.create('a', `${i}`));
    const made = (await Promise.allSettled(tries)).filter((r) => r.status === 'fulfilled');
    t.log('made', made.map((r) => r.value));
  });

  scenario('changes a key that is as expected', async (t) => {
    const kv = await make(t);
    await kv.put('a', 'one');
    await t.attempt('as it is', kv.update('a', 'two', 1));
    await t.attempt('as it was', kv.update('a', 'three', 1));
    await t.attempt('as none', (async () => kv.update('b', 'new', 0))());
    await t.attempt('put', kv.put('a', 'x', { previousSeq: 2 }));
    await t.attempt('put', kv.put('a', 'x', { previousSeq: 2 }));
    await t.attempt('delete', kv.delete('a', { previousSeq: 1 }));
    t.log('got', await kv.get('a'));
  });

  scenario('forgets', async (t) => {
    const kv = await make(t, { history: 4 });
    for (const value of ['1', '2', '3']) await kv.put('a', value);
    await kv.put('b', 'stays');
    await kv.delete('a');
    t.log('deleted', await kv.get('a'));
    t.log('history', await t.all(await kv.history({ key: 'a' })));
    await kv.purge('a');
    t.log('purged', await kv.get('a'));
    t.log('history', await t.all(await kv.history({ key: 'a' })));
    await kv.delete('never');
    t.log('never', await kv.get('never'), await statusOf(kv));
  });

  scenario('remembers so much', async (t) => {
    const kv = await make(t, { history: 3 });
    for (let i = 0; i < 6; i++) await kv.put('a', `${i}`);
    await kv.put('b', 'x');
    t.log('of one', await t.all(await kv.history({ key: 'a' })));
    t.log('of all', await t.all(await kv.history()));
    t.log('of none', await t.all(await kv.history({ key: 'none' })));
    await t.attempt('gone', kv.get('a', { revision: 1 }));
    await t.attempt('other', kv.get('a', { revision: 7 }));
  });

  // The old library's keys() may end before it told the last ones.
  const NEW = { library: '@nats-io' };

  scenario('lists its keys', { ...EVERY, ...NEW }, async (t) => {
    const kv = await make(t);
    t.log('none', await t.all(await kv.keys()));
    await fill(kv, { 'a.b': '1', 'a.c': '2', d: '3', 'a.b.c': '4' });
    await kv.delete('d');
    t.log('all', (await t.all(await kv.keys())).sort());
    t.log('some', (await t.all(await kv.keys('a.*'))).sort());
    t.log('below', (await t.all(await kv.keys('a.>'))).sort());
  });

  scenario('of many keys', NEW, async (t) => {
    const kv = await make(t);
    const puts = Array.from({ length: 1000 }, (_, i) => kv.put(`k.${i % 500}`, `${i}`));
    await Promise.all(puts);
    const keys = await t.all(await kv.keys());
    t.log('keys', keys.length, new Set(keys).size);
    t.log('one', (await kv.get('k.7')).string(), (await statusOf(kv)).values);
  });

  scenario('cleans up', async (t) => {
    const kv = await make(t, { history: 5 });
    await fill(kv, { a: '1', b: '2', c: '3' });
    await kv.delete('a');
    await kv.purge('b');
    const purged = await kv.purgeDeletes(-1);
    t.log('purged', purged);
    t.log('left', await t.all(await kv.history()));
    await kv.delete('c');
    await kv.purgeDeletes(60_000);
    t.log('kept', await t.all(await kv.history()));
  });

  scenario('lets keys go after a time', async (t) => {
    const kv = await make(t, { ttl: 400 });
    await kv.put('a', '1');
    t.log('there', await kv.get('a'));
    await waitFor(async () => (await kv.get('a')) === null, 'its end');
    t.log('gone', await t.all(await kv.keys()));
    await t.attempt('new', kv.create('a', '2').then(() => 'made'));
  });

  scenario('of a size', async (t) => {
    const kv = await make(t, { max_bytes: 300, maxValueSize: 100 });
    await t.attempt('fits', kv.put('a', 'x'.repeat(90)));
    await t.attempt('too large', kv.put('b', 'x'.repeat(101)));
    await t.attempt('fits', kv.put('b', 'x'.repeat(90)));
    await t.attempt('full', kv.put('c', 'x'.repeat(99)));
    await t.attempt('instead', kv.put('a', 'y'.repeat(80)).then(() => 'put'));
  });

  scenario('in memory', async (t) => {
    const kv = await make(t, { storage: 'memory', history: 2 });
    for (const value of ['1', '2', '3']) await kv.put('a', value);
    t.log('history', await t.all(await kv.history({ key: 'a' })));
    t.log('storage', (await kv.status()).streamInfo.config.storage);
  });

  scenario('that is not there', async (t) => {
    await t.attempt('opened', (async () => {
      const kv = await t.library.openBucket(t.nc, t.subject);
      return kv.get('a');
    })());
  });
});

scenarios('a bucket is watched', TCP, (scenario) => {
  // What a watch tells of what was there, and of what comes.
  const watches = (name, options, before, after) =>
    scenario(name, async (t) => {
      const kv = await make(t, { history: 3 });
      await fill(kv, { a: '1', 'b.c': '2', 'b.d': '3' });
      await kv.put('a', '4');
      await kv.delete('b.d');
      let ready = false;
      const initializedFn = () => (ready = true);
      const watch = await kv.watch({ ...options, initializedFn });
      t.log('there', await t.take(watch, before));
      await kv.put('b.c', '5');
      await kv.purge('a');
      await kv.put('last', '6');
      await kv.put('b.last', '7');
      t.log('new', await t.take(watch, after), ready);
      watch.stop();
    });
  watches('as it is', {}, 3, 4);
  watches('one key', { key: 'a' }, 1, 1);
  watches('some keys', { key: 'b.*' }, 2, 2);
  watches('below', { key: 'b.>' }, 2, 2);
  watches('with its history', { include: 'history' }, 5, 4);
  watches('from now on', { include: 'updates' }, 0, 4);
  watches('without what was deleted', { ignoreDeletes: true }, 2, 4);
  watches('without values', { headers_only: true }, 3, 4);
  watches('from a place', { resumeFromRevision: 4 }, 2, 4);

  scenario('while it is empty', async (t) => {
    const kv = await make(t);
    const watch = await kv.watch();
    await kv.put('a', '1');
    t.log('seen', await t.take(watch, 1));
    watch.stop();
    await t.nc.flush();
    await sleep(50);
    await kv.put('a', '2');
    t.log('got', await kv.get('a'));
  });

  scenario('by many', EVERY, async (t) => {
    const kv = await make(t);
    const other = await t.library.openBucket(await t.connect(), t.subject);
    const watches = [await kv.watch(), await other.watch(), await other.watch({ key: 'k.*' })];
    for (let i = 0; i < 100; i++) await kv.put(`k.${i % 10}`, `${i}`);
    for (const watch of watches) {
      const seen = await t.take(watch, 100);
      t.log('in order', seen.every((e, i) => e.string() === `${i}`));
    }
  });
});
