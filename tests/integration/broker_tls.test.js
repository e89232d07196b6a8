// Clients over TLS. Every scenario runs against Debian's nats-server as well,
// with the same configuration, unless it is younger than that.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';

import { makeAuthority } from './support/certificates.js';
import {
  connectNats,
  getJson,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';
import { Wire } from './support/wire.js';

const authority = makeAuthority();
const { caFile, ca } = authority;
const host = authority.issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1');
const alice = authority.issue('alice', '/O=nexus/CN=alice', 'email:alice@example.com');
const bob = authority.issue('bob', '/O=nexus/CN=bob');
const stranger = makeAuthority().issue('stranger', '/CN=stranger');

const shown = (who) => ({ caFile, certFile: who.certFile, keyFile: who.keyFile });

const tlsBlock = (more = '', { certFile, keyFile } = host) => `tls {
  cert_file: "${certFile}"
  key_file: "${keyFile}"
  ca_file: "${caFile}"
  timeout: 1
  ${more}
}
`;

function configured(start, text) {
  const file = join(tempDir('nexus-config-'), 'broker.conf');
  writeFileSync(file, text);
  return start({ args: ['-c', file] });
}

const refused = (promise) =>
  assert.rejects(promise, (error) => error instanceof Error);

// INFO in clear, and TLS on the same socket.
async function openSecure(server, options = {}) {
  const plain = connectTcp(server.port, '127.0.0.1');
  const [info] = await once(plain, 'data');
  assert.match(info.toString(), /^INFO /);
  const secure = connectTls({ socket: plain, ca, ...options });
  await once(secure, 'secureConnect');
  return secure;
}

// A socket that sends what is written within a while in one piece.
function gathered(socket) {
  let waiting = [];
  const send = () => {
    if (!socket.destroyed) socket.write(Buffer.concat(waiting));
    waiting = [];
  };
  const stream = new Duplex({
    read() {},
    write(bytes, _, done) {
      if (waiting.length === 0) setTimeout(send, 30);
      waiting.push(bytes);
      done();
    },
  });
  socket.on('data', (bytes) => stream.push(bytes));
  return stream;
}

async function answerTo(socket, text) {
  socket.write(text);
  const [data] = await once(socket, 'data');
  return data.toString();
}

async function ended(socket) {
  socket.on('error', () => {});
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
}

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(`${name}: required`, () => {
    let server;
    before(async () => {
      server = await configured(start, tlsBlock());
    });

    test('a client publishes, subscribes and asks', async () => {
      const client = await connectNats(server, { tls: { caFile } });
      assert.equal(client.info.tls_required, true);
      assert.equal(client.info.tls_verify, undefined);
      client.subscribe('echo', {
        callback: (_, message) => message.respond(message.data),
      });
      const answer = await client.request('echo', 'hello');
      assert.equal(answer.string(), 'hello');
    });

    test('large messages arrive as they were, to a slow reader as well', async () => {
      const publisher = await connectNats(server, { tls: { caFile } });
      const slow = await openSecure(server);
      assert.equal(await answerTo(slow, 'CONNECT {"verbose":false}\r\nSUB big 1\r\nPING\r\n'), 'PONG\r\n');
      slow.pause();
      const payload = Buffer.alloc(900_000);
      for (let i = 0; i < payload.length; i++) payload[i] = (i * 31) % 251;
      for (let i = 0; i < 20; i++) publisher.publish('big', payload);
      await publisher.flush();
      const head = `MSG big 1 ${payload.length}\r\n`;
      const whole = Buffer.concat([Buffer.from(head), payload, Buffer.from('\r\n')]);
      const received = [];
      let bytes = 0;
      slow.on('data', (data) => {
        received.push(data);
        bytes += data.length;
      });
      slow.resume();
      await waitFor(() => bytes >= 20 * whole.length, 'all of it');
      const all = Buffer.concat(received);
      for (let i = 0; i < 20; i++)
        assert.ok(all.subarray(i * whole.length, (i + 1) * whole.length).equals(whole));
      assert.equal(bytes, 20 * whole.length);
      slow.destroy();
    });

    test('one byte a record is understood', async () => {
      const socket = await openSecure(server);
      for (const byte of 'PIN') {
        socket.write(byte);
        await new Promise(setImmediate);
      }
      assert.equal(await answerTo(socket, 'G\r\n'), 'PONG\r\n');
      socket.destroy();
    });

    test('what comes together with the handshake is not left lying', async () => {
      const plain = connectTcp(server.port, '127.0.0.1');
      await once(plain, 'data');
      const socket = connectTls({ socket: gathered(plain), ca });
      socket.write('PING\r\n');
      const [answer] = await once(socket, 'data');
      assert.equal(answer.toString(), 'PONG\r\n');
      plain.destroy();
    });

    test('a client in clear is turned away', async () => {
      const wire = await Wire.open(server, {});
      wire.say('PING\r\n');
      await waitFor(() => wire.closed, 'its end');
      await refused(connectNats(server, { reconnect: false }));
    });

    test('a client that does not begin is turned away in time', async () => {
      const wire = await Wire.open(server);
      assert.equal(wire.info.tls_required, true);
      await waitFor(() => wire.closed, 'its end');
    });

    test('TLS 1.2 will do, and less will not', async () => {
      const socket = await openSecure(server, { maxVersion: 'TLSv1.2' });
      assert.equal(socket.getProtocol(), 'TLSv1.2');
      assert.equal(await answerTo(socket, 'PING\r\n'), 'PONG\r\n');
      socket.destroy();
      await refused(
        openSecure(server, {
          minVersion: 'TLSv1.1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        })
      );
    });

    test('renegotiation is refused', async () => {
      const socket = await openSecure(server, { maxVersion: 'TLSv1.2' });
      const outcome = once(socket, 'error').then(([error]) => error);
      const again = new Promise((done) => socket.renegotiate({}, done));
      const error = await Promise.race([outcome, again, ended(socket)]);
      assert.notEqual(error, null);
      socket.destroy();
    });

    test('the monitor says what was agreed upon', async () => {
      const socket = await openSecure(server);
      await answerTo(socket, 'PING\r\n');
      const { body } = await getJson(`${server.httpUrl}/connz?sort=cid`);
      const last = body.connections.at(-1);
      assert.equal(last.tls_version, '1.3');
      assert.match(last.tls_cipher_suite, /^TLS_(AES|CHACHA20)_/);
      socket.destroy();
    });
  });

  describe(`${name}: optional`, () => {
    test('clients in clear and clients over TLS meet', async () => {
      const server = await configured(start, `${tlsBlock()}allow_non_tls: true\n`);
      const wire = await Wire.open(server, {});
      assert.equal(wire.info.tls_available, true);
      assert.equal(wire.info.tls_required, undefined);
      wire.say('SUB a 1\r\n');
      await wire.expectOnly('');
      const client = await connectNats(server, { tls: { caFile } });
      client.publish('a', 'over TLS');
      await wire.expect('MSG a 1 8\r\nover TLS\r\n');
      const { body } = await getJson(`${server.httpUrl}/connz?sort=cid`);
      assert.equal(body.connections[0].tls_version, undefined);
      assert.equal(body.connections[1].tls_version, '1.3');
    });
  });

  describe(`${name}: verify`, () => {
    test('only who shows a certificate of the authority comes in', async () => {
      const server = await configured(start, tlsBlock('verify: true'));
      const client = await connectNats(server, { tls: shown(alice) });
      assert.equal(client.info.tls_verify, true);
      await client.flush();
      await refused(connectNats(server, { tls: { caFile }, reconnect: false, maxReconnectAttempts: 0 }));
      await refused(connectNats(server, { tls: shown(stranger), reconnect: false, maxReconnectAttempts: 0 }));
    });

    test('and with verify_and_map the certificate names the user', async () => {
      const server = await configured(
        start,
        `${tlsBlock('verify_and_map: true')}
authorization {
  users: [
    {user: "alice@example.com", permissions: {publish: "alice.>"}}
    {user: "CN=bob,O=nexus"}
  ]
}
`
      );
      const first = await connectNats(server, { tls: shown(alice) });
      const second = await connectNats(server, { tls: shown(bob) });
      const heard = second.subscribe('>', { max: 1 });
      await second.flush();
      first.publish('bob.x', 'not allowed');
      first.publish('alice.x', 'allowed');
      for await (const message of heard) assert.equal(message.subject, 'alice.x');
      const { body } = await getJson(`${server.httpUrl}/connz?auth=1&sort=cid`);
      assert.deepEqual(
        body.connections.map((c) => c.authorized_user),
        ['alice@example.com', 'CN=bob,O=nexus']
      );
      const nobody = authority.issue('nobody', '/CN=nobody');
      await refused(connectNats(server, { tls: shown(nobody), reconnect: false, maxReconnectAttempts: 0 }));
    });
  });

  describe(`${name}: settings`, () => {
    test('the cipher suites and curves are those asked for', async () => {
      const server = await configured(
        start,
        tlsBlock(`cipher_suites: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]
  curve_preferences: ["CurveP256"]`)
      );
      const socket = await openSecure(server, { maxVersion: 'TLSv1.2' });
      assert.equal(socket.getCipher().standardName, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
      assert.equal(socket.getEphemeralKeyInfo().name, 'prime256v1');
      socket.destroy();
      await refused(
        openSecure(server, {
          maxVersion: 'TLSv1.2',
          ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
        })
      );
    });

    test('a file that is not there is named', async () => {
      await assert.rejects(
        configured(start, tlsBlock('', { ...host, certFile: '/nowhere/cert.pem' })),
        /\/nowhere\/cert\.pem/
      );
    });

    test('a stop takes leave of the clients', async () => {
      const server = await configured(start, tlsBlock());
      const socket = await openSecure(server);
      await answerTo(socket, 'PING\r\n');
      const end = once(socket, 'end');
      socket.resume();
      await server.stop(server.stopSignal);
      await end;
    });

    test('a reload reads the certificates again', async () => {
      const dir = tempDir('nexus-certificate-');
      const own = { certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') };
      const install = (from) => {
        copyFileSync(from.certFile, own.certFile);
        copyFileSync(from.keyFile, own.keyFile);
      };
      const serial = async () => {
        const socket = await openSecure(server);
        const { serialNumber } = socket.getPeerCertificate();
        socket.destroy();
        return serialNumber;
      };
      install(host);
      const server = await configured(start, tlsBlock('', own));
      const before = await serial();
      install(authority.issue('next', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1'));
      server.child.kill('SIGHUP');
      await waitFor(async () => (await serial()) !== before, 'the new one');
    });
  });
}

// Younger than Debian's nats-server.
describe('nexus-broker: the handshake first', () => {
  const first = (value) => tlsBlock(`handshake_first: ${value}`);
  const early = { tls: { caFile, handshakeFirst: true } };
  const late = { tls: { caFile }, reconnect: false, maxReconnectAttempts: 0 };

  test('INFO comes over TLS only', async () => {
    const server = await configured(startBroker, first('true'));
    const client = await connectNats(server, early);
    assert.equal(client.info.tls_required, true);
    await client.flush();
    await refused(connectNats(server, { ...late, timeout: 1500 }));
  });

  test('auto: who waits is sent INFO in clear', async () => {
    const server = await configured(startBroker, first('"auto"'));
    for (const options of [early, late]) {
      const client = await connectNats(server, options);
      await client.flush();
    }
  });
});
