// The core protocol, byte for byte. Every script runs against Debian's
// nats-server as well, so that what is expected is what clients are used to.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { sleep, startBroker, startNatsServer } from './support/index.js';
import { Wire } from './support/wire.js';

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(name, () => {
    let server;
    const open = (options) => Wire.open(server, options);

    before(async () => {
      server = await start();
    });

    test('INFO says what clients look for', async () => {
      const { info } = await open();
      assert.equal(info.proto, 1);
      assert.equal(info.headers, true);
      assert.equal(info.jetstream, true);
      assert.equal(info.max_payload, 1048576);
      assert.equal(info.port, server.port);
      assert.equal(info.client_ip, '127.0.0.1');
      assert.match(info.version, /^2\.(9|10)\.\d+$/);
      assert.equal(typeof info.client_id, 'number');
    });

    test('publish and subscribe, in any case and spacing', async () => {
      const wire = await open({});
      wire.say('sub  foo.*\t9\r\nPUB foo.a 5\r\nhello\r\npub foo.b  r.e 0\n\r\n');
      await wire.expectOnly(
        'MSG foo.a 9 5\r\nhello\r\nMSG foo.b 9 r.e 0\r\n\r\n'
      );
    });

    test('without CONNECT everything is acknowledged', async () => {
      const wire = await open();
      wire.say('SUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 1\r\nUNSUB 77\r\n');
      await wire.expectOnly('+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\n+OK\r\n+OK\r\n');
      wire.say('CONNECT {}\r\nCONNECT {"verbose":false}\r\n');
      await wire.expectOnly('+OK\r\n');
    });

    test('wildcards select whole tokens', async () => {
      const wire = await open({});
      wire.say('SUB w.* 1\r\nSUB w.> 2\r\nSUB w.a* 3\r\n');
      wire.say('PUB w.a.b 0\r\n\r\nPUB w 0\r\n\r\nPUB w.a* 0\r\n\r\n');
      await wire.expect('MSG w.a.b 2 0\r\n\r\n');
      const rest = [await wire.line(), await wire.line(), await wire.line()];
      rest.push(await wire.line(), await wire.line(), await wire.line());
      assert.deepEqual(
        rest.filter((line) => line !== '\r\n').sort(),
        ['1', '2', '3'].map((sid) => `MSG w.a* ${sid} 0\r\n`)
      );
      await wire.expectOnly('');
    });

    test('a queue group gets each message once', async () => {
      const wire = await open({});
      wire.say('SUB q g 1\r\nSUB q g 2\r\nSUB q h 3\r\n');
      for (let i = 0; i < 100; i++) wire.say('PUB q 0\r\n\r\n');
      wire.say('PING\r\n');
      const counts = { 1: 0, 2: 0, 3: 0 };
      for (;;) {
        const line = await wire.line();
        if (line === 'PONG\r\n') break;
        if (line !== '\r\n') counts[line.split(' ')[2]]++;
      }
      assert.equal(counts[1] + counts[2], 100);
      assert.equal(counts[3], 100);
      assert.ok(counts[1] > 0 && counts[2] > 0);
    });

    test('UNSUB with a number ends after that many', async () => {
      const wire = await open({});
      wire.say('SUB u 1\r\nUNSUB 1 2\r\n');
      for (let i = 0; i < 4; i++) wire.say(`PUB u 1\r\n${i}\r\n`);
      await wire.expectOnly('MSG u 1 1\r\n0\r\nMSG u 1 1\r\n1\r\n');
      wire.say('SUB u 2\r\nPUB u 0\r\n\r\nUNSUB 2 1\r\nPUB u 0\r\n\r\n');
      await wire.expectOnly('MSG u 2 0\r\n\r\n');
    });

    test('a second SUB of the same sid changes nothing', async () => {
      const wire = await open({});
      wire.say('SUB d1 1\r\nSUB d2 1\r\nPUB d2 0\r\n\r\nPUB d1 0\r\n\r\n');
      await wire.expectOnly('MSG d1 1 0\r\n\r\n');
    });

    test('echo:false keeps own messages away', async () => {
      const wire = await open({ echo: false, protocol: 1 });
      const other = await open({});
      other.say('SUB e 1\r\n');
      await other.expectOnly('');
      wire.say('SUB e 1\r\nPUB e 0\r\n\r\n');
      await wire.expectOnly('');
      await other.expect('MSG e 1 0\r\n\r\n');
    });

    test('headers travel, and are cut off for those who do not know them', async () => {
      const wire = await open({ headers: true });
      const plain = await open({});
      plain.say('SUB h 1\r\n');
      await plain.expectOnly('');
      const message = '21 23\r\nNATS/1.0\r\nA:  b c\r\n\r\nhi\r\n';
      wire.say(`SUB h 1\r\nHPUB h r ${message}`);
      await wire.expectOnly(`HMSG h 1 r ${message}`);
      await plain.expect('MSG h 1 r 2\r\nhi\r\n');
    });

    test('a header length of 0 is a plain message', async () => {
      const wire = await open({ headers: true });
      wire.say('SUB h0 1\r\nHPUB h0 0 2\r\nhi\r\n');
      await wire.expectOnly('MSG h0 1 2\r\nhi\r\n');
    });

    test('nobody listens: 503, to who asked and listens to the reply', async () => {
      const wire = await open({ headers: true, no_responders: true });
      wire.say('SUB inbox.* 4\r\nPUB nobody inbox.1 0\r\n\r\n');
      await wire.expectOnly(
        'HMSG inbox.1 4 16 16\r\nNATS/1.0 503\r\n\r\n\r\n'
      );
      wire.say('PUB nobody elsewhere 0\r\n\r\nPUB nobody 0\r\n\r\n');
      await wire.expectOnly('');
    });

    test('subjects that are none', async () => {
      const wire = await open({});
      for (const subject of ['a..b', 'a.>.b', '.a', 'a.']) {
        wire.say(`SUB ${subject} 1\r\n`);
        await wire.expectOnly("-ERR 'Invalid Subject'\r\n");
      }
    });

    test('pedantic: a wildcard in a published subject', async () => {
      const wire = await open({ pedantic: true, verbose: true });
      await wire.expect('+OK\r\n');
      wire.say('SUB p.* 1\r\nPUB p.* 0\r\n\r\n');
      await wire.expectOnly(
        "+OK\r\n-ERR 'Invalid Publish Subject'\r\n+OK\r\nMSG p.* 1 0\r\n\r\n"
      );
    });

    test('a reserved reply is refused', async () => {
      const wire = await open({});
      wire.say('PUB a $JS.ACK.x 0\r\n\r\n');
      await wire.expectOnly(
        '-ERR \'Permissions Violation for Publish with Reply of "$JS.ACK.x"\'\r\n'
      );
    });

    test('what ends a connection, and with which word', async () => {
      const unknown = "-ERR 'Unknown Protocol Operation'\r\n";
      for (const [said, heard] of [
        ['FOO\r\n', unknown],
        ['\r\n', unknown],
        ['PUB a 1\r\nxyz\r\n', unknown],
        ['PUB a 1048577\r\n', "-ERR 'Maximum Payload Violation'\r\n"],
        [
          `SUB ${'a'.repeat(5000)} 1\r\n`,
          "-ERR 'maximum control line exceeded'\r\n",
        ],
        ['PUB a\r\n', ''],
        ['PUB a x\r\n', ''],
        ['SUB a\r\n', ''],
        ['HPUB a 2 1\r\n', ''],
        ['CONNECT {\r\n', ''],
        ['CONNECT {"protocol":7}\r\n', "-ERR 'invalid client protocol'\r\n"],
        [
          'CONNECT {"verbose":false,"no_responders":true}\r\n',
          "-ERR 'no responders requires headers support'\r\n",
        ],
      ]) {
        const wire = await open({});
        await wire.expectOnly('');
        wire.say(said);
        await wire.expectEnd(heard);
      }
    });

    test('bytes one at a time', async () => {
      const wire = await open({});
      for (const byte of 'SUB slow 1\r\nPUB slow 3\r\na\r\n\r\n') {
        wire.say(byte);
        await sleep(1);
      }
      await wire.expectOnly('MSG slow 1 3\r\na\r\n\r\n');
    });

    test('a message of the largest size', async () => {
      const wire = await open({});
      const body = 'x'.repeat(1048576);
      wire.say(`SUB big 1\r\nPUB big 1048576\r\n${body}\r\n`);
      await wire.expectOnly(`MSG big 1 1048576\r\n${body}\r\n`);
    });

    test('the order of one publisher is kept over many messages', async () => {
      const wire = await open({});
      const reader = await open({});
      reader.say('SUB o 1\r\n');
      await reader.expectOnly('');
      let text = '';
      let expected = '';
      for (let i = 0; i < 20000; i++) {
        const body = `${i}`.padStart(7, '0').repeat(1 + (i % 40));
        text += `PUB o ${body.length}\r\n${body}\r\n`;
        expected += `MSG o 1 ${body.length}\r\n${body}\r\n`;
      }
      wire.say(text);
      await reader.expect(expected);
    });
  });
}

