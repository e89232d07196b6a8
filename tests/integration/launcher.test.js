// scripts/nexus, which make run, up, down and status call: for real, on free
// ports and folders of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import {
  BUILD,
  Program,
  ROOT,
  cleanEnv,
  freePort,
  getJson,
  readCsv,
  sleep,
  startBroker,
  tempDir,
  waitFor,
} from './support/index.js';

const PROGRAMS = ['postgres', 'broker', 'collector', 'gateway', 'streamer'];
const PORTS = [
  'GATEWAY_PORT',
  'STREAMER_PORT',
  'COLLECTOR_PORT',
  'BROKER_PORT',
  'BROKER_HTTP_PORT',
];

// A folder that user postgres may enter, and ports of its own: one copy.
async function newCopy() {
  const base = tempDir('nexus-launch-');
  chmodSync(base, 0o755);
  const copy = { BUILD, DATA_DIR: join(base, 'data') };
  for (const name of PORTS) copy[name] = `${await freePort()}`;
  return copy;
}

function start(command, settings, options = {}) {
  return new Program(
    `nexus ${command}`,
    join(ROOT, 'scripts/nexus'),
    [command],
    { env: cleanEnv(settings), ...options }
  );
}

// Runs a command to its end: { code, output }.
async function nexus(command, settings) {
  const program = start(command, settings);
  const { code } = await program.wait();
  return { code, output: program.output };
}

// In the foreground, with everything ready, as soon as it has said that.
async function runInForeground(settings, word = '^C stops it') {
  const program = start('run', settings, { detached: true });
  await program.ready(() => program.output.includes(word));
  return program;
}

function pidsOf(copy) {
  return PROGRAMS.map((name) => {
    const file = join(copy.DATA_DIR, 'run', `${name}.pid`);
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  });
}

