// The two WebSocket protocols, message by message.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { post, sha256, startGraphql } from './support/graphql.js';
import { Socket } from './support/socket.js';
import { metric, startGateway, waitFor } from './support/index.js';

const SUMMARY = 'subscription { fleetSummary(intervalMs: 100) { totalGPUs } }';
// One that says something once and then nothing for an hour.
const QUIET =
  'subscription { fleetSummary(intervalMs: 3600000) { totalGPUs } }';
const TICK = { data: { fleetSummary: { totalGPUs: 0 } } };

let api, url;
const opened = [];

before(async () => {
  api = await startGraphql();
  url = api.wsUrl;
});

after(() => opened.forEach((socket) => socket.ws.terminate()));

async function open(protocols, options) {
  const socket = await Socket.open(url, protocols, options);
  opened.push(socket);
  return socket;
}

async function acknowledged(protocols) {
  const socket = await open(protocols);
  socket.say({ type: 'connection_init' });
  assert.equal((await socket.hear()).type, 'connection_ack');
  return socket;
}

const subscribe = (id, query, more = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, ...more },
});

async function assertCloses(socket, code, reason) {
  const end = await socket.closed;
  assert.equal(end.code, code, end.reason);
  if (reason !== undefined) assert.match(end.reason, reason);
}

describe('choosing the subprotocol', () => {
  test('graphql-transport-ws is taken', async () => {
    assert.equal(
      (await open('graphql-transport-ws')).ws.protocol,
      'graphql-transport-ws'
    );
  });
  test('graphql-ws is taken', async () => {
    assert.equal((await open('graphql-ws')).ws.protocol, 'graphql-ws');
  });
  test("the client's first that is known is taken", async () => {
    const one = await open(['nonsense', 'graphql-transport-ws', 'graphql-ws']);
    assert.equal(one.ws.protocol, 'graphql-transport-ws');
    const other = await open(['graphql-ws', 'graphql-transport-ws']);
    assert.equal(other.ws.protocol, 'graphql-ws');
  });
  test('none is 4406', async () => {
    await assertCloses(await open([]), 4406, /Subprotocol not acceptable/);
  });
  test('an unknown one is 4406', async () => {
    await assertCloses(await open('nonsense'), 4406, /Subprotocol/);
  });
});

describe('graphql-transport-ws: the connection', () => {
  test('connection_init is acknowledged', async () => {
    const socket = await open();
    socket.say({ type: 'connection_init' });
    assert.deepEqual(await socket.hear(), { type: 'connection_ack' });
  });
  test('with a payload, too', async () => {
    const socket = await open();
    socket.say({ type: 'connection_init', payload: { token: 'x' } });
    assert.deepEqual(await socket.hear(), { type: 'connection_ack' });
  });
  test('a second connection_init is 4429', async () => {
    const socket = await acknowledged();
    socket.say({ type: 'connection_init' });
    await assertCloses(socket, 4429, /Too many initialisation requests/);
  });
  test('two at once are 4429, too', async () => {
    const socket = await open();
    socket.say({ type: 'connection_init' });
    socket.say({ type: 'connection_init' });
    await assertCloses(socket, 4429);
  });
  test('a payload of connection_init that is no object is 4400', async () => {
    const socket = await open();
    socket.say({ type: 'connection_init', payload: 'x' });
    await assertCloses(socket, 4400);
  });
  test('no connection_init in time is 4408', async () => {
    const started = Date.now();
    await assertCloses(await open(), 4408, /initialisation timeout/);
    assert.ok(Date.now() - started > 2500);
  });
  test('a subscribe before the acknowledgement is 4401', async () => {
    const socket = await open();
    socket.say(subscribe('1', SUMMARY));
    await assertCloses(socket, 4401, /Unauthorized/);
  });
  test('a ping is answered before the acknowledgement', async () => {
    const socket = await open();
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
  });
  test('a ping is answered with its payload', async () => {
    const socket = await acknowledged();
    socket.say({ type: 'ping', payload: { a: [1, 'é'] } });
    assert.deepEqual(await socket.hear(), {
      type: 'pong',
      payload: { a: [1, 'é'] },
    });
  });
  test('a ping whose payload is no object is 4400', async () => {
    const socket = await acknowledged();
    socket.say({ type: 'ping', payload: 1 });
    await assertCloses(socket, 4400);
  });
  test('a pong nobody asked for is fine', async () => {
    const socket = await acknowledged();
    socket.say({ type: 'pong' });
    socket.say({ type: 'pong', payload: { a: 1 } });
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
  });
});

