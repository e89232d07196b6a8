// Who may come in, and what they may do then: the same configuration file and
// the same bytes for ours and for Debian's nats-server.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { connect, nkeyAuthenticator } from 'nats';

import { startBroker, startNatsServer, waitFor } from './support/index.js';
import { withConfig } from './support/config.js';
import { Wire } from './support/wire.js';

const VIOLATION = "-ERR 'Authorization Violation'\r\n";
const SERVERS = [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
];

// "secret", at the least cost there is.
const HASH = '$2a$04$zbXJzAOo9a3mdG0zQ8O7qOFnxVBstLOEpds0ur.5bAp1rqVF1nFKG';
const SEED = 'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY';
const NKEY = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4';

const PERMISSIONS = `
authorization {
  timeout: 1
  default_permissions = { publish: "d.>", subscribe: ["d.>", "_INBOX.>"] }
  ALL = { publish: ">", subscribe: ">" }
  users = [
    { user: all, password: all, permissions: $ALL }
    { user: some, password: some, permissions: {
        publish: { allow: ["foo.*", "bar"], deny: ["foo.secret"] }
        subscribe: { allow: ["foo.>", "q.* workers", "w.>"],
                     deny: ["foo.x", "foo.y.*"] } } }
    { user: svc, password: svc, permissions: {
        subscribe: "svc.>", publish: { deny: ">" }
        allow_responses: { max: 2, expires: "1m" } } }
    { user: once, password: once, permissions: {
        subscribe: "svc.>", allow_responses: true } }
    { user: late, password: late, permissions: {
        subscribe: "svc.>", allow_responses: { max: 5, expires: "1ms" } } }
    { user: plain, password: plain }
    { user: queues, password: queues, permissions: {
        subscribe: { allow: ">", deny: ["foo bad", "bar *.dev"] } } }
    { user: deaf, password: deaf, permissions: {
        publish: ">", subscribe: { allow: "g.>", deny: "g.no" } } }
    { user: hashed, password: ${HASH}, permissions: $ALL }
    { nkey: ${NKEY}, permissions: $ALL }
  ]
}`;

const as = (user) => ({ user, pass: user });
const publishDenied = (subject) =>
  `-ERR 'Permissions Violation for Publish to "${subject}"'\r\n`;
const subDenied = (subject, queue) =>
  `-ERR 'Permissions Violation for Subscription to "${subject}"` +
  `${queue === undefined ? '' : ` using queue "${queue}"`}'\r\n`;

