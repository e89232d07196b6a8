// The servers of tests/bench/peers, each a process of its own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  Program,
  ROOT,
  cleanEnv,
  freePort,
  httpReady,
} from '../../integration/support/index.js';

const PEERS = join(ROOT, 'tests/bench/peers');

// { port, pid }: file's server, ready.
export async function startPeer(file, ...args) {
  const port = await freePort();
  const peer = new Program(
    file,
    process.execPath,
    [join(PEERS, file), `${port}`, ...args],
    { env: cleanEnv({ NODE_ENV: 'production' }), cwd: PEERS }
  );
  peer.port = port;
  return peer.ready(() => httpReady(port));
}

// Of a process: seconds of processor time, all its threads together.
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// Its resident memory and the most that was, in MB.
export function memoryMb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name) =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  return { resident: mb('VmRSS'), peak: mb('VmHWM') };
}
