// The connection, against a server that does what servers do at their worst.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, test } from 'node:test';

import { WebSocketServer } from 'ws';

import { waitFor } from '../../integration/support/index.js';
import { letTimersGo, openPage } from '../support/page.js';
import { importSource } from '../support/source.js';

// Until the last test is over, whatever else has ended.
const awake = setInterval(() => {}, 1000);
after(() => clearInterval(awake));
letTimersGo();
openPage();
const { Api, ApiError } = await importSource('api/client.ts');

const servers = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

// behave(socket, message) is what it does with each message.
async function serve(behave, port = 0) {
  const server = new WebSocketServer({ port, handleProtocols: () => 'graphql-transport-ws' });
  const sockets = [];
  const heard = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.say = (message) => socket.send(JSON.stringify(message));
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      heard.push(message);
      behave(socket, message, sockets.length);
    });
  });
  await once(server, 'listening');
  const stop = () => {
    for (const socket of sockets) socket.terminate();
    server.close();
  };
  servers.push({ stop });
  return { sockets, heard, stop, port: server.address().port };
}

function greet(socket, { type, id }) {
  if (type === 'connection_init') socket.say({ type: 'connection_ack' });
  if (type === 'ping') socket.say({ type: 'pong' });
  return type === 'subscribe' ? id : null;
}

function open({ port }) {
  openPage(`http://127.0.0.1:${port}/some/where/`);
  const api = new Api();
  const states = [];
  let resumed = 0;
  api.connectionChanged.on(({ state }) => states.at(-1) === state || states.push(state));
  api.resumed.on(() => resumed++);
  return { api, states, resumed: () => resumed };
}

test('a query has its answer, or says what was refused', async () => {
  const server = await serve((socket, message) => {
    const id = greet(socket, message);
    if (!id) return;
    const { query } = message.payload;
    if (query === 'invalid') socket.say({ id, type: 'error', payload: [{ message: 'no such field' }] });
    else if (query === 'failing') socket.say({ id, type: 'next', payload: { data: null, errors: [{ message: 'down' }] } });
    else socket.say({ id, type: 'next', payload: { data: { answer: 42 } } });
    if (query !== 'invalid') socket.say({ id, type: 'complete' });
  });
  const { api } = open(server);
  assert.deepEqual(await api.query('{ answer }'), { answer: 42 });
  await assert.rejects(api.query('invalid'), (error) => error instanceof ApiError && error.message === 'no such field');
  await assert.rejects(api.query('failing'), /down/);
  await assert.rejects(api.query('{ answer }', {}, AbortSignal.abort()), { name: 'AbortError' });
});

test('what is asked and followed when the connection breaks is asked and followed on the next', async () => {
  const server = await serve((socket, message, connections) => {
    const id = greet(socket, message);
    if (!id) return;
    if (connections === 1) {
      if (message.payload.query === 'ask') socket.terminate();
      return;
    }
    socket.say({ id, type: 'next', payload: { data: { on: connections }, extensions: { missed: 3 } } });
    if (message.payload.query === 'ask') socket.say({ id, type: 'complete' });
  });
  const { api, states, resumed } = open(server);
  const events = [];
  const off = api.subscribe('follow', {}, { next: (data, missed) => events.push([data.on, missed]) });
  assert.deepEqual(await api.query('ask'), { on: 2 });
  assert.deepEqual(events, [[2, 3]]);
  assert.deepEqual(states, ['live', 'reconnecting', 'live']);
  assert.equal(resumed(), 1);
  off();
  await waitFor(() => server.heard.some((message) => message.type === 'complete'), 'the end of what is followed');
});

test('a server that falls silent is missed within 5 s', async () => {
  const server = await serve((socket, message, connections) => {
    if (connections === 1 && message.type === 'ping') return;
    greet(socket, message);
  });
  const { api, states } = open(server);
  await waitFor(() => api.connection.state === 'live', 'the connection');
  const since = Date.now();
  await waitFor(() => states.includes('reconnecting'), 'the loss');
  assert.ok(Date.now() - since < 5000);
  await waitFor(() => states.at(-1) === 'live', 'the next connection');
});

test('a refusal is said, and asked again when somebody wants it', async () => {
  const server = await serve((socket, message, connections) => {
    if (connections === 1) {
      socket.close(4400, 'not like this');
      return;
    }
    const id = greet(socket, message);
    if (!id) return;
    socket.say({ id, type: 'next', payload: { data: { answer: 42 } } });
    socket.say({ id, type: 'complete' });
  });
  const { api } = open(server);
  const answer = api.query('{ answer }');
  await waitFor(() => api.connection.state === 'refused' && api.connection.retryAt, 'the refusal');
  assert.equal(api.connection.reason, '4400 not like this');
  assert.ok(api.connection.retryAt > Date.now() + 20_000);
  api.retryNow();
  assert.deepEqual(await answer, { answer: 42 });
});

test('a server that ends every connection in good order is not asked over and over', async () => {
  const server = await serve((socket) => socket.close(1000));
  open(server);
  await waitFor(() => server.sockets.length >= 3, 'some attempts');
  const before = server.sockets.length;
  await new Promise((done) => setTimeout(done, 1000));
  assert.ok(server.sockets.length - before <= 3, `${server.sockets.length - before} in a second`);
});

test('the network being back, or the page being looked at, is a reason to try at once', async () => {
  const first = await serve(greet);
  const { api } = open(first);
  await waitFor(() => api.connection.state === 'live', 'the connection');
  first.stop();
  await waitFor(() => api.connection.retryAt > Date.now() + 1500, 'a long wait');
  await serve(greet, first.port);
  const since = Date.now();
  dispatchEvent(new Event('online'));
  await waitFor(() => api.connection.state === 'live', 'the connection back');
  assert.ok(Date.now() - since < 1000);
});

test('what a listener throws ends nothing', async () => {
  const server = await serve((socket, message) => {
    const id = greet(socket, message);
    if (!id) return;
    for (const n of [1, 2]) socket.say({ id, type: 'next', payload: { data: { n } } });
  });
  const { api, states } = open(server);
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  const seen = [];
  api.subscribe('follow', {}, {
    next({ n }) {
      seen.push(n);
      if (n === 1) throw new Error('ours');
    },
  });
  await waitFor(() => seen.length === 2, 'both events');
  assert.deepEqual(reported, ['ours']);
  assert.deepEqual(states, ['live']);
});
