// More clients than the system has descriptors for.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';

import { sleep, startBroker } from './support/index.js';
import { Wire } from './support/wire.js';

const TICKS_PER_S = 100;

// Seconds of CPU time.
function busy(program) {
  const stat = readFileSync(`/proc/${program.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

test('without descriptors the broker rests, says so once, and recovers', async () => {
  const broker = await startBroker();
  execFileSync('prlimit', ['--pid', `${broker.pid}`, '--nofile=64:64']);
  const before = busy(broker);
  const sockets = Array.from({ length: 100 }, () => {
    const socket = connect(broker.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    return socket;
  });
  await sleep(2000);
  const spent = busy(broker) - before;
  for (const socket of sockets) socket.destroy();
  assert.ok(spent < 1, `${spent} s of CPU time in 2 s`);
  assert.equal(broker.output.match(/none can be accepted/g)?.length, 1);
  const wire = await Wire.open(broker, {});
  wire.say('PING\r\n');
  await wire.expect('PONG\r\n');
});
