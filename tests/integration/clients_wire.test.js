// What client libraries send that no other script says, byte for byte, to both
// servers: how they greet, what they leave out, and each refusal's text.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { startBroker, startNatsServer } from './support/index.js';
import { configured } from './support/transports.js';
import { Wire } from './support/wire.js';

const SERVERS = [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
];

// What is said after CONNECT {"verbose":false}, and what comes before PONG.
const ANSWERED = [
  ['text behind PING and PONG', 'PING twice\r\nPONG\r\nPONG now\r\n', 'PONG\r\n'],
  ['a client says +OK', '+OK\r\n', ''],
  ['lines end in a line feed alone', 'SUB lf 1\nPUB lf 2\nhi\r\n', 'MSG lf 1 2\r\nhi\r\n'],
  [
    'names of subscriptions are any text',
    'SUB n a-Z_9\r\nPUB n 0\r\n\r\n',
    'MSG n a-Z_9 0\r\n\r\n',
  ],
  ['leaving what is not there', 'UNSUB 99\r\nUNSUB 98 5\r\n', ''],
  [
    'a limit already reached',
    'SUB l 1\r\nPUB l 0\r\n\r\nUNSUB 1 1\r\nPUB l 0\r\n\r\n',
    'MSG l 1 0\r\n\r\n',
  ],
  ['a limit of 0', 'SUB m 1\r\nUNSUB 1 0\r\nPUB m 0\r\n\r\n', ''],
  [
    'the same name once more',
    'SUB s1 1\r\nUNSUB 1\r\nSUB s2 1\r\nPUB s2 0\r\n\r\n',
    'MSG s2 1 0\r\n\r\n',
  ],
  [
    'a payload that looks like the protocol',
    'SUB p 1\r\nPUB p 6\r\nPING\r\n\r\n',
    'MSG p 1 6\r\nPING\r\n\r\n',
  ],
  [
    'a reply that is long',
    `SUB r 1\r\nPUB r ${'x'.repeat(500)} 0\r\n\r\n`,
    `MSG r 1 ${'x'.repeat(500)} 0\r\n\r\n`,
  ],
];

// The same where the connection ends.
const CLOSED = [
  ['headers longer than all', 'HPUB a 20 10\r\n', ''],
  ['a size below 0', 'PUB a -1\r\n', ''],
  ['a size beyond numbers', 'PUB a 99999999999999999999\r\n', ''],
  ['headers where none were agreed', 'HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n', ''],
  ['no arguments', 'SUB\r\n', "-ERR 'Unknown Protocol Operation'\r\n"],
  ['UNSUB without a name', 'UNSUB\r\n', "-ERR 'Unknown Protocol Operation'\r\n"],
  ['a payload longer than told', 'PUB a 2\r\nabc\r\n', "-ERR 'Unknown Protocol Operation'\r\n"],
  [
    'a long CONNECT',
    `CONNECT {"name":"${'n'.repeat(5000)}"}\r\n`,
    "-ERR 'maximum control line exceeded'\r\n",
  ],
  ['another account', 'CONNECT {"account":"x"}\r\n', "-ERR 'Authorization Violation'\r\n"],
  ['an HTTP client', 'GET / HTTP/1.1\r\n\r\n', "-ERR 'Unknown Protocol Operation'\r\n"],
];

const VIOLATION = "-ERR 'Permissions Violation for";
const PERMITTED = configured(`authorization { users = [
  { user: u, password: p, permissions: { publish: "a", subscribe: ["a", "b q"] } } ] }`);

