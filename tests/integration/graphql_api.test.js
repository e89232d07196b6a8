// The GraphQL API's answers: beside the file that was played, the database, and
// figures worked out here.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import {
  METRICS,
  account,
  assertAllStored,
  getJson,
  metric,
  realFile,
  simulatedFile,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  startStreamer,
  waitFor,
} from './support/index.js';

const file = realFile ?? simulatedFile(['--samples', '4', '--interval', '20s']);
const expected = account(file);
const times = [...new Set([...expected.samples].map((s) => s.split('|')[1]))];
times.sort();
const uuids = [...expected.gpus].sort();
const [first] = uuids;
const fieldOf = (name) => name.replace(/_(\w)/g, (_, c) => c.toUpperCase());
const FIELDS = METRICS.map(fieldOf).join(' ');

let postgres, broker, gateway;

async function ask(query, variables, to = gateway) {
  const { body } = await getJson(`${to.httpUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return body;
}

async function data(query, variables, to) {
  const body = await ask(query, variables, to);
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return body.data;
}

async function refused(query, code, words, variables) {
  const { errors } = await ask(query, variables);
  assert.equal(errors?.length, 1, query);
  assert.equal(errors[0].extensions.code, code, errors[0].message);
  assert.match(errors[0].message, words);
}

const gatewayOf = (env) => startGateway({ broker, database: postgres, env });

// The latest value of each GPU by the file.
function latestOf(column) {
  const latest = new Map();
  for (const uuid of uuids)
    for (const time of times) {
      const value = expected.values.get(`${uuid}|${time}|${column}`);
      if (value !== undefined) latest.set(uuid, value);
    }
  return latest;
}

const followed = (to) => async () => {
  const { fleet, gpus } = await data(
    '{ fleet { following totalGPUs } gpus { latest { timestamp } } }',
    {},
    to
  );
  const last = times.at(-1).replace(/\.?0*Z$/, 'Z');
  return (
    fleet.following &&
    fleet.totalGPUs === uuids.length &&
    gpus.filter((g) => g.latest?.timestamp === last).length >=
      uuids.length - 1
  );
};

before(async () => {
  postgres = await startPostgres();
  broker = await startBroker();
  await startCollector({ broker, database: postgres });
  gateway = await gatewayOf();
  const streamer = await startStreamer({
    broker,
    csv: file,
    env: { LOOP_MODE: 'false', TIMESTAMPS: 'source' },
  });
  await streamer.wait();
  await waitFor(
    async () =>
      (await postgres.query('select count(*)::int n from telemetry'))[0].n ===
      expected.samples.size,
    'all samples in the database'
  );
  await assertAllStored(postgres, expected);
  await waitFor(followed(gateway), 'all samples in the model');
});

const rowsOf = (uuid) =>
  postgres.query(
    `select t.*, h.hostname, g.gpu_index, g.device, g.model from telemetry t
     join gpu g on g.id = t.gpu_id join host h on h.id = g.host_id
     where g.uuid = $1 order by ts`,
    [uuid]
  );

// ---- the queries of the design, as written ----

test('gpus', async () => {
  const { gpus } = await data('{ gpus { id uuid hostname name device status } }');
  const rows = await postgres.query(
    `select uuid as id, uuid, hostname, model as name, device,
       'active' as status from gpu join host on host.id = host_id
     order by hostname collate "C", length(gpu_index), gpu_index collate "C"`
  );
  assert.equal(gpus.length, uuids.length);
  assert.deepEqual(gpus, rows);
});

test('gpu with telemetry', async () => {
  const { gpu } = await data(`{ gpu(uuid: "${first}") { id uuid hostname name
    telemetry(limit: 10) { timestamp gpuUtilization memoryUtilization
      temperature powerDraw } } }`);
  const rows = await rowsOf(first);
  assert.equal(gpu.uuid, first);
  assert.equal(gpu.hostname, rows[0].hostname);
  assert.equal(gpu.name, rows[0].model);
  assert.deepEqual(
    gpu.telemetry.map(({ timestamp, ...values }) => ({
      timestamp: new Date(timestamp).toISOString(),
      ...values,
    })),
    rows.slice(-10).map((row) => ({
      timestamp: row.ts.toISOString(),
      gpuUtilization: row.gpu_utilization,
      memoryUtilization: row.memory_utilization,
      temperature: row.temperature,
      powerDraw: row.power_draw,
    }))
  );
});

test('clusters, hosts, GPUs', async () => {
  const { clusters } = await data(
    '{ clusters { id hosts { hostname gpus { id uuid name status } } } }'
  );
  assert.deepEqual(
    clusters.map((c) => c.id),
    ['local']
  );
  const hosts = clusters[0].hosts;
  assert.deepEqual(
    new Set(hosts.map((h) => h.hostname)),
    expected.hosts
  );
  const found = hosts.flatMap((h) => h.gpus.map((g) => g.uuid));
  assert.deepEqual(found.sort(), uuids);
});

test('cluster with health', async () => {
  const { cluster } = await data(`{ cluster(id: "local") { id name region
    totalHosts totalGPUs hosts { id hostname gpus { id deviceName health {
      utilizationPercent temperatureCelsius healthy } } } } }`);
  const utilization = latestOf('gpu_utilization');
  const temperature = latestOf('temperature');
  assert.equal(cluster.totalHosts, expected.hosts.size);
  assert.equal(cluster.totalGPUs, expected.gpus.size);
  for (const host of cluster.hosts) {
    assert.equal(host.id, `local/${host.hostname}`);
    for (const { id, health } of host.gpus)
      assert.deepEqual(health, {
        utilizationPercent: utilization.get(id),
        temperatureCelsius: temperature.get(id),
        healthy: temperature.get(id) < 90,
      });
  }
});

test('telemetryUpdates', async () => {
  const client = createClient({
    url: `${gateway.httpUrl.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
  });
  const events = client.iterate({
    query: `subscription { telemetryUpdates(clusterId: "local") { eventType
      timestamp hostId gpuId data { gpuUtilization temperature powerDraw } } }`,
  });
  const next = events.next();
  const streamer = await startStreamer({
    broker,
    csv: file,
    env: { LOOP_MODE: 'true' },
  });
  const { value } = await next;
  const update = value.data.telemetryUpdates;
  assert.equal(update.eventType, 'telemetry_update');
  assert.ok(Math.abs(Date.parse(update.timestamp) - Date.now()) < 60e3);
  assert.match(update.hostId, /^local\//);
  assert.ok(expected.gpus.has(update.gpuId));
  const key = (time, column) => `${update.gpuId}|${time}|${column}`;
  const known = times.map((t) => expected.values.get(key(t, 'power_draw')));
  assert.ok(known.includes(update.data.powerDraw ?? undefined));
  await events.return();
  await client.dispose();
  await streamer.stop();
});

