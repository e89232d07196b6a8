// The dashboard's model against a real gateway: it knows what the API knows.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { post, startGraphql } from '../../integration/support/graphql.js';
import { following, makeStream, publish, sample } from '../../integration/support/live.js';
import { connectNats, startGateway, waitFor } from '../../integration/support/index.js';
import { importSources } from '../support/source.js';
import { letTimersGo, openPage } from '../support/page.js';

const SILENT_AFTER = ['--silent-after', '4s'];
const HOSTS = 300; // more than a page of the inventory
const HOST_OF_MANY = 'host-007';

let gateway, nc, broker, postgres, fleet, model;
let random = 1;

function below(bound) {
  random = (random * 48271) % 0x7fffffff;
  return random % bound;
}

// Some do not report everything.
function valuesOf(host) {
  const values = { gpu_utilization: below(101), temperature: 30 + below(65) };
  if (host % 3 > 0) values.power_draw = 70 + below(6000) / 10;
  if (host % 5 > 0) values.memory_used_mb = below(81_000);
  if (host % 40 === 3) values.xid = 31;
  return values;
}

function report(host, index, metrics = valuesOf(host), more = {}) {
  const hostname = `host-${String(host).padStart(3, '0')}`;
  return publish(
    nc,
    sample(`GPU-${host}-${index}`, metrics, {
      cluster: host % 2 ? 'odd' : 'even',
      host: hostname,
      gpu: String(index),
      device: `nvidia${index}`,
      model: host % 7 ? 'NVIDIA H100 80GB HBM3' : 'Tesla V100',
      ...more,
    })
  );
}

async function ask(query, variables) {
  const { body } = await post(`${gateway.httpUrl}/graphql`, { query, variables });
  assert.equal(body.errors, undefined);
  return body.data;
}

before(async () => {
  const api = await startGraphql({ args: SILENT_AFTER });
  ({ gateway, broker, postgres } = api);
  nc = await connectNats(broker);
  await makeStream(nc);
  await following(gateway);
  await Promise.all(
    Array.from({ length: HOSTS }, (_, host) => report(host, 0, valuesOf(host), { pod: `pod-${host % 10}` }))
  );
  for (const index of [1, 2, 4]) await report(7, index);
  letTimersGo();
  openPage(`${gateway.httpUrl}/`);
  const modules = await importSources(
    'api/client.ts',
    'fleet/fleet.ts',
    'fleet/live.ts',
    'fleet/totals.ts',
    'fleet/filter.ts',
    'fleet/attention.ts'
  );
  model = Object.assign({}, ...modules);
  fleet = new model.Fleet();
  model.follow(new model.Api(), fleet, () => false);
  await waitFor(() => fleet.loaded && fleet.gpus.length > HOSTS, 'the inventory');
});

// Now or soon: samples are on their way, GPUs fall silent.
async function agrees(what, theirs, ours) {
  let seen;
  await waitFor(async () => {
    seen = { theirs: await theirs(), ours: ours() };
    try {
      assert.deepEqual(seen.ours, seen.theirs);
      return true;
    } catch {
      return false;
    }
  }, what).catch((error) => {
    assert.deepEqual(seen.ours, seen.theirs);
    throw error;
  });
}

const exactly = (value) => Math.round(value * 1e6) / 1e6;

