// Accounts: subject spaces that do not see each other, with streams of their
// own or none, and with limits. The same file for both servers.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import {
  connectNats,
  getJson,
  startBroker,
  startNatsServer,
} from './support/index.js';
import { withConfig } from './support/config.js';
import { Wire } from './support/wire.js';

const CONF = `
accounts {
  A: { jetstream: enabled, users: [ { user: a, password: a } ] }
  "B.b/..": { jetstream: { max_streams: 5 }, users: [
    { user: b, password: b },
    { user: b2, password: b2, permissions: { subscribe: ["mine", "_INBOX.>"] } } ] }
  BARE: { users: [ { user: bare, password: bare } ] }
  LIMITED: {
    users: [ { user: limited, password: limited } ]
    jetstream: { max_mem: 2000, max_file: 4000, max_streams: 2, max_consumers: 1 }
  }
  FILES: {
    users: [ { user: files, password: files } ]
    jetstream: { max_mem: 0, max_file: 4000 }
  }
  SMALL: {
    users: [ { user: small, password: small } ]
    limits: { max_connections: 2, max_subscriptions: 2, max_payload: 10 }
  }
}`;

const as = (user) => ({ user, pass: user });

// What is answered to a JSON or a text: its error, or its sequence, or itself.
async function ask(nc, subject, body) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = (await nc.request(subject, text, { timeout: 5000 })).json();
  return answer.error?.err_code ?? answer.seq ?? answer;
}

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(name, () => {
    let server;
    const open = (user, options) =>
      Wire.open(server, { ...as(user), ...options });

    before(async () => {
      server = await withConfig(start, CONF);
    });

    test('what one account says, another does not hear', async () => {
      const [a, a2, b] = [await open('a'), await open('a'), await open('b')];
      for (const wire of [a2, b]) {
        wire.say('SUB > 1\r\nSUB x q 2\r\n');
        await wire.expectOnly('');
      }
      a.say('PUB x 1\r\n!\r\n');
      await a.expectOnly('');
      await a2.expect('MSG x 1 1\r\n!\r\nMSG x 2 1\r\n!\r\n');
      await b.expectOnly('');
      for (const wire of [a2, b]) await wire.say('UNSUB 1\r\n').expectOnly('');
    });

    test('nobody listens in the other account', async () => {
      const options = { headers: true, no_responders: true };
      const [a, b] = [await open('a', options), await open('b')];
      b.say('SUB svc 1\r\n');
      await b.expectOnly('');
      a.say('SUB in 1\r\nPUB svc in 0\r\n\r\n');
      await a.expectOnly('HMSG in 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n');
    });

    test('permissions hold within the account', async () => {
      const [b, b2] = [await open('b'), await open('b2')];
      b2.say('SUB theirs 1\r\nSUB mine 2\r\n');
      await b2.expectOnly(
        `-ERR 'Permissions Violation for Subscription to "theirs"'\r\n`
      );
      b.say('PUB mine 0\r\n\r\n');
      await b2.expect('MSG mine 2 0\r\n\r\n');
    });

    test('a second CONNECT moves to another account', async () => {
      const [wire, b] = [await open('a'), await open('b')];
      b.say('SUB moved 1\r\n');
      await b.expectOnly('');
      wire.say('CONNECT {"verbose":false,"user":"b","pass":"b"}\r\n');
      wire.say('PUB moved 0\r\n\r\n');
      await b.expect('MSG moved 1 0\r\n\r\n');
    });

    test('so many connections', async () => {
      const first = await open('small');
      await first.expectOnly('');
      const second = await open('small');
      await second.expectOnly('');
      const third = await open('small');
      await third.expectEnd(
        "-ERR 'maximum account active connections exceeded'\r\n"
      );
      first.say('SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n');
      await first.expectOnly("-ERR 'maximum subscriptions exceeded'\r\n");
      first.say('UNSUB 1\r\nSUB c 3\r\nPUB c 1\r\n!\r\n');
      await first.expectOnly('MSG c 3 1\r\n!\r\n');
      first.say('PUB c 11\r\n');
      await first.expectEnd("-ERR 'Maximum Payload Violation'\r\n");
      second.socket.destroy();
    });

    test('a smaller payload is told behind the first PONG', async () => {
      const wire = await open('small', { protocol: 1 });
      assert.equal(wire.info.max_payload, 1048576);
      wire.say('PING\r\n');
      await wire.expect('PONG\r\n');
      const line = await wire.line();
      assert.equal(JSON.parse(line.slice(5)).max_payload, 10);
      wire.socket.destroy();
    });

    test('streams of the same name, one in each account', async () => {
      for (const user of ['a', 'b']) {
        const nc = await connectNats(server, as(user));
        const jsm = await nc.jetstreamManager();
        await jsm.streams.add({ name: 'S', subjects: ['s.>'] });
        await nc.jetstream().publish('s.x', user);
        const info = await jsm.streams.info('S');
        assert.equal(info.state.messages, 1);
        const message = await jsm.streams.getMessage('S', { seq: 1 });
        assert.equal(message.string(), user);
      }
    });

    test('an account without streams says so', async () => {
      const nc = await connectNats(server, as('bare'));
      await assert.rejects(nc.jetstreamManager(), (error) => {
        assert.match(`${error.message} ${error.code}`, /503/);
        return true;
      });
      const wire = await open('bare');
      wire.say('SUB in 1\r\nPUB $JS.API.STREAM.MSG.GET.S in 0\r\n\r\n');
      const line = await wire.line();
      const body = JSON.parse(await wire.line());
      assert.match(line, /^MSG in 1 /);
      assert.deepEqual(body, {
        type: 'io.nats.jetstream.api.v1.stream_msg_get_response',
        error: {
          code: 503,
          err_code: 10039,
          description: 'JetStream not enabled for account',
        },
      });
    });

    test('so many streams and consumers', async () => {
      const nc = await connectNats(server, as('limited'));
      const { limits } = await ask(nc, '$JS.API.INFO', '');
      assert.deepEqual(
        [limits.max_memory, limits.max_storage, limits.max_streams, limits.max_consumers],
        [2000, 4000, 2, 1]
      );
      const stream = (what, config) =>
        ask(nc, `$JS.API.STREAM.${what}.${config.name}`, config);
      const file = { name: 'F', subjects: ['f'], storage: 'file' };
      const memory = { name: 'M', subjects: ['m'], storage: 'memory' };
      assert.equal(await stream('CREATE', { ...file, max_bytes: 5000 }), 10047);
      assert.equal(await stream('CREATE', { ...memory, max_bytes: 3000 }), 10028);
      for (const config of [file, memory])
        assert.equal((await stream('CREATE', config)).config.name, config.name);
      assert.equal(await stream('CREATE', { name: 'X' }), 10027);
      assert.equal(await stream('UPDATE', { ...file, max_bytes: 5000 }), 10047);
      assert.equal(await stream('UPDATE', { ...memory, max_bytes: 3000 }), 10028);
      const consumer = (of, name) =>
        ask(nc, `$JS.API.CONSUMER.DURABLE.CREATE.${of}.${name}`, {
          stream_name: of,
          config: { durable_name: name, ack_policy: 'explicit' },
        });
      assert.equal((await consumer('F', 'c1')).name, 'c1');
      assert.equal((await consumer('F', 'c1')).name, 'c1');
      assert.equal(await consumer('F', 'c2'), 10026);
      assert.equal((await consumer('M', 'c1')).name, 'c1');
      const no = await connectNats(server, as('files'));
      assert.equal(await ask(no, '$JS.API.STREAM.CREATE.M', memory), 10028);
    });

    test('so many bytes, of all streams together', async () => {
      const nc = await connectNats(server, as('limited'));
      const seqs = async (subject, payload) => {
        const answers = [];
        for (let i = 0; i < 4; i++) answers.push(await ask(nc, subject, payload));
        return answers;
      };
      assert.deepEqual(await seqs('f', 'x'.repeat(1000)), [1, 2, 3, 10002]);
      assert.deepEqual(await seqs('m', 'x'.repeat(500)), [1, 2, 3, 10002]);
      await ask(nc, '$JS.API.STREAM.PURGE.F', '');
      const seq = await ask(nc, 'f', 'room again'); // the peer counts refused ones
      assert.ok(seq > 3 && seq < 10);
      const { body } = await getJson(`${server.httpUrl}/jsz?acc=LIMITED`);
      assert.equal(body.account_details[0].memory > 1500, true);
    });

    test('a restart finds them again', async () => {
      await server.stop(server.stopSignal);
      const { port, httpPort, dir, file } = server;
      server = await start({ port, httpPort, dir, args: file.args });
      for (const user of ['a', 'b']) {
        const nc = await connectNats(server, as(user));
        const jsm = await nc.jetstreamManager();
        const message = await jsm.streams.getMessage('S', { seq: 1 });
        assert.equal(message.string(), user);
      }
    });
  });
}

test('nexus-broker: the pages tell the limits of an account', async () => {
  const server = await withConfig(startBroker, CONF);
  const page = async (path) => (await getJson(`${server.httpUrl}/${path}`)).body;
  const jsz = await page('jsz?acc=LIMITED');
  const accountz = await page('accountz?acc=LIMITED');
  for (const { limits } of [jsz.account_details[0], accountz.account_detail])
    assert.deepEqual(
      [limits.max_memory, limits.max_storage, limits.max_streams, limits.max_consumers],
      [2000, 4000, 2, 1]
    );
});

test('nexus-broker: each account has its folder', async () => {
  const server = await withConfig(startBroker, CONF);
  for (const user of ['a', 'b']) {
    const nc = await connectNats(server, as(user));
    const jsm = await nc.jetstreamManager();
    await jsm.streams.add({ name: 'S', subjects: ['s'] });
  }
  for (const folder of ['A', 'B%2Eb%2F%2E%2E'])
    assert.ok(
      existsSync(join(server.dir, 'accounts', folder, 'streams', 'S')),
      folder
    );
});
