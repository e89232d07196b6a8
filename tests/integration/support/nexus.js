// The programs of Nexus, each on a free port, ready when the promise resolves.
// Every start function takes `env` (further settings) and `args` (flags).
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { connect } from 'nats';

import { tempDir } from './files.js';
import { httpReady } from './http.js';
import { freePort } from './ports.js';
import { BUILD, Program, atEnd, cleanEnv } from './program.js';

// Strings are URLs; else what a start function returned.
const urlOf = (server) => server?.url ?? server ?? '';

function spawnService(program, port, env, args) {
  const service = new Program(program, join(BUILD, `nexus-${program}`), args, {
    env: cleanEnv({ HOST: '127.0.0.1', ...env }),
  });
  service.port = port;
  service.httpUrl = `http://127.0.0.1:${port}`;
  return service;
}

const startService = (program, port, env, args) =>
  spawnService(program, port, env, args).ready(() => httpReady(port));

// { url, port, httpUrl, httpPort, dir }; give port and dir to start it again.
export async function startBroker(options = {}) {
  const port = options.port ?? (await freePort());
  const httpPort = options.httpPort ?? (await freePort());
  const dir = options.dir ?? tempDir('nexus-broker-');
  const listen = ['-a', '127.0.0.1', '-p', `${port}`, '-m', `${httpPort}`];
  const broker = new Program(
    'broker',
    join(BUILD, 'nexus-broker'),
    [...listen, '-js', '-sd', dir, ...(options.args ?? [])],
    { env: cleanEnv(options.env) }
  );
  Object.assign(broker, { port, httpPort, dir });
  broker.url = `nats://127.0.0.1:${port}`;
  broker.httpUrl = `http://127.0.0.1:${httpPort}`;
  return broker.ready(() => httpReady(httpPort));
}

// The same of the real one, to compare with.
export async function startNatsServer(options = {}) {
  const port = options.port ?? (await freePort());
  const httpPort = options.httpPort ?? (await freePort());
  const dir = options.dir ?? tempDir('nats-server-');
  const listen = ['-a', '127.0.0.1', '-p', `${port}`, '-m', `${httpPort}`];
  const packaged = '/usr/sbin/nats-server'; // not on everybody's PATH
  const server = new Program(
    'nats-server',
    existsSync(packaged) ? packaged : 'nats-server',
    [...listen, '-js', '-sd', dir, ...(options.args ?? [])]
  );
  Object.assign(server, { port, httpPort, dir });
  server.url = `nats://127.0.0.1:${port}`;
  server.httpUrl = `http://127.0.0.1:${httpPort}`;
  server.stopSignal = 'SIGINT'; // SIGTERM makes it exit with 1
  return server.ready(() => httpReady(httpPort, '/healthz'));
}

export async function startCollector({ broker, database, env, args = [] }) {
  const port = await freePort();
  const settings = {
    BROKER_URL: urlOf(broker),
    DATABASE_URL: urlOf(database),
    HTTP_PORT: `${port}`,
    ...env,
  };
  return startService('collector', port, settings, args);
}

// Give the port of an earlier one to start it again.
export async function startGateway(options) {
  const { broker, database, env, args = [] } = options;
  const port = options.port ?? (await freePort());
  const settings = {
    BROKER_URL: urlOf(broker),
    DATABASE_URL: urlOf(database),
    PORT: `${port}`,
    ...env,
  };
  return startService('gateway', port, settings, args);
}

// csv: the path of the file it plays. With LOOP_MODE=false it may be through
// before it was seen ready, so it is not waited for; streamer.wait() does.
export async function startStreamer({ broker, csv, env, args = [] }) {
  const port = await freePort();
  const dir = tempDir('nexus-streamer-');
  const settings = {
    BROKER_URL: urlOf(broker),
    HTTP_PORT: `${port}`,
    DEADLETTER_FILE: join(dir, 'deadletter.csv'),
    ...(csv === undefined ? {} : { CSV_FILE: csv }),
    ...env,
  };
  const streamer = spawnService('streamer', port, settings, args);
  streamer.deadletterFile = settings.DEADLETTER_FILE;
  if (settings.LOOP_MODE === 'false') return streamer;
  return streamer.ready(() => httpReady(port));
}

// A client of the official library, closed when the test file is through.
export async function connectNats(server, options = {}) {
  const connection = await connect({ servers: urlOf(server), ...options });
  atEnd(() => connection.close());
  return connection;
}
