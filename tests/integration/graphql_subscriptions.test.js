// Other people's clients, unmodified: graphql-ws, subscriptions-transport-ws,
// graphql-sse, Apollo Client and urql; and what they share in the gateway.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import core from '@apollo/client/core/core.cjs';
import persisted from '@apollo/client/link/persisted-queries/persisted-queries.cjs';
import wsLink from '@apollo/client/link/subscriptions/subscriptions.cjs';
import legacyLink from '@apollo/client/link/ws/ws.cjs';
import {
  Client as UrqlClient,
  cacheExchange,
  fetchExchange,
  subscriptionExchange,
} from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import { WebSocket } from 'ws';

import { get, sha256, startGraphql } from './support/graphql.js';
import { following, makeStream, publish, sample } from './support/live.js';
import { Socket } from './support/socket.js';
import { atEnd } from './support/program.js';
import {
  connectNats,
  metric,
  startGateway,
  waitFor,
} from './support/index.js';

const { ApolloClient, HttpLink, InMemoryCache, gql } = core;

const QUERY = '{ asOf fleet { totalGPUs } }';
const SUMMARY =
  'subscription Fleet($every: Int!) { fleetSummary(intervalMs: $every) { totalGPUs eventType } }';
const every = { every: 100 };
const EVENT = { fleetSummary: { totalGPUs: 0, eventType: 'fleet_summary' } };

let api;

before(async () => {
  api = await startGraphql();
});

const figure = (name) => metric(api.gateway, `nexus_gateway_graphql_${name}`);

// Members that clients add (__typename, symbols) left out.
const plain = (data) =>
  JSON.parse(
    JSON.stringify(data, (key, v) => (key === '__typename' ? undefined : v))
  );

// The first `count` events of a subscription given by (observer) => stop.
function first(count, subscribe) {
  return new Promise((resolve, reject) => {
    const events = [];
    const stop = subscribe({
      next(event) {
        events.push(event);
        if (events.length === count) {
          resolve(events);
          setImmediate(() => stop());
        }
      },
      error: (error) =>
        reject(
          error instanceof Error ? error : new Error(JSON.stringify(error))
        ),
      complete: () => reject(new Error('it is complete')),
    });
  });
}

async function assertNobodyFollows() {
  await waitFor(
    async () =>
      (await figure('subscriptions')) === 0 && (await figure('topics')) === 0,
    'all subscriptions to be gone'
  );
}

describe('graphql-ws', () => {
  const open = (options = {}) => {
    const client = createWsClient({
      url: api.wsUrl,
      webSocketImpl: WebSocket,
      ...options,
    });
    atEnd(() => client.dispose());
    return client;
  };

  test('queries, subscriptions, errors', async () => {
    const client = open();
    const results = [];
    for await (const result of client.iterate({ query: QUERY }))
      results.push(result);
    assert.equal(results.length, 1);
    assert.equal(results[0].data.fleet.totalGPUs, 0);

    const events = await first(3, (observer) =>
      client.subscribe({ query: SUMMARY, variables: every }, observer)
    );
    assert.deepEqual(events, Array(3).fill({ data: EVENT }));

    await assert.rejects(
      first(1, (observer) =>
        client.subscribe({ query: '{ nothing }' }, observer)
      ),
      /nothing/
    );
    await assertNobodyFollows();
  });

  test('a lazy client closes when it is through, and comes again', async () => {
    const client = open({ lazy: true, lazyCloseTimeout: 0 });
    for (let i = 0; i < 3; i++)
      await first(1, (observer) =>
        client.subscribe({ query: SUMMARY, variables: every }, observer)
      );
    await assertNobodyFollows();
  });

  test('its own keep-alive is answered', async () => {
    let pongs = 0;
    const client = open({
      lazy: false,
      keepAlive: 50,
      on: { pong: () => (pongs += 1) },
    });
    await waitFor(() => pongs >= 3, 'three pongs');
    await client.dispose();
  });

  test('it comes back after the gateway was away', async () => {
    const gateway = await startGateway({
      broker: api.broker,
      database: api.postgres,
    });
    let connections = 0;
    const client = open({
      url: `${gateway.httpUrl.replace('http', 'ws')}/graphql`,
      retryAttempts: 10_000,
      shouldRetry: () => true, // also where nobody listens yet
      retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
      on: { connected: () => (connections += 1) },
    });
    let events = 0;
    client.subscribe(
      { query: SUMMARY, variables: every },
      { next: () => (events += 1), error: () => {}, complete: () => {} }
    );
    await waitFor(() => events > 0, 'an event');
    await gateway.stop();
    const seen = events;
    await startGateway({
      broker: api.broker,
      database: api.postgres,
      port: gateway.port,
    });
    await waitFor(() => events > seen && connections >= 2, 'events again');
    await client.dispose();
  });
});

