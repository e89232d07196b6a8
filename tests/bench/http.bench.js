// lib/http and lib/websocket alone: replies of several sizes under wrk with 16
// connections, frames to many sockets, and sockets at rest. The server's own
// processor time stands beside each rate: on a busy machine only that compares.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { atEnd } from '../integration/support/program.js';
import { startHttpServer } from '../integration/support/http_server.js';
import { BUILD } from '../integration/support/index.js';
import { cpuSeconds, memoryMb } from './support/peers.js';
import { reporter, thousands } from './support/report.js';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const CLIENTS = Number(process.env.CLIENTS ?? 1000);
const RATE = Number(process.env.RATE ?? 400); // frames a second to each
const IDLE = Number(process.env.IDLE ?? 10_000);
const SIZES = [100, 15_000, 33_000, 56_000];
const LOAD = join(BUILD, 'tests/bench/websocket_load');

const run = promisify(execFile);
const report = reporter('http');

test('replies', async () => {
  const server = await startHttpServer();
  for (const size of SIZES) {
    const before = cpuSeconds(server.pid);
    const { stdout } = await run('wrk', [
      ...['-t1', '-c16', `-d${SECONDS}s`, `${server.url}/size/${size}`],
    ]);
    assert.doesNotMatch(stdout, /Non-2xx|Socket errors/);
    const count = Number(/(\d+) requests in/.exec(stdout)[1]);
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
    const cpu = cpuSeconds(server.pid) - before;
    report(
      `${thousands(size)} B: ${thousands(rate)}/s, ${thousands(count / cpu)} a processor second`
    );
  }
});

test('frames', async () => {
  const server = await startHttpServer({ frame_bytes: 140 });
  const before = cpuSeconds(server.pid);
  const { stdout } = await run(
    LOAD,
    [server.port, CLIENTS, RATE, SECONDS].map(String)
  );
  const cpu = cpuSeconds(server.pid) - before; // a second of warming up, too
  const [frames, bytes, reads] = stdout.trim().split(' ').map(Number);
  report(
    `${thousands(CLIENTS)} sockets, ${RATE} frames of ${Math.round(bytes / frames)} B a second each: ` +
      `${thousands(frames / SECONDS)}/s of ${thousands(CLIENTS * RATE)}, ` +
      `${(frames / reads).toFixed(1)} a read, ` +
      `${((cpu / (SECONDS + 1)) * 100).toFixed(0)}% of a processor`
  );
});

test('sockets at rest', async () => {
  const server = await startHttpServer();
  const before = memoryMb(server.pid).resident;
  const load = spawn(LOAD, [server.port, IDLE, 0, 0].map(String));
  atEnd(() => load.kill());
  await once(load.stdout, 'data');
  const after = memoryMb(server.pid).resident;
  report(
    `${thousands(IDLE)} sockets at rest: ${after.toFixed(1)} MB, ` +
      `${(((after - before) * 1024) / IDLE).toFixed(1)} kB each`
  );
  load.stdin.end();
  await once(load, 'exit');
});
