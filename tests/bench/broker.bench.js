// nexus-broker beside Debian's nats-server: the same load, from the same
// program (tests/bench/load/), on a fresh server each time, in turn; ROUNDS
// times (5), medians. ROW chooses rows by a part of their name, TIME is how
// long each load lasts. Ours says "acknowledged" when a message is synced to
// the disk, theirs (its default) when it has been written.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import {
  BUILD,
  sleep,
  startBroker,
  startNatsServer,
} from '../integration/support/index.js';
import { median, reporter } from './support/report.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const TIME = process.env.TIME ?? '1500ms';
const LOAD = join(BUILD, 'tests/bench/broker_load');
const SETTLE_MS = 1000; // from the end of the work to reading the memory

// bar: what ours : theirs must at least be; at most, where less is better.
const flood = (args) => ({ unit: 'msg/s', load: ['flood', ...args] });
const row = (name, bar, how) => ({ name, bar, ...how });
const rows = [
  row('1 to 1, 16 B', 4, flood(['--payload', '16'])),
  row('1 to 1, 128 B', 2.8, flood(['--payload', '128'])),
  row('1 to 1, 1 KiB', 2, flood(['--payload', '1024'])),
  row('1 to 4, 128 B, deliveries', 2.5, flood(['--subs', '4'])),
  row(
    '4 to a queue group of 4, 128 B',
    2.5,
    flood(['--pubs', '4', '--subs', '4', '--queue', '1'])
  ),
  row('1 to 1, 128 B and 64 B of headers', 0, flood(['--headers', '64'])),
  row('request and reply, 128 B, p50', 0.7, {
    unit: 'µs',
    less: true,
    load: ['request'],
  }),
  row('publish to a file, 500 in flight', 1.5, {
    unit: 'msg/s',
    load: ['publish', '--window', '500'],
  }),
  row('publish to a file, 4,000 in flight', 2, {
    unit: 'msg/s',
    load: ['publish', '--window', '4000'],
  }),
  row('fetch 500, acknowledge each', 3, {
    unit: 'msg/s',
    load: ['fetch', '--window', '500', '--count', '200000'],
  }),
  row('push consumer, no acks', 0, {
    unit: 'msg/s',
    load: ['push', '--count', '200000'],
  }),
  row('key-value put, 500 in flight', 0, { unit: 'msg/s', load: ['kv-put'] }),
  row('key-value get, 100 in flight', 0, {
    unit: 'msg/s',
    load: ['kv-get', '--window', '100'],
  }),
  row('memory, idle', 1 / 3, { unit: 'kB', less: true }),
  row('memory, 1,000 idle clients', 1 / 3, {
    unit: 'kB',
    less: true,
    load: ['idle', '--count', '1000'],
  }),
  row('memory, 200,000 messages, 100,000 keys', 1 / 3, {
    unit: 'kB',
    less: true,
    load: ['fill', '--count', '100000', '--window', '2000'],
  }),
];

const servers = { ours: () => startBroker(), theirs: () => startNatsServer() };

function spawnLoad(server, [work, ...args]) {
  const common = ['--work', work, '--port', `${server.port}`, '--time', TIME];
  return spawn(LOAD, [...common, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

// The first line it prints; what it complains about is thrown.
async function firstLine(child) {
  let complaint = '';
  child.stderr.on('data', (text) => (complaint += text));
  for await (const line of createInterface({ input: child.stdout }))
    return line;
  throw new Error(complaint.trim());
}

async function ended(child) {
  if (child.exitCode === null) await once(child, 'exit');
}

async function figure(server, { load }) {
  const child = spawnLoad(server, load);
  const exited = ended(child);
  const line = await firstLine(child);
  await exited;
  if (child.exitCode !== 0) throw new Error('the load failed at its end');
  return Number(line);
}

function residentKb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
}

// After the load has said that it is ready, and while it stays.
async function memory(server, { load }) {
  const child = load === undefined ? null : spawnLoad(server, load);
  if (child !== null) await firstLine(child);
  await sleep(SETTLE_MS);
  const resident = residentKb(server.pid);
  child?.stdin.end();
  if (child !== null) await ended(child);
  return resident;
}

async function measure(which, row) {
  const server = await servers[which]();
  try {
    return await (row.unit === 'kB' ? memory : figure)(server, row);
  } finally {
    await server.stop(server.stopSignal);
    rmSync(server.dir, { recursive: true, force: true });
  }
}

async function measureBoth(row) {
  const figures = { ours: [], theirs: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
    for (const which of order) figures[which].push(await measure(which, row));
  }
  return { ours: median(figures.ours), theirs: median(figures.theirs) };
}

function verdict({ bar, less }, ratio) {
  if (bar === 0) return '';
  const met = less ? ratio <= bar : ratio >= bar;
  return `${less ? '≤' : '≥'} ${Number(bar.toFixed(2))}  ${met ? 'met' : 'MISSED'}`;
}

const report = reporter('broker');
const cells = (name, ours, theirs, ratio, rest) =>
  `${name.padEnd(40)}${ours.padStart(12)}${theirs.padStart(12)}  ` +
  `${ratio.padStart(6)}  ${rest}`;
const shown = (value, unit) =>
  unit === 'µs' ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');

report(cells(`medians of ${ROUNDS}`, 'ours', 'theirs', 'ratio', 'bar'));
for (const each of rows) {
  if (!each.name.includes(process.env.ROW ?? '')) continue;
  test(each.name, async () => {
    try {
      const { ours, theirs } = await measureBoth(each);
      const ratio = ours / theirs;
      const [a, b] = [shown(ours, each.unit), shown(theirs, each.unit)];
      const name = `${each.name}, ${each.unit}`;
      report(cells(name, a, b, ratio.toFixed(2), verdict(each, ratio)));
    } catch (error) {
      report(`${each.name.padEnd(40)} no figure: ${error.message}`);
    }
  });
}