for (const [name, start] of SERVERS) {
  describe(name, () => {
    let server;
    const open = (options) => Wire.open(server, options);

    before(async () => {
      server = await withConfig(start, PERMISSIONS);
    });

    test('INFO says that one must sign in, and gives a nonce', async () => {
      const { info } = await open();
      assert.equal(info.auth_required, true);
      assert.match(info.nonce, /^[\w-]{15}$/);
    });

    test('nothing goes before CONNECT', async () => {
      for (const first of ['PING', 'SUB a 1', 'PUB a 0\r\n', 'UNSUB 1'])
        await (await open()).say(`${first}\r\n`).expectEnd(VIOLATION);
    });

    test('who does not sign in in time is closed', async () => {
      await (await open()).expectEnd("-ERR 'Authentication Timeout'\r\n");
    });

    test('who is not known, or does not know, is closed', async () => {
      const wrong = [
        {},
        { user: 'all' },
        { user: 'all', pass: 'al' },
        { user: 'all', pass: 'all2' },
        { user: 'nobody', pass: 'all' },
        { auth_token: 'all' },
        { user: 'hashed', pass: 'Secret' },
        { user: 'hashed', pass: HASH },
        { user: 'hashed' },
        { nkey: NKEY },
        { nkey: NKEY, sig: 'A'.repeat(86) },
        { user: NKEY },
      ];
      for (const options of wrong)
        await (await open(options)).expectEnd(VIOLATION);
    });

    test('a password that is kept as a hash', async () => {
      const wire = await open({ user: 'hashed', pass: 'secret' });
      wire.say('SUB h 1\r\nPUB h 1\r\nx\r\n');
      await wire.expectOnly('MSG h 1 1\r\nx\r\n');
    });

    test('an nkey signs the nonce', async () => {
      const seed = new TextEncoder().encode(SEED);
      const nc = await connect({
        servers: server.url,
        authenticator: nkeyAuthenticator(seed),
      });
      await nc.flush();
      await nc.close();
    });

    test('publishing', async () => {
      const wire = await open(as('some'));
      wire.say('PUB foo.a 0\r\n\r\nPUB bar r.e 0\r\n\r\n');
      await wire.expectOnly('');
      for (const subject of ['foo.secret', 'other', 'foo.a.b', 'foo']) {
        wire.say(`PUB ${subject} 0\r\n\r\n`);
        await wire.expectOnly(publishDenied(subject));
      }
    });

    test('subscribing', async () => {
      const wire = await open(as('some'));
      wire.say('SUB foo.> 1\r\nSUB foo.* g 2\r\nSUB w.> g 3\r\n');
      wire.say('SUB q.1 workers 4\r\n');
      await wire.expectOnly('');
      const denied = [
        ['foo.x'],
        ['foo.y.z'],
        ['nope'],
        ['nope', 'q'],
        ['>'],
        ['*'],
        ['q.1'],
        ['q.1', 'others'],
      ];
      for (const [subject, queue] of denied) {
        wire.say(`SUB ${subject} ${queue ?? ''} 9\r\n`);
        await wire.expectOnly(subDenied(subject, queue));
      }
    });

    test('verbose: what is denied is not acknowledged', async () => {
      const wire = await open({ ...as('some'), verbose: true });
      wire.say('PUB other 0\r\n\r\nSUB nope 1\r\n');
      await wire.expectOnly(
        `+OK\r\n${publishDenied('other')}${subDenied('nope')}`
      );
    });

    test('the permissions of who has none of their own', async () => {
      const wire = await open(as('plain'));
      wire.say('SUB d.> 1\r\nPUB d.x 0\r\n\r\nPUB x 0\r\n\r\nSUB x 2\r\n');
      await wire.expectOnly(
        `MSG d.x 1 0\r\n\r\n${publishDenied('x')}${subDenied('x')}`
      );
    });

    test('queues that are denied', async () => {
      const wire = await open(as('queues'));
      wire.say('SUB foo 1\r\nSUB foo good 2\r\nSUB bar a.prod 3\r\n');
      wire.say('SUB foo bad 4\r\nSUB bar a.dev 5\r\n');
      await wire.expectOnly(subDenied('foo', 'bad') + subDenied('bar', 'a.dev'));
    });

    test('what is denied does not come through a wider pattern', async () => {
      const wire = await open(as('some'));
      wire.say('SUB foo.> 1\r\nSUB foo.* wide 2\r\n');
      await wire.expectOnly('');
      const all = await open(as('all'));
      for (const subject of ['foo.x', 'foo.y.1', 'foo.x', 'foo.ok'])
        all.say(`PUB ${subject} 1\r\n!\r\n`);
      await wire.expect('MSG foo.ok 1 1\r\n!\r\nMSG foo.ok 2 1\r\n!\r\n');
      await wire.expectOnly('');
    });

    test('a group member that may not hear it passes it on', async () => {
      const deaf = await open(as('deaf'));
      const other = await open(as('all'));
      deaf.say('SUB g.* q 1\r\n');
      await deaf.expectOnly('');
      other.say('SUB g.* q 1\r\n');
      await other.expectOnly('');
      const all = await open(as('all'));
      for (let i = 0; i < 20; i++) all.say('PUB g.no 0\r\n\r\n');
      await all.expectOnly('');
      await deaf.expectOnly('');
      await other.expectOnly('MSG g.no 1 0\r\n\r\n'.repeat(20));
    });

    // nats-server looks only at the message's own subject, and lets it through.
    const skip = name === 'nats-server';
    test('nor does a stream deliver to it', { skip }, async () => {
      const nc = await connect({ servers: server.url, ...as('all') });
      const api = async (request, body) => {
        const answer = await nc.request(
          `$JS.API.${request}`,
          JSON.stringify(body)
        );
        assert.equal(answer.json().error, undefined);
      };
      const deaf = await open(as('deaf'));
      deaf.say('SUB g.* 1\r\n');
      await deaf.expectOnly('');
      let heard = 0;
      nc.subscribe('g.no', { callback: () => heard++ });
      await api('STREAM.CREATE.DEAF', { name: 'DEAF', subjects: ['g.in'] });
      await api('CONSUMER.DURABLE.CREATE.DEAF.c', {
        stream_name: 'DEAF',
        config: {
          durable_name: 'c',
          deliver_subject: 'g.no',
          ack_policy: 'none',
        },
      });
      nc.publish('g.in', 'x');
      await waitFor(() => heard === 1, 'the delivery to g.no');
      await deaf.expectOnly('MSG g.in 1 1\r\nx\r\n');
      await api('STREAM.DELETE.DEAF');
      await nc.close();
    });

    test('who may answer may answer, so often', async () => {
      const all = await open(as('all'));
      const svc = await open(as('svc'));
      svc.say('SUB svc.> 1\r\nPUB in.1 0\r\n\r\n');
      await svc.expectOnly(publishDenied('in.1'));
      all.say('SUB in.* 1\r\nPUB svc.a in.1 2\r\nhi\r\n');
      await svc.expect('MSG svc.a 1 in.1 2\r\nhi\r\n');
      svc.say('PUB in.1 1\r\na\r\nPUB in.1 1\r\nb\r\nPUB in.1 1\r\nc\r\n');
      await svc.expectOnly(publishDenied('in.1'));
      await all.expect('MSG in.1 1 1\r\na\r\nMSG in.1 1 1\r\nb\r\n');
      await all.expectOnly('');
      const once = await open(as('once'));
      once.say('SUB svc.one 1\r\n');
      await once.expectOnly('');
      all.say('PUB svc.one in.2 0\r\n\r\n');
      await once.expect('MSG svc.one 1 in.2 0\r\n\r\n');
      once.say('PUB in.2 0\r\n\r\nPUB in.2 0\r\n\r\n');
      await once.expectOnly(publishDenied('in.2'));
    });

    test('and not too late', async () => {
      const all = await open(as('all'));
      const late = await open(as('late'));
      late.say('SUB svc.late 1\r\n');
      await late.expectOnly('');
      all.say('PUB svc.late in.3 0\r\n\r\n');
      await late.expect('MSG svc.late 1 in.3 0\r\n\r\n');
      await new Promise((done) => setTimeout(done, 20));
      late.say('PUB in.3 0\r\n\r\n');
      await late.expectOnly(publishDenied('in.3'));
    });

    test('a second CONNECT is somebody else', async () => {
      const wire = await open(as('some'));
      const again = (user) =>
        wire.say(
          `CONNECT ${JSON.stringify({ verbose: false, ...as(user) })}\r\n`
        );
      wire.say('PUB other 0\r\n\r\n');
      await wire.expectOnly(publishDenied('other'));
      again('all').say('SUB other 1\r\nPUB other 0\r\n\r\n');
      await wire.expectOnly('MSG other 1 0\r\n\r\n');
      again('some').say('PUB other 0\r\n\r\n');
      await wire.expectOnly(publishDenied('other'));
      wire.say('CONNECT {"user":"all","pass":"wrong"}\r\n');
      await wire.expectEnd(VIOLATION);
    });
  });

  describe(`${name}: one token`, () => {
    for (const [kind, kept] of [
      ['as a text', '"secret"'],
      ['as a hash', HASH],
    ]) {
      test(kind, async () => {
        const server = await withConfig(start, `authorization { token: ${kept} }`);
        const wire = await Wire.open(server, { auth_token: 'secret' });
        await wire.expectOnly('');
        for (const token of ['', 'Secret', 'secret2', HASH]) {
          const wrong = await Wire.open(server, { auth_token: token });
          await wrong.expectEnd(VIOLATION);
        }
      });
    }
  });

  describe(`${name}: who does not sign in is somebody`, () => {
    let server;

    before(async () => {
      server = await withConfig(
        start,
        `no_auth_user: anon
        authorization { users = [
          { user: anon, password: x, permissions: { publish: "a.>", subscribe: "a.>" } }
          { user: real, password: real } ] }`
      );
    });

    test('with CONNECT or without', async () => {
      const wire = await Wire.open(server);
      assert.equal(wire.info.auth_required, undefined);
      wire.say('SUB b 1\r\nSUB a.b 2\r\nPUB a.b 0\r\n\r\n');
      await wire.expectOnly(
        `${subDenied('b')}+OK\r\n+OK\r\nMSG a.b 2 0\r\n\r\n`
      );
      const other = await Wire.open(server, {});
      other.say('PUB b 0\r\n\r\n');
      await other.expectOnly(publishDenied('b'));
    });

    test('others sign in, and must know how', async () => {
      const wire = await Wire.open(server, as('real'));
      wire.say('SUB b 1\r\nPUB b 0\r\n\r\n');
      await wire.expectOnly('MSG b 1 0\r\n\r\n');
      const wrong = await Wire.open(server, { user: 'real', pass: 'x' });
      await wrong.expectEnd(VIOLATION);
    });
  });
}

