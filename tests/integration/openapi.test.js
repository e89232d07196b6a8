// The documents of the REST interface: they are well-formed, say what the
// gateway does, and the gateway does what they say.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { buildSchema } from 'graphql';
import { parse as parseYaml } from 'yaml';

import { METRICS, ROOT, createSchema, insertFleet, rawRequest, startGateway, startPostgres } from './support/index.js';

const UUID = 'GPU-5fd4f087-86f3-7a43-b711-4771313afc50'; // that of the examples

let database, gateway, bare, openapi, ajv;

const get = (path, headers = {}) => rawRequest(`${gateway.httpUrl}${path}`, { headers });
const jsonOf = ({ body }) => JSON.parse(body.toString());

before(async () => {
  database = await startPostgres();
  await createSchema(database);
  const { [UUID]: id } = await insertFleet(database, [
    { cluster: 'local', host: 'alpha', index: '0', uuid: UUID, model: 'H100', lastSeen: new Date() },
    { cluster: 'east', host: 'beta', index: '1', uuid: 'GPU-2', model: 'H100', lastSeen: new Date(0) },
  ]);
  await database.query("update cluster set region = 'eu' where name = 'east'");
  await database.query(
    `insert into telemetry (gpu_id, ts, revision, gpu_utilization, extra)
     select $1, now() - s * interval '1 minute', 1, s, case when s = 2 then '{"DCGM_FI_DEV_NEW_THING": 7.5}'::jsonb end
     from generate_series(0, 3) s`,
    [id]
  );
  gateway = await startGateway({ database });
  bare = await startGateway({ database, env: { ENABLE_GRAPHQL: 'false', ENABLE_WEBSOCKET: 'false' } });
  openapi = jsonOf(await get('/swagger/swagger.json'));
  ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(openapi, 'openapi');
});

// Each operation: { path, method, operation }.
const operations = () =>
  Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  );

// The schema of an answer: what the operation says of that status.
function schemaOf(path, method, status, type) {
  const { responses } = openapi.paths[path][method];
  const key = status in responses ? status : 'default';
  const at = responses[key].$ref ?? `#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')}/${method}/responses/${key}`;
  const response = at.slice(2).split('/').reduce((node, part) => node[decodeURIComponent(part).replaceAll('~1', '/')], openapi);
  assert.ok(response.content?.[type], `${method} ${path} ${status} says nothing of ${type}`);
  return { $ref: `openapi${at}/content/${type.replaceAll('/', '~1')}/schema` };
}

function assertAsDescribed(path, method, reply) {
  const [type] = reply.headers['content-type'].split(';');
  const validate = ajv.compile(schemaOf(path, method, reply.status, type));
  const body = /json$/.test(type) ? jsonOf(reply) : reply.body.toString();
  assert.ok(validate(body), `${method} ${path} ${reply.status}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
}

const addressOf = (path, operation, values = {}) => {
  const query = new URLSearchParams();
  let address = path;
  for (const { name, in: place, example, schema } of operation.parameters ?? []) {
    const value = values[name] ?? example ?? schema.default;
    if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== undefined) query.set(name, value);
  }
  return query.size > 0 ? `${address}?${query}` : address;
};

test('it is a document of OpenAPI 3.1, in JSON and in YAML', async () => {
  const result = await new Validator().validate(structuredClone(openapi));
  assert.deepEqual(result.errors ?? [], []);
  assert.ok(result.valid);
  assert.match(openapi.openapi, /^3\.1\./);

  const yaml = await get('/swagger/swagger.yaml');
  assert.equal(yaml.headers['content-type'], 'application/yaml');
  assert.deepEqual(parseYaml(yaml.body.toString()), openapi);
  assert.deepEqual(jsonOf(await get('/swagger/spec.json')), openapi);
});

test('it is asked for again at the price of its tag', async () => {
  for (const path of ['/swagger/swagger.json', '/swagger/swagger.yaml', '/graphql/schema.graphql']) {
    const { headers } = await get(path);
    assert.equal(headers['cache-control'], 'no-cache');
    const again = await get(path, { 'if-none-match': headers.etag });
    assert.equal(again.status, 304, path);
    assert.equal(again.body.length, 0);
  }
});

test('its server is the one it came from, with any prefix', () => {
  const [{ url }] = openapi.servers;
  assert.equal(new URL(url, 'https://example.org/tools/nexus/swagger/swagger.json').href, 'https://example.org/tools/nexus/');
});

test('every route of the table is in it, and no more', () => {
  const folder = join(ROOT, 'api', 'rest');
  const routes = readdirSync(folder)
    .filter((name) => name.endsWith('.c'))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/\.pattern = "([^"]+)"/g)])
    .map(([, pattern]) => pattern);
  assert.ok(routes.length >= 4);
  const described = Object.keys(openapi.paths).filter((path) => path.startsWith('/api/'));
  assert.deepEqual(described.sort(), [...new Set(routes)].sort());
});

test('each operation has a name of its own, a tag that is there, and words', () => {
  const names = operations().map(({ operation }) => operation.operationId);
  assert.equal(new Set(names).size, names.length);
  const tags = openapi.tags.map(({ name }) => name);
  for (const { path, operation } of operations()) {
    assert.ok(operation.summary, path);
    assert.ok(operation.tags.length === 1 && tags.includes(operation.tags[0]), path);
    for (const parameter of operation.parameters ?? []) assert.ok(parameter.description, `${path} ${parameter.name}`);
  }
});

test('metrics are those of the catalogue, each a number or null', () => {
  const { properties, required } = openapi.components.schemas.Telemetry;
  for (const metric of METRICS) {
    assert.deepEqual(properties[metric].type, ['number', 'null'], metric);
    assert.ok(required.includes(metric));
  }
  assert.match(properties.temperature.description, /°C.*DCGM_FI_DEV_GPU_TEMP/);
});

test('each GET answers as it says, asked as its examples do', async () => {
  for (const { path, method, operation } of operations()) {
    if (method !== 'get' || path === '/ws') continue;
    const reply = await get(addressOf(path, operation));
    assert.equal(reply.status, 200, path);
    assertAsDescribed(path, method, reply);
  }
  const { count } = jsonOf(await get(addressOf('/api/v1/gpus/{id}/telemetry', openapi.paths['/api/v1/gpus/{id}/telemetry'].get)));
  assert.equal(count, 4, 'the example asks for what is there');
});

test('the example of POST /graphql is answered as it says', async () => {
  const { example } = openapi.paths['/graphql'].post.requestBody.content['application/json'];
  const reply = await fetch(`${gateway.httpUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(example),
  });
  const result = await reply.json();
  assert.equal(result.errors, undefined);
  assert.equal(result.data.gpus.length, 2);
});