describe('graphql-transport-ws: messages that are none', () => {
  const bad = {
    'no JSON': '{"type":',
    'a comma too many': '{"type":"ping",}',
    'an array': '[]',
    'a number': '7',
    'no type': '{}',
    'a type that is no string': '{"type":1}',
    'an unknown type': '{"type":"start","id":"1","payload":{"query":"{a}"}}',
    'subscribe without an id': { type: 'subscribe', payload: { query: '{a}' } },
    'subscribe with an empty id': subscribe('', SUMMARY),
    'subscribe with a number as id': subscribe(1, SUMMARY),
    'subscribe without a payload': { id: '1', type: 'subscribe' },
    'subscribe without a query': { id: '1', type: 'subscribe', payload: {} },
    'subscribe with a query that is no string': subscribe('1', { a: 1 }),
    'subscribe with variables that are no object': subscribe('1', SUMMARY, {
      variables: [],
    }),
    'subscribe with a name that is no string': subscribe('1', SUMMARY, {
      operationName: 1,
    }),
    'complete without an id': { type: 'complete' },
  };
  for (const [what, message] of Object.entries(bad))
    test(`${what} is 4400`, async () => {
      const socket = await acknowledged();
      socket.say(message);
      await assertCloses(socket, 4400, /Invalid message/);
    });
  test('a binary message closes, too', async () => {
    const socket = await acknowledged();
    socket.ws.send(Buffer.from('{"type":"ping"}'), { binary: true });
    await assertCloses(socket, 1003);
  });
  test('a message beyond the limit is 1009', async () => {
    const socket = await acknowledged();
    socket.say({ type: 'ping', payload: { a: 'x'.repeat(300_000) } });
    await assertCloses(socket, 1009);
  });
});