for (const [name, start] of SERVERS) {
  describe(name, () => {
    let server;
    before(async () => (server = await start()));
    const open = (options = {}) => Wire.open(server, options);

    for (const [what, said, heard] of ANSWERED)
      test(what, async () => {
        const wire = await open();
        await wire.say(said).expectOnly(heard);
      });

    for (const [what, said, heard] of CLOSED)
      test(what, async () => {
        const wire = await open();
        await wire.expectOnly('');
        await wire.say(said).expectEnd(heard);
      });

    test('the greeting of the C client, verbose', async () => {
      const wire = await Wire.open(server);
      const options = { verbose: true, pedantic: false, lang: 'C', protocol: 1, headers: true };
      wire.say(`CONNECT ${JSON.stringify({ ...options, no_responders: true })}\r\n`);
      await wire.expectOnly('+OK\r\n');
      wire.say('SUB v 1\r\nHPUB v 12 14\r\nNATS/1.0\r\n\r\nhi\r\n');
      await wire.expectOnly('+OK\r\n+OK\r\nHMSG v 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n');
    });

    test('an acknowledgement that is confirmed, and one of nobody', async () => {
      const wire = await open({ headers: true, no_responders: true });
      wire.say('SUB in.* 1\r\n');
      const ask = async (subject, body, reply = 'in.x') => {
        wire.say(`PUB ${subject} ${reply} ${body.length}\r\n${body}\r\n`);
        const line = await wire.line();
        return line + (await wire.line());
      };
      await ask('$JS.API.STREAM.CREATE.W', '{"name":"W","subjects":["w"]}');
      await ask('w', 'one');
      const durable = { durable_name: 'd', ack_policy: 'explicit' };
      const config = JSON.stringify({ stream_name: 'W', config: durable });
      await ask('$JS.API.CONSUMER.DURABLE.CREATE.W.d', config);
      const message = await ask('$JS.API.CONSUMER.MSG.NEXT.W.d', '');
      const [, subject, sid, ack] = message.split(/ +/);
      assert.deepEqual([subject, sid], ['w', '1']);
      for (let i = 0; i < 2; i++)
        assert.match(await ask(ack, '+ACK'), /^MSG in\.x 1 +0\r\n\r\n$/);
      const gone = ack.replace('.d.', '.e.');
      wire.say(`PUB ${gone} in.x 0\r\n\r\n`);
      await wire.expectOnly('HMSG in.x 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n');
    });
  });

  describe(`${name}, told who may what`, () => {
    test('and says so', async () => {
      const server = await start({ args: PERMITTED });
      const wire = await Wire.open(server, { user: 'u', pass: 'p' });
      await wire.say('PUB x 0\r\n\r\n').expectOnly(`${VIOLATION} Publish to "x"'\r\n`);
      await wire.say('SUB x 1\r\n').expectOnly(`${VIOLATION} Subscription to "x"'\r\n`);
      const queue = `${VIOLATION} Subscription to "x" using queue "y"'\r\n`;
      await wire.say('SUB x y 1\r\n').expectOnly(queue);
      await wire.say('SUB b q 2\r\nSUB a 3\r\nPUB a 0\r\n\r\n').expectOnly('MSG a 3 0\r\n\r\n');
      await wire.say('CONNECT {"user":"u","pass":"x","verbose":false}\r\n').expectEnd(
        "-ERR 'Authorization Violation'\r\n"
      );
    });
  });

  describe(`${name}, with limits`, () => {
    test('of connections', async () => {
      const server = await start({ args: configured('max_connections: 1') });
      const first = await Wire.open(server, {});
      await first.expectOnly('');
      const second = await Wire.open(server, 'none').catch(() => undefined);
      await second?.expectEnd("-ERR 'maximum connections exceeded'\r\n");
      await first.expectOnly('');
    });

    test('of payloads and lines', async () => {
      const settings = 'max_payload: 2048, max_control_line: 512';
      const server = await start({ args: configured(settings) });
      const wire = await Wire.open(server, {});
      assert.equal(wire.info.max_payload, 2048);
      await wire.expectOnly('');
      await wire.say('PUB a 2049\r\n').expectEnd("-ERR 'Maximum Payload Violation'\r\n");
      const other = await Wire.open(server, {});
      await other.expectOnly('');
      other.say(`SUB ${'a'.repeat(600)} 1\r\n`);
      await other.expectEnd("-ERR 'maximum control line exceeded'\r\n");
    });

    test('of silence', async () => {
      const settings = 'ping_interval: "150ms", ping_max: 1';
      const server = await start({ args: configured(settings) });
      const wire = await Wire.open(server, {});
      await wire.expectEnd("PING\r\n-ERR 'Stale Connection'\r\n");
    });
  });
}