test('what is refused is refused as it says', async () => {
  for (const { path, method, operation } of operations().filter(({ path }) => path.startsWith('/api/'))) {
    const unknown = await get(`${addressOf(path, operation)}${path.includes('telemetry') ? '&' : '?'}nothing=1`);
    assert.equal(unknown.status, 400);
    assertAsDescribed(path, method, unknown);
    for (const { name, schema } of operation.parameters ?? []) {
      if (schema.maximum === undefined) continue;
      for (const value of [schema.minimum - 1, schema.maximum + 1, 'x']) {
        const refused = await get(addressOf(path, operation, { [name]: value }));
        assert.equal(refused.status, 400, `${name}=${value}`);
        assert.equal(jsonOf(refused).errors[0].parameter, name);
        assertAsDescribed(path, method, refused);
      }
      for (const value of [schema.minimum, schema.maximum]) assert.equal((await get(addressOf(path, operation, { [name]: value }))).status, 200);
    }
    if ('404' in operation.responses) {
      const missing = await get(addressOf(path, operation, { id: 'GPU-nowhere' }));
      assert.equal(missing.status, 404);
      assertAsDescribed(path, method, missing);
    }
  }
  const plain = await get('/ws');
  assert.equal(plain.status, 426);
  assertAsDescribed('/ws', 'get', plain);
});

test('what is turned off is not in it', async () => {
  const described = jsonOf(await rawRequest(`${bare.httpUrl}/swagger/swagger.json`));
  const paths = Object.keys(described.paths);
  assert.deepEqual(paths.filter((path) => /graphql|ws/.test(path)), []);
  assert.ok(paths.includes('/api/v1/gpus'));
});

test('the GraphQL schema is there to be read', async () => {
  const { headers, body } = await get('/graphql/schema.graphql');
  assert.match(headers['content-type'], /^text\/plain/);
  assert.ok(buildSchema(body.toString()).getQueryType().getFields().gpus);
  const closed = await startGateway({ database, env: { GRAPHQL_INTROSPECTION: 'false' } });
  assert.equal((await rawRequest(`${closed.httpUrl}/graphql/schema.graphql`)).status, 404);
});

test('the addresses that people try lead there', async () => {
  for (const [path, location] of [
    ['/docs', '/swagger/'],
    ['/docs/', '/swagger/'],
    ['/swagger', '/swagger/'],
    ['/graphiql', '/graphql'],
    ['/graphiql/', '/graphql'],
  ]) {
    const { status, headers } = await get(path);
    assert.equal(status, 302);
    assert.ok(!headers.location.startsWith('/'), 'relative, for a prefix');
    assert.equal(new URL(headers.location, `http://host${path}`).pathname, location);
  }
});
