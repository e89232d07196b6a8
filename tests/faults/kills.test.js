// What is killed without warning, again and again while a file is streamed,
// loses nothing and counts nothing twice.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';

import {
  account,
  assertAllStored,
  realFile,
  simulatedFile,
  sleep,
  startBroker,
  startCollector,
  startPostgres,
  startStreamer,
  stored,
  waitFor,
} from '../integration/support/index.js';

const csv =
  realFile ?? simulatedFile(['--hosts', '31', '--gpus', '8', '--samples', '1']);
const expected = account(csv);

// Slow enough that the killing falls into it: about 15 seconds.
const SLOW_PASS = {
  LOOP_MODE: 'false',
  TIMESTAMPS: 'source',
  BATCH_SIZE: '20',
  STREAM_INTERVAL: '300ms',
};

// A lost batch comes back soon.
const COLLECTOR = { ACK_WAIT: '2s', BATCH_SIZE: '50' };

async function assertAllArrive(postgres) {
  await waitFor(
    async () => (await stored(postgres)).values.size >= expected.values.size,
    'all values in the database',
    120_000
  );
  await assertAllStored(postgres, expected);
}

// Kills what `start` started, `times` times, each at a random moment of its
// life, and starts it again.
async function killAgainAndAgain(victim, start, times, longestMs) {
  for (let i = 0; i < times; i++) {
    await sleep(randomInt(longestMs));
    await victim.kill();
    victim = await start();
  }
  return victim;
}

test('the collector, 20 times', async () => {
  const database = await startPostgres({ durable: true });
  const broker = await startBroker();
  const start = () => startCollector({ broker, database, env: COLLECTOR });
  const collector = await start();
  const streamer = await startStreamer({ broker, csv, env: SLOW_PASS });
  await killAgainAndAgain(collector, start, 20, 600);
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  await assertAllArrive(database);
});

test('the broker, 10 times', async () => {
  const database = await startPostgres({ durable: true });
  const broker = await startBroker();
  const { port, httpPort, dir } = broker;
  const start = () => startBroker({ port, httpPort, dir });
  await startCollector({ broker, database, env: COLLECTOR });
  const streamer = await startStreamer({ broker, csv, env: SLOW_PASS });
  await killAgainAndAgain(broker, start, 10, 1200);
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  await assertAllArrive(database);
});

test('both at once, over two collectors', async () => {
  const database = await startPostgres({ durable: true });
  const broker = await startBroker();
  const { port, httpPort, dir } = broker;
  const startAgain = () => startBroker({ port, httpPort, dir });
  const startOne = () => startCollector({ broker, database, env: COLLECTOR });
  const first = await startOne();
  await startOne();
  const streamer = await startStreamer({ broker, csv, env: SLOW_PASS });
  await Promise.all([
    killAgainAndAgain(first, startOne, 10, 1000),
    killAgainAndAgain(broker, startAgain, 5, 2000),
  ]);
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  await assertAllArrive(database);
});

test('PostgreSQL, 5 times', async () => {
  const database = await startPostgres({ durable: true });
  const broker = await startBroker();
  await startCollector({ broker, database, env: COLLECTOR });
  const streamer = await startStreamer({ broker, csv, env: SLOW_PASS });
  const start = async () => {
    await database.start();
    return database;
  };
  await killAgainAndAgain(database, start, 5, 2000);
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  await assertAllArrive(database);
});
