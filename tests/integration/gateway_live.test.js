// The gateway's live model: loaded from the database, then following the
// stream, of our broker and of nats-server.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  connectNats,
  createSchema,
  following,
  getJson,
  insertFleet,
  liveClient,
  makeStream,
  metric,
  publish,
  sample,
  startBroker,
  startGateway,
  startNatsServer,
  startPostgres,
  waitFor,
} from './support/index.js';

const MODEL = 'NVIDIA H100 80GB HBM3';
const hourAgo = new Date(Date.now() - 3600e3);

// What a client is told when it asks for all there is, by UUID.
async function snapshot(gateway, filters) {
  const client = await liveClient(gateway);
  client.say({ type: 'subscribe', topic: 'telemetry', snapshot: true, filters });
  const gpus = [];
  for (let more = true; more; ) {
    const message = await client.next('snapshot');
    gpus.push(...message.data);
    more = message.more;
  }
  client.socket.close();
  return new Map(gpus.map((g) => [g.gpu_uuid ?? `missing ${g.gpu_id}`, g]));
}

const gpusOf = (gateway, status) =>
  metric(gateway, `nexus_gateway_gpus{status="${status}"}`);

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
])
  describe(name, () => {
    let broker, nc, postgres, gateway;

    before(async () => {
      [broker, postgres] = await Promise.all([start(), startPostgres()]);
      await createSchema(postgres);
      const gpu = (index, uuid, lastSeen) => ({
        cluster: 'local',
        host: 'alpha',
        index,
        uuid,
        model: MODEL,
        lastSeen,
      });
      const ids = await insertFleet(postgres, [
        gpu('0', 'GPU-0', new Date()),
        gpu('1', 'GPU-1', hourAgo),
        gpu('3', 'GPU-3', hourAgo),
      ]);
      await postgres.query(
        `insert into telemetry (gpu_id, ts, revision, temperature, power_draw)
         values ($1, now() - interval '1 hour', 1, 40, 100),
           ($1, now() - interval '2 hours', 1, 39, 99)`,
        [ids['GPU-1']]
      );
      nc = await connectNats(broker);
      await makeStream(nc);
      await publish(nc, sample('GPU-0', { temperature: 50 }));
      gateway = await startGateway({
        broker,
        database: postgres,
        env: { SILENT_AFTER: '2s' },
      });
      await following(gateway);
      await waitFor(async () => (await gpusOf(gateway, 'missing')) === 1, 'load');
    });

    test('database and stream make one fleet', async () => {
      const gpus = await snapshot(gateway);
      assert.deepEqual(
        [...gpus.keys()],
        ['GPU-0', 'GPU-1', 'missing 2', 'GPU-3']
      );
      assert.deepEqual(gpus.get('GPU-0').data, { temperature: 50 });
      assert.deepEqual(gpus.get('GPU-1').data, {
        temperature: 40,
        power_draw: 100,
      });
      assert.equal(gpus.get('GPU-1').status, 'silent');
      assert.deepEqual(gpus.get('GPU-3').data, {});
      assert.equal(gpus.get('missing 2').status, 'missing');
      assert.equal(gpus.get('missing 2').timestamp, null);
    });

    test('a sample changes what is known, and what it lacks stays', async () => {
      const client = await liveClient(gateway);
      await client.subscribe({ topic: 'status' });
      await publish(
        nc,
        sample('GPU-1', { temperature: 41.5, xid: 0 }, { gpu: '1' })
      );
      const change = await client.next('status_update');
      assert.equal(change.gpu_uuid, 'GPU-1');
      assert.deepEqual([change.before, change.status], ['silent', 'active']);
      const gpu = (await snapshot(gateway)).get('GPU-1');
      assert.deepEqual(gpu.data, { temperature: 41.5, power_draw: 100, xid: 0 });
    });

    test('a GPU that says nothing more falls silent', async () => {
      const client = await liveClient(gateway);
      await client.subscribe({ topic: 'status', filters: { gpus: ['GPU-3'] } });
      await publish(nc, sample('GPU-3', { temperature: 1 }, { gpu: '3' }));
      assert.equal((await client.next('status_update')).status, 'active');
      const change = await client.next('status_update');
      assert.deepEqual([change.before, change.status], ['active', 'silent']);
      assert.equal(change.gpu_uuid, 'GPU-3');
    });

    test('REST says the same of who is active', async () => {
      await publish(nc, sample('GPU-1', { temperature: 1 }, { gpu: '1' }));
      await waitFor(async () => {
        const { body } = await getJson(`${gateway.httpUrl}/api/v1/gpus`);
        const gpu = body.data.find((g) => g.uuid === 'GPU-1');
        return body.count === 3 && gpu.status === 'active';
      }, 'GPU-1, which the database has not heard of for an hour');
    });

    test('what was missing is found', async () => {
      await publish(nc, sample('GPU-2', { temperature: 1 }, { gpu: '2' }));
      await waitFor(async () => (await gpusOf(gateway, 'missing')) === 0, 'GPU-2');
      const gpus = await snapshot(gateway, { gpu_uuid: 'GPU-2' });
      assert.deepEqual([...gpus.keys()], ['GPU-2']);
    });

    test('messages that are no samples are counted and left behind', async () => {
      await nc.jetstream().publish('telemetry.local.alpha.GPU-0', '{"v":1}');
      await publish(nc, sample('GPU-0', { temperature: 51 }));
      await waitFor(
        async () =>
          (await snapshot(gateway)).get('GPU-0').data.temperature === 51,
        'the sample behind'
      );
      assert.equal(
        await metric(gateway, 'nexus_gateway_feed_malformed_total'),
        1
      );
    });

    test('a restart of the broker is got over, nothing lost or repeated', async () => {
      const client = await liveClient(gateway);
      const { sequence } = await client.subscribe({ topic: 'telemetry' });
      const first = await publish(nc, sample('GPU-0', { temperature: 1 }));
      await client.next('telemetry_update');
      await broker.kill();
      broker = await start({ port: broker.port, dir: broker.dir });
      nc = await connectNats(broker);
      for (let i = 2; i < 6; i++)
        await publish(nc, sample('GPU-0', { temperature: i }));
      await waitFor(
        () => client.of('telemetry_update').length === 5,
        'all five updates'
      );
      const updates = client.of('telemetry_update');
      assert.deepEqual(
        updates.map((u) => [u.data.temperature, u.sequence, u.previous]),
        [1, 2, 3, 4, 5].map((t, i) => [
          t,
          first + i,
          i === 0 ? sequence : first + i - 1,
        ])
      );
    });

    test('a client resumes where it was', async () => {
      const since = await publish(nc, sample('GPU-0', { temperature: 0 }));
      for (let i = 1; i <= 300; i++)
        await publish(nc, sample('GPU-0', { temperature: i }));
      const client = await liveClient(gateway);
      const filters = { gpus: ['GPU-0', 'GPU-1'] };
      await client.subscribe({ topic: 'telemetry', filters, since });
      await client.next('resumed');
      await publish(nc, sample('GPU-0', { temperature: 301 }));
      await waitFor(() => client.of('telemetry_update').length === 301, 'all');
      assert.deepEqual(
        client.of('telemetry_update').map((u) => [u.sequence, u.previous]),
        Array.from({ length: 301 }, (_, i) => [since + i + 1, since + i])
      );
    });

    test('a broker that dies while a client catches up is waited for', async () => {
      const since = await publish(nc, sample('GPU-0', { temperature: 0 }));
      const COUNT = 4000;
      const pending = [];
      for (let i = 1; i <= COUNT; i++) {
        pending.push(publish(nc, sample('GPU-0', { temperature: i })));
        if (pending.length === 500) await Promise.all(pending.splice(0));
      }
      const client = await liveClient(gateway);
      client.say({ type: 'subscribe', topic: 'telemetry', since });
      await client.next('telemetry_update');
      await broker.kill();
      broker = await start({ port: broker.port, dir: broker.dir });
      nc = await connectNats(broker);
      await client.next('resumed');
      assert.equal(client.of('gap').length, 0);
      assert.deepEqual(
        client.of('telemetry_update').map((u) => [u.sequence, u.previous]),
        Array.from({ length: COUNT }, (_, i) => [since + i + 1, since + i])
      );
    });

    test('a sequence of another stream is not taken for one of this', async () => {
      const client = await liveClient(gateway);
      const { stream } = await client.subscribe({ topic: 'telemetry', id: 'a' });
      const since = await publish(nc, sample('GPU-0', { temperature: 1 }));
      const resume = { topic: 'telemetry', since };
      await client.subscribe({ ...resume, id: 'same', stream });
      assert.equal((await client.next('resumed')).id, 'same');
      const other = String(BigInt(stream) - 1n);
      await client.subscribe({ ...resume, id: 'other', stream: other });
      const gap = await client.next('gap');
      assert.deepEqual([gap.id, gap.first], ['other', null]);
      assert.match(gap.reason, /made anew/);
    });

    test('a stream made anew is followed, and clients are told', async () => {
      const client = await liveClient(gateway);
      await client.subscribe({ topic: 'telemetry' });
      const manager = await nc.jetstreamManager();
      await manager.streams.delete('TELEMETRY');
      await makeStream(nc);
      await publish(nc, sample('GPU-0', { temperature: 77 }));
      const gap = await client.next('gap');
      assert.match(gap.reason, /made anew/);
      const update = await client.next('telemetry_update');
      assert.deepEqual(
        [update.sequence, update.previous, update.data.temperature],
        [1, 0, 77]
      );
      assert.equal(
        (await snapshot(gateway)).get('GPU-0').data.temperature,
        77
      );
    });
  });

