// The collector, fed by hand: what it writes, what it refuses, and what it
// does while the database is away.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { headers } from 'nats';

import {
  account,
  assertAllStored,
  connectNats,
  getJson,
  metric,
  simulatedFile,
  startBroker,
  startCollector,
  startPostgres,
  startStreamer,
  stored,
  waitFor,
} from './support/index.js';

const TS = '2025-07-18T20:42:34.000Z';
const encoder = new TextEncoder();

let postgres;
let broker;
let nats;
let collector;

before(async () => {
  postgres = await startPostgres({ durable: true });
  broker = await startBroker();
  collector = await startCollector({ broker, database: postgres });
  nats = await connectNats(broker);
});

const sample = (uuid, members = {}) => ({
  v: 1,
  ts: TS,
  cluster: 'local',
  host: 'dgx-01',
  gpu: '0',
  uuid,
  device: 'nvidia0',
  model: 'NVIDIA H100 80GB HBM3',
  ...members,
});

let published = 0;

// Resolves once the stream has it.
async function publish(body, options = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  published += 1;
  return nats
    .jetstream()
    .publish('telemetry.local.dgx-01.x', encoder.encode(text), options);
}

const collected = (program = collector) =>
  metric(program, 'nexus_collector_messages_total');

// Waits until the collector is through with what was published.
const allCollected = () =>
  waitFor(
    async () => (await collected()) === published,
    `${published} messages to be collected`
  );

const rowsOf = (uuid) =>
  postgres.query(
    `select t.* from telemetry t join gpu g on g.id = t.gpu_id
     where g.uuid = $1 order by ts`,
    [uuid]
  );

async function deadletters(reason) {
  const info = await (await nats.jetstreamManager()).streams
    .info('DEADLETTER', { subjects_filter: `deadletter.${reason}` })
    .catch(() => undefined);
  return info?.state.messages ?? 0;
}

async function lastDeadletter(reason) {
  const manager = await nats.jetstreamManager();
  const { state } = await manager.streams.info('DEADLETTER');
  for (let seq = state.last_seq; seq >= state.first_seq; seq--) {
    const letter = await manager.streams.getMessage('DEADLETTER', { seq });
    if (letter.subject === `deadletter.${reason}`) return letter;
  }
  return undefined;
}

test('collectors that start together bring the schema up to date once', async () => {
  const url = await postgres.createDatabase('together');
  await Promise.all(
    [1, 2, 3, 4].map(() => startCollector({ broker, database: url }))
  ).then((all) => Promise.all(all.map((one) => one.stop())));
  const rows = await postgres.query(
    'select name from schema_migrations',
    [],
    'together'
  );
  assert.equal(rows.length, new Set(rows.map((row) => row.name)).size);
  assert.ok(rows.length > 0);
});

test('a sample becomes a row, what it did not report is null', async () => {
  await publish(
    sample('GPU-row', { metrics: { gpu_utilization: 85.5, temperature: 0 } })
  );
  await allCollected();
  const [row] = await rowsOf('GPU-row');
  assert.equal(row.ts.toISOString(), TS);
  assert.equal(row.gpu_utilization, 85.5);
  assert.equal(row.temperature, 0);
  assert.equal(row.power_draw, null);
  assert.equal(row.extra, null);
});

test('a second sample of a GPU and time adds; the later one wins', async () => {
  const uuid = 'GPU-twice';
  await publish(sample(uuid, { metrics: { temperature: 50, xid: 13 } }));
  await allCollected();
  await publish(
    sample(uuid, {
      metrics: { temperature: 51, xid: null, power_draw: 300.25 },
      extra: { DCGM_FI_NEW: 7 },
    })
  );
  await allCollected();
  await publish(sample(uuid, { extra: { DCGM_FI_OTHER: 8 } }));
  await allCollected();
  const rows = await rowsOf(uuid);
  assert.equal(rows.length, 1);
  const [{ temperature, xid, power_draw, extra }] = rows;
  assert.deepEqual(
    { temperature, xid, power_draw, extra },
    {
      temperature: 51,
      xid: 13,
      power_draw: 300.25,
      extra: { DCGM_FI_NEW: 7, DCGM_FI_OTHER: 8 },
    }
  );
});

