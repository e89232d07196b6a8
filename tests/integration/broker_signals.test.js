// What signals ask of a broker that runs: reload, log, lame duck, stop. Where
// nats-server answers the same way, it is asked as well.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import {
  BUILD,
  connectNats,
  startBroker,
  startNatsServer,
  tempDir,
  waitFor,
} from './support/index.js';
import { configFile, withConfig } from './support/config.js';
import { Wire } from './support/wire.js';

const SERVERS = [
  ['nexus-broker', startBroker],
  ['nats-server', startNatsServer],
];
const as = (user) => ({ user, pass: user });
const permitted = (subscribe) => `{ publish: ">", subscribe: ${subscribe} }`;
const users = (...list) =>
  `authorization { users = [\n${list
    .map(
      ([user, password, permissions]) =>
        `{ user: ${user}, password: ${password}` +
        `${permissions === undefined ? '' : `, permissions: ${permissions}`} }`
    )
    .join('\n')}\n] }\n`;

// Writes the file, asks for it, and waits for the server's word.
async function reload(server, text, word = /[Rr]eloaded/) {
  const before = server.output.length;
  server.file.write(text);
  process.kill(server.pid, 'SIGHUP');
  await waitFor(() => word.test(server.output.slice(before)), `${word}`);
}
const REFUSED = /not reloaded|Failed to reload/;

for (const [name, start] of SERVERS) {
  describe(`${name}: SIGHUP`, () => {
    test('a changed password closes those who came with the old one', async () => {
      const server = await withConfig(start, users(['a', 'a'], ['b', 'b']));
      const [a, b] = [await Wire.open(server, as('a')), await Wire.open(server, as('b'))];
      await a.expectOnly('');
      b.say('SUB x 1\r\n');
      await b.expectOnly('');
      await reload(server, users(['a', 'new'], ['b', 'b'], ['c', 'c']));
      await a.expectEnd("-ERR 'Authorization Violation'\r\n");
      const c = await Wire.open(server, as('c'));
      c.say('PUB x 0\r\n\r\n');
      await b.expect('MSG x 1 0\r\n\r\n');
      const again = await Wire.open(server, { user: 'a', pass: 'new' });
      await again.expectOnly('');
    });

    test('changed permissions hold at once', async () => {
      const server = await withConfig(
        start,
        users(['a', 'a', permitted('">"')], ['b', 'b'])
      );
      const [a, b] = [await Wire.open(server, as('a')), await Wire.open(server, as('b'))];
      a.say('SUB foo.> 1\r\nSUB bar 2\r\n');
      await a.expectOnly('');
      await b.expectOnly('');
      const narrower = permitted('{ allow: "foo.>", deny: "foo.y" }');
      await reload(server, users(['a', 'a', narrower], ['b', 'b']));
      await a.expectOnly(
        `-ERR 'Permissions Violation for Subscription to "bar" (sid "2")'\r\n`
      );
      b.say('PUB bar 0\r\n\r\nPUB foo.y 0\r\n\r\nPUB foo.x 0\r\n\r\n');
      await a.expect('MSG foo.x 1 0\r\n\r\n');
      await a.expectOnly('');
      await reload(server, users(['a', 'a', permitted('">"')], ['b', 'b']));
      b.say('PUB foo.y 0\r\n\r\n');
      await a.expect('MSG foo.y 1 0\r\n\r\n');
    });

    test('from open to closed', async () => {
      const server = await withConfig(start, '');
      const wire = await Wire.open(server, {});
      await wire.expectOnly('');
      await reload(server, users(['a', 'a']));
      await wire.expectEnd("-ERR 'Authorization Violation'\r\n");
      const { info } = await Wire.open(server);
      assert.equal(info.auth_required, true);
    });

    test('limits', async () => {
      const server = await withConfig(start, 'max_payload: 100');
      const old = await Wire.open(server, {});
      await old.expectOnly('');
      await reload(server, 'max_payload: 5');
      assert.equal((await Wire.open(server)).info.max_payload, 5);
      old.say('PUB x 6\r\n');
      await old.expectEnd("-ERR 'Maximum Payload Violation'\r\n");
    });

    test('what is wrong or cannot change leaves all as it was', async () => {
      const good = `server_name: one\n${users(['a', 'a'])}`;
      const server = await withConfig(start, good);
      const a = await Wire.open(server, as('a'));
      a.say('SUB x 1\r\n');
      await a.expectOnly('');
      for (const text of [
        'nonsense: 3',
        'authorization {',
        `server_name: two\n${users(['b', 'b'])}`,
      ]) {
        await reload(server, text, REFUSED);
        const again = await Wire.open(server, as('a'));
        again.say('PUB x 0\r\n\r\n');
        await a.expect('MSG x 1 0\r\n\r\n');
      }
      await reload(server, good);
    });
  });
}

