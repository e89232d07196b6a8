// The pipeline in figures: what GraphQL tells of the stream, the collectors'
// queue, the rows written and the services equals what the broker and the
// database say themselves, also while parts are stopped, killed or away.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { post } from './support/graphql.js';
import {
  connectNats,
  following,
  metric,
  publish,
  sample,
  simulatedFile,
  startBroker,
  startCollector,
  startGateway,
  startNatsServer,
  startPostgres,
  startStreamer,
  waitFor,
} from './support/index.js';

const FIGURES = `
  samplesTotal samplesPerSecond streamMessages streamBytes streamBytesMax queueDepth
  unacknowledged redelivered lagSeconds collectors rowsTotal rowsPerSecond deadLetters
  samplesBehind webSocketClients subscriptions updatesTotal updatesPerSecond updatesMissed
  operationsTotal operationsPerSecond`;

const PIPELINE = `
  eventType timestamp
  broker { connected since address }
  database { connected problem }
  services { name id host pid version startedAt lastSeen figures { name value } }
  history { timestamp ...figures }
  ...figures`;

const FRAGMENT = `fragment figures on PipelineFigures { ${FIGURES} }`;

async function pipeline(gateway) {
  const { body } = await post(`${gateway.httpUrl}/graphql`, {
    query: `{ pipeline { ${PIPELINE} } } ${FRAGMENT}`,
  });
  assert.equal(body.errors, undefined);
  return body.data.pipeline;
}

// Waits until what is told fits.
const told = (gateway, fits, what, ms) =>
  waitFor(
    async () => {
      const now = await pipeline(gateway);
      return fits(now) && now;
    },
    what,
    ms
  );

const named = (services, name) => (services ?? []).filter((s) => s.name === name);
const figure = (service, name) => service.figures.find((f) => f.name === name)?.value;

const ofTheBroker = FIGURES.trim()
  .split(/\s+/)
  .slice(0, 14);

async function allWritten(run) {
  return told(
    run.gateway,
    (now) =>
      now.queueDepth === 0 &&
      now.unacknowledged === 0 &&
      now.samplesTotal === run.samples &&
      now.rowsTotal === run.samples &&
      now.samplesBehind === 0,
    `${run.samples} samples to be written`
  );
}

const postgres = startPostgres();

async function startAll(startServer, name) {
  const broker = await startServer();
  const database = await (await postgres).createDatabase(name);
  const collector = await startCollector({
    broker,
    database,
    env: { COLLECTOR_ID: 'collector-7' },
  });
  const gateway = await startGateway({ broker, database });
  await following(gateway);
  const nc = await connectNats(broker);
  return { name, database, broker, collector, gateway, nc, jsm: await nc.jetstreamManager() };
}

