// What a burst took goes back to the system when it is over.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';

import { startBroker, waitFor } from './support/index.js';

const MB = 1 << 20;
const PAYLOAD = 'x'.repeat(1000);
const BURST = 30_000; // of them, to a client that does not read
const NEAR = 6 * MB;

function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) * 1024;
}

async function rawClient(port, text) {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  const hear = (data) => (heard += data);
  socket.on('data', hear);
  socket.on('error', () => {});
  socket.write(`CONNECT {"verbose":false}\r\n${text}PING\r\n`);
  await waitFor(() => heard.includes('PONG'), 'PONG');
  socket.off('data', hear);
  return socket;
}

// A sanitizer keeps what is freed.
test('memory is given back', { skip: process.env.SAN === '1' }, async () => {
  const broker = await startBroker();
  const before = residentBytes(broker.pid);
  const deaf = await rawClient(broker.port, 'SUB burst 1\r\n');
  deaf.pause();
  const publisher = await rawClient(broker.port, '');
  const message = `PUB burst ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;
  publisher.write(message.repeat(BURST));
  await waitFor(
    () => residentBytes(broker.pid) > before + 3 * NEAR,
    'the burst to be in memory'
  );
  // Something that stays lies behind it in the heap.
  const subs = Array.from({ length: 1000 }, (_, i) => `SUB stay.${i} ${i}\r\n`);
  const staying = await rawClient(broker.port, subs.join(''));
  deaf.destroy();
  publisher.end();
  await waitFor(
    () => residentBytes(broker.pid) < before + NEAR,
    'the memory to be given back'
  );
  staying.end();
});
