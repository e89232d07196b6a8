// The configuration file and the flags: what is read, what is refused, and
// what wins.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import {
  BUILD,
  Program,
  cleanEnv,
  connectNats,
  freePort,
  httpReady,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';
import { configFile, withConfig } from './support/config.js';
import { Wire } from './support/wire.js';

const BROKER = join(BUILD, 'nexus-broker');
const NATS_SERVER = existsSync('/usr/sbin/nats-server')
  ? '/usr/sbin/nats-server'
  : 'nats-server';

// Asks a server to look at a file and no more.
function check(command, text, env) {
  const { path, args } = configFile(text);
  const run = spawnSync(command, ['-t', ...args], {
    env: cleanEnv(env),
    encoding: 'utf8',
  });
  const said = `${run.stdout}${run.stderr}`.replaceAll(path, 'FILE');
  return { code: run.status, said };
}

describe('-t', () => {
  const good = [
    '',
    '# nothing\n',
    'port: 4222\nserver_name = "x"\nmax_payload 2MB\n',
    '{"port": 4222, "max_connections": 100}',
    'write_deadline: "5s"; ping_interval: "1m"',
    'authorization { user: a, password: "b c" }',
    'authorization { users = [ {user: a, password: b}\n {user: c, password: d} ] }',
    'PASSWORD: s3cret\nauthorization { token: $PASSWORD }',
    'authorization { token: $FROM_OUTSIDE }',
    'accounts { A { users: [ {user: a, password: b} ] }, B {} }',
    'jetstream { max_mem: 1GB, max_file: 10GB, store_dir: "/tmp/x" }',
    'websocket { port: 8080, no_tls: true, compression: true }',
    'lame_duck_duration: "30s"\nlame_duck_grace_period: "5s"',
  ];
  const bad = [
    ['nonsense: 3', 'FILE:1:1: unknown key "nonsense"'],
    ['\n\n  port: abc', 'FILE:3:3: "port" is a text: expected a number'],
    ['max_payload: "x"', '"max_payload" is a text: expected a number'],
    ['a b c', 'FILE:1:5: expected the end of the line'],
    ['foo {', 'the block that begins in line 1 does not end'],
    ['x = $NO_SUCH_VARIABLE', 'the variable NO_SUCH_VARIABLE is neither'],
    ['include "./none.conf"', 'none.conf: No such file'],
    ['authorization { users: [{user: a, pasword: b}] }', 'FILE:1:35: unknown key "pasword"'],
    ['authorization { token: a, user: b, password: c }', 'expected one of user, token and users'],
    ['authorization { users: [{user: a}, {user: a}] }', 'there is a user "a" already'],
    ['authorization { users: [{nkey: abc}] }', 'this is no public nkey'],
    ['tls { cert_file: "/none" }', 'tls needs cert_file and key_file'],
    ['jetstream: maybe', '"jetstream" is a text: expected true or false'],
    ['jetstream { foo: 1 }', 'FILE:1:13: unknown key "foo"'],
    ['accounts { A { foo: 1 } }', 'FILE:1:16: unknown key "foo"'],
    ['write_deadline: "soon"', 'expected a duration such as'],
  ];

  for (const [name, command] of [
    ['nexus-broker', BROKER],
    ['nats-server', NATS_SERVER],
  ]) {
    test(`${name}: good files`, () => {
      for (const text of good) {
        const { code, said } = check(command, text, { FROM_OUTSIDE: 'abc' });
        assert.equal(code, 0, `${text}\n${said}`);
        assert.match(said, /configuration file .* is valid/);
      }
    });

    test(`${name}: bad files`, () => {
      for (const [text] of bad)
        assert.notEqual(check(command, text).code, 0, text);
    });
  }

  test('nexus-broker: what is wrong, and where', () => {
    for (const [text, message] of bad) {
      const { code, said } = check(BROKER, text);
      assert.equal(code, 2, text);
      assert.ok(said.includes(message), `${text}\n${said}`);
    }
  });

  test('nexus-broker: what is not supported is said to be so', () => {
    const keys = ['cluster { port: 1 }', 'leafnodes { }', 'mqtt { }', 'gateway { }', 'operator: x'];
    for (const text of [...keys, 'accounts { A { exports: [] } }'])
      assert.match(check(BROKER, text).said, /FILE:1:\d+: .* is not supported/);
  });
});

