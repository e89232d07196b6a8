// GraphQL over HTTP: graphql-http's audits, negotiation, persisted queries,
// limits, the allow-list, and what may not be asked in this way.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { auditServer } from 'graphql-http';

import { get, post, sha256, startGraphql } from './support/graphql.js';
import {
  Program,
  metric,
  startGateway,
  tempDir,
  waitFor,
} from './support/index.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const RESPONSE_TYPE = 'application/graphql-response+json; charset=utf-8';
const query = '{ __typename }';
const MUTATION = 'mutation { __typename }';

let api, url;

before(async () => {
  api = await startGraphql();
  url = api.url;
});

const codeOf = ({ body }) => body.errors[0].extensions.code;

test("graphql-http's audits are all passed", async () => {
  const results = await auditServer({ url, fetchFn: fetch });
  const bad = results.filter(({ status }) => status !== 'ok');
  assert.deepEqual(
    bad.map(({ id, name, reason }) => `${id} ${name}: ${reason}`),
    []
  );
  assert.equal(results.length, 61);
});

test('the type of the answer is what the client would rather have', async () => {
  const cases = [
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['application/graphql-response+json', RESPONSE_TYPE],
    ['application/json, application/graphql-response+json', RESPONSE_TYPE],
    ['application/graphql-response+json;q=0.5, application/json', JSON_TYPE],
    [
      'application/json;q=0.9, application/graphql-response+json',
      RESPONSE_TYPE,
    ],
    ['application/json;q=0, */*', RESPONSE_TYPE],
    ['text/html, */*;q=0.1', JSON_TYPE],
    ['application/json;charset=utf-8', JSON_TYPE],
    // What urql sends.
    [
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
      RESPONSE_TYPE,
    ],
  ];
  for (const [accept, type] of cases) {
    const headers = accept === undefined ? {} : { accept };
    const reply = await post(url, { query }, headers);
    assert.equal(reply.status, 200, accept);
    assert.equal(reply.type, type, accept);
    assert.equal(reply.headers.get('vary'), 'Accept');
    assert.deepEqual(reply.body, { data: { __typename: 'Query' } });
  }
});

test('a type that cannot be had is 406', async () => {
  for (const accept of ['text/csv', 'application/json;q=0', 'image/*']) {
    const reply = await post(url, { query }, { accept });
    assert.equal(reply.status, 406);
    assert.equal(codeOf(reply), 'NOT_ACCEPTABLE');
  }
});

test('a request error has no data, and the status of its type', async () => {
  const bad = [
    { query: '{' },
    { query: '{ nothingOfThisName }' },
    { query: 'query ($id: ID!) { __typename }', variables: { id: null } },
    { query: `query A ${query} query B ${query}` },
    { query, operationName: 'C' },
  ];
  for (const body of bad) {
    const plain = await post(url, body);
    assert.equal(plain.status, 200);
    assert.equal('data' in plain.body, false);
    assert.ok(plain.body.errors[0].message.length > 0);
    const typed = await post(url, body, {
      accept: 'application/graphql-response+json',
    });
    assert.equal(typed.status, 400);
    assert.deepEqual(typed.body, plain.body);
  }
});

test('what is no GraphQL request is 400 and says why', async () => {
  const bad = [
    ['', /not JSON/],
    ['{"query":', /not JSON/],
    ['{"query":"{a}",}', /not JSON/],
    ['"{ __typename }"', /must be an object/],
    [[{ query }], /batched/],
    [{}, /"query" is missing/],
    [{ query: 1 }, /"query" must be a string/],
    [{ query, variables: [] }, /"variables" must be an object/],
    [{ query, operationName: 7 }, /"operationName" must be a string/],
    [{ query, extensions: 'x' }, /"extensions" must be an object/],
  ];
  for (const [body, message] of bad) {
    const reply = await post(url, body);
    assert.equal(reply.status, 400);
    assert.equal(reply.type, JSON_TYPE);
    assert.match(reply.body.errors[0].message, message);
    assert.equal(codeOf(reply), 'BAD_REQUEST');
  }
});

