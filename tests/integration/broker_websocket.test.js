// Clients over WebSocket. Every scenario runs against Debian's nats-server as
// well, with the same configuration.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, wsconnect } from '@nats-io/nats-core';
import { WebSocket } from 'ws';

import { makeAuthority } from './support/certificates.js';
import {
  connectNats,
  freePort,
  getJson,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';
import { atEnd } from './support/program.js';

const authority = makeAuthority();
const host = authority.issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1');

// What a browser has, and node 18 has not; it knows the tests' authority.
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url, { ca: authority.ca, perMessageDeflate: false });
  }
};

const secure = `tls { cert_file: "${host.certFile}", key_file: "${host.keyFile}" }`;

async function configured(start, settings, more = '') {
  const port = await freePort();
  const file = join(tempDir('nexus-config-'), 'broker.conf');
  writeFileSync(
    file,
    `websocket {\n  listen: "127.0.0.1:${port}"\n  ${settings}\n}\n${more}\n`
  );
  const server = await start({ args: ['-c', file] });
  server.wsPort = port;
  server.wsUrl = `${settings.includes('no_tls') ? 'ws' : 'wss'}://127.0.0.1:${port}`;
  return server;
}

async function connectClient(server, options = {}) {
  const client = await wsconnect({ servers: server.wsUrl, ...options });
  atEnd(() => client.close());
  return client;
}

// The frames themselves: what came, joined, and how it ended.
class Frames {
  static async open(server, options = {}) {
    const frames = new Frames();
    frames.sizes = [];
    frames.text = '';
    frames.socket = new WebSocket(server.wsUrl, {
      perMessageDeflate: false,
      ca: authority.ca,
      ...options,
    });
    frames.socket.on('message', (data, binary) => {
      assert.equal(binary, true);
      frames.sizes.push(data.length);
      frames.text += data.toString('latin1');
    });
    frames.socket.on('close', (code, reason) => {
      frames.end = { code, reason: reason.toString() };
    });
    atEnd(() => frames.socket.terminate());
    await once(frames.socket, 'open');
    await frames.expect(/^INFO .*\r\n/);
    return frames;
  }

  say(data, options) {
    this.socket.send(data, options);
    return this;
  }

  // Waits for the text and takes everything off up to its end.
  async expect(pattern) {
    const found = await waitFor(
      () => pattern.exec(this.text),
      `${pattern} in ${JSON.stringify(this.text.slice(0, 200))}`
    );
    this.text = this.text.slice(found.index + found[0].length);
    return found[0];
  }

  async ended() {
    return waitFor(() => this.end, 'the end');
  }
}

