// The REST interface of the gateway, over a database filled by hand.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import {
  METRICS,
  createSchema,
  getJson,
  insertFleet,
  metric,
  startGateway,
  startPostgres,
} from './support/index.js';

const MODEL = 'NVIDIA H100 80GB HBM3';
const START = Date.parse('2025-07-18T20:00:00Z');
const at = (second) => new Date(START + second * 1000).toISOString();

let gateway;

const get = (path) => getJson(`${gateway.httpUrl}${path}`);
const telemetry = (query = '', uuid = 'GPU-1') =>
  get(`/api/v1/gpus/${uuid}/telemetry${query}`);

before(async () => {
  const postgres = await startPostgres();
  await createSchema(postgres);
  const now = new Date();
  const old = new Date(now - 3600e3);
  const gpu = (cluster, host, index, uuid, lastSeen = now, model = MODEL) => ({
    cluster,
    host,
    index,
    uuid,
    model,
    lastSeen,
  });
  const ids = await insertFleet(postgres, [
    gpu('local', 'beta', '10', 'GPU-10'),
    gpu('local', 'beta', '9', 'GPU-9', old),
    gpu('local', 'alpha', '0', 'GPU-1'),
    gpu('local', 'alpha', '1', 'MIG-GPU-2/3/0', old, 'Ünïcode "quoted"'),
    gpu('east', 'gamma', '0', 'GPU-3', old),
  ]);
  await postgres.query("update cluster set region = 'eu' where name = 'east'");
  await postgres.query(
    `insert into telemetry (gpu_id, ts, revision, gpu_utilization, temperature)
     select $1, $2::timestamptz + s * interval '1 second', 1, s + 0.1, -s
     from generate_series(0, 149) s`,
    [ids['GPU-1'], at(0)]
  );
  await postgres.query(
    `update telemetry set extra = '{"DCGM_FI_DEV_NEW_THING": 7.5}',
       gpu_utilization = 0.1::float8 + 0.2, temperature = null
     where ts = $1`,
    [at(5)]
  );
  gateway = await startGateway({ database: postgres });
});

test('GPUs come by host and by number, with their status', async () => {
  const { status, headers, body } = await get('/api/v1/gpus');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.equal(body.success, true);
  assert.equal(body.count, 5);
  assert.deepEqual(body.data[0], {
    id: '0',
    uuid: 'GPU-1',
    hostname: 'alpha',
    name: MODEL,
    device: 'nvidia0',
    status: 'active',
  });
  assert.deepEqual(
    body.data.map((g) => [g.hostname, g.id, g.status]),
    [
      ['alpha', '0', 'active'],
      ['alpha', '1', 'silent'],
      ['beta', '9', 'silent'],
      ['beta', '10', 'active'],
      ['gamma', '0', 'silent'],
    ]
  );
  assert.equal(body.data[1].name, 'Ünïcode "quoted"');
});

test('hosts and clusters count their GPUs', async () => {
  const hosts = await get('/api/v1/hosts');
  assert.deepEqual(hosts.body, {
    success: true,
    count: 3,
    data: [
      { hostname: 'alpha', cluster_id: 'local', total_gpus: 2, active_gpus: 1 },
      { hostname: 'beta', cluster_id: 'local', total_gpus: 2, active_gpus: 1 },
      { hostname: 'gamma', cluster_id: 'east', total_gpus: 1, active_gpus: 0 },
    ],
  });
  const clusters = await get('/api/v1/clusters');
  assert.deepEqual(clusters.body.data, [
    {
      cluster_id: 'east',
      cluster_name: 'east',
      region: 'eu',
      metadata: {
        total_hosts: 1,
        total_gpus: 1,
        active_hosts: 0,
        active_gpus: 0,
      },
    },
    {
      cluster_id: 'local',
      cluster_name: 'local',
      region: null,
      metadata: {
        total_hosts: 2,
        total_gpus: 4,
        active_hosts: 2,
        active_gpus: 2,
      },
    },
  ]);
});

test('an entry has every metric, null where it was not reported', async () => {
  const { body } = await telemetry(`?start_time=${at(5)}&end_time=${at(5)}`);
  const missing = Object.fromEntries(METRICS.map((name) => [name, null]));
  assert.equal(body.count, 1);
  assert.deepEqual(body.data[0], {
    telemetry_id: `alpha_0_${START / 1000 + 5}`,
    timestamp: '2025-07-18T20:00:05Z',
    gpu_id: '0',
    uuid: 'GPU-1',
    device: 'nvidia0',
    model_name: MODEL,
    hostname: 'alpha',
    ...missing,
    gpu_utilization: 0.30000000000000004,
    extra: { DCGM_FI_DEV_NEW_THING: 7.5 },
  });
});

test('entries are ordered by time, the latest where there are more', async () => {
  const all = await telemetry();
  assert.equal(all.body.count, 100);
  assert.deepEqual(
    all.body.data.map((e) => Date.parse(e.timestamp)),
    Array.from({ length: 100 }, (_, i) => START + (i + 50) * 1000)
  );
  assert.ok(!('extra' in all.body.data[0]));
  const three = await telemetry(`?limit=3&end_time=${at(10)}`);
  assert.deepEqual(
    three.body.data.map((e) => [e.gpu_utilization, e.temperature]),
    [
      [8.1, -8],
      [9.1, -9],
      [10.1, -10],
    ]
  );
});