test('only JSON is taken', async () => {
  for (const type of [
    'text/plain',
    'application/graphql',
    'multipart/form-data',
  ])
    assert.equal(
      (await post(url, { query }, { 'content-type': type })).status,
      415,
      type
    );
  const reply = await post(
    url,
    { query },
    { 'content-type': 'Application/JSON ; charset=UTF-8' }
  );
  assert.equal(reply.status, 200);
});

test('queries by GET, but no mutations and no subscriptions', async () => {
  const named = 'query Name($name: String!) { __type(name: $name) { name } }';
  const found = await get(url, {
    query: named,
    operationName: 'Name',
    variables: JSON.stringify({ name: 'Query' }),
  });
  assert.deepEqual(found.body, { data: { __type: { name: 'Query' } } });

  const mutation = await get(url, { query: MUTATION });
  assert.equal(mutation.status, 405);
  assert.equal(mutation.headers.get('allow'), 'POST');
  assert.equal(codeOf(mutation), 'METHOD_NOT_ALLOWED');

  for (const variables of ['{', '[]', '7'])
    assert.equal((await get(url, { query, variables })).status, 400);
  assert.equal(
    (await get(url, {}, { accept: 'application/json' })).status,
    400
  );

  const subscription = await post(url, {
    query: 'subscription { fleetSummary { totalGPUs } }',
  });
  assert.equal(subscription.status, 400);
  assert.match(subscription.body.errors[0].message, /WebSocket/);
});

test('HEAD and OPTIONS are answered, other methods refused', async () => {
  const head = await fetch(`${url}?query=${encodeURIComponent(query)}`, {
    method: 'HEAD',
  });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin: 'http://x.example',
      'access-control-request-method': 'POST',
    },
  });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST/);
  const put = await fetch(url, { method: 'PUT', body: '{}' });
  assert.equal(put.status, 405);
  assert.match(put.headers.get('allow'), /POST/);
});

test('automatic persisted queries', async () => {
  const text = '{ again: __typename }';
  const extensions = {
    persistedQuery: { version: 1, sha256Hash: sha256(text) },
  };
  const unknown = await post(url, { extensions });
  assert.equal(unknown.status, 200);
  assert.equal(unknown.body.errors[0].message, 'PersistedQueryNotFound');
  assert.equal(codeOf(unknown), 'PERSISTED_QUERY_NOT_FOUND');

  const wrong = await post(url, { query, extensions });
  assert.equal(codeOf(wrong), 'PERSISTED_QUERY_HASH_MISMATCH');

  const told = await post(url, { query: text, extensions });
  assert.deepEqual(told.body, { data: { again: 'Query' } });
  assert.deepEqual((await post(url, { extensions })).body, told.body);
  const byGet = await get(url, { extensions: JSON.stringify(extensions) });
  assert.deepEqual(byGet.body, told.body);

  for (const persistedQuery of [1, {}, { version: 2, sha256Hash: 'x' }])
    assert.equal(
      (await post(url, { extensions: { persistedQuery } })).status,
      400
    );
});

test('a mutation cannot be smuggled past GET by its hash', async () => {
  const extensions = {
    persistedQuery: { version: 1, sha256Hash: sha256(MUTATION) },
  };
  assert.equal((await post(url, { query: MUTATION, extensions })).status, 200);
  const reply = await get(url, { extensions: JSON.stringify(extensions) });
  assert.equal(reply.status, 405);
});

test('the introspection result builds the schema', async () => {
  const reply = await post(url, { query: getIntrospectionQuery() });
  const schema = buildClientSchema(reply.body.data);
  assert.ok(schema.getSubscriptionType().getFields().telemetryUpdates);
});