for (const [name, start] of [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
]) {
  describe(name, () => {
    test('limits and names of the file', async () => {
      const server = await withConfig(
        start,
        'server_name: "hub"\nmax_payload: 100\nmax_subscriptions: 1\n' +
          'max_control_line: 600\nmax_connections: 20\n'
      );
      const wire = await Wire.open(server, {});
      assert.equal(wire.info.server_name, 'hub');
      assert.equal(wire.info.max_payload, 100);
      wire.say('SUB a 1\r\nSUB b 2\r\n');
      await wire.expectOnly("-ERR 'maximum subscriptions exceeded'\r\n");
      wire.say('PUB a 101\r\n');
      await wire.expectEnd("-ERR 'Maximum Payload Violation'\r\n");
      const long = await Wire.open(server, {});
      long.say(`SUB ${'x'.repeat(700)} 1\r\n`);
      await long.expectEnd("-ERR 'maximum control line exceeded'\r\n");
    });

    test('the file names what it listens to, and files it includes', async () => {
      const dir = tempDir('nexus-conf-');
      const [port, httpPort] = [await freePort(), await freePort()];
      writeFileSync(join(dir, 'users.conf'), `NAME: me\nusers: [ {user: $NAME, password: p} ]\n`);
      writeFileSync(
        join(dir, 'main.conf'),
        `listen: 127.0.0.1:${port}\nhttp: "127.0.0.1:${httpPort}"\n` +
          `authorization { include ./users.conf }\n`
      );
      const command = name === 'nats-server' ? NATS_SERVER : BROKER;
      const server = new Program(name, command, ['-c', join(dir, 'main.conf')]);
      server.stopSignal = 'SIGINT';
      await server.ready(() => httpReady(httpPort, '/healthz'));
      const wire = await Wire.open({ port }, { user: 'me', pass: 'p' });
      await wire.expectOnly('');
      const wrong = await Wire.open({ port }, { user: 'me', pass: 'q' });
      await wrong.expectEnd("-ERR 'Authorization Violation'\r\n");
    });

    test('a flag wins over the file', async () => {
      const { args } = configFile(
        'port: 1\nserver_name: file\nauthorization { user: file, password: f }'
      );
      const server = await start({
        args: [...args, '--user', 'flag', '--pass', 'g', '-n', 'flags'],
      });
      const wire = await Wire.open(server, { user: 'flag', pass: 'g' });
      assert.equal(wire.info.server_name, 'flags');
      await wire.expectOnly('');
      const file = await Wire.open(server, { user: 'file', pass: 'f' });
      await file.expectEnd("-ERR 'Authorization Violation'\r\n");
    });

    test('streams where the file says', async () => {
      const dir = tempDir('nexus-js-');
      const { args } = configFile(`jetstream { domain: "hub", max_mem: 64MB }\n`);
      const server = await start({ dir, args });
      const nc = await connectNats(server);
      const jsm = await nc.jetstreamManager();
      await jsm.streams.add({ name: 'S', subjects: ['s'] });
      assert.equal((await jsm.getAccountInfo()).domain, 'hub');
    });

    test('a pid file and a log file', async () => {
      const dir = tempDir('nexus-files-');
      const [pid, log] = [join(dir, 'pid'), join(dir, 'log')];
      const server = await start({ args: ['-P', pid, '-l', log, '-DV'] });
      assert.equal(Number(readFileSync(pid, 'utf8')), server.pid);
      const wire = await Wire.open(server, {});
      await wire.expectOnly('');
      await waitFor(
        () => readFileSync(log, 'utf8').toLowerCase().includes('client'),
        'a line about the client'
      );
    });
  });
}

test('nexus-broker: a variable wins over the file', async () => {
  const { args } = configFile('server_name: file\nmax_payload: 2048');
  const env = cleanEnv({ BROKER_NAME: 'variable' });
  const server = await startBroker({ args, env });
  const { info } = await Wire.open(server);
  assert.equal(info.server_name, 'variable');
  assert.equal(info.max_payload, 2048);
});

test('nexus-broker: secrets are not printed', () => {
  const { said } = check(BROKER, 'authorization { user: u, password: hushhush }\nx: 1');
  assert.ok(!said.includes('hushhush'), said);
});