// "slow" at cost 11, the usual one: a hundred milliseconds of work.
const SLOW_HASH =
  '$2a$11$PIqiTVsrMAPV0aXFZcGuK.sUXDMZ701.yDlmB/tmETYeRVldAr14.';

describe('nexus-broker: a password that is slow to check', () => {
  let server;

  before(async () => {
    server = await withConfig(
      startBroker,
      `authorization { users = [
        { user: slow, password: ${SLOW_HASH} }
        { user: quick, password: quick } ] }`
    );
  });

  test('delays nobody else', async () => {
    const quick = await Wire.open(server, as('quick'));
    await quick.expectOnly('');
    const slow = await Wire.open(server, as('slow'));
    slow.say('PING\r\n');
    let rounds = 0;
    while (slow.received === '' && rounds < 100000) {
      await quick.expectOnly('');
      rounds++;
    }
    await slow.expect('PONG\r\n');
    assert.ok(rounds >= 10, `only ${rounds} round trips meanwhile`);
  });

  test('what comes behind CONNECT waits for it', async () => {
    const wire = await Wire.open(server);
    const connect = JSON.stringify({ verbose: false, ...as('slow') });
    const publishes = 'PUB s 1\r\nx\r\n'.repeat(1000);
    wire.say(`CONNECT ${connect}\r\nSUB s 1\r\n${publishes}`);
    await wire.expectOnly('MSG s 1 1\r\nx\r\n'.repeat(1000));
  });

  test('nobody waits any more: no harm', async () => {
    const wires = await Promise.all(
      Array.from({ length: 4 }, () => Wire.open(server, as('slow')))
    );
    for (const wire of wires) wire.socket.destroy();
    const wrong = await Wire.open(server, { user: 'slow', pass: 'wrong' });
    await wrong.expectEnd(VIOLATION);
    await waitFor(async () => {
      const page = await fetch(`${server.httpUrl}/varz`);
      return (await page.json()).connections === 3;
    }, 'the others to be gone');
  });
});

