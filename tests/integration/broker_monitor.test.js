// The monitor's pages, as nats-top and the Prometheus exporter read them: the
// same clients and streams at Debian's nats-server must give the same members
// of the same types.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { AckPolicy, StorageType } from 'nats';

import {
  connectNats,
  getJson,
  metric,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';
import { Wire } from './support/wire.js';

const CONFIG = `accounts {
  A { jetstream: enabled, users: [{user: a, password: a}] }
  B { users: [{user: b, password: b}] }
}
no_auth_user: a
`;

// What nats-server's pages have and an only broker of its kind has not.
const MISSING = [
  /^account_detail\.imports/, // of the system account's services
  /^http_req_stats\./, // the tests ask it for /healthz
  /^connections\.\*\.rtt$/, // not before the first ping
];

async function inhabit(start) {
  const file = join(tempDir('nexus-config-'), 'broker.conf');
  writeFileSync(file, CONFIG);
  const server = await start({ args: ['-c', file] });
  server.first = await connectNats(server, { name: 'first', user: 'a', pass: 'a' });
  server.second = await connectNats(server, { name: 'second', user: 'b', pass: 'b' });
  server.first.subscribe('x.*', { queue: 'q', max: 7 });
  server.first.subscribe('y');
  server.second.subscribe('z');
  const manager = await server.first.jetstreamManager();
  await manager.streams.add({ name: 'FILE', subjects: ['f.*'] });
  await manager.streams.add({
    name: 'MEMORY',
    subjects: ['m'],
    storage: StorageType.Memory,
    max_bytes: 4096,
  });
  await manager.consumers.add('FILE', {
    durable_name: 'C',
    ack_policy: AckPolicy.Explicit,
  });
  const js = server.first.jetstream();
  for (const to of ['f.1', 'f.2', 'm']) await js.publish(to, 'hello');
  await (await js.consumers.get('FILE', 'C')).next();
  const gone = await connectNats(server, { name: 'gone', user: 'b', pass: 'b' });
  await gone.close();
  await server.second.flush();
  await waitFor(async () => {
    const { body } = await getJson(`${server.httpUrl}/connz?state=closed`);
    return body.connections.some((c) => c.name === 'gone');
  }, 'the end of one');
  return server;
}

// Paths of all members with their types: { 'connections.*.cid': 'number' }.
function shapeOf(value, path = '', shape = {}) {
  const type = Array.isArray(value) ? 'array' : typeof value;
  if (path !== '') shape[path] = value === null ? 'array' : type;
  if (type === 'array')
    for (const element of value) shapeOf(element, `${path}.*`, shape);
  else if (type === 'object' && value !== null)
    for (const [name, member] of Object.entries(value))
      shapeOf(member, path === '' ? name : `${path}.${name}`, shape);
  return shape;
}

function assertCovers(ours, theirs) {
  const shape = shapeOf(ours);
  for (const [path, type] of Object.entries(shapeOf(theirs)))
    if (!MISSING.some((known) => known.test(path)))
      assert.equal(shape[path], type, path);
}

describe('beside nats-server', () => {
  let ours;
  let theirs;
  before(async () => {
    ours = await inhabit(startBroker);
    theirs = await inhabit(startNatsServer);
  });

  for (const path of [
    'varz',
    'connz',
    'connz?subs=1&auth=1',
    'connz?subs=detail&auth=true&sort=subs',
    'connz?state=closed&auth=1',
    'connz?state=all&limit=2&offset=1',
    'subsz',
    'subsz?subs=1&acc=A',
    'jsz',
    'jsz?acc=A&streams=1&consumers=1&config=1',
    'jsz?accounts=1',
    'jsz?streams=true',
    'accountz',
    'accountz?acc=A',
    'accstatz',
    'accstatz?unused=1',
    'routez',
    'gatewayz',
    'leafz',
    'healthz',
    'healthz?js-enabled-only=1',
    'healthz?js-server-only=1',
  ])
    test(`/${path} has the same members`, async () => {
      const [mine, other] = await Promise.all(
        [ours, theirs].map((server) => getJson(`${server.httpUrl}/${path}`))
      );
      assert.equal(mine.status, other.status);
      assertCovers(mine.body, other.body);
    });

  for (const path of [
    'connz?state=nonsense',
    'connz?sort=nonsense',
    'connz?sort=stop',
    'connz?limit=many',
    'accountz?acc=nobody',
  ])
    test(`/${path} is refused`, async () => {
      for (const server of [ours, theirs]) {
        const reply = await fetch(`${server.httpUrl}/${path}`);
        assert.equal(reply.status, 400);
        assert.match(await reply.text(), /\w/);
      }
    });

  for (const [order, pick] of [
    ['cid', (c) => c.cid],
    ['start', (c) => Date.parse(c.start)],
    ['subs', (c) => -c.subscriptions],
    ['pending', (c) => -c.pending_bytes],
    ['msgs_to', (c) => -c.out_msgs],
    ['msgs_from', (c) => -c.in_msgs],
    ['bytes_to', (c) => -c.out_bytes],
    ['bytes_from', (c) => -c.in_bytes],
    ['last', (c) => -Date.parse(c.last_activity)],
  ])
    test(`connections are sorted by ${order}`, async () => {
      for (const server of [ours, theirs]) {
        const { body } = await getJson(`${server.httpUrl}/connz?sort=${order}`);
        const keys = body.connections.map(pick);
        assert.equal(keys.length, 2);
        assert.deepEqual(keys, keys.slice().sort((a, b) => a - b));
      }
    });

  test('connections are found by number, account, user and subject', async () => {
    for (const server of [ours, theirs]) {
      const names = async (query) => {
        const { body } = await getJson(`${server.httpUrl}/connz?auth=1&${query}`);
        return body.connections.map((c) => c.name);
      };
      assert.deepEqual(await names('acc=A'), ['first']);
      assert.deepEqual(await names('user=b'), ['second']);
      assert.deepEqual(await names(`cid=${server.first.info.client_id}`), ['first']);
      assert.deepEqual(await names('acc=B&filter_subject=z'), ['second']);
      assert.deepEqual(await names('state=closed'), ['gone']);
    }
  });

  test('streams are counted in all accounts', async () => {
    for (const server of [ours, theirs]) {
      const { body } = await getJson(`${server.httpUrl}/jsz?consumers=1&acc=A`);
      assert.equal(body.streams, 2);
      assert.equal(body.consumers, 1);
      assert.equal(body.messages, 3);
      assert.equal(body.reserved_memory, 4096);
      const [details] = body.account_details;
      assert.equal(details.name, 'A');
      const file = details.stream_detail.find((s) => s.name === 'FILE');
      assert.equal(file.config, undefined);
      assert.equal(file.state.messages, 2);
      assert.equal(file.consumer_detail[0].num_ack_pending, 1);
    }
  });

  test('a page in a call is a script', async () => {
    for (const server of [ours, theirs]) {
      const reply = await fetch(`${server.httpUrl}/varz?callback=show`);
      assert.match(reply.headers.get('content-type'), /^application\/javascript/);
      const [, json] = /^show\((.*)\)$/s.exec(await reply.text());
      assert.equal(JSON.parse(json).port, server.port);
    }
  });

  test('the index names the pages', async () => {
    for (const server of [ours, theirs]) {
      const reply = await fetch(`${server.httpUrl}/`);
      assert.match(reply.headers.get('content-type'), /^text\/html/);
      const text = await reply.text();
      for (const page of ['varz', 'connz', 'jsz', 'subsz', 'accountz', 'healthz'])
        assert.ok(text.includes(`./${page}`), page);
    }
  });
});

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
])
  test(`${name}: a closed connection has its reason`, async () => {
    const file = join(tempDir('nexus-config-'), 'broker.conf');
    writeFileSync(
      file,
      'authorization { user: me, password: secret, timeout: 1 }\n'
    );
    const server = await start({ args: ['-c', file] });
    const ends = {
      'Authentication Failure': 'CONNECT {"user":"me","pass":"x"}\r\n',
      'Authentication Timeout': '',
      'Protocol Violation':
        'CONNECT {"user":"me","pass":"secret"}\r\nNONSENSE\r\n',
      'Maximum Message Payload Exceeded':
        'CONNECT {"user":"me","pass":"secret"}\r\nPUB a 99999999\r\n',
      'Bad Client Protocol Version': 'CONNECT {"user":"me","pass":"secret","protocol":9}\r\n',
    };
    for (const [reason, text] of Object.entries(ends)) {
      const wire = await Wire.open(server);
      wire.say(text);
      await waitFor(async () => {
        const { body } = await getJson(`${server.httpUrl}/connz?state=closed&limit=2000`);
        const its = body.connections.find((c) => c.cid === wire.info.client_id);
        return its?.reason === reason && Date.parse(its.stop) > 0;
      }, reason);
    }
  });