describe('subscriptions-transport-ws', () => {
  test('queries, subscriptions, errors', async () => {
    const client = new SubscriptionClient(
      api.wsUrl,
      { reconnect: false },
      WebSocket
    );
    atEnd(() => client.close());
    const request = (payload) => (observer) => {
      const { unsubscribe } = client.request(payload).subscribe(observer);
      return unsubscribe;
    };
    const [result] = await first(1, request({ query: QUERY }));
    assert.equal(result.data.fleet.totalGPUs, 0);
    const events = await first(
      3,
      request({ query: SUMMARY, variables: every })
    );
    assert.deepEqual(events, Array(3).fill({ data: EVENT }));
    await assert.rejects(
      first(1, request({ query: '{ nothing }' })),
      /nothing/
    );
    client.close();
    await assertNobodyFollows();
  });
});

describe('graphql-sse', () => {
  test('queries, subscriptions, errors', async () => {
    const client = createSseClient({ url: api.url });
    const results = [];
    for await (const result of client.iterate({ query: QUERY }))
      results.push(result);
    assert.equal(results.length, 1);
    assert.equal(results[0].data.fleet.totalGPUs, 0);

    const events = await first(3, (observer) =>
      client.subscribe({ query: SUMMARY, variables: every }, observer)
    );
    assert.deepEqual(events, Array(3).fill({ data: EVENT }));

    // Validation errors come as an event, too.
    const refused = [];
    for await (const result of client.iterate({ query: '{ nothing }' }))
      refused.push(result);
    assert.equal(refused.length, 1);
    assert.match(refused[0].errors[0].message, /nothing/);
    client.dispose();
    await assertNobodyFollows();
  });

  test('the stream is as its protocol says', async () => {
    const reply = await fetch(
      `${api.url}?${new URLSearchParams({ query: '{ __typename }' })}`,
      { headers: { accept: 'text/event-stream' } }
    );
    assert.equal(reply.status, 200);
    assert.match(reply.headers.get('content-type'), /^text\/event-stream/);
    assert.equal(reply.headers.get('cache-control'), 'no-store');
    assert.equal(
      await reply.text(),
      'event: next\ndata: {"data":{"__typename":"Query"}}\n\n' +
        'event: complete\ndata:\n\n'
    );
  });

  test('a mutation is not executed by GET', async () => {
    const reply = await get(
      api.url,
      { query: 'mutation { __typename }' },
      { accept: 'text/event-stream' }
    );
    assert.equal(reply.status, 405);
  });

  test('a client that leaves takes its subscription along', async () => {
    const abort = new AbortController();
    const reply = await fetch(api.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: SUMMARY, variables: every }),
      signal: abort.signal,
    });
    const reader = reply.body.getReader();
    await reader.read();
    assert.equal(await figure('subscriptions'), 1);
    assert.equal(await figure('connections{protocol="sse"}'), 1);
    abort.abort();
    await assertNobodyFollows();
    assert.equal(await figure('connections{protocol="sse"}'), 0);
  });

  test('one that is quiet is found out, too', async () => {
    const abort = new AbortController();
    const reply = await fetch(api.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: SUMMARY, variables: { every: 3_600_000 } }),
      signal: abort.signal,
    });
    await reply.body.getReader().read();
    abort.abort();
    await assertNobodyFollows();
  });
});

