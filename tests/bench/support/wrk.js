// wrk with 16 connections and one thread, posting one GraphQL query.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { tempDir } from '../../integration/support/index.js';

const UNITS = { us: 1e-3, ms: 1, s: 1e3 };

function milliseconds(output, percent) {
  const line = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(output);
  return Number(line[1]) * UNITS[line[2]];
}

// { rate, p50, p99 } in requests a second and milliseconds. Fails where any
// answer was not 200.
export async function wrk(url, query, variables, seconds) {
  const script = join(tempDir('nexus-wrk-'), 'post.lua');
  const body = JSON.stringify({ query, variables });
  writeFileSync(
    script,
    `wrk.method = "POST"
     wrk.body = [==[${body}]==]
     wrk.headers["Content-Type"] = "application/json"`
  );
  const { stdout } = await promisify(execFile)('wrk', [
    ...['-t1', '-c16', `-d${seconds}s`, '--latency', '-s', script, url],
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]),
    p50: milliseconds(stdout, 50),
    p99: milliseconds(stdout, 99),
  };
}