test('streams are off', async () => {
  const dir = tempDir('nexus-broker-');
  const server = await startBroker({ dir, args: ['-js=false'] });
  const { body } = await getJson(`${server.httpUrl}/jsz`);
  assert.equal(body.disabled, true);
  assert.equal(body.streams, 0);
  const health = await getJson(`${server.httpUrl}/healthz?js-enabled-only=1`);
  assert.equal(health.status, 503);
  assert.match(health.body.error, /not enabled/);
});

test('metrics count all accounts', async () => {
  const server = await inhabit(startBroker);
  assert.equal(await metric(server, 'nexus_broker_connections'), 2);
  assert.equal(await metric(server, 'nexus_broker_streams'), 2);
  assert.equal(await metric(server, 'nexus_broker_stream_messages'), 3);
  assert.equal(await metric(server, 'nexus_broker_stream_messages_lost'), 0);
});

test('messages that cannot be read are named', async () => {
  const first = await startBroker();
  const client = await connectNats(first, { reconnect: false });
  const manager = await client.jetstreamManager();
  await manager.streams.add({ name: 'S', subjects: ['s'] });
  for (let i = 1; i <= 9; i++)
    await client.jetstream().publish('s', `message number ${i}`);
  await client.close();
  await first.stop();

  const file = join(first.dir, 'streams/S/msgs/0000000000000001.seg');
  const bytes = readFileSync(file);
  bytes[bytes.indexOf('number 5')] ^= 1;
  writeFileSync(file, bytes);

  const server = await startBroker({ port: first.port, dir: first.dir });
  const again = await connectNats(server);
  const streams = (await again.jetstreamManager()).streams;
  await assert.rejects(streams.getMessage('S', { seq: 5 }));
  assert.equal((await streams.getMessage('S', { seq: 6 })).seq, 6);
  const health = await getJson(`${server.httpUrl}/healthz`);
  assert.equal(health.status, 200);
  assert.deepEqual(health.body.damaged, [
    {
      account: '$G',
      stream: 'S',
      sequences: [{ first_seq: 5, last_seq: 5 }],
    },
  ]);
  const strict = await getJson(`${server.httpUrl}/healthz?strict=1`);
  assert.equal(strict.status, 503);
  assert.match(strict.body.error, /^1 messages? cannot be read/);
  assert.equal(await metric(server, 'nexus_broker_stream_messages_lost'), 1);
});