function subscribe(query) {
  const client = createClient({
    url: `${gateway.httpUrl.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
  });
  const events = client.iterate({ query: `subscription { ${query} }` });
  return {
    async next() {
      const { value } = await events.next();
      assert.equal(value.errors, undefined, JSON.stringify(value.errors));
      return value.data;
    },
    stop: () => events.return().then(() => client.dispose()),
  };
}

test('gpuStatusChanged', async () => {
  const out = (uuid, on) =>
    data(`mutation { setGpuMaintenance(uuid: "${uuid}", on: ${on}) { id } }`);
  const { gpu } = await data(`{ gpu(uuid: "${first}") { hostname host { id }
    index status } }`);
  const events = subscribe(`gpuStatusChanged(hostId: "${gpu.host.id}",
    gpuUuids: ["${first}", "nobody"]) { eventType timestamp clusterId hostId
    hostname gpuId gpuUuid gpuIndex before now gpu { uuid status } }`);
  const other = uuids.find((uuid) => uuid !== first);
  const changes = [];
  let next = events.next();
  // Until the subscription is there nothing is told of changes.
  while (changes.length === 0) {
    await out(other, true);
    await out(first, true);
    await out(first, false);
    await Promise.race([
      next.then((d) => changes.push(d.gpuStatusChanged)),
      new Promise((resolve) => setTimeout(resolve, 50)),
    ]);
  }
  await out(other, false);
  const [change] = changes;
  assert.ok(Math.abs(Date.parse(change.timestamp) - Date.now()) < 60e3);
  const { timestamp, before, now, gpu: state, ...rest } = change;
  assert.deepEqual(rest, {
    eventType: 'status_change',
    clusterId: 'local',
    hostId: gpu.host.id,
    hostname: gpu.hostname,
    gpuId: first,
    gpuUuid: first,
    gpuIndex: gpu.index,
  });
  assert.deepEqual(
    new Set([before, now]),
    new Set([gpu.status, 'maintenance'])
  );
  assert.equal(state.uuid, first);
  next = events.next();
  await out(first, true);
  for (;;) {
    const { gpuStatusChanged } = await next;
    assert.equal(gpuStatusChanged.gpuUuid, first);
    if (gpuStatusChanged.now === 'maintenance') break;
    next = events.next();
  }
  await out(first, false);
  await events.stop();
});

test('fleetSummary', async () => {
  const FLEET = `eventType asOf timestamp sequence following totalClusters
    totalHosts totalGPUs activeHosts activeGPUs
    statusCounts { active silent missing maintenance } models { model count }`;
  const events = subscribe(`fleetSummary(intervalMs: 100) { ${FLEET} }`);
  const summary = (await events.next()).fleetSummary;
  assert.equal(summary.eventType, 'fleet_summary');
  assert.equal(summary.totalClusters, 1);
  assert.equal(summary.totalHosts, expected.hosts.size);
  assert.equal(summary.totalGPUs, uuids.length);
  const { fleet } = await data(`{ fleet { ${FLEET} } }`);
  assert.deepEqual(summary.models, fleet.models);
  const times = [];
  for (let i = 0; i < 5; i++) {
    await events.next();
    times.push(Date.now());
  }
  assert.ok(times[4] - times[0] >= 300, 'they come too often');
  await events.stop();
  await assert.rejects(
    subscribe('fleetSummary(intervalMs: 99) { totalGPUs }').next(),
    (errors) => /intervalMs: expected 100 to 3600000/.test(errors[0].message)
  );
});

// ---- values ----

test('a value that was not reported is null, wherever it is', async () => {
  const { gpu } = await data(`{ gpu(uuid: "${first}") {
    latest { timestamp sequence ${FIELDS} } telemetry(limit: 1) { ${FIELDS} } } }`);
  for (const name of METRICS) {
    if (latestOf(name).size > 0) continue;
    assert.equal(gpu.latest[fieldOf(name)], null, name);
    assert.equal(gpu.telemetry[0][fieldOf(name)], null, name);
  }
  assert.ok(gpu.latest.sequence > 0);
});

test('the catalogue has a field a metric', async () => {
  const { metrics } = await data('{ metrics { name field unit title dcgm } }');
  assert.deepEqual(
    metrics.map((m) => [m.name, m.field]),
    METRICS.map((name) => [name, fieldOf(name)])
  );
  assert.deepEqual(
    (await data('{ metric(name: power_draw) { unit dcgm } }')).metric,
    { unit: 'W', dcgm: 'DCGM_FI_DEV_POWER_USAGE' }
  );
});

// ---- steps ----

const aggregates = {
  AVG: (v) => v.reduce((a, b) => a + b, 0) / v.length,
  MIN: (v) => Math.min(...v),
  MAX: (v) => Math.max(...v),
  SUM: (v) => v.reduce((a, b) => a + b, 0),
  FIRST: (v) => v[0],
  LAST: (v) => v.at(-1),
  P50: (v) => percentile(v, 50),
  P95: (v) => percentile(v, 95),
  P99: (v) => percentile(v, 99),
};

function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

function near(actual, wanted, what) {
  if (wanted === null || wanted === undefined || actual === null)
    return assert.equal(actual, wanted ?? null, what);
  const scale = Math.max(1, Math.abs(wanted));
  assert.ok(Math.abs(actual - wanted) <= 1e-9 * scale,
    `${what}: ${actual} is not ${wanted}`);
}

// A GPU with a day of samples at uneven times, some without a value.
async function fillHistory() {
  await postgres.query(
    `insert into telemetry (gpu_id, ts, revision, temperature, power_draw)
     select id, timestamptz '2025-07-17 00:00:07Z' + s * interval '41 s'
       + (s % 7) * interval '3 s', 1, (s * 37) % 83,
       case when s % 5 > 0 then (s * 11) % 700 / 8.0 end
     from gpu, generate_series(0, 1999) s where uuid = $1
     on conflict do nothing`,
    [first]
  );
}

test('steps are what their samples make', async () => {
  await postgres.query(
    `create table if not exists telemetry_20250717 partition of telemetry
     for values from ('2025-07-17Z') to ('2025-07-18Z')`
  );
  await fillHistory();
  const start = '2025-07-17T03:00:00Z';
  const end = '2025-07-17T09:30:00Z';
  const rows = (await rowsOf(first)).filter(
    ({ ts }) => ts >= Date.parse(start) && ts <= Date.parse(end)
  );
  const stepMs = 900e3;
  const steps = new Map();
  for (const row of rows) {
    const at = Math.floor(row.ts / stepMs) * stepMs;
    steps.set(at, [...(steps.get(at) ?? []), row]);
  }
  for (const [aggregate, of] of Object.entries(aggregates)) {
    const { gpu } = await data(
      `query($a: Aggregate!) { gpu(uuid: "${first}") { telemetry(
        start: "${start}", end: "${end}", limit: 1000, step: "15m",
        aggregate: $a) { timestamp samples temperature powerDraw xid } } }`,
      { a: aggregate }
    );
    assert.equal(gpu.telemetry.length, steps.size);
    for (const bucket of gpu.telemetry) {
      const all = steps.get(Date.parse(bucket.timestamp));
      const values = (column) =>
        all.map((r) => r[column]).filter((v) => v !== null);
      const what = `${aggregate} of ${bucket.timestamp}`;
      assert.equal(bucket.samples, all.length, what);
      near(bucket.temperature, of(values('temperature')), what);
      near(bucket.powerDraw, of(values('power_draw')), what);
      assert.equal(bucket.xid, null);
    }
  }
});

test('a limit keeps the latest steps, and the latest samples', async () => {
  const range = 'start: "2025-07-17T00:00:00Z", end: "2025-07-17T12:00:00Z"';
  const ask = async (more) =>
    (await data(`{ gpu(uuid: "${first}") { telemetry(${range}, ${more}) {
      timestamp temperature } } }`)).gpu.telemetry;
  const all = await ask('limit: 10000');
  assert.deepEqual(await ask('limit: 7'), all.slice(-7));
  const steps = await ask('limit: 10000, step: "1h"');
  assert.deepEqual(await ask('limit: 3, step: "1h"'), steps.slice(-3));
  assert.deepEqual(await ask('limit: 10000, step: 3600'), steps);
});

// The second time a start is guessed; a further back limit must not be cut.
test('asking again and for more gives the same samples', async () => {
  const ask = async (limit, range = '') =>
    (await data(`{ gpu(uuid: "${first}") { telemetry(limit: ${limit}${range})
      { timestamp temperature } } }`)).gpu.telemetry;
  const rows = await rowsOf(first);
  for (const limit of [2, 2, 4, 5, 50, 50, 3, 1000, 1000, 5000, 5000, 2])
    assert.deepEqual(
      (await ask(limit)).map((t) => [Date.parse(t.timestamp), t.temperature]),
      rows.slice(-limit).map((r) => [Number(r.ts), r.temperature]),
      `limit ${limit}`
    );
  const end = ', end: "2025-07-17T05:00:00Z"';
  assert.deepEqual(await ask(20, end), await ask(20, end));
});

test('bad ranges are refused with what was expected', async () => {
  const gpu = (args) => `{ gpu(uuid: "${first}") { telemetry(${args}) {
    timestamp } } }`;
  const input = 'BAD_USER_INPUT';
  await refused(gpu('limit: 0'), input, /limit: expected 1 to 10000, got 0/);
  await refused(gpu('limit: 10001'), input, /10000/);
  await refused(gpu('step: "10ms"'), input, /step: expected 1s to 366d/);
  await refused(gpu('start: "now", end: "now-1h"'), input, /start is after end/);
  await refused(gpu('start: "noon"'), 'GRAPHQL_VALIDATION_FAILED', /RFC 3339/);
  await refused(
    '{ gpus { telemetry(limit: 9000) { timestamp } } }',
    'LIMIT_EXCEEDED',
    /rows/
  );
  assert.equal((await data('{ gpu(uuid: "nobody") { id } }')).gpu, null);
});

// ---- statistics ----

test('statistics are those of the latest values', async () => {
  const { fleet } = await data(`{ fleet { totalGPUs statusCounts { active silent
    missing maintenance } models { model count } statistics { metric { name }
      count average sum min max standardDeviation p50 p95 p99
      percentile(percent: 12.5) minGPU { uuid } maxGPU { uuid }
      histogram(buckets: 4) { from to count } } } }`);
  const rows = await data(`{ gpus { uuid latest { ${FIELDS} } } }`);
  assert.equal(fleet.totalGPUs, uuids.length);
  assert.equal(fleet.statusCounts.active, uuids.length);
  assert.equal(
    fleet.models.reduce((sum, m) => sum + m.count, 0),
    uuids.length
  );
  assert.equal(fleet.statistics.length, METRICS.length);
  for (const stats of fleet.statistics) {
    const { name } = stats.metric;
    const field = fieldOf(name);
    const of = rows.gpus.filter((g) => g.latest[field] !== null);
    const values = of.map((g) => g.latest[field]);
    assert.equal(stats.count, values.length, name);
    if (values.length === 0) {
      assert.equal(stats.average, null);
      assert.equal(stats.p95, null);
      assert.deepEqual(stats.histogram, []);
      continue;
    }
    const mean = aggregates.AVG(values);
    near(stats.average, mean, name);
    near(stats.sum, aggregates.SUM(values), name);
    near(stats.min, Math.min(...values), name);
    near(stats.max, Math.max(...values), name);
    near(
      stats.standardDeviation,
      Math.sqrt(aggregates.AVG(values.map((v) => (v - mean) ** 2))),
      name
    );
    near(stats.p50, percentile(values, 50), name);
    near(stats.p95, percentile(values, 95), name);
    near(stats.p99, percentile(values, 99), name);
    near(stats.percentile, percentile(values, 12.5), name);
    const at = (uuid) => of.find((g) => g.uuid === uuid).latest[field];
    assert.equal(at(stats.minGPU.uuid), stats.min);
    assert.equal(at(stats.maxGPU.uuid), stats.max);
    const inside = ({ from, to }, i, all) =>
      values.filter(
        (v) => v >= from && (v < to || (i === all.length - 1 && v <= to))
      ).length;
    if (stats.min < stats.max)
      assert.deepEqual(
        stats.histogram.map((b) => b.count),
        stats.histogram.map(inside),
        name
      );
  }
});

// ---- filters, orders, pages ----

test('filters take what they say', async () => {
  const { gpus } = await data(`{ gpus { uuid index hostname model
    latest { temperature gpuUtilization } } }`);
  const take = async (filter) =>
    (await data('query($f: GPUFilter) { gpus(filter: $f) { uuid } }', {
      f: filter,
    })).gpus.map((g) => g.uuid);
  const those = (test) => gpus.filter(test).map((g) => g.uuid);
  const host = gpus[0].hostname;
  const cases = [
    [{ host: [host] }, (g) => g.hostname === host],
    [{ host: [`local/${host}`] }, (g) => g.hostname === host],
    [{ cluster: ['elsewhere'] }, () => false],
    [{ cluster: ['elsewhere', 'local'] }, () => true],
    [{ uuid: [first, uuids[5], 'x'] }, (g) => [first, uuids[5]].includes(g.uuid)],
    [{ uuid: [] }, () => false],
    [{ model: ['h100'] }, (g) => /h100/i.test(g.model)],
    [{ status: ['silent', 'missing'] }, () => false],
    [{ status: ['active'] }, () => true],
    [
      { text: ` ${host.toUpperCase()} nvidia0` },
      (g) => g.hostname === host && g.index === '0',
    ],
    [
      { values: [{ metric: 'temperature', min: 30, max: 33.5 }] },
      (g) => g.latest.temperature >= 30 && g.latest.temperature <= 33.5,
    ],
    [{ values: [{ metric: 'xid' }] }, () => false],
  ];
  for (const [filter, test] of cases)
    assert.deepEqual(await take(filter), those(test), JSON.stringify(filter));
  const literal = await data(
    `{ gpus(filter: {host: "${host}", status: active}) { uuid } }`
  );
  assert.equal(literal.gpus.length, those((g) => g.hostname === host).length);
});

// Each is held against every GPU: a long one would hold up everybody.
test('a filter has an end', async () => {
  const many = (count) => Array.from({ length: count }, (_, i) => `x${i}`);
  const cases = [
    ['GPUFilter', 'gpus', { text: 'n '.repeat(129) }, /filter\.text: 256 bytes/],
    ['GPUFilter', 'gpus', { uuid: many(257) }, /filter\.uuid: 256 at most, got 257/],
    ['GPUFilter', 'gpus', { model: many(33) }, /filter\.model: 32/],
    ['GPUFilter', 'gpusConnection', { host: many(257) }, /filter\.host: 256/],
    ['GPUFilter', 'fleet', { cluster: many(257) }, /filter\.cluster: 256/],
    ['HostFilter', 'hosts', { hostname: many(257) }, /filter\.hostname: 256/],
  ];
  for (const [type, field, filter, words] of cases)
    await refused(
      `query($f: ${type}) { ${field}(filter: $f) { __typename } }`,
      'BAD_USER_INPUT',
      words,
      { f: filter }
    );
  const { gpus } = await data('query($f: GPUFilter) { gpus(filter: $f) { uuid } }', {
    f: { text: 'n '.repeat(128), uuid: [...many(255), first] },
  });
  assert.deepEqual(gpus, [{ uuid: first }]);
});

test('histograms have an end, and none of their bounds', async () => {
  await refused(
    '{ gpus { host { statistics { histogram(buckets: 1000) { count } } } } }',
    'LIMIT_EXCEEDED',
    /histograms of 1000 buckets each are more than 100000/
  );
  const wide = 2 ** 1023; // twice that is no double any more
  const { fleet } = await data(`{ fleet { statistics(metrics: temperature) {
    count histogram(buckets: 4, from: ${-wide}, to: ${wide}) { from to count } } } }`);
  const [{ count, histogram }] = fleet.statistics;
  assert.deepEqual(
    histogram.map((b) => [b.from, b.to]),
    [[-wide, -wide / 2], [-wide / 2, 0], [0, wide / 2], [wide / 2, wide]]
  );
  assert.deepEqual(histogram.map((b) => b.count), [0, 0, count, 0]);
});

test('orders are total', async () => {
  const { gpus } = await data(
    `{ gpus(sort: [{metric: temperature, direction: DESC}, {field: uuid}]) {
      uuid latest { temperature } } }`
  );
  const sorted = [...gpus].sort(
    (a, b) =>
      b.latest.temperature - a.latest.temperature || (a.uuid < b.uuid ? -1 : 1)
  );
  assert.deepEqual(gpus, sorted);
  const { hosts } = await data(
    '{ hosts(sort: {field: temperature}, limit: 5) { health { temperatureCelsius } } }'
  );
  const heat = hosts.map((h) => h.health.temperatureCelsius);
  assert.equal(heat.length, 5);
  assert.deepEqual(heat, [...heat].sort((a, b) => a - b));
  await refused('{ gpus(sort: {}) { id } }', 'BAD_USER_INPUT', /either a field/);
  await refused('{ gpus(limit: -1) { id } }', 'BAD_USER_INPUT', /limit/);
});

const PAGE = `query($first: Int, $after: String, $last: Int, $before: String,
    $sort: [GPUSort!]) {
  gpusConnection(first: $first, after: $after, last: $last, before: $before,
      sort: $sort) {
    totalCount asOf pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { uuid } } nodes { uuid } } }`;

const page = async (variables) => (await data(PAGE, variables)).gpusConnection;

async function walk(sort) {
  const found = [];
  let after = null;
  for (;;) {
    const { edges, nodes, pageInfo } = await page({ first: 40, after, sort });
    assert.deepEqual(nodes, edges.map((e) => e.node));
    found.push(...nodes.map((n) => n.uuid));
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

test('pages go through all, forward and back', async () => {
  const sort = [{ metric: 'gpu_utilization', direction: 'DESC' }];
  for (const order of [undefined, sort]) {
    const list = (await data(
      'query($s: [GPUSort!]) { gpus(sort: $s) { uuid } }',
      { s: order }
    )).gpus.map((g) => g.uuid);
    assert.deepEqual(await walk(order), list);
    const end = await page({ last: 30, sort: order });
    assert.deepEqual(end.nodes.map((n) => n.uuid), list.slice(-30));
    assert.equal(end.pageInfo.hasNextPage, false);
    assert.equal(end.pageInfo.hasPreviousPage, true);
    assert.equal(end.totalCount, list.length);
    const back = await page({
      last: 30,
      before: end.pageInfo.startCursor,
      sort: order,
    });
    assert.deepEqual(back.nodes.map((n) => n.uuid), list.slice(-60, -30));
  }
  assert.equal((await page({})).edges.length, Math.min(100, uuids.length));
  assert.equal((await page({ first: 0 })).edges.length, 0);
  const input = 'BAD_USER_INPUT';
  await refused(PAGE, input, /first/, { first: -1 });
  await refused(PAGE, input, /not a cursor/, { first: 1, after: 'bogus' });
  const { pageInfo } = await page({ first: 1 });
  await refused(PAGE, input, /not a cursor/, {
    first: 1,
    after: pageInfo.endCursor,
    sort,
  });
});

test('hosts in pages', async () => {
  const { hosts, hostsConnection } = await data(`{ hosts { id }
    hostsConnection(first: 5) { totalCount nodes { id } pageInfo { endCursor } } }`);
  assert.equal(hostsConnection.totalCount, hosts.length);
  assert.deepEqual(hostsConnection.nodes, hosts.slice(0, 5));
  const next = await data(
    `query($after: String) { hostsConnection(first: 5, after: $after) {
      nodes { id } } }`,
    { after: hostsConnection.pageInfo.endCursor }
  );
  assert.deepEqual(next.hostsConnection.nodes, hosts.slice(5, 10));
});

test('every id leads back to its object', async () => {
  const { clusters, hosts, gpus } = await data(
    '{ clusters { id } hosts { id } gpus { id } }'
  );
  const ids = [clusters[0], hosts[3], gpus[7]].map((o) => o.id);
  const { nodes, node } = await data(
    `query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id }
      node(id: $id) { ... on GPU { uuid host { id } } } }`,
    { ids: [...ids, 'nobody', 'local/nobody'], id: gpus[7].id }
  );
  assert.deepEqual(nodes, [
    { __typename: 'Cluster', id: ids[0] },
    { __typename: 'Host', id: ids[1] },
    { __typename: 'GPU', id: ids[2] },
    null,
    null,
  ]);
  assert.equal(node.uuid, gpus[7].id);
});

test('a place whose GPU is left out is missing, not a GPU', async () => {
  const { hosts } = await data(`{ hosts { hostname totalGPUs
    statusCounts { active missing } missing { index since } } }`);
  const sizes = new Set(hosts.map((h) => h.totalGPUs + h.missing.length));
  for (const host of hosts) {
    assert.equal(host.statusCounts.missing, host.missing.length);
    assert.equal(host.statusCounts.active, host.totalGPUs);
  }
  const total = hosts.reduce((sum, h) => sum + h.totalGPUs, 0);
  assert.equal(total, uuids.length);
    assert.ok(sizes.has(8) && sizes.size <= 2);
});

// ---- what it costs ----

const statements = () =>
  metric(gateway, 'nexus_gateway_db_queries_total{outcome="ok"}');

test('a level costs one statement, however many its objects', async () => {
  const query = `{ clusters { hosts { gpus { uuid
    a: telemetry(limit: 2) { timestamp powerDraw } } } } }`;
  await data(query);
  for (let tries = 0; ; tries++) {
    const before = await statements();
    const { clusters } = await data(query);
    const used = (await statements()) - before;
    const gpus = clusters[0].hosts.flatMap((h) => h.gpus);
    assert.equal(gpus.length, uuids.length);
    for (const { uuid, a } of gpus)
      for (const { timestamp, powerDraw } of a) {
        const time = new Date(timestamp).toISOString();
        const wanted = expected.values.get(`${uuid}|${time}|power_draw`);
        if (times.includes(time)) assert.equal(powerDraw, wanted ?? null);
      }
    if (used === 1) break; // else: what else runs now and then was in it
    assert.ok(tries < 5, `${used} statements`);
  }
});

test('lists and latest values cost none', async () => {
  for (let tries = 0; ; tries++) {
    const before = await statements();
    await data('{ fleet { totalGPUs } hosts { gpus { latest { timestamp } } } }');
    if ((await statements()) === before) break;
    assert.ok(tries < 5);
  }
});

// Once a batch made every list anew for each parent: two gigabytes.
test('what one parent has is made once for all its places', async () => {
  const lists = `gpus(filter: {text: "nvidia0"}) { id }
    hosts(limit: 2) { id } statistics(metrics: temperature) { count average }`;
  const { clusters, gpus } = await data(
    `{ clusters { ${lists} } gpus { cluster { ${lists} } } }`
  );
  assert.equal(gpus.length, uuids.length);
  for (const { cluster } of gpus) assert.deepEqual(cluster, clusters[0]);
  await data(
    '{ gpus { cluster { gpus { cluster { statistics { average } } } } } }'
  );
  if (process.env.SAN === '1') return; // sanitizers keep what is freed
  const used = await metric(gateway, 'process_resident_memory_bytes');
  assert.ok(used < 256 << 20, `${used >> 20} MB`);
});

// ---- mutations ----

const SET_LABELS = `mutation($labels: [LabelInput!]!) {
  setGpuLabels(uuid: "${first}", labels: $labels) { labels { key value } } }`;
const STATE = `{ gpu(uuid: "${first}") { status label(key: "team")
  labels { key value } maintenance { reason since } } }`;

test('labels and maintenance stay, and other gateways learn of them', async () => {
  const other = await gatewayOf();
  const set = await data(SET_LABELS, {
    labels: [
      { key: 'team', value: 'Ünï "x"' },
      { key: 'rack', value: '' },
    ],
  });
  const labels = [
    { key: 'rack', value: '' },
    { key: 'team', value: 'Ünï "x"' },
  ];
  assert.deepEqual(set.setGpuLabels.labels, labels);
  const { setGpuMaintenance } = await data(`mutation { setGpuMaintenance(
    uuid: "${first}", on: true, reason: "new fan") { status maintenance {
      reason since } } }`);
  assert.equal(setGpuMaintenance.status, 'maintenance');
  const since = Date.parse(setGpuMaintenance.maintenance.since);
  assert.ok(Math.abs(since - Date.now()) < 60e3);
  const { gpu } = await data(STATE);
  assert.equal(gpu.label, 'Ünï "x"');
  await waitFor(async () => {
    const seen = await data(STATE, {}, other);
    return JSON.stringify(seen.gpu) === JSON.stringify(gpu);
  }, 'the other gateway to know');
  await gateway.stop();
  gateway = await gatewayOf();
  await waitFor(
    async () => (await data(STATE)).gpu?.status === 'maintenance',
    'the state after a restart'
  );
  assert.deepEqual((await data(STATE)).gpu, gpu);
  const filtered = await data(`{ gpus(filter: {labels: {key: "team"},
    status: maintenance, text: "fan"}) { uuid }
    both: gpus(filter: {labels: [{key: "rack", value: ""}]}) { uuid } }`);
  assert.deepEqual(filtered, { gpus: [], both: [{ uuid: first }] });
});

test('maintenance keeps its beginning, and ends', async () => {
  const set = (on, reason) =>
    data(
      `mutation($on: Boolean!, $reason: String) { setGpuMaintenance(
        uuid: "${first}", on: $on, reason: $reason) { status maintenance {
          reason since } } }`,
      { on, reason }
    ).then((d) => d.setGpuMaintenance);
  const before = (await data(STATE)).gpu.maintenance;
  const again = await set(true, 'a bigger fan');
  assert.deepEqual(again.maintenance, {
    reason: 'a bigger fan',
    since: before.since,
  });
  const after = await set(false);
  assert.equal(after.maintenance, null);
  assert.notEqual(after.status, 'maintenance');
  await data(SET_LABELS, { labels: [] });
  assert.deepEqual((await data(STATE)).gpu.labels, []);
});

// The last one written is what all of them say in the end, and not a mixture.
test('two gateways write at the same time', async () => {
  const other = await gatewayOf();
  await waitFor(
    async () => (await data(STATE, {}, other)).gpu !== null,
    'the other gateway to know the GPU'
  );
  const labelsOf = (i) =>
    ['a', 'b', 'c'].map((key) => ({ key, value: `${i}` }));
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      data(SET_LABELS, { labels: labelsOf(i) }, i % 2 ? other : gateway)
    )
  );
  const [{ labels }] = await postgres.query(
    `select a.labels from gpu_annotation a join gpu g on g.id = a.gpu_id
     where g.uuid = $1`,
    [first]
  );
  const stored = labelsOf(labels.a);
  assert.deepEqual(
    Object.entries(labels).map(([key, value]) => ({ key, value })),
    stored
  );
  for (const one of [gateway, other])
    await waitFor(async () => {
      const { gpu } = await data(STATE, {}, one);
      return JSON.stringify(gpu.labels) === JSON.stringify(stored);
    }, 'both to say what is stored');
  await data(SET_LABELS, { labels: [] });
  await other.stop();
});

test('bad mutations change nothing and say why', async () => {
  const input = 'BAD_USER_INPUT';
  const set = (labels, words) => refused(SET_LABELS, input, words, { labels });
  const key = (text) => [{ key: text, value: '' }];
  await set(key(''), /1 to 63 bytes/);
  await set(key('k'.repeat(64)), /1 to 63 bytes/);
  await set([{ key: 'k', value: 'v'.repeat(256) }], /255/);
  await set([...key('k'), ...key('k')], /twice/);
  await set(key('\u0000'), /control/);
  await set(
    Array.from({ length: 65 }, (_, i) => ({ key: `k${i}`, value: '' })),
    /64 at most/
  );
  await refused(
    'mutation { setGpuLabels(uuid: "nobody", labels: []) { id } }',
    'NOT_FOUND',
    /there is no GPU "nobody"/
  );
  assert.deepEqual((await data(STATE)).gpu.labels, []);
});

// ---- without the database ----

test('what is in memory is answered while the database is away', async () => {
  await postgres.kill();
  const { fleet } = await data('{ fleet { totalGPUs } }');
  assert.equal(fleet.totalGPUs, uuids.length);
  const { data: partly, errors } = await ask(`{ gpu(uuid: "${first}") { uuid
    telemetry { timestamp } } }`);
  assert.equal(partly.gpu, null); // telemetry is never null
  assert.deepEqual(errors[0].path, ['gpu', 'telemetry']);
  assert.match(errors[0].extensions.code, /TIMEOUT|UNAVAILABLE/);
  await postgres.start();
  await waitFor(async () => {
    const again = await ask(`{ gpu(uuid: "${first}") { telemetry { samples } } }`);
    return again.errors === undefined;
  }, 'the database again');
});