test('both in one batch do the same', async () => {
  const uuid = 'GPU-batch';
  await Promise.all([
    publish(sample(uuid, { metrics: { temperature: 60, xid: 1 } })),
    publish(sample(uuid, { metrics: { temperature: 61 } })),
    publish(sample(uuid, { metrics: { gpu_utilization: 3 } })),
  ]);
  await allCollected();
  const rows = await rowsOf(uuid);
  assert.equal(rows.length, 1);
  assert.equal(rows[0].temperature, 61);
  assert.equal(rows[0].xid, 1);
  assert.equal(rows[0].gpu_utilization, 3);
});

test('in whatever order workers come, the stream decides', async () => {
  const other = await startBroker();
  const url = await postgres.createDatabase('disorder');
  const client = await connectNats(other);
  const first = await startCollector({ broker: other, database: url });
  await first.stop(); // it has made the stream
  const expected = new Map(); // uuid -> the last value of each metric
  const names = ['temperature', 'power_draw', 'xid'];
  const sent = [];
  for (let i = 0; i < 600; i++) {
    const uuid = `GPU-${i % 20}`;
    const metrics = {};
    for (const [k, name] of names.entries())
      if (((i / 20) | 0) % (k + 2) === 0) metrics[name] = i;
    const extra = i % 3 === 0 ? { [`extra_${i % 2}`]: i } : {};
    const text = JSON.stringify(sample(uuid, { metrics, extra }));
    sent.push(
      client.jetstream().publish('telemetry.a.b.c', encoder.encode(text))
    );
    expected.set(uuid, { ...expected.get(uuid), ...metrics, ...extra });
  }
  await Promise.all(sent);
  const many = await startCollector({
    broker: other,
    database: url,
    env: { WORKERS: '8', BATCH_SIZE: '3' },
  });
  await waitFor(
    async () => (await collected(many)) === 600,
    '600 messages to be collected'
  );
  const rows = await postgres.query(
    'select g.uuid, t.* from telemetry t join gpu g on g.id = t.gpu_id',
    [],
    'disorder'
  );
  assert.equal(rows.length, 20);
  for (const { uuid, temperature, power_draw, xid, extra } of rows)
    assert.deepEqual(
      { temperature, power_draw, xid, ...extra },
      { temperature: null, power_draw: null, xid: null, ...expected.get(uuid) },
      uuid
    );
});

test('a metric outside the catalogue is kept', async () => {
  await publish(
    sample('GPU-extra', { metrics: { temperature: 40, brand_new: 1.5 } })
  );
  await allCollected();
  const [row] = await rowsOf('GPU-extra');
  assert.deepEqual(row.extra, { brand_new: 1.5 });
});

test('a GPU that moves is found at its new place', async () => {
  await publish(sample('GPU-moved', { metrics: { temperature: 40 } }));
  await allCollected();
  await publish(
    sample('GPU-moved', {
      ts: '2025-07-18T20:42:35Z',
      host: 'dgx-02',
      gpu: '7',
      metrics: { temperature: 41 },
    })
  );
  await allCollected();
  const [row] = await postgres.query(
    `select h.hostname, g.gpu_index from gpu g join host h on h.id = g.host_id
     where uuid = 'GPU-moved'`
  );
  assert.deepEqual(row, { hostname: 'dgx-02', gpu_index: '7' });
  assert.equal((await rowsOf('GPU-moved')).length, 2);
});

test('days become partitions', async () => {
  for (const day of ['2024-02-29', '2024-03-01', '2025-01-01'])
    await publish(
      sample('GPU-days', {
        ts: `${day}T23:59:59.999Z`,
        metrics: { temperature: 1 },
      })
    );
  await allCollected();
  const rows = await postgres.query(
    `select t.tableoid::regclass::text as day from telemetry t
     join gpu g on g.id = t.gpu_id where uuid = 'GPU-days' order by ts`
  );
  assert.deepEqual(
    rows.map((row) => row.day),
    ['telemetry_20240229', 'telemetry_20240301', 'telemetry_20250101']
  );
});

