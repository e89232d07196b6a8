// Every field of every type, found by introspection and asked for: with its
// default arguments and with made-up ones; and that each answer is of the type
// that the schema says.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  isEnumType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { post } from './support/graphql.js';
import { following, publish, sample } from './support/live.js';
import {
  METRICS,
  connectNats,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  waitFor,
} from './support/index.js';

const DEPTH = 3; // of objects inside objects
let api, schema, nats;
const seen = new Set(); // "Type.field" that was in an answer

const GPU = 'GPU-walk';
// What required arguments are given.
const REQUIRED = {
  'Query.cluster': 'id: "local"',
  'Query.host': 'hostname: "alpha"',
  'Query.gpu': `uuid: "${GPU}"`,
  'Query.metric': 'name: temperature',
  'Query.node': `id: "${GPU}"`,
  'Query.nodes': `ids: ["${GPU}", "local", "local/alpha", "nobody"]`,
  'GPU.label': 'key: "team"',
  'LatestTelemetry.value': 'metric: temperature',
  'MetricStatistics.percentile': 'percent: 12.5',
  'Mutation.setGpuLabels': `uuid: "${GPU}", labels: {key: "team", value: "x"}`,
  'Mutation.setGpuMaintenance': `uuid: "${GPU}", on: false`,
};
const ALL_METRICS = Object.fromEntries(METRICS.map((name, i) => [name, i + 1]));

