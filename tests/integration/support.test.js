import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  connectNats,
  getJson,
  readCsv,
  startNatsServer,
  startPostgres,
  tempDir,
  waitFor,
} from './support/index.js';

test('a private PostgreSQL answers, and again after it was killed', async () => {
  const postgres = await startPostgres({ durable: true });
  await postgres.query('create table t (n int)');
  await postgres.query('insert into t values ($1)', [7]);
  await postgres.kill();
  await postgres.start();
  assert.deepEqual(await postgres.query('select n from t'), [{ n: 7 }]);
  await postgres.stop();
});

test('a NATS server answers a client', async () => {
  const server = await startNatsServer();
  const connection = await connectNats(server);
  await connection.flush();
  const { status, body } = await getJson(`${server.httpUrl}/varz`);
  assert.equal(status, 200);
  assert.equal(body.port, server.port);
});

test('CSV is read with quotes, commas and line ends in fields', () => {
  const path = join(tempDir(), 'x.csv');
  writeFileSync(path, 'a,b\r\n"1,""2""\n",\r\n,3\n');
  assert.deepEqual(readCsv(path), [
    { a: '1,"2"\n', b: '' },
    { a: '', b: '3' },
  ]);
});

test('waiting in vain tells what for and what was seen', async () => {
  await assert.rejects(waitFor(() => 0, 'a wonder', 50), /a wonder; last: 0/);
});