describe('Apollo Client', () => {
  const open = (link) => {
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    atEnd(() => client.stop());
    return client;
  };

  test('queries and errors over HTTP', async () => {
    const client = open(new HttpLink({ uri: api.url, fetch }));
    const { data } = await client.query({ query: gql(QUERY) });
    assert.equal(data.fleet.totalGPUs, 0);
    await assert.rejects(
      client.query({ query: gql('{ nothing }') }),
      /nothing|400/
    );
  });

  test('its persisted queries, by GET as well', async () => {
    const link = persisted.createPersistedQueryLink({
      sha256,
      useGETForHashedQueries: true,
    });
    const asked = [];
    const spy = (url, options) => {
      asked.push(
        `${options.method} ${/query=/.test(url) || /"query":/.test(options.body) ? 'text' : 'hash'}`
      );
      return fetch(url, options);
    };
    const client = open(
      link.concat(new HttpLink({ uri: api.url, fetch: spy }))
    );
    const query = gql('query OnlyHere { asOf }');
    for (let i = 0; i < 2; i++) {
      const { data } = await client.query({ query, fetchPolicy: 'no-cache' });
      assert.ok(data.asOf);
    }
    assert.deepEqual(asked, ['GET hash', 'POST text', 'GET hash']);
  });

  test('subscriptions by graphql-ws', async () => {
    const inner = createWsClient({ url: api.wsUrl, webSocketImpl: WebSocket });
    atEnd(() => inner.dispose());
    const client = open(new wsLink.GraphQLWsLink(inner));
    const events = await first(3, (observer) => {
      const handle = client
        .subscribe({ query: gql(SUMMARY), variables: every })
        .subscribe(observer);
      return () => handle.unsubscribe();
    });
    assert.deepEqual(
      events.map(({ data }) => plain(data)),
      Array(3).fill(EVENT)
    );
    await assertNobodyFollows();
  });

  test('subscriptions by its older link', async () => {
    const link = new legacyLink.WebSocketLink({
      uri: api.wsUrl,
      options: { reconnect: false },
      webSocketImpl: WebSocket,
    });
    atEnd(() => link.subscriptionClient.close());
    const client = open(link);
    const events = await first(2, (observer) => {
      const handle = client
        .subscribe({ query: gql(SUMMARY), variables: every })
        .subscribe(observer);
      return () => handle.unsubscribe();
    });
    assert.deepEqual(plain(events[0].data), EVENT);
    await assertNobodyFollows();
  });
});

describe('urql', () => {
  const stream = (client, query, variables) => (observer) => {
    const { unsubscribe } = client
      .subscription(query, variables)
      .subscribe((result) =>
        result.error ? observer.error(result.error) : observer.next(result)
      );
    return unsubscribe;
  };

  test('queries, and errors', async () => {
    const client = new UrqlClient({
      url: api.url,
      fetch,
      preferGetMethod: false,
      exchanges: [cacheExchange, fetchExchange],
    });
    const { data } = await client.query(QUERY, {}).toPromise();
    assert.equal(data.fleet.totalGPUs, 0);
    const { error } = await client.query('{ nothing }', {}).toPromise();
    assert.match(error.message, /nothing/);
  });

  test('subscriptions by graphql-ws', async () => {
    const inner = createWsClient({ url: api.wsUrl, webSocketImpl: WebSocket });
    atEnd(() => inner.dispose());
    const client = new UrqlClient({
      url: api.url,
      preferGetMethod: false,
      exchanges: [
        subscriptionExchange({
          forwardSubscription: (operation) => ({
            subscribe: (sink) => ({
              unsubscribe: inner.subscribe(
                { ...operation, query: operation.query ?? '' },
                sink
              ),
            }),
          }),
        }),
      ],
    });
    const events = await first(3, stream(client, SUMMARY, every));
    assert.deepEqual(plain(events[2].data), EVENT);
    await assertNobodyFollows();
  });

  test('subscriptions by its own fetch, as server-sent events', async () => {
    const client = new UrqlClient({
      url: api.url,
      fetch,
      preferGetMethod: false,
      fetchSubscriptions: true,
      exchanges: [fetchExchange],
    });
    const events = await first(3, stream(client, SUMMARY, every));
    assert.deepEqual(plain(events[2].data), EVENT);
    await assertNobodyFollows();
  });
});