// At cost 14: about a second of work.
const SLOWEST_HASH =
  '$2b$14$qhy73Ry0AjHQfneQV0hXWOd/EUqhiOhI6UdJMBD8/Jpz6HIvtTJAW';

describe('nexus-broker: passwords that nobody waits for', () => {
  test('do not keep those who came later waiting', async () => {
    const server = await withConfig(
      startBroker,
      `authorization { timeout: 4, users = [
        { user: slow, password: ${SLOW_HASH} } ] }`
    );
    const vanished = await Promise.all(
      Array.from({ length: 100 }, () =>
        Wire.open(server, { user: 'slow', pass: 'wrong' })
      )
    );
    for (const wire of vanished) wire.socket.resetAndDestroy();
    const wire = await Wire.open(server, as('slow'));
    await wire.expectOnly('');
  });

  test('the time to sign in goes on while one is checked', async () => {
    const server = await withConfig(
      startBroker,
      `authorization { timeout: 0.1, users = [
        { user: slow, password: ${SLOWEST_HASH} }
        { user: quick, password: quick } ] }`
    );
    const slow = await Wire.open(server, { user: 'slow', pass: 'secret' });
    await slow.expectEnd("-ERR 'Authentication Timeout'\r\n");
    const again = await Wire.open(server, as('quick'));
    await again.expectOnly('');
    again.say('CONNECT {"verbose":false,"user":"slow","pass":"secret"}\r\n');
    await again.expectEnd("-ERR 'Authentication Timeout'\r\n");
  });
});
