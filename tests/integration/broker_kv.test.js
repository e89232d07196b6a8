// Key-value and object store buckets through the official client, on both
// servers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { connectNats, startBroker, startNatsServer } from './support/index.js';

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(name, () => {
    let nc;
    let js;
    let count = 0;

    before(async () => {
      nc = await connectNats(await start());
      js = nc.jetstream();
    });
    after(() => nc.close());

    const makeBucket = (options) => js.views.kv(`B${++count}`, options);
    const valueOf = async (kv, key) => (await kv.get(key))?.string();

    test('put, get, and the revision of each', async () => {
      const kv = await makeBucket({ history: 3 });
      assert.equal(await kv.put('a.b', '1'), 1);
      assert.equal(await kv.put('a.b', '2'), 2);
      const entry = await kv.get('a.b');
      assert.deepEqual(
        [entry.string(), entry.revision, entry.operation, entry.key],
        ['2', 2, 'PUT', 'a.b']
      );
      const older = await kv.get('a.b', { revision: 1 });
      assert.equal(older.string(), '1');
      assert.equal(await kv.get('none'), null);
    });

    test('create and update are conditional', async () => {
      const kv = await makeBucket();
      assert.equal(await kv.create('k', '1'), 1);
      await assert.rejects(kv.create('k', '2'), /wrong last sequence: 1/);
      assert.equal(await kv.update('k', '2', 1), 2);
      await assert.rejects(kv.update('k', '3', 1), /wrong last sequence: 2/);
      await kv.delete('k');
      assert.equal(await kv.create('k', 'again'), 4);
      assert.equal(await valueOf(kv, 'k'), 'again');
    });

    test('only so much history is kept', async () => {
      const kv = await makeBucket({ history: 2 });
      for (const value of ['1', '2', '3']) await kv.put('k', value);
      await kv.put('other', 'x');
      const values = [];
      for await (const entry of await kv.history({ key: 'k' }))
        values.push([entry.revision, entry.string(), entry.delta]);
      assert.deepEqual(values, [
        [2, '2', 1],
        [3, '3', 0],
      ]);
      const status = await kv.status();
      assert.equal(status.values, 3);
      assert.equal(status.history, 2);
    });

    test('deleting leaves a trace, purging nothing else', async () => {
      const kv = await makeBucket({ history: 5 });
      for (const value of ['1', '2']) await kv.put('k', value);
      await kv.delete('k');
      assert.equal((await kv.get('k')).operation, 'DEL');
      assert.equal((await kv.status()).values, 3);
      await kv.purge('k');
      assert.equal((await kv.get('k')).operation, 'PURGE');
      assert.equal((await kv.status()).values, 1);
      await kv.put('l', '1');
      await kv.purgeDeletes(0);
      assert.equal((await kv.status()).values, 1);
      assert.equal(await kv.get('k'), null);
    });

    test('keys and watching', async () => {
      const kv = await makeBucket();
      for (const key of ['a.1', 'b.1', 'a.2', 'a.1']) await kv.put(key, key);
      await kv.put('gone', 'x');
      await kv.delete('gone');
      const keys = [];
      for await (const key of await kv.keys('a.*')) keys.push(key);
      assert.deepEqual(keys.sort(), ['a.1', 'a.2']);
      const seen = [];
      const watch = await kv.watch({ key: 'a.>' });
      await kv.put('a.3', 'new');
      for await (const entry of watch) {
        seen.push([entry.key, entry.revision]);
        if (entry.key === 'a.3') break;
      }
      assert.deepEqual(seen, [
        ['a.2', 3],
        ['a.1', 4],
        ['a.3', 7],
      ]);
    });

    test('an empty bucket has no keys', async () => {
      const kv = await makeBucket();
      for await (const key of await kv.keys()) assert.fail(key);
      for await (const entry of await kv.history()) assert.fail(entry.key);
      assert.equal(await kv.destroy(), true);
    });

    test('a bucket in memory, whose values end', async () => {
      const kv = await makeBucket({ storage: 'memory', ttl: 300 });
      await kv.put('k', '1');
      assert.equal(await valueOf(kv, 'k'), '1');
      const deadline = Date.now() + 5000;
      while ((await kv.get('k')) !== null)
        assert.ok(Date.now() < deadline, 'the value stays');
    });

    test('objects of several chunks', async () => {
      const os = await js.views.os(`O${++count}`);
      const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
      const made = await os.putBlob({ name: 'file', description: 'd' }, bytes);
      assert.equal(made.chunks, 3);
      assert.deepEqual([...(await os.getBlob('file'))], [...bytes]);
      await os.putBlob({ name: 'file' }, bytes.slice(0, 10));
      assert.deepEqual([...(await os.getBlob('file'))], [...bytes.slice(0, 10)]);
      assert.equal((await os.list()).length, 1);
      const status = await os.status();
      assert.equal(status.size, status.streamInfo.state.bytes);
      await os.delete('file');
      assert.equal((await os.info('file')).deleted, true);
      assert.equal((await os.list()).length, 0);
      await os.seal();
      await assert.rejects(os.putBlob({ name: 'x' }, bytes));
      assert.equal(await os.destroy(), true);
    });
  });
}
