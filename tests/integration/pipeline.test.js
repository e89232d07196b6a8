// The whole line, CSV to database to REST: every value of the file arrives,
// once, as it stood there.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import {
  account,
  assertAllStored,
  getJson,
  metric,
  realFile,
  simulatedFile,
  startBroker,
  startCollector,
  startGateway,
  startNatsServer,
  startPostgres,
  startStreamer,
  waitFor,
} from './support/index.js';

const ONE_PASS = {
  LOOP_MODE: 'false',
  TIMESTAMPS: 'source',
  STREAM_INTERVAL: '0',
};

async function rowCount(postgres) {
  const [{ n }] = await postgres.query('select count(*)::int n from telemetry');
  return n;
}

// Plays csv once and returns what there is to look at afterwards.
async function play(csv, startServer, collectors = 1) {
  const postgres = await startPostgres();
  const broker = await startServer();
  const started = [];
  for (let i = 0; i < collectors; i++)
    started.push(await startCollector({ broker, database: postgres }));
  const streamer = await startStreamer({ broker, csv, env: ONE_PASS });
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  const expected = account(csv);
  await waitFor(
    async () => (await rowCount(postgres)) >= expected.samples.size,
    `${expected.samples.size} rows`
  );
  return { postgres, broker, expected, collectors: started };
}

describe('the real file', { skip: !realFile && 'not here' }, () => {
  let run;
  let gateway;
  before(async () => {
    run = await play(realFile, startBroker);
    gateway = await startGateway({
      broker: run.broker,
      database: run.postgres,
    });
  });

  test('is 247 GPUs on 31 hosts, 988 samples and 2,470 values', () => {
    assert.equal(run.expected.gpus.size, 247);
    assert.equal(run.expected.hosts.size, 31);
    assert.equal(run.expected.samples.size, 988);
    assert.equal(run.expected.values.size, 2470);
  });

  test('is in the database, value for value', () => assertAllStored(run.postgres, run.expected));

  test('is in the REST API, value for value', async () => {
    const { body: gpus } = await getJson(`${gateway.httpUrl}/api/v1/gpus`);
    assert.equal(gpus.count, 247);
    const found = new Map();
    for (const { uuid } of gpus.data) {
      const { body } = await getJson(
        `${gateway.httpUrl}/api/v1/gpus/${uuid}/telemetry`
      );
      assert.equal(body.count, 4, uuid);
      for (const entry of body.data) collect(found, entry);
    }
    assert.equal(found.size, 2470);
    for (const [key, value] of run.expected.values)
      assert.equal(found.get(key), value, key);
  });
});

const NOT_METRICS = new Set([
  'telemetry_id',
  'timestamp',
  'gpu_id',
  'uuid',
  'device',
  'model_name',
  'hostname',
  'extra',
]);

function collect(found, entry) {
  const time = new Date(entry.timestamp).toISOString();
  for (const [name, value] of Object.entries(entry))
    if (!NOT_METRICS.has(name) && value !== null)
      found.set(`${entry.uuid}|${time}|${name}`, value);
}

const SMALL_FLEET = ['--hosts', '3', '--gpus', '8', '--samples', '50'];

test('a simulated file arrives through two collectors', async () => {
  const run = await play(simulatedFile(SMALL_FLEET), startBroker, 2);
  await assertAllStored(run.postgres, run.expected);
});

test('the same programs work on a nats-server', async () => {
  const run = await play(simulatedFile(SMALL_FLEET), startNatsServer);
  await assertAllStored(run.postgres, run.expected);
});

test('a second pass over the same file changes nothing', async () => {
  const csv = simulatedFile(SMALL_FLEET);
  const run = await play(csv, startBroker);
  const again = await startStreamer({ broker: run.broker, csv, env: ONE_PASS });
  assert.deepEqual(await again.wait(), { code: 0, signal: null });
  const both = 2 * run.expected.samples.size;
  await waitFor(
    async () =>
      (await metric(run.collectors[0], 'nexus_collector_messages_total')) ===
      both,
    `${both} messages to be collected`
  );
  await assertAllStored(run.postgres, run.expected);
});