function isAlive(pid) {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function assertGone(pids) {
  assert.deepEqual(pids.filter(isAlive), [], 'processes left behind');
}

const gpusOf = (copy) =>
  getJson(`http://127.0.0.1:${copy.GATEWAY_PORT}/api/v1/gpus`);

// Waits until the API lists every GPU of the sample file.
async function waitForFleet(copy) {
  const rows = readCsv(join(copy.DATA_DIR, 'sample.csv'));
  const count = new Set(rows.map((row) => row.uuid)).size;
  assert.ok(count > 50, 'a fleet worth looking at');
  await waitFor(
    async () => (await gpusOf(copy)).body.count === count,
    `the ${count} GPUs of the sample file`,
    120_000
  );
}

// Where something listens on a port, as the kernel writes addresses.
function listeningOn(port) {
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  const listening = new RegExp(`^ *\\d+: (\\w+):${hex} \\w+:0000 0A`, 'gm');
  const table = ['tcp', 'tcp6'].map((n) => readFileSync(`/proc/net/${n}`, 'utf8'));
  return [...table.join('').matchAll(listening)].map(([, address]) => address);
}

const readyLines = (output) => output.match(/ yes$/gm)?.length ?? 0;

let copy;
const copies = [];

before(async () => {
  copy = await newCopy();
  copies.push(copy);
});

const elsewhere = []; // folders made outside of ours

after(async () => {
  for (const each of copies) await nexus('down', each);
  for (const dir of elsewhere) rmSync(dir, { recursive: true, force: true });
});

test('up, status, a second copy beside it, down', async () => {
  const up = await nexus('up', copy);
  assert.equal(up.code, 0, up.output);
  const status = await nexus('status', copy);
  assert.equal(status.code, 0, status.output);
  assert.equal(readyLines(status.output), PROGRAMS.length, status.output);
  await waitForFleet(copy);
  const [example] = /http:\S+\/telemetry\?limit=3/.exec(up.output);
  assert.ok((await getJson(example)).body.count > 0, example);
  for (const name of PORTS)
    assert.deepEqual(listeningOn(copy[name]), ['0100007F'], `${name}: loopback`);

  const again = await nexus('up', copy);
  assert.equal(again.code, 0);
  assert.match(again.output, /already running/);

  const second = await newCopy();
  copies.push(second);
  const beside = await nexus('up', second);
  assert.equal(beside.code, 0, beside.output);
  const pids = [...pidsOf(copy), ...pidsOf(second)];
  assert.equal((await nexus('down', second)).code, 0);
  assert.equal((await gpusOf(copy)).status, 200, 'the first copy goes on');

  assert.equal((await nexus('down', copy)).code, 0);
  assertGone(pids);
  const after = await nexus('status', copy);
  assert.equal(after.code, 1);
  assert.equal(readyLines(after.output), 0);
});

test('in the foreground, ^C stops all of it', async () => {
  const program = await runInForeground(copy);
  const pids = pidsOf(copy);
  process.kill(-program.pid, 'SIGINT'); // to the group, as a terminal does
  assert.deepEqual(await program.wait(), { code: 0, signal: null });
  assertGone(pids);
});

test('in the foreground, SIGTERM stops all of it', async () => {
  const program = await runInForeground(copy);
  const pids = pidsOf(copy);
  await program.stop();
  assertGone(pids);
});

// Plays the sample file once, and waits for the line that sums it up.
async function playOnce(settings) {
  const program = await runInForeground({
    ...copy,
    LOOP_MODE: 'false',
    STREAM_INTERVAL: '0',
    CSV_FILE: join(copy.DATA_DIR, 'sample.csv'),
    ...settings,
  });
  const summary = /the streamer is through: rows=\d+ samples=\d+ .*\d\n/;
  await waitFor(
    () => program.output.includes('the streamer is through'),
    'the end of the file'
  );
  await waitFor(() => summary.test(program.output), 'its summary');
  return program;
}

// Whoever stops a process group reaches the launcher, and make, which passes
// the signal on.
test('several signals at once are one wish, and end clean', async () => {
  const program = await runInForeground(copy);
  const pids = pidsOf(copy);
  for (const target of [-program.pid, program.pid, program.pid]) {
    process.kill(target, 'SIGTERM');
    await sleep(50); // else the kernel makes one of them
  }
  assert.deepEqual(await program.wait(), { code: 0, signal: null });
  assert.doesNotMatch(program.output, /killed/);
  assertGone(pids);
});

test('status fails while a program is not ready', async () => {
  const program = await runInForeground(copy);
  const collector = pidsOf(copy)[PROGRAMS.indexOf('collector')];
  process.kill(collector, 'SIGSTOP');
  try {
    const status = await nexus('status', copy);
    assert.equal(status.code, 1, status.output);
    assert.match(status.output, /collector .* no$/m);
  } finally {
    process.kill(collector, 'SIGCONT');
  }
  assert.equal((await nexus('status', copy)).code, 0);
  await program.stop();
});

test('a file that is played once ends the streamer alone', async () => {
  const program = await playOnce();
  const status = await nexus('status', copy);
  assert.match(status.output, /streamer .* through/);
  assert.equal(status.code, 0);
  await waitForFleet(copy);
  await program.stop();
});

test('the summary of a file is shown with LOG_FORMAT=json, too', async () => {
  const program = await playOnce({ LOG_FORMAT: 'json' });
  await program.stop();
});

// From its first word on, while the launcher is still setting up its own watch.
test('a program that dies is named, and the rest is stopped', async () => {
  const program = await runInForeground(copy, 'Nexus is running');
  const pids = pidsOf(copy);
  process.kill(pids[PROGRAMS.indexOf('collector')], 'SIGKILL');
  assert.deepEqual(await program.wait(), { code: 1, signal: null });
  assert.doesNotMatch(program.output, /scripts\/nexus: line/);
  assert.match(program.output, /collector was killed by SIGKILL unexpectedly/);
  assertGone(pids);
});

test('what a killed launcher left is found, and stopped by down', async () => {
  assert.equal((await nexus('up', copy)).code, 0);
  const pids = pidsOf(copy);
  const file = join(copy.DATA_DIR, 'run/nexus.pid');
  process.kill(Number(readFileSync(file, 'utf8').split(' ')[0]), 'SIGKILL');
  const refused = await nexus('run', copy);
  assert.equal(refused.code, 1);
  assert.match(refused.output, /without its supervisor.*make down/);
  assert.equal((await nexus('down', copy)).code, 0);
  assertGone(pids);
});

// One line, no stack of further trouble, nothing started.
function assertRefused({ code, output }, pattern) {
  assert.equal(code, 1, output);
  assert.match(output, pattern);
  assert.equal(output.trim().split('\n').length, 1, output);
}

test('a port in use is named with its setting', async () => {
  const server = createServer().listen(Number(copy.GATEWAY_PORT), '127.0.0.1');
  try {
    for (const command of ['run', 'up'])
      assertRefused(
        await nexus(command, copy),
        new RegExp(
          `port ${copy.GATEWAY_PORT} is in use \\(GATEWAY_PORT\\); choose another: make ${command} GATEWAY_PORT=\\d+`
        )
      );
  } finally {
    server.close();
  }
});

test('ports that are none, or the same, are refused', async () => {
  assertRefused(
    await nexus('run', { ...copy, STREAMER_PORT: '70000' }),
    /STREAMER_PORT=70000 is no port/
  );
  assertRefused(
    await nexus('run', { ...copy, STREAMER_PORT: copy.GATEWAY_PORT }),
    /STREAMER_PORT and GATEWAY_PORT are both/
  );
});

test('a data folder that cannot be made is named', async () => {
  for (const command of ['run', 'up'])
    assertRefused(
      await nexus(command, { ...copy, DATA_DIR: '/proc/x' }),
      /DATA_DIR: cannot keep files in \/proc\/x/
    );
});

test('a setting that will not do is named before anything starts', async () => {
  const refused = {
    LOOP_MODE: 'perhaps',
    BATCH_SIZE: '0',
    LOG_LEVEL: 'loud',
    COLLECTOR_BATCH_SIZE: 'many',
    TIMESTAMPS: 'tomorrow',
    BROKER_MAX_PAYLOAD: '3 apples',
    DB_TIMEOUT: 'long',
  };
  for (const [name, value] of Object.entries(refused))
    assertRefused(
      await nexus('run', { ...copy, [name]: value }),
      new RegExp(`^nexus: ${name} is "${value}": expected `)
    );
});

test('a file that is not there is named', async () => {
  assertRefused(
    await nexus('run', { ...copy, CSV_FILE: '/nowhere/x.csv' }),
    /CSV_FILE: \/nowhere\/x.csv does not exist/
  );
});

test('a database that does not answer is named without its password', async () => {
  const port = await freePort();
  const urls = [
    `postgresql://joe:hush%21@127.0.0.1:${port}/x`,
    `postgresql://joe@127.0.0.1:${port}/x?password=hush%21&sslmode=disable`,
    `host=127.0.0.1 port=${port} password=hush%21 user=joe`,
  ];
  for (const DATABASE_URL of urls) {
    const refused = await nexus('run', { ...copy, DATABASE_URL });
    assertRefused(refused, /database of DATABASE_URL .* does not answer/);
    assert.doesNotMatch(refused.output, /hush/);
  }
});

test('a broker that does not answer is named without its password', async () => {
  const silent = createServer().listen(0, '127.0.0.1'); // is no broker
  const other = createServer((socket) => socket.end('HTTP/1.1 400\r\n'));
  other.listen(0, '127.0.0.1');
  await Promise.all([once(silent, 'listening'), once(other, 'listening')]);
  const closed = `nats://joe:hush@127.0.0.1:${await freePort()}`;
  const urls = [
    closed,
    `${closed}, nats://hush@127.0.0.1:${silent.address().port}`,
    `joe:hush@127.0.0.1:${other.address().port}`,
  ];
  try {
    for (const BROKER_URL of urls) {
      const refused = await nexus('run', { ...copy, BROKER_URL });
      assertRefused(refused, /no broker answers at BROKER_URL \(.*127.0.0.1:\d+\)/);
      assert.doesNotMatch(refused.output, /hush/);
    }
  } finally {
    silent.close();
    other.close();
  }
});

test("a cluster's broker is used, and shown without its password", async () => {
  const args = ['--user', 'joe', '--pass', 'hush'];
  const broker = await startBroker({ args });
  const dead = `nats://joe:hush@127.0.0.1:${await freePort()}`;
  const alive = `nats://joe:hush@127.0.0.1:${broker.port}`;
  const program = await runInForeground({
    ...copy,
    BROKER_URL: `${dead},${alive}`,
  });
  const shown = new RegExp(`broker +nats://127.*,nats://127.0.0.1:${broker.port}\n`);
  assert.match(program.output, shown);
  assert.doesNotMatch(program.output, /hush/);
  const status = await nexus('status', copy);
  assert.match(status.output, /broker .* elsewhere/);
  await program.stop();
});

test('a data folder too deep for a socket works all the same', async () => {
  const deep = await newCopy();
  deep.DATA_DIR = join(deep.DATA_DIR, 'd'.repeat(60), 'e'.repeat(60));
  mkdirSync(deep.DATA_DIR, { recursive: true });
  copies.push(deep);
  const up = await nexus('up', deep);
  assert.equal(up.code, 0, up.output);
  assert.equal((await nexus('down', deep)).code, 0);
});

test(
  'a data folder closed to user postgres works all the same',
  { skip: process.getuid() !== 0 && 'only root needs another user' },
  async () => {
    const closed = await newCopy();
    mkdirSync(closed.DATA_DIR);
    chmodSync(closed.DATA_DIR, 0o700);
    copies.push(closed);
    const up = await nexus('up', closed);
    const kept = /database is kept in (\/var\/lib\/nexus-\w+)/.exec(up.output);
    assert.ok(kept, up.output);
    elsewhere.push(kept[1]);
    assert.equal(up.code, 0, up.output);
    assert.equal((await nexus('down', closed)).code, 0);
  }
);