const UPGRADE = {
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

// The status line that a request gets.
async function statusOf(server, fields, method = 'GET') {
  const socket = connectTcp(server.wsPort, '127.0.0.1');
  const lines = Object.entries({ ...UPGRADE, ...fields })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} / HTTP/1.1\r\n${lines.join('')}\r\n`);
  const [data] = await once(socket, 'data');
  socket.destroy();
  return Number(data.toString().split(' ')[1]);
}

const random = (length) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7919 + (i >> 8)) % 251));

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  for (const [kind, settings] of [
    ['in clear', 'no_tls: true'],
    ['over TLS', secure],
    ['compressed', 'no_tls: true, compression: true'],
  ]) {
    describe(`${name}: the official client, ${kind}`, () => {
      let server;
      before(async () => {
        server = await configured(start, settings);
      });

      test('meets clients over TCP', async () => {
        const client = await connectClient(server);
        const other = await connectNats(server);
        client.subscribe('echo', {
          callback: (_, message) =>
            message.respond(message.data, { headers: message.headers }),
        });
        await client.flush();
        const marked = headers();
        marked.set('Mark', 'x');
        const payload = random(700_000);
        const answer = await other.request('echo', payload, { timeout: 5000 });
        assert.ok(Buffer.from(answer.data).equals(payload));
        const own = await client.request('echo', 'hello', { headers: marked });
        assert.equal(own.string(), 'hello');
        assert.equal(own.headers.get('Mark'), 'x');
      });

      test('keeps streams and reads them', async () => {
        const client = await connectClient(server);
        const manager = await jetstreamManager(client);
        await manager.streams.add({ name: 'S', subjects: ['s.>'] });
        const js = jetstream(client);
        await Promise.all(
          Array.from({ length: 200 }, (_, i) => js.publish(`s.${i}`, `${i}`))
        );
        await manager.consumers.add('S', {
          durable_name: 'C',
          ack_policy: AckPolicy.Explicit,
        });
        const consumer = await js.consumers.get('S', 'C');
        const seen = [];
        for await (const message of await consumer.fetch({ max_messages: 200 })) {
          seen.push(message.string());
          message.ack();
        }
        assert.equal(new Set(seen).size, 200);
      });

      test('is told apart in /connz', async () => {
        await connectClient(server, { name: 'over websocket' });
        const { body } = await getJson(`${server.httpUrl}/connz`);
        const it = body.connections.find((c) => c.name === 'over websocket');
        assert.equal(it.type, 'websocket');
        assert.equal(it.kind, 'Client');
        const told = kind === 'over TLS' && name === 'nexus-broker';
        assert.equal(it.tls_version, told ? '1.3' : undefined);
      });
    });
  }

  describe(`${name}: frames`, () => {
    let server;
    before(async () => {
      server = await configured(start, 'no_tls: true, compression: true');
    });

    test('text and binary, in any pieces', async () => {
      const frames = await Frames.open(server);
      frames.say('CONNECT {"verbose":false}\r\nSUB a 1\r\n');
      frames.say(Buffer.from('PUB a 5\r\nhe'), { fin: false });
      frames.say(Buffer.from('llo'), { fin: false });
      frames.say(Buffer.from('\r\nPING\r\n'));
      await frames.expect(/^MSG a 1 5\r\nhello\r\nPONG\r\n/);
      for (const byte of 'PING\r\n') frames.say(byte);
      await frames.expect(/^PONG\r\n/);
    });

    test('a ping is answered with its text, also amid a message', async () => {
      const frames = await Frames.open(server);
      frames.say('PI', { fin: false });
      frames.socket.ping('are you there');
      const [text] = await once(frames.socket, 'pong');
      assert.equal(text.toString(), 'are you there');
      frames.say('NG\r\n');
      await frames.expect(/^PONG\r\n/);
    });

    test('a close is returned', async () => {
      const frames = await Frames.open(server);
      frames.socket.close(1000, 'enough');
      assert.deepEqual(await frames.ended(), { code: 1000, reason: 'enough' });
    });

    test('large messages go both ways, compressed and not', async () => {
      for (const perMessageDeflate of [false, true]) {
        const frames = await Frames.open(server, { perMessageDeflate });
        assert.equal(
          frames.socket.extensions,
          perMessageDeflate ? 'permessage-deflate' : ''
        );
        frames.say('CONNECT {"verbose":false}\r\nSUB big 1\r\n');
        for (const payload of [random(1_000_000), Buffer.alloc(1_000_000, 'a')]) {
          frames.say(
            Buffer.concat([
              Buffer.from(`PUB big ${payload.length}\r\n`),
              payload,
              Buffer.from('\r\n'),
            ])
          );
          const head = `MSG big 1 ${payload.length}\r\n`;
          const whole = head.length + payload.length + 2;
          await waitFor(() => frames.text.length >= whole, 'the message');
          assert.equal(
            frames.text,
            `${head}${payload.toString('latin1')}\r\n`
          );
          frames.text = '';
        }
      }
    });

    test('what is compressed may come in fragments', async () => {
      const frames = await Frames.open(server, {
        perMessageDeflate: { threshold: 0 },
      });
      const subs = Array.from({ length: 300 }, (_, i) => `SUB s.${i} ${i}\r\n`);
      frames.say('CONNECT {"verbose":false}\r\n', { fin: false });
      for (const sub of subs) frames.say(sub, { fin: false });
      frames.say('PUB s.299 0\r\n\r\nPING\r\n');
      await frames.expect(/^MSG s.299 299 0\r\n\r\nPONG\r\n/);
    });

    test('a browser gets small frames', async () => {
      const frames = await Frames.open(server, {
        headers: { 'User-Agent': 'Mozilla/5.0 (X11)' },
      });
      frames.say('CONNECT {"verbose":false}\r\nSUB a 1\r\n');
      frames.say(`PUB a 100000\r\n${'x'.repeat(100_000)}\r\n`);
      await frames.expect(/^MSG a 1 100000\r\nx{100000}\r\n/);
      assert.ok(Math.max(...frames.sizes) <= 4096);
    });

    test('the end says why', async () => {
      const wrong = await Frames.open(server);
      wrong.say('NONSENSE\r\n');
      await wrong.expect(/^-ERR 'Unknown Protocol Operation'\r\n/);
      assert.deepEqual(await wrong.ended(), {
        code: 1002,
        reason: 'Protocol Violation',
      });
      const large = await Frames.open(server);
      large.say('PUB a 2000000\r\n');
      await large.expect(/^-ERR 'Maximum Payload Violation'\r\n/);
      assert.equal((await large.ended()).code, 1009);
    });

    test('frames that the RFC forbids end it', async () => {
      for (const bytes of [
        [0x82, 0x01, 0x78], // not masked
        [0x80, 0x80, 0, 0, 0, 0], // goes on from nothing
        [0x83, 0x80, 0, 0, 0, 0], // an unknown opcode
        [0x09, 0x80, 0, 0, 0, 0], // a fragmented ping
      ]) {
        const frames = await Frames.open(server);
        frames.socket._socket.write(Buffer.from(bytes));
        await frames.ended();
      }
    });
  });

  describe(`${name}: the door`, () => {
    test('what is no upgrade is refused', async () => {
      const server = await configured(start, 'no_tls: true');
      assert.equal(await statusOf(server, {}), 101);
      assert.equal(await statusOf(server, {}, 'POST'), 405);
      for (const field of Object.keys(UPGRADE))
        assert.equal(await statusOf(server, { [field]: null }), 400, field);
      assert.equal(await statusOf(server, { Upgrade: 'h2c' }), 400);
      assert.equal(await statusOf(server, { 'Sec-WebSocket-Version': 8 }), 400);
      const extension = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
      assert.equal(await statusOf(server, extension), 101);
    });

    test('only pages from here', async () => {
      const server = await configured(start, 'no_tls: true, same_origin: true');
      const here = { Host: 'broker.example:8080' };
      const origin = (Origin) => statusOf(server, { ...here, Origin });
      assert.equal(await statusOf(server, here), 101);
      assert.equal(await origin('http://broker.example:8080'), 101);
      assert.equal(await origin('http://broker.example'), 403);
      assert.equal(await origin('http://evil.example:8080'), 403);
    });

    test('only pages from there', async () => {
      const server = await configured(
        start,
        'no_tls: true, allowed_origins: ["https://app.example"]'
      );
      const origin = (Origin) => statusOf(server, { Origin });
      assert.equal(await origin('https://app.example'), 101);
      assert.equal(await origin('http://app.example'), 403);
      assert.equal(await origin('https://app.example:8443'), 403);
    });

    test('who must sign in must do so here, too', async () => {
      const server = await configured(
        start,
        'no_tls: true',
        'authorization { user: me, password: secret }'
      );
      const client = await connectClient(server, { user: 'me', pass: 'secret' });
      await client.flush();
      const frames = await Frames.open(server);
      frames.say('CONNECT {"user":"me","pass":"wrong"}\r\n');
      await frames.expect(/^-ERR 'Authorization Violation'\r\n/);
      assert.equal((await frames.ended()).code, 1008);
    });

    test('who brings nothing is somebody of this door', async () => {
      const users = ['t', 'w'].map(
        (name) => `${name.toUpperCase()} { users: [ { user: ${name}, password: ${name} } ] }`
      );
      const accounts = `accounts { ${users.join('\n')} }\nno_auth_user: t`;
      const account = async (settings) => {
        const server = await configured(start, settings, accounts);
        await connectClient(server);
        const { body } = await getJson(`${server.httpUrl}/connz?auth=1`);
        return body.connections.map((c) => c.account);
      };
      assert.deepEqual(await account('no_tls: true\nno_auth_user: w'), ['W']);
      assert.deepEqual(await account('no_tls: true'), ['T']);
    });

    test('a stop is an end that says so', async () => {
      const server = await configured(start, secure);
      const frames = await Frames.open(server);
      await server.stop(server.stopSignal);
      assert.equal((await frames.ended()).code, 1001);
    });

    test('a listener that cannot be has a reason', async () => {
      await assert.rejects(
        configured(start, 'tls { cert_file: "/nowhere.pem", key_file: "/nowhere.key" }'),
        /\/nowhere\.pem/
      );
    });
  });
}