// Most of the time is spent waiting for what takes its time: side by side.
describe('the pipeline', { concurrency: true }, () => {
  for (const [what, startServer] of [
    ['nexus-broker', startBroker],
    ['nats-server', startNatsServer],
  ])
    describe(what, { concurrency: false }, () => {
      let run;
      before(async () => {
        run = await startAll(startServer, what.replace('-', '_'));
        const csv = simulatedFile(['--hosts', '2', '--gpus', '4', '--samples', '50']);
        const streamer = await startStreamer({
          broker: run.broker,
          csv,
          env: { LOOP_MODE: 'false', TIMESTAMPS: 'source', STREAM_INTERVAL: '0' },
        });
        assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
        const { state } = await run.jsm.streams.info('TELEMETRY');
        run.samples = state.last_seq;
      });

      test('the figures are the broker’s, and the rows the database’s', async () => {
        const now = await allWritten(run);
        const stream = await run.jsm.streams.info('TELEMETRY');
        const consumer = await run.jsm.consumers.info('TELEMETRY', 'collector');
        const dead = await run.jsm.streams.info('DEADLETTER');
        assert.equal(now.streamMessages, stream.state.messages);
        assert.equal(now.streamBytes, stream.state.bytes);
        assert.equal(now.streamBytesMax, stream.config.max_bytes);
        assert.equal(now.queueDepth, consumer.num_pending);
        assert.equal(now.unacknowledged, consumer.num_ack_pending);
        assert.equal(now.redelivered, consumer.num_redelivered);
        assert.equal(now.deadLetters, dead.state.messages);
        assert.equal(now.lagSeconds, 0);
        const [{ rows }] = await (
          await postgres
        ).query('select count(*)::int rows from telemetry', [], run.name);
        assert.equal(now.rowsTotal, rows);
        assert.equal(now.collectors, 1);
        assert.deepEqual(now.broker.connected, true);
        assert.equal(now.broker.address, `127.0.0.1:${run.broker.port}`);
        assert.deepEqual(now.database, { connected: true, problem: null });
        assert.equal(now.eventType, 'pipeline_status');
      });

      test('who runs says so, with what it counts', async () => {
        const { services } = await told(
          run.gateway,
          ({ services: all }) =>
            all?.length === 2 && figure(named(all, 'nexus-gateway')[0], 'samples') === run.samples,
          'the services, and the gateway to have told what it took in'
        );
        const [collector] = named(services, 'nexus-collector');
        assert.equal(collector.id, 'collector-7');
        assert.equal(collector.pid, run.collector.pid);
        assert.equal(figure(collector, 'rows'), run.samples);
        assert.equal(
          figure(collector, 'messages'),
          await metric(run.collector, 'nexus_collector_messages_total')
        );
        assert.ok(figure(collector, 'seconds_since_commit') >= 0);
        assert.ok(Date.parse(collector.lastSeen) >= Date.parse(collector.startedAt));
        const [gateway] = named(services, 'nexus-gateway');
        assert.equal(gateway.pid, run.gateway.pid);
      });

      test('the bucket is one that any client can read', async () => {
        const kv = await run.nc.jetstream().views.kv('nexus_services');
        const status = await kv.status();
        assert.equal(status.ttl, 10_000);
        assert.equal(status.history, 1);
        const keys = [];
        for await (const key of await kv.keys()) keys.push(key);
        const key = keys.find((k) => k.startsWith('nexus-collector.'));
        const value = (await kv.get(key)).json();
        assert.equal(value.v, 1);
        assert.equal(value.id, 'collector-7');
      });

      test('without a collector the queue and its lag grow', async () => {
        await run.collector.stop();
        const stopped = await told(
          run.gateway,
          (now) => now.collectors === 0,
          'the collector to be gone'
        );
        assert.deepEqual(named(stopped.services, 'nexus-collector'), []);
        assert.equal(stopped.rowsTotal, null);
        const now = Date.now(); // one row each: not two of them at one time
        for (let i = 0; i < 5; i++) {
          const ts = new Date(now + i).toISOString();
          await publish(run.nc, sample('GPU-lag', { power_draw: i }, { ts }));
        }
        const first = await told(run.gateway, (now) => now.queueDepth === 5, 'a queue of 5');
        const later = await told(
          run.gateway,
          (now) => now.lagSeconds > first.lagSeconds + 2,
          'the lag to grow'
        );
        const elapsed = (Date.parse(later.timestamp) - Date.parse(first.timestamp)) / 1000;
        assert.ok(Math.abs(later.lagSeconds - first.lagSeconds - elapsed) < 1);
        assert.equal(later.samplesBehind, 0);
      });

      test('with one again it is emptied', async () => {
        run.collector = await startCollector({ broker: run.broker, database: run.database });
        const now = await told(
          run.gateway,
          (p) => p.queueDepth === 0 && p.unacknowledged === 0 && p.rowsTotal === 5,
          'the queue to be empty'
        );
        assert.equal(now.lagSeconds, 0);
      });

      test('while the broker is away nothing of it is known, and nothing is zero', async () => {
        const { since } = (await pipeline(run.gateway)).broker;
        await run.broker.kill();
        const away = await told(run.gateway, (now) => !now.broker.connected, 'the loss to show');
        for (const name of ofTheBroker) assert.equal(away[name], null, name);
        assert.equal(away.services, null);
        assert.equal(away.broker.address, null);
        assert.equal(away.database.connected, true);
        assert.equal(typeof away.webSocketClients, 'number');
        await told(
          run.gateway,
          (now) => now.history.at(-1).queueDepth === null,
          'a point that knows nothing'
        );
        const { port, httpPort, dir } = run.broker;
        run.broker = await startServer({ port, httpPort, dir });
        const back = await told(
          run.gateway,
          (now) => now.samplesTotal !== null && now.services !== null,
          'it to be back'
        );
        assert.equal(back.samplesTotal, run.samples + 5);
        assert.ok(Date.parse(back.broker.since) > Date.parse(since));
        await told(
          run.gateway,
          (now) => named(now.services, 'nexus-gateway').length === 1,
          'the gateway to say again that it runs'
        );
      });
    });

  describe('a gateway alone', { concurrency: false }, () => {
    let run;
    before(async () => {
      const broker = await startBroker();
      run = { broker, gateway: await startGateway({ broker, database: await postgres }) };
    });

    function client() {
      return createClient({
        url: `${run.gateway.httpUrl.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
      });
    }

    async function take(query, count) {
      const ws = client();
      const events = [];
      for await (const { data, errors } of ws.iterate({ query })) {
        assert.equal(errors, undefined);
        if (events.push(data.pipelineStatus) === count) break;
      }
      await ws.dispose();
      return events;
    }

    test('there is no stream, and that is not an empty one', async () => {
      const now = await told(run.gateway, (p) => p.broker.connected, 'the broker');
      assert.equal(now.samplesTotal, null);
      assert.equal(now.queueDepth, null);
      assert.equal(now.lagSeconds, null);
    });

    test('a subscription tells now, and then again', async () => {
      const query = `subscription { pipelineStatus(intervalMs: 100) { ${PIPELINE} } } ${FRAGMENT}`;
      const events = await take(query, 4);
      assert.equal(events.length, 4);
      for (const event of events) {
        assert.equal(event.subscriptions, 1);
        assert.equal(event.webSocketClients, 1);
      }
    });

    test('the history has a point every five seconds', async () => {
      const { history } = await told(run.gateway, (p) => p.history.length >= 3, 'three points');
      const times = history.map((p) => Date.parse(p.timestamp));
      for (let i = 1; i < times.length; i++) {
        const step = times[i] - times[i - 1];
        assert.ok(step > 3500 && step < 8000, `${step} ms`);
      }
      const newest = await post(`${run.gateway.httpUrl}/graphql`, {
        query: `query ($after: DateTime!) { pipeline {
          last: history(limit: 1) { timestamp } after: history(after: $after) { timestamp } } }`,
        variables: { after: history[1].timestamp },
      });
      assert.equal(newest.body.data.pipeline.last.length, 1);
      assert.ok(newest.body.data.pipeline.after.length >= 1);
      for (const { timestamp } of newest.body.data.pipeline.after)
        assert.ok(Date.parse(timestamp) > times[1]);
    });

    test('a limit that is none is refused', async () => {
      for (const limit of [0, -1, 182]) {
        const { body } = await post(`${run.gateway.httpUrl}/graphql`, {
          query: `{ pipeline { history(limit: ${limit}) { timestamp } } }`,
        });
        assert.match(body.errors[0].message, /limit: expected 1 to 181/);
      }
    });

    test('a collector that was killed is gone when its time is over', async () => {
      const { broker, gateway } = run;
      const collector = await startCollector({ broker, database: await postgres });
      await told(gateway, (now) => now.collectors === 1, 'it to be there');
      await collector.kill();
      const { services } = await pipeline(gateway);
      assert.equal(named(services, 'nexus-collector').length, 1);
      const killed = Date.now();
      await told(gateway, (now) => now.collectors === 0, 'it to be gone');
      assert.ok(Date.now() - killed > 5000);
    });
  });
});