describe('what subscribers share', () => {
  test('an event is executed once, whatever the transport', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => Socket.open(api.wsUrl))
    );
    // Spaces of the variables and their order are of no account.
    const payload = { query: SUMMARY, variables: every };
    for (const socket of sockets) {
      socket.say({ type: 'connection_init' });
      socket.say({ type: 'subscribe', id: '1', payload });
    }
    await Promise.all(sockets.map((socket) => socket.hearType('next')));
    assert.equal(await figure('topics'), 1);
    assert.equal(await figure('subscriptions'), 20);
    const events = await figure('events_total');
    const sent = await figure('events_sent_total');
    await waitFor(
      async () => (await figure('events_sent_total')) >= sent + 100,
      'a hundred events to be sent'
    );
    const executed = (await figure('events_total')) - events;
    assert.ok(executed <= 8, `${executed} executions`);
    for (const socket of sockets) socket.ws.terminate();
    await assertNobodyFollows();
  });
});

describe('telemetry', () => {
  const UPDATES = `subscription Updates($uuid: ID) {
    telemetryUpdates(gpuUuid: $uuid) { gpuUuid data { temperature } }
  }`;
  let nats;

  before(async () => {
    nats = await connectNats(api.broker);
    await makeStream(nats);
    await following(api.gateway);
  });

  async function open() {
    const socket = await Socket.open(api.wsUrl);
    socket.say({ type: 'connection_init' });
    await socket.hearType('connection_ack');
    return socket;
  }

  // Resolves when the gateway follows it.
  async function follow(socket, id, query, variables = {}) {
    const before = await figure('subscriptions');
    socket.say({ id, type: 'subscribe', payload: { query, variables } });
    await waitFor(
      async () => (await figure('subscriptions')) === before + 1,
      'the subscription'
    );
  }

  test('samples arrive in order, each at those who want it', async () => {
    const all = await open();
    const one = await open();
    await follow(all, 'all', UPDATES);
    await follow(one, 'one', UPDATES, { uuid: 'GPU-b' });
    for (let i = 0; i < 10; i++)
      await publish(nats, sample(i % 2 ? 'GPU-b' : 'GPU-a', { temperature: i }));
    const heard = async (socket) =>
      (await socket.hear()).payload.data.telemetryUpdates.data.temperature;
    for (let i = 0; i < 10; i++) assert.equal(await heard(all), i);
    for (let i = 1; i < 10; i += 2) assert.equal(await heard(one), i);
    all.ws.terminate();
    one.ws.terminate();
    await assertNobodyFollows();
  });

  test('a slow reader gets the newest of each GPU and what it missed', async () => {
    const socket = await open();
    const fast = await open();
    const names = Array.from({ length: 60 }, (_, i) => `n${i}: gpuUuid`);
    const large = UPDATES.replace(
      'gpuUuid data',
      `gpuUuid ${names.join(' ')} data`
    );
    const gpus = ['GPU-1', 'GPU-2', 'GPU-3', 'GPU-4'];
    await follow(socket, 's', large);
    await follow(fast, 'f', large);
    socket.ws.pause();
    const COUNT = 24_000; // of 1.3 kB: more than sockets and log hold
    for (let i = 0; i < COUNT; i++) {
      const s = sample(gpus[i % 4], { temperature: i });
      nats.publish(`telemetry.local.alpha.${s.uuid}`, JSON.stringify(s));
    }
    await nats.flush();
    let last = -1;
    while (last < COUNT - 1) {
      const { payload } = await fast.hear();
      const { temperature } = payload.data.telemetryUpdates.data;
      assert.ok(temperature > last);
      last = temperature;
    }
    socket.ws.resume();
    const newest = new Map();
    let heard = 0;
    let missed = 0;
    while (heard + missed < COUNT) {
      const { payload } = await socket.hear();
      const { gpuUuid, data } = payload.data.telemetryUpdates;
      heard += 1;
      missed += payload.extensions?.missed ?? 0;
      assert.ok(data.temperature > (newest.get(gpuUuid) ?? -1));
      newest.set(gpuUuid, data.temperature);
    }
    assert.equal(heard + missed, COUNT);
    assert.ok(missed > 0);
    assert.deepEqual(
      gpus.map((gpu) => newest.get(gpu)),
      [COUNT - 4, COUNT - 3, COUNT - 2, COUNT - 1]
    );
    socket.ws.terminate();
    fast.ws.terminate();
    await assertNobodyFollows();
  });
});