test('what is no sample goes to the dead letters, the rest goes on', async () => {
  const h = headers();
  h.set('traceparent', '00-aa-bb-01');
  await Promise.all([
    publish('{"v":1,', { headers: h, msgID: 'bad-1' }),
    publish(sample('GPU-beside', { metrics: { temperature: 33 } })),
    publish(sample('', { metrics: { temperature: 33 } })),
    publish(sample('GPU-late', { ts: '1999-12-31T23:59:59Z' })),
  ]);
  await allCollected();
  assert.equal((await rowsOf('GPU-beside')).length, 1);
  assert.equal(await metric(collector, 'nexus_collector_deadletters_total'), 3);
  assert.equal(await deadletters('malformed'), 3);
  const manager = await nats.jetstreamManager();
  const letter = await manager.streams.getMessage('DEADLETTER', { seq: 1 });
  const kept = letter.header ?? letter.headers;
  assert.equal(letter.subject, 'deadletter.malformed');
  assert.ok(kept.get('Nexus-Detail').length > 0);
  assert.equal(kept.get('Nexus-Subject'), 'telemetry.local.dgx-01.x');
});

test('a newer version goes to the dead letters with the reason', async () => {
  await publish({ ...sample('GPU-new'), v: 2 });
  await allCollected();
  const letter = await lastDeadletter('version');
  assert.ok(letter);
  assert.match(letter.header.get('Nexus-Detail'), /newer than 1/);
  assert.equal(JSON.parse(new TextDecoder().decode(letter.data)).v, 2);
});

test('while the database is away nothing is lost', async () => {
  await postgres.kill();
  const uuid = 'GPU-outage';
  for (let i = 0; i < 50; i++)
    await publish(
      sample(uuid, {
        ts: new Date(Date.parse(TS) + i * 1000).toISOString(),
        metrics: { temperature: i },
      })
    );
  const ready = await fetch(`${collector.httpUrl}/health`);
  assert.equal(ready.status, 200);
  await postgres.start();
  await allCollected();
  const rows = await rowsOf(uuid);
  assert.deepEqual(
    rows.map((row) => row.temperature),
    Array.from({ length: 50 }, (_, i) => i)
  );
});

const checksOf = async (program) =>
  (await getJson(`${program.httpUrl}/ready`)).body.checks;

test('a database that refuses to write is waited for, not blamed on the data', async () => {
  const admin = (sql) => postgres.query(sql, [], 'postgres');
  const hangUp = () =>
    admin(`select pg_terminate_backend(pid) from pg_stat_activity
           where datname = 'nexus'`);
  const letters = await metric(collector, 'nexus_collector_deadletters_total');
  await admin('alter database nexus set default_transaction_read_only = on');
  await hangUp();
  for (let i = 0; i < 5; i++)
    await publish(
      sample('GPU-refused', {
        ts: new Date(Date.parse(TS) + i * 1000).toISOString(),
        metrics: { temperature: i },
      })
    );
  await waitFor(
    async () => /does not take/.test((await checksOf(collector)).database),
    '/ready to say that the database does not take the batches'
  );
  await admin('alter database nexus reset default_transaction_read_only');
  await hangUp();
  await allCollected();
  assert.equal((await rowsOf('GPU-refused')).length, 5);
  assert.equal(
    await metric(collector, 'nexus_collector_deadletters_total'),
    letters
  );
});

test('/ready says when the database does not answer', async () => {
  const backends = await waitFor(async () => {
    const rows = await postgres.query(
      `select pid from pg_stat_activity where datname = 'nexus'
       and application_name = 'nexus-collector'`
    );
    return rows.length === 3 && rows; // two workers', and the house's
  }, 'the collector to have all its connections again');
  const signal = (name) =>
    backends.forEach(({ pid }) => process.kill(pid, name));
  signal('SIGSTOP');
  try {
    await waitFor(
      async () => /has not answered/.test((await checksOf(collector)).database),
      '/ready to say that the database is silent'
    );
  } finally {
    signal('SIGCONT');
  }
  await waitFor(
    async () => (await checksOf(collector)).database === 'ok',
    'the database to be well again'
  );
});