test('start and end are inclusive, in every form of a time', async () => {
  const count = async (query) => (await telemetry(query)).body.count;
  assert.equal(await count(`?start_time=${at(10)}&end_time=${at(12)}`), 3);
  assert.equal(
    await count('?start_time=2025-07-18T22:00:10%2B02:00&end_time=' + at(12)),
    3
  );
  // a '+' that was not escaped
  assert.equal(
    await count('?start_time=2025-07-18T22:00:10+02:00&end_time=' + at(12)),
    3
  );
  assert.equal(await count(`?end_time=${at(-1)}`), 0);
  assert.equal(await count('?start_time=now-5m&end_time=now'), 0);
  assert.equal(await count('?start_time=now-36500d&limit=10000'), 150);
});

test('the uuid may hold any character, percent-encoded', async () => {
  const { status, body } = await telemetry('', 'MIG-GPU-2%2F3%2F0');
  assert.equal(status, 200);
  assert.deepEqual(body, { success: true, count: 0, data: [] });
});

test('what is wrong is told with parameter, value and expectation', async () => {
  const cases = [
    ['?limit=0', 'limit', '"0"', '1 to 10000'],
    ['?limit=10001', 'limit', '"10001"', '1 to 10000'],
    ['?limit=ten', 'limit', '"ten"', 'whole number'],
    ['?limit=', 'limit', '""', 'whole number'],
    ['?start_time=yesterday', 'start_time', '"yesterday"', 'now-5m'],
    ['?end_time=2025-02-30T00:00:00Z', 'end_time', '2025-02-30', 'a time'],
    ['?start_time=now&end_time=now-5m', 'start_time', 'after', 'now-5m'],
    ['?limit=1&limit=2', 'limit', 'more than once', ''],
    ['?lmit=1', 'lmit', '"lmit"', 'start_time, end_time, limit'],
    ['?limit=%C3%A9', 'limit', '"é"', ''],
  ];
  for (const [query, parameter, value, expected] of cases) {
    const { status, headers, body } = await telemetry(query);
    assert.equal(status, 400, query);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(body.title, 'Bad Request');
    assert.equal(body.status, 400);
    assert.equal(body.instance, '/api/v1/gpus/GPU-1/telemetry');
    assert.equal(body.errors.length, 1);
    assert.equal(body.errors[0].parameter, parameter);
    assert.ok(body.errors[0].detail.includes(value), body.errors[0].detail);
    assert.ok(body.errors[0].detail.includes(expected), body.detail);
  }
  const unknown = await get('/api/v1/gpus?limit=5');
  assert.equal(unknown.status, 400);
  assert.equal(unknown.body.errors[0].parameter, 'limit');
});

test('what is not there is 404, what is not done 405', async () => {
  const gone = await telemetry('', 'GPU-none');
  assert.equal(gone.status, 404);
  assert.match(gone.body.detail, /GPU-none/);
  assert.equal((await get('/api/v2/gpus')).status, 404);
  const reply = await getJson(`${gateway.httpUrl}/api/v1/gpus`, {
    method: 'POST',
    body: '{}',
  });
  assert.equal(reply.status, 405);
  assert.equal(reply.headers.get('allow'), 'GET, HEAD');
});

test('malformed escapes and requests are 400, not 500', async () => {
  const paths = [
    '/api/v1/gpus/%zz/telemetry',
    '/api/v1/gpus/a%00/telemetry',
    '/api/v1/gpus/%ff%fe/telemetry',
    '/api/v1/gpus?%',
  ];
  for (const path of paths) {
    const { status, body } = await get(path);
    assert.equal(status, 400, path);
    assert.equal(body.status, 400);
  }
});

test('pages of other origins may read, unless it is turned off', async () => {
  const { headers } = await get('/health');
  assert.equal(headers.get('access-control-allow-origin'), '*');
  const preflight = await fetch(`${gateway.httpUrl}/api/v1/gpus`, {
    method: 'OPTIONS',
  });
  assert.equal(preflight.status, 204);
});

test('the figures of the requests are in /metrics', async () => {
  const name =
    'nexus_gateway_requests_total{route="listHosts",status="2xx"}';
  const earlier = await metric(gateway, name);
  await get('/api/v1/hosts');
  assert.equal(await metric(gateway, name), earlier + 1);
});

// All that was asked on one connection is answered in order, though it asks
// for everything before it reads anything.
test('pipelined requests are answered in order', async () => {
  const socket = connect(gateway.port, '127.0.0.1');
  const paths = ['/api/v1/hosts', '/health', '/api/v1/clusters', '/nothing'];
  socket.write(
    paths
      .map(
        (path, i) =>
          `GET ${path} HTTP/1.1\r\nHost: h\r\n` +
          (i === paths.length - 1 ? 'Connection: close\r\n' : '') +
          '\r\n'
      )
      .join('')
  );
  let text = '';
  for await (const piece of socket) text += piece;
  const bodies = text.split(/\r\n\r\n(?={)/).slice(1);
  assert.match(bodies[0], /"alpha"/);
  assert.match(bodies[1], /"healthy"/);
  assert.match(bodies[2], /"east"/);
  assert.match(bodies[3], /"status":404/);
});
