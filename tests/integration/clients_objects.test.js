// Object stores as other people's client libraries make and use them.
import { createHash } from 'node:crypto';

import { scenarios } from './support/scenarios.js';

const TCP = { transports: ['tcp'] };
const EVERY = { transports: ['tcp', 'tls', 'ws', 'wss'] };

const make = (t, options = {}) => t.library.makeStore(t.nc, t.subject, options);

// The same bytes in every run.
function bytes(length) {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = (i * 31 + (i >> 8)) & 255;
  return data;
}

const digest = (data) => createHash('sha256').update(data).digest('base64url');

scenarios('an object store', TCP, (scenario) => {
  scenario('keeps objects', EVERY, async (t) => {
    const os = await make(t);
    const put = (meta, data) => t.attempt('put', os.putBlob(meta, data));
    await put({ name: 'small', description: 'a few bytes' }, bytes(10));
    await put({ name: 'empty' }, bytes(0));
    await put({ name: 'a name/with ümlauts' }, bytes(1000));
    await put({ name: 'large' }, bytes(1_000_000));
    await put({ name: 'in pieces', options: { max_chunk_size: 100 } }, bytes(1050));
    for (const name of ['small', 'empty', 'a name/with ümlauts', 'large', 'in pieces']) {
      const data = await os.getBlob(name);
      t.log(name, data.length, digest(data), await os.info(name));
    }
    t.log('none', await os.getBlob('none'), await os.info('none'));
  });

  scenario('lists and forgets', async (t) => {
    const os = await make(t);
    await os.putBlob({ name: 'a' }, bytes(10));
    await os.putBlob({ name: 'b' }, bytes(20));
    await os.putBlob({ name: 'a' }, bytes(30));
    const names = async () => (await os.list()).map((i) => [i.name, i.size, i.deleted]);
    t.log('two', await names());
    await t.attempt('deleted', os.delete('a'));
    t.log('one', await names(), await os.getBlob('a'), await os.info('a'));
    await t.attempt('again', os.putBlob({ name: 'a' }, bytes(5)));
    t.log('two', await names());
    const { bucket, size, storage, sealed, replicas, ttl } = await os.status();
    t.log('status', { bucket, size, storage, sealed, replicas, ttl });
    t.log('config', (await os.status()).streamInfo.config);
  });

  scenario('in a stream of data', async (t) => {
    const os = await make(t);
    const data = bytes(700_000);
    const source = new ReadableStream({
      start(controller) {
        for (let at = 0; at < data.length; at += 70_000)
          controller.enqueue(data.slice(at, at + 70_000));
        controller.close();
      },
    });
    t.log('put', await os.put({ name: 's' }, source));
    const got = await os.get('s');
    const hash = createHash('sha256');
    for await (const part of got.data) hash.update(part);
    t.log('got', hash.digest('base64url') === digest(data), await got.error);
  });

  scenario('with links', async (t) => {
    const os = await make(t);
    const other = await t.library.makeStore(t.nc, `${t.subject}_o`, {});
    await other.putBlob({ name: 'there' }, bytes(50));
    const info = await other.info('there');
    t.log('linked', await os.link('here', info));
    t.log('through', (await os.getBlob('here')).length);
    await t.attempt('a link to a link', os.link('twice', await os.info('here')));
    t.log('of a store', await os.linkStore('all', other));
    await t.attempt('a store as an object', os.getBlob('all'));
  });

  scenario('changed and renamed', async (t) => {
    const os = await make(t);
    await os.putBlob({ name: 'old', description: 'one' }, bytes(10));
    await os.update('old', { name: 'new', description: 'two' });
    t.log('new', await os.info('new'), (await os.getBlob('new')).length);
    t.log('old', await os.info('old'));
    await t.attempt('none', os.update('none', { description: 'x' }));
  });

  scenario('watched', async (t) => {
    const os = await make(t);
    await os.putBlob({ name: 'a' }, bytes(10));
    const watch = await os.watch({ includeHistory: true });
    await os.putBlob({ name: 'b' }, bytes(10));
    await os.delete('a');
    // A null says that all that was there has been told.
    const seen = (await t.take(watch, 3)).filter((info) => info !== null);
    t.log('seen', seen.map((i) => [i.name, i.size, i.deleted ?? false]));
    watch.stop();
  });

  scenario('sealed', async (t) => {
    const os = await make(t);
    await os.putBlob({ name: 'a' }, bytes(10));
    t.log('sealed', (await os.seal()).sealed);
    await t.attempt('put', os.putBlob({ name: 'b' }, bytes(10)));
    t.log('got', (await os.getBlob('a')).length);
    t.log('destroyed', await os.destroy());
  });
});