before(async () => {
  const [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
  const env = { REGION: 'north' };
  await startCollector({ broker, database: postgres, env });
  const gateway = await startGateway({
    broker,
    database: postgres,
    env: { GRAPHQL_COST: '0' },
  });
  const url = `${gateway.httpUrl}/graphql`;
  api = { gateway, broker, postgres, url, wsUrl: url.replace('http', 'ws') };
  nats = await connectNats(api.broker);
  await following(api.gateway);
  await report(GPU, '0');
  await report('GPU-third', '2'); // so the place between them is empty
  await waitFor(async () => {
    await report(GPU, '0');
    const query = '{ hosts { missing { index } } }';
    const { missing } = (await post(api.url, { query })).body.data.hosts[0];
    return missing.length === 1;
  }, 'the GPUs, and the place between them');
  await waitFor(async () => {
    const query = '{ pipeline { services { id } history { rowsTotal } } }';
    const { services, history } = (await post(api.url, { query })).body.data.pipeline;
    return services?.length === 2 && history.some((p) => p.rowsTotal > 2);
  }, 'the pipeline’s figures');
  const { body } = await post(api.url, { query: getIntrospectionQuery() });
  schema = buildClientSchema(body.data);
});

const report = (uuid, gpu, more = {}) =>
  publish(
    nats,
    sample(uuid, ALL_METRICS, {
      gpu,
      pod: 'pod-1',
      namespace: 'ns',
      container: 'c',
      extra: { DCGM_FI_DEV_OTHER: 7 },
      ...more,
    })
  );

// ---- documents ----

const isComposite = (type) => isObjectType(type) || isInterfaceType(type);

function selection(type, depth) {
  if (isLeafType(type)) return '';
  const parts = ['__typename'];
  for (const field of Object.values(type.getFields())) {
    const inner = getNamedType(field.type);
    if (isComposite(inner) && depth === 0) continue;
    parts.push(fieldText(type, field, depth - 1));
  }
  if (isInterfaceType(type))
    for (const object of schema.getPossibleTypes(type))
      parts.push(`... on ${object.name} ${selection(object, 0)}`);
  return `{ ${parts.join(' ')} }`;
}

function fieldText(type, field, depth) {
  const given = REQUIRED[`${type.name}.${field.name}`];
  const required = field.args.some(
    (a) => isNonNullType(a.type) && a.defaultValue === undefined
  );
  assert.equal(given !== undefined, required, `${type.name}.${field.name}`);
  const args = given === undefined ? '' : `(${given})`;
  return `${field.name}${args} ${selection(getNamedType(field.type), depth)}`;
}

// ---- answers ----

const SCALARS = {
  ID: (v) => typeof v === 'string' && v.length > 0,
  String: (v) => typeof v === 'string',
  Int: (v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31,
  Float: (v) => typeof v === 'number',
  Boolean: (v) => typeof v === 'boolean',
  DateTime: (v) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v) &&
    !Number.isNaN(Date.parse(v)),
  BigInt: (v) => Number.isInteger(v),
  JSON: () => true,
};

function check(type, value, where) {
  if (isNonNullType(type)) {
    assert.notEqual(value, null, `${where} is null`);
    check(type.ofType, value, where);
  } else if (value === null) {
    return;
  } else if (isListType(type)) {
    assert.ok(Array.isArray(value), where);
    value.forEach((item, i) => check(type.ofType, item, `${where}.${i}`));
  } else if (isComposite(type)) {
    checkObject(value, where);
  } else if (isEnumType(type)) {
    assert.ok(type.getValue(value), `${where}: ${value}`);
  } else {
    const ok = SCALARS[type.name](value);
    assert.ok(ok, `${where}: ${JSON.stringify(value)} is no ${type.name}`);
  }
}

function checkObject(value, where) {
  const fields = schema.getType(value.__typename).getFields();
  for (const [name, inner] of Object.entries(value)) {
    if (name === '__typename') continue;
    check(fields[name].type, inner, `${where}.${name}`);
    if (inner !== null && inner.length !== 0)
      seen.add(`${value.__typename}.${name}`);
  }
}

function checkAnswer({ data, errors }, root) {
  assert.equal(errors, undefined, JSON.stringify(errors?.slice(0, 3)));
  checkObject({ __typename: root.name, ...data }, root.name);
}

async function ask(kind, root, field) {
  const query = `${kind} { ${fieldText(root, field, DEPTH)} }`;
  checkAnswer((await post(api.url, { query })).body, root);
}

// ---- the walk ----

test('every query', async () => {
  const root = schema.getQueryType();
  for (const field of Object.values(root.getFields()))
    await ask('query', root, field);
});

test('every mutation', async () => {
  const root = schema.getMutationType();
  for (const field of Object.values(root.getFields()))
    await ask('mutation', root, field);
  const out = REQUIRED['Mutation.setGpuMaintenance'].replace('false', 'true');
  REQUIRED['Mutation.setGpuMaintenance'] = `${out}, reason: "a fan"`;
  await ask('mutation', root, root.getFields().setGpuMaintenance);
});

// What makes each of them say something.
const CAUSES = {
  telemetryUpdates: () => report(GPU, '0'),
  gpuStatusChanged: (i) =>
    post(api.url, {
      query: `mutation { setGpuMaintenance(uuid: "${GPU}", on: ${i % 2 > 0},
        reason: "a fan") { id } }`,
    }),
  latestValues: () => report(GPU, '0'),
  fleetSummary: () => {},
  pipelineStatus: () => {},
};

test('every subscription', async () => {
  const root = schema.getSubscriptionType();
  const client = createClient({ url: api.wsUrl, webSocketImpl: WebSocket });
  for (const field of Object.values(root.getFields())) {
    const query = `subscription { ${fieldText(root, field, DEPTH - 1)} }`;
    const answers = [];
    const stop = client.subscribe(
      { query },
      {
        next: (answer) => answers.push(answer),
        error: (error) => answers.push({ errors: error }),
        complete: () => {},
      }
    );
    let tries = 0;
    await waitFor(async () => {
      await CAUSES[field.name](tries++);
      return answers.length > 0;
    }, field.name);
    checkAnswer(answers[0], root);
    stop();
  }
  await client.dispose();
});

// Those that need a state of affairs that there is not: none of these GPUs is
// ill, and the database is there.
const UNSEEN = new Set([
  'GPUHealth.problems',
  'HostHealth.problems',
  'PipelineDatabase.problem',
]);

test('no field was left out, and none was always empty', () => {
  const left = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .flatMap((type) =>
      Object.keys(type.getFields()).map((name) => `${type.name}.${name}`)
    )
    .filter((name) => !seen.has(name) && !UNSEEN.has(name));
  assert.deepEqual(left, []);
});
