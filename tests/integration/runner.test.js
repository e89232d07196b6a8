// tests/run: which tests it finds, and what it counts.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Program, ROOT, cleanEnv, tempDir } from './support/index.js';

// A build folder with "binaries" that say the given lines of TAP.
function buildOf(binaries) {
  const build = tempDir('nexus-build-');
  mkdirSync(join(build, 'tests/unit/lib'), { recursive: true });
  for (const [name, lines] of Object.entries(binaries))
    writeFileSync(
      join(build, 'tests/unit/lib', name),
      `#!/bin/sh\ncat <<END\n${lines}\nEND\n`,
      { mode: 0o755 }
    );
  return build;
}

async function run(build, filter) {
  const env = { ...cleanEnv(), BUILD: build, SAN: '0' };
  const program = new Program('run', join(ROOT, 'tests/run'), [filter], { env });
  const { code } = await program.wait();
  return { code, output: program.output };
}

test('the binary of a deleted test does not count', async () => {
  const build = buildOf({
    str_test: '1..1\nok 1 - is_there',
    gone_test: '1..1\nnot ok 1 - was_deleted',
  });
  const { code, output } = await run(build, 'unit/lib/');
  assert.match(output, /\n1 passed, 0 failed\n$/);
  assert.equal(code, 0);
});

test('a failed test is named and fails the run', async () => {
  const build = buildOf({ str_test: '1..2\nok 1 - a\nnot ok 2 - b' });
  const { code, output } = await run(build, 'unit/lib/');
  assert.match(output, /failed:\n {2}unit\/lib\/str\n/);
  assert.match(output, /\n1 passed, 1 failed\n$/);
  assert.equal(code, 1);
});