test('operations are counted', async () => {
  const name =
    'nexus_gateway_graphql_operations_total{type="query",outcome="ok"}';
  const earlier = await metric(api.gateway, name);
  for (let i = 0; i < 5; i++) await post(url, { query });
  assert.equal(await metric(api.gateway, name), earlier + 5);
  const refused =
    'nexus_gateway_graphql_operations_total{type="unknown",outcome="refused"}';
  const before = await metric(api.gateway, refused);
  await post(url, { query: '{' });
  assert.equal(await metric(api.gateway, refused), before + 1);
});

test('each limit is a setting, and an error that says so', async () => {
  const settings = {
    GRAPHQL_TOKENS: '50',
    GRAPHQL_DEPTH: '3',
    GRAPHQL_ALIASES: '2',
    GRAPHQL_DIRECTIVES: '2',
    GRAPHQL_ROOT_FIELDS: '3',
    GRAPHQL_INTROSPECTION: 'false',
  };
  const gateway = await startGateway({
    broker: api.broker,
    database: api.postgres,
    env: settings,
  });
  const limited = `${gateway.httpUrl}/graphql`;
  const beyond = {
    tokens: `{ ${'asOf '.repeat(50)} }`,
    depth: '{ clusters { hosts { gpus { uuid } } } }',
    aliases: '{ a: asOf b: asOf c: asOf }',
    directives:
      '{ asOf @skip(if: false) @include(if: true) x: asOf @skip(if: false) }',
    'root fields': '{ asOf __typename a: asOf b: asOf }',
  };
  for (const [what, text] of Object.entries(beyond)) {
    const { body } = await post(limited, { query: text });
    assert.ok(body.errors, what);
    assert.equal(body.errors[0].extensions.code, 'LIMIT_EXCEEDED', what);
  }
  const hidden = await post(limited, {
    query: '{ __schema { types { name } } }',
  });
  assert.ok(hidden.body.errors);
  assert.equal('data' in hidden.body, false);
  assert.deepEqual((await post(limited, { query })).body, {
    data: { __typename: 'Query' },
  });
});

test('with an allow-list nothing else is executed', async () => {
  const dir = tempDir('nexus-allowed-');
  writeFileSync(join(dir, 'one.graphql'), query);
  writeFileSync(join(dir, 'two.graphql'), '{ asOf }');
  const gateway = await startGateway({
    broker: api.broker,
    database: api.postgres,
    env: { GRAPHQL_ALLOW_LIST: dir },
  });
  const strict = `${gateway.httpUrl}/graphql`;
  assert.equal((await post(strict, { query })).body.data.__typename, 'Query');
  const extensions = {
    persistedQuery: { version: 1, sha256Hash: sha256('{ asOf }') },
  };
  assert.ok((await post(strict, { extensions })).body.data.asOf);
  const other = await post(strict, { query: '{ clusters { id } }' });
  assert.equal(codeOf(other), 'DOCUMENT_NOT_ALLOWED');
  assert.equal('data' in other.body, false);
});

test('an allow-list that cannot be used stops the start', async () => {
  const dir = tempDir('nexus-allowed-');
  writeFileSync(join(dir, 'bad.graphql'), '{ nothingOfThisName }');
  for (const [list, why] of [
    [dir, /bad\.graphql.*nothingOfThisName/],
    ['/nowhere/at/all', /nowhere/],
  ]) {
    await assert.rejects(
      startGateway({
        broker: api.broker,
        database: api.postgres,
        env: { GRAPHQL_ALLOW_LIST: list },
      }),
      why
    );
  }
});

test('ENABLE_GRAPHQL=false leaves it out', async () => {
  const gateway = await startGateway({
    broker: api.broker,
    database: api.postgres,
    env: { ENABLE_GRAPHQL: 'false' },
  });
  const reply = await post(`${gateway.httpUrl}/graphql`, { query });
  assert.equal(reply.status, 404);
});