describe('nexus-broker: SIGHUP', () => {
  test('names what needs a restart', async () => {
    const server = await withConfig(startBroker, 'server_name: one');
    await reload(server, 'server_name: two', REFUSED);
    assert.match(server.output, /server_name cannot change without a restart/);
  });

  test('remotes need a restart', async () => {
    const remote = (password) => `jetstream { remotes: [ { domain: HUB,
      url: "nats://127.0.0.1:1", user: copy, password: ${password} } ] }`;
    const server = await withConfig(startBroker, remote('one'));
    await reload(server, remote('one'));
    for (const text of [remote('two'), 'jetstream: enabled'])
      await reload(server, text, REFUSED);
    assert.match(server.output, /jetstream's remotes cannot change without a restart/);
    assert.doesNotMatch(server.output, /one|two/);
  });

  test('an account comes, with streams; it may not lose them', async () => {
    const account = (js) =>
      `accounts { A: { jetstream: ${js}, users: [ { user: a, password: a } ] } }`;
    const server = await withConfig(startBroker, users(['g', 'g']));
    await reload(server, account(false));
    const a = await Wire.open(server, as('a'));
    await a.expectOnly('');
    await reload(server, account(true));
    const nc = await connectNats(server, as('a'));
    const jsm = await nc.jetstreamManager();
    await jsm.streams.add({ name: 'S', subjects: ['s'] });
    a.say('SUB in 1\r\nPUB s in 0\r\n\r\n');
    assert.match(await a.line(), /^MSG in 1 /);
    await reload(server, account(false), REFUSED);
    assert.match(server.output, /the account A has streams/);
  });

  test('a hundred times, while clients publish', async () => {
    const server = await withConfig(startBroker, users(['a', 'a'], ['b', 'b']));
    const wire = await Wire.open(server, as('a'));
    wire.say('SUB x 1\r\n');
    for (let i = 0; i < 100; i++) {
      server.file.write(
        users(['a', 'a', permitted(i % 2 ? '">"' : '"x"')], ['b', `b${i}`])
      );
      process.kill(server.pid, 'SIGHUP');
      wire.say('PUB x 0\r\n\r\n');
      await wire.expect('MSG x 1 0\r\n\r\n');
    }
    await wire.expectOnly('');
  });

  test('without a file there is nothing to read', async () => {
    const server = await startBroker();
    process.kill(server.pid, 'SIGHUP');
    await waitFor(() => /configuration (not )?reloaded/.test(server.output), 'a word');
    await (await Wire.open(server, {})).expectOnly('');
  });
});

for (const [name, start] of SERVERS) {
  test(`${name}: SIGUSR1 opens the log again`, async () => {
    const dir = tempDir('nexus-log-');
    const [log, old] = [join(dir, 'log'), join(dir, 'log.1')];
    const server = await start({ args: ['-l', log] });
    await waitFor(() => existsSync(log), 'the log');
    renameSync(log, old);
    process.kill(server.pid, 'SIGUSR1');
    await waitFor(
      () => existsSync(log) && /re-?opened/i.test(readFileSync(log, 'utf8')),
      'a new log'
    );
    assert.ok(readFileSync(old, 'utf8').length > 0);
  });

  test(`${name}: SIGUSR2 tells clients, and ends when they are gone`, async () => {
    const server = await withConfig(
      start,
      'lame_duck_grace_period: "200ms"\nlame_duck_duration: "30s"'
    );
    const [knows, old] = [
      await Wire.open(server, { protocol: 1 }),
      await Wire.open(server, { protocol: 0 }),
    ];
    await knows.expectOnly('');
    await old.expectOnly('');
    process.kill(server.pid, 'SIGUSR2');
    const info = JSON.parse((await knows.line()).slice(5));
    assert.equal(info.ldm, true);
    await assert.rejects(connectNats(server, { reconnect: false }));
    await old.expectOnly('');
    knows.say('SUB x 1\r\n');
    await knows.expectOnly('');
    old.say('PUB x 0\r\n\r\n');
    await knows.expect('MSG x 1 0\r\n\r\n');
    await knows.expectEnd('');
    await old.expectEnd('');
    assert.deepEqual(await server.wait(), { code: 0, signal: null });
  });
}

describe('nexus-broker: the end', () => {
  test('lame duck with nobody there is immediate', async () => {
    const server = await startBroker();
    process.kill(server.pid, 'SIGUSR2');
    assert.deepEqual(await server.wait(5000), { code: 0, signal: null });
  });

  for (const signal of ['SIGINT', 'SIGTERM'])
    test(`${signal} is prompt, whoever is there`, async () => {
      const server = await withConfig(startBroker, users(['a', 'a']));
      await (await Wire.open(server, as('a'))).expectOnly('');
      process.kill(server.pid, signal);
      assert.deepEqual(await server.wait(5000), { code: 0, signal: null });
    });

  test('--signal', async () => {
    const broker = join(BUILD, 'nexus-broker');
    const pid = join(tempDir('nexus-pid-'), 'pid');
    const file = configFile('max_payload: 10');
    const server = await startBroker({ args: [...file.args, '-P', pid] });
    const send = (...args) =>
      spawnSync(broker, ['--signal', ...args], { encoding: 'utf8' });
    file.write('max_payload: 20');
    assert.equal(send(`reload=${server.pid}`).status, 0);
    await waitFor(() => /configuration reloaded/.test(server.output), 'the reload');
    assert.equal((await Wire.open(server)).info.max_payload, 20);
    assert.equal(send('nonsense').status, 2);
    assert.match(send('reload').stderr, /needs =pid, =file or a pid file/);
    assert.equal(send('quit', '-P', pid).status, 0);
    assert.deepEqual(await server.wait(5000), { code: 0, signal: null });
    assert.equal(existsSync(pid), false);
  });
});