test('totals are those of the API', async () => {
  const QUERY = `{
    fleet {
      totalGPUs totalHosts statusCounts { active silent missing maintenance }
      statistics(metrics: [gpu_utilization, power_draw]) { count average p95 sum }
    }
    gpus { health { healthy } }
    idle: gpus(filter: { status: [active], values: [{ metric: gpu_utilization, max: 4.999 }] }) { uuid }
  }`;
  for (const host of [0, 1, 2, 3, 4, 5, 6, 40, 43]) await report(host, 0);
  await agrees(
    'the totals',
    async () => {
      const { fleet: all, gpus, idle } = await ask(QUERY);
      const [utilization, power] = all.statistics;
      return {
        gpus: all.totalGPUs,
        hosts: all.totalHosts,
        ...all.statusCounts,
        idle: idle.length,
        unhealthy: gpus.filter((gpu) => gpu.health.healthy === false).length,
        utilizationAverage: exactly(utilization.average),
        utilizationP95: exactly(utilization.p95),
        powerWatts: exactly(power.sum),
        powerReporting: power.count,
      };
    },
    () => {
      const totals = model.totalsOf(fleet, fleet.gpus);
      for (const name of ['utilizationAverage', 'utilizationP95', 'powerWatts'])
        totals[name] = exactly(totals[name]);
      return totals;
    }
  );
});

test('a filter takes what the API takes', async () => {
  const value = (metric, bounds) => ({ values: [{ metric, ...bounds }] });
  const FILTERS = [
    ['host-01', { text: 'host-01' }],
    ['pod-3 odd', { text: 'pod-3 odd' }],
    ['v100', { text: 'v100' }],
    ['util<=50', value('gpu_utilization', { max: 50 })],
    ['temp>=80', value('temperature', { min: 80 })],
    ['power>=0.1kW power<=300W', value('power_draw', { min: 100, max: 300 })],
    ['used>=40000', value('memory_used_mb', { min: 40_000 })],
    ['xid=31', value('xid', { min: 31, max: 31 })],
    ['model:v100', { model: ['v100'] }],
    ['cluster=odd', { cluster: ['odd'] }],
    ['host=host-007', { host: ['host-007'] }],
    ['status:silent,maintenance', { status: ['silent', 'maintenance'] }],
    ['status:active temp>=60 odd', { status: ['active'], text: 'odd', ...value('temperature', { min: 60 }) }],
  ];
  const QUERY = 'query ($filter: GPUFilter) { gpus(filter: $filter) { uuid } }';
  for (const [text, filter] of FILTERS) {
    await agrees(
      text,
      async () => (await ask(QUERY, { filter })).gpus.map((gpu) => gpu.uuid),
      () => {
        const { takes } = model.parseFilter(text, fleet);
        return fleet.gpus.filter((gpu) => gpu.uuid !== null && takes(gpu)).map((gpu) => gpu.uuid);
      }
    );
  }
});

test('values and names are those of the API', async () => {
  const QUERY = `{ gpus { uuid index hostname pod model status statusSince
    latest { timestamp gpuUtilization powerDraw memoryUsedMb xid } } }`;
  const reported = (gpu, metric) => {
    const value = fleet.value(gpu, metric);
    return Number.isNaN(value) ? null : value;
  };
  await agrees(
    'all GPUs',
    async () =>
      (await ask(QUERY)).gpus.map((gpu) => ({
        ...gpu,
        statusSince: Date.parse(gpu.statusSince),
        latest: { ...gpu.latest, timestamp: Date.parse(gpu.latest.timestamp) },
      })),
    () =>
      fleet.gpus
        .filter((gpu) => gpu.uuid !== null)
        .map((gpu) => ({
          uuid: gpu.uuid,
          index: gpu.index,
          hostname: gpu.host.hostname,
          pod: gpu.pod || null,
          model: gpu.model,
          status: gpu.status,
          statusSince: gpu.statusSince,
          latest: {
            timestamp: fleet.times[gpu.row],
            gpuUtilization: reported(gpu, 'gpu_utilization'),
            powerDraw: reported(gpu, 'power_draw'),
            memoryUsedMb: reported(gpu, 'memory_used_mb'),
            xid: reported(gpu, 'xid'),
          },
        }))
  );
});

// Resolves to how many ms it took.
async function told(act, isThere, what) {
  const started = performance.now();
  let took;
  const off = fleet.changed.on((change) => {
    if (isThere(change)) took ??= performance.now() - started;
  });
  await act();
  await waitFor(() => took !== undefined, what);
  off();
  return took;
}