describe('graphql-transport-ws: operations', () => {
  test('a query has one result and is complete', async () => {
    const socket = await acknowledged();
    socket.say(subscribe('q', '{ __typename }'));
    assert.deepEqual(await socket.hear(), {
      id: 'q',
      type: 'next',
      payload: { data: { __typename: 'Query' } },
    });
    assert.deepEqual(await socket.hear(), { id: 'q', type: 'complete' });
  });
  test('a mutation, too', async () => {
    const socket = await acknowledged();
    socket.say(subscribe('m', 'mutation { __typename }'));
    assert.deepEqual((await socket.hear()).payload, {
      data: { __typename: 'Mutation' },
    });
    assert.deepEqual(await socket.hear(), { id: 'm', type: 'complete' });
  });
  test('variables and the operation name are heeded', async () => {
    const socket = await acknowledged();
    const query =
      'query A { __typename } query B($n: String!) { __type(name: $n) { name } }';
    socket.say(
      subscribe('v', query, { operationName: 'B', variables: { n: 'GPU' } })
    );
    assert.deepEqual((await socket.hear()).payload.data, {
      __type: { name: 'GPU' },
    });
  });
  test('a subscription goes on until it is completed', async () => {
    const socket = await acknowledged();
    socket.say(subscribe('s', SUMMARY));
    for (let i = 0; i < 3; i++)
      assert.deepEqual(await socket.hear(), {
        id: 's',
        type: 'next',
        payload: TICK,
      });
    socket.say({ id: 's', type: 'complete' });
    // Nothing but what was on its way comes behind; no complete is echoed.
    socket.say({ type: 'ping' });
    const { type } = await socket.hearType('pong', 'complete');
    assert.equal(type, 'pong');
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
  });
  test('its id may be used again', async () => {
    const socket = await acknowledged();
    socket.say(subscribe('s', SUMMARY));
    await socket.hear();
    socket.say({ id: 's', type: 'complete' });
    socket.say(subscribe('s', '{ __typename }'));
    const { id } = await socket.hearType('complete');
    assert.equal(id, 's');
    socket.say(subscribe('s', '{ __typename }'));
    assert.equal((await socket.hearType('complete')).id, 's');
  });
  test('an id in use is 4409', async () => {
    const socket = await acknowledged();
    socket.say(subscribe('same', QUIET));
    socket.say(subscribe('same', QUIET));
    await assertCloses(socket, 4409, /Subscriber for same already exists/);
  });
  test('completing what is not there is fine', async () => {
    const socket = await acknowledged();
    socket.say({ id: 'never', type: 'complete' });
    socket.say({ type: 'ping' });
    assert.deepEqual(await socket.hear(), { type: 'pong' });
  });
  for (const [what, query] of [
    ['a syntax error', '{'],
    ['a validation error', '{ nothingOfThisName }'],
    [
      'a subscription with two fields',
      `subscription { a: fleetSummary { asOf } b: fleetSummary { asOf } }`,
    ],
    [
      'a variable that is missing',
      'query ($a: Int!) { gpus(limit: $a) { id } }',
    ],
  ])
    test(`${what} is an error with a list, and ends it`, async () => {
      const socket = await acknowledged();
      socket.say(subscribe('e', query));
      const { id, type, payload } = await socket.hear();
      assert.deepEqual({ id, type }, { id: 'e', type: 'error' });
      assert.ok(Array.isArray(payload) && payload[0].message.length > 0);
      // No complete comes behind, and the id is free.
      socket.say(subscribe('e', '{ __typename }'));
      assert.equal((await socket.hear()).type, 'next');
      assert.deepEqual(await socket.hear(), { id: 'e', type: 'complete' });
    });
  test('the errors are those of HTTP', async () => {
    const query = '{ nothingOfThisName }';
    const socket = await acknowledged();
    socket.say(subscribe('e', query));
    const { payload } = await socket.hear();
    assert.deepEqual(payload, (await post(api.url, { query })).body.errors);
  });
  test('ids are kept as they are, whatever is in them', async () => {
    const socket = await acknowledged();
    const id = 'ü"\\\n\u{1F600}';
    socket.say(subscribe(id, SUMMARY));
    assert.equal((await socket.hear()).id, id);
  });
  test('many at once are told apart', async () => {
    const socket = await acknowledged();
    const ids = Array.from({ length: 50 }, (_, i) => `${i}`);
    for (const id of ids) socket.say(subscribe(id, SUMMARY));
    const heard = new Set();
    while (heard.size < ids.length) heard.add((await socket.hear()).id);
  });
  test('more operations than may be are refused one by one', async () => {
    const socket = await acknowledged();
    for (let i = 0; i <= 100; i++) socket.say(subscribe(`${i}`, QUIET));
    const { id, payload } = await socket.hearType('error');
    assert.equal(id, '100');
    assert.equal(payload[0].extensions.code, 'LIMIT_EXCEEDED');
    socket.say({ id: '7', type: 'complete' });
    socket.say(subscribe('again', '{ __typename }'));
    assert.equal((await socket.hearType('complete')).id, 'again');
  });
  test('persisted queries are known here, too', async () => {
    const socket = await acknowledged();
    const query = '{ here: __typename }';
    const extensions = {
      persistedQuery: { version: 1, sha256Hash: sha256(query) },
    };
    socket.say({ id: 'p', type: 'subscribe', payload: { extensions } });
    const { payload } = await socket.hear();
    assert.equal(payload[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND');
    socket.say(subscribe('p', query, { extensions }));
    await socket.hearType('complete');
    socket.say({ id: 'p', type: 'subscribe', payload: { extensions } });
    assert.deepEqual((await socket.hear()).payload, {
      data: { here: 'Query' },
    });
  });
});

describe('graphql-ws, the older protocol', () => {
  const start = (id, query, more = {}) => ({
    id,
    type: 'start',
    payload: { query, ...more },
  });

  async function legacy() {
    const socket = await acknowledged('graphql-ws');
    assert.deepEqual(await socket.hear(), { type: 'ka' });
    return socket;
  }

  test('connection_init is acknowledged, and kept alive', legacy);
  test('a query has data and is complete', async () => {
    const socket = await legacy();
    socket.say(start('1', '{ __typename }'));
    assert.deepEqual(await socket.hear(), {
      id: '1',
      type: 'data',
      payload: { data: { __typename: 'Query' } },
    });
    assert.deepEqual(await socket.hear(), { id: '1', type: 'complete' });
  });
  test('a subscription goes on until it is stopped', async () => {
    const socket = await legacy();
    socket.say(start('1', SUMMARY));
    for (let i = 0; i < 3; i++)
      assert.deepEqual(await socket.hear(), {
        id: '1',
        type: 'data',
        payload: TICK,
      });
    socket.say({ id: '1', type: 'stop' });
    socket.say(start('2', '{ __typename }'));
    assert.equal((await socket.hearType('complete')).id, '2');
    socket.say(start('3', '{ __typename }'));
    assert.equal((await socket.hear()).id, '3');
  });
  test('a request error is an error with a message', async () => {
    const socket = await legacy();
    socket.say(start('1', '{ nothingOfThisName }'));
    const { id, type, payload } = await socket.hear();
    assert.deepEqual({ id, type }, { id: '1', type: 'error' });
    assert.match(payload.message, /nothingOfThisName/);
    assert.equal(payload.errors[0].message, payload.message);
  });
  test('the same id again replaces the operation', async () => {
    const socket = await legacy();
    socket.say(start('1', QUIET));
    await socket.hear();
    socket.say(start('1', '{ __typename }'));
    assert.deepEqual((await socket.hear()).payload, {
      data: { __typename: 'Query' },
    });
  });
  test('what it does not know is an error, and the connection stays', async () => {
    const socket = await legacy();
    for (const message of [
      '{',
      '{}',
      { type: 'subscribe', id: 'x' },
      { type: 'start' },
      { type: 'start', id: '1' },
    ]) {
      socket.say(message);
      const { type, payload } = await socket.hear();
      assert.equal(type, 'error');
      assert.ok(payload.message.length > 0);
    }
    socket.say(start('1', '{ __typename }'));
    assert.equal((await socket.hear()).type, 'data');
  });
  test('nothing may be asked before connection_init', async () => {
    const socket = await open('graphql-ws');
    socket.say(start('1', '{ __typename }'));
    assert.equal((await socket.hear()).type, 'error');
  });
  test('connection_terminate closes', async () => {
    const socket = await legacy();
    socket.say({ type: 'connection_terminate' });
    await assertCloses(socket, 1000);
  });
});

describe('connections', () => {
  const gauge = (name) => metric(api.gateway, `nexus_gateway_graphql_${name}`);

  test('what a client left is gone when it is', async () => {
    const topics = await gauge('topics');
    const socket = await acknowledged();
    socket.say(subscribe('1', QUIET.replace('totalGPUs', 'totalHosts')));
    await socket.hear();
    assert.equal(await gauge('topics'), topics + 1);
    socket.ws.terminate();
    await waitFor(async () => (await gauge('topics')) === topics, 'its end');
  });

  test('one that does not answer pings is closed', async () => {
    const gateway = await startGateway({
      broker: api.broker,
      database: api.postgres,
      env: { GRAPHQL_PING: '200ms', GRAPHQL_PONG: '200ms' },
    });
    const deaf = await Socket.open(
      `${gateway.httpUrl.replace('http', 'ws')}/graphql`,
      'graphql-transport-ws',
      { autoPong: false }
    );
    deaf.say({ type: 'connection_init' });
    await deaf.hear();
    assert.equal((await deaf.closed).code, 1006);
  });

  test('more than may be are refused', async () => {
    const gateway = await startGateway({
      broker: api.broker,
      database: api.postgres,
      env: { GRAPHQL_CONNECTIONS: '2' },
    });
    const at = `${gateway.httpUrl.replace('http', 'ws')}/graphql`;
    const two = [await Socket.open(at), await Socket.open(at)];
    for (const socket of two) {
      socket.say({ type: 'connection_init' });
      assert.equal((await socket.hear()).type, 'connection_ack');
    }
    const third = await Socket.open(at);
    assert.equal((await third.closed).code, 1006);
    await two[0].close();
    await waitFor(async () => {
      const socket = await Socket.open(at);
      socket.say({ type: 'connection_init' });
      return (await socket.hear()).type === 'connection_ack';
    }, 'the place that became free');
  });

  test('without CORS, pages of other origins may not connect', async () => {
    const gateway = await startGateway({
      broker: api.broker,
      database: api.postgres,
      env: { ENABLE_CORS: 'false' },
    });
    const at = `${gateway.httpUrl.replace('http', 'ws')}/graphql`;
    const from = (origin) =>
      Socket.open(at, 'graphql-transport-ws', { headers: { origin } });
    for (const origin of ['http://evil.example', `http://x${gateway.httpUrl.slice(7)}`, 'null'])
      assert.equal((await (await from(origin)).closed).code, 1006, origin);
    const own = await from(gateway.httpUrl);
    own.say({ type: 'connection_init' });
    assert.equal((await own.hear()).type, 'connection_ack');
    own.ws.terminate();
  });

  test('when the server stops, the client hears 1001', async () => {
    const gateway = await startGateway({
      broker: api.broker,
      database: api.postgres,
    });
    const socket = await Socket.open(
      `${gateway.httpUrl.replace('http', 'ws')}/graphql`
    );
    socket.say({ type: 'connection_init' });
    await socket.hear();
    socket.say(subscribe('1', SUMMARY));
    await socket.hear();
    await gateway.stop();
    assert.equal((await socket.closed).code, 1001);
  });
});
