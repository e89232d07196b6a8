// The server of http_server.c, built and started; and its numbers.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { tempDir } from './files.js';
import { getJson } from './http.js';
import { BUILD, Program, ROOT } from './program.js';

let program;

function build() {
  program = join(tempDir(), 'http_server');
  const source = 'tests/integration/support/http_server.c';
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-I.', '-O1', '-g', '-pthread'];
  if (process.env.SAN === '1') flags.push('-fsanitize=address,undefined');
  execFileSync(
    process.env.CC ?? 'cc',
    [...flags, '-o', program, source, join(BUILD, 'libnexus.a')].concat([
      '-lwebsockets',
      '-luv',
      '-lcrypto',
      '-lz',
      '-lm',
    ]),
    { cwd: ROOT }
  );
}

export async function startHttpServer(settings = {}) {
  if (program === undefined) build();
  const args = Object.entries(settings).map(([key, n]) => `${key}=${n}`);
  const server = new Program('http_server', program, args);
  await server.ready(() => /^\d+\n/.test(server.output));
  server.port = Number.parseInt(server.output, 10);
  server.url = `http://127.0.0.1:${server.port}`;
  server.numbers = () => getJson(`${server.url}/numbers`);
  return server;
}
