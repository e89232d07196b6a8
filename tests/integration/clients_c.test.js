// The official C client: support/c_client.c says what it sees of each server,
// in clear and over TLS, and must see the same.
import assert from 'node:assert/strict';
import { execFileSync, execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import { tempDir } from './support/files.js';
import { startBroker, startNatsServer } from './support/nexus.js';
import { ROOT } from './support/program.js';
import { startWithTransports } from './support/transports.js';
import { SLOW } from './support/wait.js';

const PLAY_MS = 30_000;

let client;
before(() => {
  client = join(tempDir('nexus-c-client-'), 'c_client');
  const source = join(ROOT, 'tests/integration/support/c_client.c');
  const flags = ['-std=gnu11', '-Wall', '-Wextra', '-Werror'];
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', client, source, '-lnats']);
});

async function play(start, secure) {
  const server = await startWithTransports(start, secure);
  const args = [server.url, ...(secure ? [server.caFile] : [])];
  const options = { timeout: PLAY_MS * SLOW };
  const { stdout } = await promisify(execFile)(client, args, options);
  return stdout.split('\n');
}

for (const secure of [false, true]) {
  test(`sees the same${secure ? ' over TLS' : ''}`, async () => {
    const [ours, theirs] = await Promise.all([
      play(startBroker, secure),
      play(startNatsServer, secure),
    ]);
    assert.ok(theirs.length > 50, 'all was played');
    assert.deepEqual(ours, theirs);
  });
}
