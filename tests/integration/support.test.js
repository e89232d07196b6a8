import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  cleanEnv,
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

// Runs a test file whose one test passes, with a program that does this.
function runFile(script, then = '') {
  const file = join(tempDir(), 'x.test.mjs');
  const program = new URL('support/program.js', import.meta.url);
  writeFileSync(
    file,
    `import { test } from 'node:test';
     import { Program } from '${program}';
     test('starts', async () => {
       const it = new Program('it', 'bash', ['-c', ${JSON.stringify(script)}]);
       await it.ready(() => it.output.includes('up'));
       ${then}
     });`
  );
  const { NODE_TEST_CONTEXT, ...env } = cleanEnv();
  return spawnSync('node', [file], { env, encoding: 'utf8' });
}

// On SIGTERM does what, and waits for it.
const onTerm = (what) =>
  `trap '${what}' TERM; echo up; while :; do sleep 0.05; done`;

test('a file passes whose program ends clean when asked', () => {
  const { status, stderr } = runFile(onTerm('exit 0'));
  assert.equal(status, 0, stderr);
});

test('a file fails whose program does not end clean', () => {
  const { status, stderr } = runFile(onTerm('exit 3'));
  assert.equal(status, 1);
  assert.match(stderr, /it did not exit clean/);
});

test('a file fails whose program a sanitizer complained about', () => {
  const { status, stderr } = runFile(
    onTerm('echo ERROR: LeakSanitizer: detected memory leaks; exit 0')
  );
  assert.equal(status, 1);
  assert.match(stderr, /LeakSanitizer: detected memory leaks/);
});

test('a file fails whose program ended without being asked', () => {
  const go = join(tempDir(), 'go');
  const { status, stderr } = runFile(
    `echo up; until [ -e ${go} ]; do sleep 0.05; done`,
    `(await import('node:fs')).writeFileSync('${go}', ''); await it.exited;`
  );
  assert.equal(status, 1);
  assert.match(stderr, /it ended: /);
});
