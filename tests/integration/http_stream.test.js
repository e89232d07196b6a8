// Replies in pieces: whole for every client, bounded for one that does not
// read, and over when it has left.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { before, test } from 'node:test';

import { startHttpServer } from './support/http_server.js';
import { waitFor } from './support/index.js';
import { atEnd } from './support/program.js';

let server;

before(async () => {
  server = await startHttpServer();
});

const lines = (n) =>
  Array.from({ length: n }, (_, i) => `line ${i}\n`).join('');
const streamsClosed = async () => (await server.numbers()).body.streams_closed;

// { text, ended, socket }: a connection that has said text.
function say(text) {
  const socket = connect(server.port, '127.0.0.1', () => socket.write(text));
  const client = { socket, text: '', ended: false };
  socket.setEncoding('latin1');
  socket.on('data', (data) => (client.text += data));
  socket.on('close', () => (client.ended = true));
  socket.on('error', () => {});
  atEnd(() => socket.destroy());
  return client;
}

test('every line arrives, in order', async () => {
  const first = await streamsClosed();
  const reply = await fetch(`${server.url}/lines/100000`);
  assert.equal(reply.headers.get('transfer-encoding'), 'chunked');
  assert.equal(await reply.text(), lines(100_000));
  await waitFor(async () => (await streamsClosed()) === first + 1, 'its end');
});

test('the connection goes on with what was sent behind the request', async () => {
  const client = say(
    'GET /lines/3 HTTP/1.1\r\nHost: h\r\n\r\n' +
      'GET /lines/2 HTTP/1.1\r\nHost: h\r\n\r\n' +
      'GET /size/5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'
  );
  await waitFor(() => client.ended, 'the last reply');
  const bodies = client.text.split(/HTTP\/1.1 200 OK\r\n.*?\r\n\r\n/s).slice(1);
  const joined = (text) => text.replace(/[0-9a-f]+\r\n(.*?)\r\n/gs, '$1');
  assert.equal(bodies.length, 3);
  assert.equal(joined(bodies[0]), lines(3));
  assert.equal(joined(bodies[1]), lines(2));
  assert.equal(bodies[2], 'xxxxx');
});

test('HTTP/1.0 gets it bare, up to the end of the connection', async () => {
  const client = say(
    'GET /lines/500 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
  );
  await waitFor(() => client.ended, 'the end');
  const [head, body] = client.text.split('\r\n\r\n');
  assert.match(head, /Connection: close/);
  assert.doesNotMatch(head, /Transfer-Encoding/);
  assert.equal(body, lines(500));
});

test('HEAD is answered without a body, and the connection goes on', async () => {
  const client = say(
    'HEAD /lines/5 HTTP/1.1\r\nHost: h\r\n\r\n' +
      'GET /size/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'
  );
  await waitFor(() => client.ended, 'the end');
  assert.equal(client.text.match(/HTTP\/1.1 200 OK/g).length, 2);
  assert.doesNotMatch(client.text, /line 0/);
  assert.match(client.text, /\r\n\r\nxxx$/);
});

test('a stream without end is over when its client has left', async () => {
  for (const leave of ['destroy', 'resetAndDestroy', 'end']) {
    const first = await streamsClosed();
    const client = say('GET /lines/0 HTTP/1.1\r\nHost: h\r\n\r\n');
    await waitFor(() => client.text.includes('line 100'), 'some lines');
    client.socket[leave]();
    await waitFor(async () => (await streamsClosed()) > first, 'its end');
  }
});

test('a client that does not read is kept at little memory', async () => {
  const resident = () =>
    Number(
      /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`))[1]
    );
  const first = resident();
  const clients = Array.from({ length: 20 }, () => {
    const client = say('GET /lines/0 HTTP/1.1\r\nHost: h\r\n\r\n');
    client.socket.pause();
    return client;
  });
  let last = -1;
  await waitFor(async () => {
    const { body } = await server.numbers();
    const still = body.lines === last;
    last = body.lines;
    return still;
  }, 'filling to stop');
  assert.ok(resident() - first < 20_000, `${resident() - first} kB more`);
  for (const client of clients) client.socket.destroy();
});

test('a body in chunks is a body', async () => {
  async function* body() {
    yield Buffer.from('a'.repeat(70_000));
    yield Buffer.from('ü');
  }
  const reply = await fetch(`${server.url}/echo`, {
    method: 'POST',
    body: body(),
    duplex: 'half',
  });
  assert.equal(await reply.text(), `${'a'.repeat(70_000)}ü`);
});