test('the database and the stream may come later', async () => {
  const [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  const gateway = await startGateway({ broker, database: postgres });
  const ready = await (await fetch(`${gateway.httpUrl}/ready`)).json();
  assert.match(ready.checks.broker, /TELEMETRY|connected/);
  const nc = await connectNats(broker);
  await makeStream(nc);
  await following(gateway);
  await publish(nc, sample('GPU-5', { temperature: 5 }, { gpu: '5' }));
  await waitFor(async () => (await snapshot(gateway)).has('GPU-5'), 'GPU-5');
  await createSchema(postgres);
  await insertFleet(postgres, [
    {
      cluster: 'east',
      host: 'beta',
      index: '0',
      uuid: 'GPU-9',
      model: MODEL,
      lastSeen: hourAgo,
    },
  ]);
  await waitFor(async () => (await snapshot(gateway)).has('GPU-9'), 'GPU-9');
  assert.deepEqual((await snapshot(gateway)).get('GPU-5').data, {
    temperature: 5,
  });
});

test('a gateway may follow a part of the fleet', async () => {
  const broker = await startBroker();
  const nc = await connectNats(broker);
  await makeStream(nc);
  const gateway = await startGateway({
    broker,
    database: await startPostgres(),
    env: { FOLLOW: 'telemetry.east.>, telemetry.west.gamma.*' },
  });
  await following(gateway);
  const from = (cluster, host, uuid) =>
    publish(nc, sample(uuid, { temperature: 1 }, { cluster, host }));
  await from('east', 'alpha', 'GPU-1');
  await from('local', 'alpha', 'GPU-2');
  await from('west', 'alpha', 'GPU-3');
  await from('west', 'gamma', 'GPU-4');
  await waitFor(async () => (await snapshot(gateway)).has('GPU-4'), 'GPU-4');
  assert.deepEqual([...(await snapshot(gateway)).keys()], ['GPU-1', 'GPU-4']);
});

// While it connects, waits for a stream that is not there, follows one.
test('a gateway that is stopped soon ends clean', async () => {
  const broker = await startBroker();
  const postgres = await startPostgres();
  for (let i = 0; i < 30; i++) {
    if (i === 15) await makeStream(await connectNats(broker));
    await (await startGateway({ broker, database: postgres })).stop();
  }
});