test('a sample that comes is told of within a second', async () => {
  const gpu = fleet.gpu('GPU-12-0');
  let quickest = Infinity; // other tests may keep the machine busy
  for (const percent of [1.5, 99.25, 12.34]) {
    const took = await told(
      () => report(12, 0, { gpu_utilization: percent }),
      ({ rows }) => rows.has(gpu.row) && fleet.value(gpu, 'gpu_utilization') === percent,
      'the sample'
    );
    quickest = Math.min(quickest, took);
  }
  assert.ok(quickest < 1000, `${quickest} ms`);
});

test('a GPU that nobody knew comes into the inventory with its values', async () => {
  await told(
    () => report(301, 0, { temperature: 77 }, { cluster: 'new' }),
    ({ inventory }) => inventory && fleet.gpu('GPU-301-0') !== undefined,
    'the new GPU'
  );
  await waitFor(() => fleet.value(fleet.gpu('GPU-301-0'), 'temperature') === 77, 'its value');
  assert.ok(fleet.host('new', 'host-301'));
  assert.equal(fleet.value(fleet.gpu('GPU-12-0'), 'gpu_utilization'), 12.34, 'others keep theirs');
});

test('the place of a GPU that is missing is there', async () => {
  const places = () => fleet.host('odd', HOST_OF_MANY).gpus.map((gpu) => [gpu.index, gpu.status === 'missing']);
  await agrees(
    'the place',
    () => [['0', false], ['1', false], ['2', false], ['3', true], ['4', false]],
    places
  );
});

test('GPUs fall silent and come back', async () => {
  const gpu = fleet.gpu('GPU-20-0');
  await waitFor(() => gpu.status === 'silent', 'it to be silent');
  await told(() => report(20, 0), ({ status }) => status && gpu.status === 'active', 'it to be back');
});

test('maintenance is told of, with its reason', async () => {
  const SET = `mutation ($on: Boolean!, $reason: String) {
    setGpuMaintenance(uuid: "GPU-8-0", on: $on, reason: $reason) { uuid }
  }`;
  const gpu = fleet.gpu('GPU-8-0');
  await insertGpu('GPU-8-0');
  await told(
    () => ask(SET, { on: true, reason: 'fan' }),
    () => gpu.status === 'maintenance',
    'maintenance'
  );
  assert.equal(gpu.maintenanceReason, 'fan');
  await told(
    () => ask(SET, { on: false }),
    () => gpu.status !== 'maintenance',
    'its end'
  );
  assert.equal(gpu.maintenanceReason, '');
});

// Annotations stand in the database, where the collector would have put the GPU.
async function insertGpu(uuid) {
  await postgres.query("insert into cluster (name) values ('even')");
  await postgres.query("insert into host (cluster_id, hostname) select id, 'host-008' from cluster");
  await postgres.query(
    `insert into gpu (host_id, gpu_index, uuid, device, model, first_seen, last_seen)
     select id, '0', $1, 'nvidia0', 'H100', now(), now() from host`,
    [uuid]
  );
}

test('a gateway that is killed is followed again, and nothing is missed', async () => {
  const { port } = gateway;
  const gpu = () => fleet.gpu('GPU-30-0');
  const before = fleet.value(gpu(), 'temperature');
  await gateway.kill();
  await report(30, 0, { gpu_utilization: 0.5 });
  assert.equal(fleet.value(gpu(), 'temperature'), before, 'what is known is kept');
  gateway = await startGateway({ broker, database: postgres, port, args: SILENT_AFTER });
  await waitFor(() => fleet.value(gpu(), 'gpu_utilization') === 0.5, 'what came meanwhile');
  await told(
    () => report(30, 0, { gpu_utilization: 99.5 }),
    () => fleet.value(gpu(), 'gpu_utilization') === 99.5,
    'what comes'
  );
  assert.equal(fleet.problem, '');
});
