// The bucket of running services where it is not as one would like it: anybody
// writes there, or nobody may, or the broker says nothing. The programs do their
// jobs, and end when they are asked to.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { withConfig } from './support/config.js';
import { post } from './support/graphql.js';
import {
  connectNats,
  metric,
  publish,
  sample,
  sleep,
  startBroker,
  startCollector,
  startGateway,
  startNatsServer,
  startPostgres,
  waitFor,
} from './support/index.js';

const FIGURES = 'queueDepth collectors rowsTotal rowsPerSecond';

async function pipeline(gateway) {
  const { body } = await post(`${gateway.httpUrl}/graphql`, {
    query: `{ pipeline { ${FIGURES} broker { connected address }
      services { name id pid figures { name value } } history { ${FIGURES} } } }`,
  });
  assert.equal(body.errors, undefined);
  return body.data.pipeline;
}

// Waits until what is told fits.
const told = (gateway, fits, what) =>
  waitFor(async () => {
    const now = await pipeline(gateway);
    return fits(now) && now;
  }, what);

const written = (collector, rows) =>
  waitFor(
    async () => (await metric(collector, 'nexus_collector_rows_total')) === rows,
    `${rows} rows`
  );

const complaints = ({ output }) => output.match(/cannot tell the others that this runs/g) ?? [];

// Whom nats-server lets do all that the work takes, and nothing else.
const NARROW = `authorization { users: [
  { user: all, password: all }
  { user: fleet, password: hush, permissions: { publish: {
      allow: ["$JS.>", "telemetry.>", "deadletter.>"]
      deny: ["$JS.API.*.*.KV_nexus_services", "$JS.API.*.*.KV_nexus_services.>"] } } } ] }`;

// Most of the time is spent waiting: side by side.
describe('the services', { concurrency: true }, () => {
  let postgres;
  before(async () => {
    postgres = await startPostgres();
  });

  describe('a bucket that others write to', { concurrency: false }, () => {
    let broker, nc;
    before(async () => {
      broker = await startBroker();
      nc = await connectNats(broker);
    });

    const collector = (more) => ({
      v: 1,
      service: 'nexus-collector',
      id: 'x',
      host: 'y',
      version: '1',
      started: '2025-07-18T20:42:34Z',
      ...more,
    });

    test('what cannot be read is left out, what cannot be told is null', async () => {
      const kv = await nc.jetstream().views.kv('nexus_services', { ttl: 60_000 });
      const put = (key, value) => kv.put(key, Buffer.from(JSON.stringify(value)));
      await put('huge', collector({ id: 'x'.repeat(100_000) }));
      await kv.put('bytes', Buffer.from([0xff, 0xfe, 0]));
      await kv.put('nothing', Buffer.alloc(0));
      await put('odd', collector({ id: '\u0000"\\', pid: 2 ** 40, figures: { rows: 1.7e308 } }));
      await put('odder', collector({ id: 'é'.repeat(9), pid: -1, figures: { rows: 1.7e308, x: '' } }));
      const gateway = await startGateway({ broker, database: postgres });
      const now = await told(gateway, (p) => p.services?.length === 3, 'the services');
      const others = now.services.filter(({ name }) => name === 'nexus-collector');
      assert.deepEqual(
        others.map(({ id, pid }) => [id, pid]),
        [
          ['\u0000"\\', null],
          ['é'.repeat(9), null],
        ]
      );
      assert.equal(now.collectors, 2);
      assert.equal(now.rowsTotal, null);
      await gateway.stop();
    });

    test('of very many a part is looked at', async () => {
      const kv = await nc.jetstream().views.kv('nexus_services', { ttl: 60_000 });
      for (let i = 0; i < 1500; i += 100)
        await Promise.all(
          Array.from({ length: 100 }, (_, n) => kv.put(`junk.${i + n}`, Buffer.from('{}')))
        );
      const gateway = await startGateway({ broker, database: postgres });
      await told(gateway, (p) => p.broker.connected && p.history.length > 0, 'a look');
      await gateway.stop();
    });
  });

  for (const [what, start] of [
    ['nexus-broker', startBroker],
    ['nats-server', startNatsServer],
  ])
    test(`${what}: one who may not use the bucket does the job, and says so once`, async () => {
      const broker = await withConfig(start, NARROW);
      const nc = await connectNats(broker, { user: 'all', pass: 'all' });
      const url = `nats://fleet:hush@127.0.0.1:${broker.port}`;
      const database = await postgres.createDatabase(what.replace('-', '_'));
      const collector = await startCollector({ broker: url, database });
      const gateway = await startGateway({ broker: url, database });
      await publish(nc, sample('GPU-quiet', { power_draw: 1 }));
      await written(collector, 1);
      const now = await told(gateway, (p) => p.queueDepth === 0, 'the queue');
      assert.equal(now.broker.address, `127.0.0.1:${broker.port}`);
      await waitFor(() => complaints(gateway).length > 0, 'the gateway to say so');
      await waitFor(() => complaints(collector).length > 0, 'the collector to say so');
      await sleep(6000);
      assert.equal((await pipeline(gateway)).services, null);
      for (const program of [collector, gateway]) {
        assert.equal(complaints(program).length, 1, program.output);
        const refused = program.output.match(/does not permit/g) ?? [];
        const subjects = new Set(program.output.match(/\$JS\.API\.[\w.]+/g));
        assert.ok(refused.length <= subjects.size, program.output);
        assert.doesNotMatch(program.output, /hush/);
        await program.stop();
      }
    });

  test('a bucket that cannot be made disturbs nobody', async () => {
    const broker = await startBroker();
    const nc = await connectNats(broker);
    const manager = await nc.jetstreamManager();
    // Somebody's stream has the bucket's subjects.
    await manager.streams.add({
      name: 'OTHER',
      subjects: ['$KV.nexus_services.>'],
      max_msgs: 1,
      discard: 'new',
    });
    await nc.jetstream().publish('$KV.nexus_services.full', 'x');
    const collector = await startCollector({ broker, database: postgres });
    await publish(nc, sample('GPU-quiet', { power_draw: 1 }));
    await written(collector, 1);
    await sleep(5000);
    assert.equal(complaints(collector).length, 1);
    await collector.stop();
  });

  test('a broker that says nothing any more keeps nobody from ending', async () => {
    const broker = await startBroker();
    const gateway = await startGateway({ broker, database: postgres });
    await told(gateway, (p) => p.services !== null, 'the services');
    broker.child.kill('SIGSTOP');
    await sleep(500);
    const began = Date.now();
    await gateway.stop();
    const took = Date.now() - began;
    broker.child.kill('SIGCONT');
    assert.ok(took < 10_000, `${took} ms`);
  });
});
