// Ten minutes (SOAK_TIME seconds) of everything at once at half the greatest
// rate: see soak.h. What it prints lands in build/bench/soak.txt.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import assert from 'node:assert/strict';

import { reporter } from '../bench/support/report.js';
import { BUILD, startBroker } from '../integration/support/index.js';

const TIME = Number(process.env.SOAK_TIME ?? 600);
const MAX_PENDING = '8MB'; // so that the slow are closed many times

test(`a soak of ${TIME} s`, async () => {
  const report = reporter('soak');
  const broker = await startBroker({ args: ['--max_pending', MAX_PENDING] });
  const soak = spawn(
    join(BUILD, 'tests/soak'),
    ['--port', broker.port, '--pid', broker.pid, '--time', `${TIME}s`],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  );
  const exited = once(soak, 'exit');
  report(`${new Date().toISOString()}: ${TIME} s`);
  for await (const line of createInterface({ input: soak.stdout }))
    report(line);
  const [code] = await exited;
  assert.equal(code, 0, 'see above what went wrong');
  await broker.stop();
});
