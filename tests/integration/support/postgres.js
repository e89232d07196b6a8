// A private PostgreSQL on a socket of its own, with one database a test file.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import pg from 'pg';

import { tempDir } from './files.js';
import { Program, cleanEnv } from './program.js';

const AS_POSTGRES = [
  'setpriv',
  '--reuid=postgres',
  '--regid=postgres',
  '--init-groups',
];

// PostgreSQL refuses to be root.
const prefix = process.getuid() === 0 ? AS_POSTGRES : [];

function binFolder() {
  const base = '/usr/lib/postgresql';
  const [newest] = readdirSync(base).sort((a, b) => Number(b) - Number(a));
  return join(base, newest, 'bin');
}

function makeCluster() {
  const dir = tempDir('nexus-pg-');
  if (prefix.length > 0) {
    const id = (flag) =>
      Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(dir, id('-u'), id('-g'));
  }
  chmodSync(dir, 0o700);
  const [command, ...args] = [
    ...prefix,
    join(binFolder(), 'initdb'),
    ...['-D', join(dir, 'data'), '-U', 'nexus', '--auth=trust', '-E', 'UTF8'],
    ...['--locale=C.UTF-8', '--no-sync'],
  ];
  execFileSync(command, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  return dir;
}

class Postgres {
  constructor(dir, settings) {
    this.dir = dir;
    this.settings = settings;
    this.url = this.urlOf('nexus');
  }

  urlOf(database) {
    return `postgresql://nexus@/${database}?host=${encodeURIComponent(this.dir)}`;
  }

  // Starts it, or starts it again after kill() or stop().
  async start() {
    const settings = Object.entries(this.settings);
    const [command, ...args] = [
      ...prefix,
      join(binFolder(), 'postgres'),
      ...['-D', join(this.dir, 'data')],
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ];
    this.program = new Program('postgres', command, args, {
      env: cleanEnv(),
      cwd: '/',
    });
    this.program.stopSignal = 'SIGINT'; // its fast shutdown
    await this.program.ready(() =>
      this.query('select 1', [], 'postgres').then(() => true)
    );
    return this;
  }

  // The rows of one statement.
  async query(sql, params = [], database = 'nexus') {
    const client = new pg.Client({
      user: 'nexus',
      host: this.dir,
      database,
    });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, params)).rows;
    } finally {
      await client.end();
    }
  }

  // A further, empty database: its URL.
  async createDatabase(name) {
    await this.query(`create database ${name}`, [], 'postgres');
    return this.urlOf(name);
  }

  stop() {
    return this.program.stop('SIGINT');
  }

  kill() {
    return this.program.kill();
  }
}

// durable: true for tests that kill it and count what was kept.
export async function startPostgres({ durable = false, settings = {} } = {}) {
  const dir = makeCluster();
  const postgres = new Postgres(dir, {
    listen_addresses: '',
    unix_socket_directories: dir,
    unix_socket_permissions: '0700',
    timezone: 'UTC',
    fsync: durable ? 'on' : 'off',
    synchronous_commit: 'on',
    full_page_writes: durable ? 'on' : 'off',
    jit: 'off',
    ...settings,
  });
  await postgres.start();
  await postgres.createDatabase('nexus');
  return postgres;
}