test('a collector stops clean while the database does not answer', async () => {
  const url = await postgres.createDatabase('frozen');
  const other = await startBroker();
  const env = { ACK_WAIT: '2s' }; // what it had not acknowledged comes soon
  const one = await startCollector({ broker: other, database: url, env });
  const client = await connectNats(other);
  const send = (uuid) =>
    client
      .jetstream()
      .publish('telemetry.a.b.c', encoder.encode(JSON.stringify(sample(uuid))));
  await send('GPU-before');
  await waitFor(async () => (await collected(one)) === 1, 'the first message');
  const backends = await postgres.query(
    "select pid from pg_stat_activity where datname = 'frozen'"
  );
  backends.forEach(({ pid }) => process.kill(pid, 'SIGSTOP'));
  await send('GPU-during');
  try {
    await one.stop();
  } finally {
    backends.forEach(({ pid }) => process.kill(pid, 'SIGCONT'));
  }
  const again = await startCollector({ broker: other, database: url });
  await waitFor(
    async () => (await collected(again)) === 1,
    'the other one to be delivered again',
    60_000
  );
  const rows = await postgres.query('select uuid from gpu', [], 'frozen');
  assert.deepEqual(
    new Set(rows.map((row) => row.uuid)),
    new Set(['GPU-before', 'GPU-during'])
  );
});

test('days past the retention are dropped', async () => {
  const url = await postgres.createDatabase('retention');
  const today = new Date().toISOString();
  const other = await startBroker();
  const second = await startCollector({
    broker: other,
    database: url,
    env: { RETENTION: '2d' },
  });
  const client = await connectNats(other);
  for (const ts of ['2025-01-01T00:00:00Z', today])
    await client
      .jetstream()
      .publish(
        'telemetry.local.h.g',
        encoder.encode(JSON.stringify(sample('GPU-old', { ts })))
      );
  await waitFor(
    async () => (await collected(second)) === 2,
    'two messages to be collected'
  );
  await second.stop(); // its first look at the retention may be over
  await startCollector({
    broker: other,
    database: url,
    env: { RETENTION: '2d' },
  });
  const days = await waitFor(async () => {
    const rows = await postgres.query(
      'select ts from telemetry',
      [],
      'retention'
    );
    return rows.length === 1 && rows;
  }, 'the old day to be dropped');
  assert.equal(days[0].ts.toISOString(), today);
});

test('a stream that is full makes publishers wait, and loses nothing', async () => {
  const url = await postgres.createDatabase('brimful');
  const other = await startBroker();
  const env = { STREAM_MAX_BYTES: '1MB' };
  const one = await startCollector({ broker: other, database: url, env });
  await one.stop(); // it has made the stream, and does not consume now
  const csv = simulatedFile(['--hosts', '4', '--gpus', '8', '--samples', '40']);
  const streamer = await startStreamer({
    broker: other,
    csv,
    env: { LOOP_MODE: 'false', TIMESTAMPS: 'source', STREAM_INTERVAL: '0' },
  });
  await waitFor(
    async () => streamer.output.includes('maximum bytes exceeded'),
    'the streamer to be refused'
  );
  await startCollector({ broker: other, database: url, env });
  assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
  const expected = account(csv);
  await waitFor(
    async () =>
      (await stored(postgres, 'brimful')).values.size === expected.values.size,
    'all values in the database'
  );
  await assertAllStored(postgres, expected, 'brimful');
});

test('a broker that lost its disk gets stream and consumer again', async () => {
  const url = await postgres.createDatabase('lost');
  const other = await startBroker();
  const { port, httpPort } = other;
  const one = await startCollector({ broker: other, database: url });
  await other.stop();
  const fresh = await startBroker({ port, httpPort });
  const client = await connectNats(fresh);
  const body = encoder.encode(JSON.stringify(sample('GPU-after')));
  await waitFor(
    () => client.jetstream().publish('telemetry.a.b.c', body),
    'the stream to be there again'
  );
  await waitFor(async () => (await collected(one)) > 0, 'it to be collected');
});