describe('a server that wants to know who comes', () => {
  for (const [name, start] of [
    ['nexus-broker', startBroker],
    ['nats-server', startNatsServer],
  ]) {
    test(`${name}: user and password`, async () => {
      const server = await start({ args: ['--user', 'u', '--pass', 's'] });
      const violation = "-ERR 'Authorization Violation'\r\n";
      const wire = await Wire.open(server, { user: 'u', pass: 's' });
      assert.equal(wire.info.auth_required, true);
      await wire.expectOnly('');
      const wrong = await Wire.open(server, { user: 'u', pass: 'x' });
      await wrong.expectEnd(violation);
      const none = await Wire.open(server);
      none.say('PING\r\n');
      await none.expectEnd(violation);
      const silent = await Wire.open(server);
      await silent.expectEnd("-ERR 'Authentication Timeout'\r\n");
    });

    test(`${name}: a token`, async () => {
      const server = await start({ args: ['--auth', 't0ken'] });
      const wire = await Wire.open(server, { auth_token: 't0ken' });
      await wire.expectOnly('');
      const wrong = await Wire.open(server, { auth_token: '' });
      await wrong.expectEnd("-ERR 'Authorization Violation'\r\n");
    });
  }
});

test('a client that does not answer is closed', async () => {
  const server = await startBroker({
    args: ['--ping_interval', '200ms', '--ping_max', '2'],
  });
  const wire = await Wire.open(server, {});
  await wire.expectEnd("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
});

test('a client that does not read is closed, others are served', async () => {
  const server = await startBroker({ args: ['--max_pending', '2MB'] });
  const stuck = await Wire.open(server, {});
  stuck.say('SUB s 1\r\n');
  await stuck.expectOnly('');
  stuck.socket.pause();
  const reader = await Wire.open(server, {});
  reader.say('SUB s 1\r\n');
  await reader.expectOnly('');
  const writer = await Wire.open(server, {});
  const body = 'x'.repeat(65536);
  for (let i = 0; i < 400; i++) {
    writer.say(`PUB s 65536\r\n${body}\r\n`);
    await reader.expect(`MSG s 1 65536\r\n${body}\r\n`);
  }
  await writer.expectOnly('');
  const reply = await fetch(`${server.httpUrl}/varz`);
  assert.equal((await reply.json()).slow_consumers, 1);
});
