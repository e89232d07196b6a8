// The gateway while its database is slow, silent, gone and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Program,
  BUILD,
  cleanEnv,
  createSchema,
  freePort,
  getJson,
  insertFleet,
  metric,
  startGateway,
  startPostgres,
  waitFor,
} from './support/index.js';

const FLEET = [
  {
    cluster: 'local',
    host: 'alpha',
    index: '0',
    uuid: 'GPU-1',
    model: 'H100',
    lastSeen: new Date(),
  },
];

// Read from the database whenever it is asked for; lists are not.
const ROWS = '/api/v1/gpus/GPU-1/telemetry';

async function startBoth(env) {
  const postgres = await startPostgres();
  await createSchema(postgres);
  await insertFleet(postgres, FLEET);
  const gateway = await startGateway({ database: postgres, env });
  const get = (path) => getJson(`${gateway.httpUrl}${path}`);
  return { postgres, gateway, get };
}

const backends = `select pid from pg_stat_activity
  where application_name = 'nexus-gateway'`;

// Holds the table against readers until the function it returns is called.
async function lockGpus(postgres) {
  const locked = postgres.query(
    "begin; lock table gpu; select pg_sleep(600), 'locker'"
  );
  locked.catch(() => {});
  await waitFor(
    async () =>
      (
        await postgres.query(
          "select 1 from pg_locks where relation = 'gpu'::regclass and granted and mode = 'AccessExclusiveLock'"
        )
      ).length > 0,
    'the lock'
  );
  return async () => {
    await postgres.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%''locker''%' and pid <> pg_backend_pid()"
    );
    await locked.catch(() => {});
  };
}

test('a slow query holds nobody else up and ends with 503', async () => {
  const { postgres, get } = await startBoth({ DB_TIMEOUT: '2s' });
  const unlock = await lockGpus(postgres);
  const slow = get(ROWS);
  for (let i = 0; i < 20; i++) {
    const started = Date.now();
    assert.equal((await get('/health')).status, 200);
    assert.ok(Date.now() - started < 1000, 'the loop was held up');
  }
  const { status, headers, body } = await slow;
  assert.equal(status, 503);
  assert.equal(headers.get('retry-after'), '1');
  assert.match(body.detail, /in time/);
  await unlock();
  assert.equal((await get(ROWS)).status, 200);
});

test('more requests than may wait are refused at once', async () => {
  const { postgres, gateway, get } = await startBoth({
    DB_TIMEOUT: '60s',
    DB_CONNECTIONS: '1',
    DB_QUEUE: '3',
  });
  const unlock = await lockGpus(postgres);
  const asked = Array.from({ length: 30 }, () => get(ROWS));
  await waitFor(
    async () =>
      (await metric(
        gateway,
        'nexus_gateway_db_queries_total{outcome="refused"}'
      )) > 0,
    'refusals'
  );
  assert.equal(await metric(gateway, 'nexus_gateway_db_queue'), 3);
  await unlock();
  const replies = await Promise.all(asked);
  const refused = replies.filter((r) => r.status === 503);
  assert.match(refused[0].body.detail, /too many/);
  assert.equal(
    replies.filter((r) => r.status === 200).length,
    30 - refused.length
  );
});

test('a server that goes silent is left, and the connections replaced', async () => {
  const { postgres, gateway, get } = await startBoth({ DB_TIMEOUT: '1s' });
  const stopped = (await postgres.query(backends)).map((row) => row.pid);
  assert.ok(stopped.length > 0);
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  const replies = Promise.all([get(ROWS), get(ROWS)]);
  assert.equal((await get('/health')).status, 200);
  assert.deepEqual(
    (await replies).map((r) => r.status),
    [503, 503]
  );
  await waitFor(
    async () => (await get(ROWS)).status === 200,
    'new connections'
  );
  assert.match(gateway.output, /database connection lost/);
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
});

test('the database may be killed and come back', async () => {
  const { postgres, get } = await startBoth({ DB_TIMEOUT: '1s' });
  assert.equal((await get('/ready')).status, 200);
  await postgres.kill();
  const down = await waitFor(async () => {
    const reply = await get('/ready');
    return reply.status === 503 && reply;
  }, 'the gateway to be unavailable');
  assert.equal(down.body.status, 'unavailable');
  assert.notEqual(down.body.checks.database, 'ok');
  assert.equal((await get(ROWS)).status, 503);
  assert.equal((await get('/health')).status, 200);
  await postgres.start();
  await waitFor(async () => (await get('/ready')).status === 200, 'ready');
  assert.equal((await get(ROWS)).status, 200);
});

test('connections the server ends are made anew unnoticed', async () => {
  const { postgres, get } = await startBoth();
  for (let i = 0; i < 5; i++) {
    await postgres.query(
      `select pg_terminate_backend(pid) from (${backends}) b`
    );
    assert.equal((await get(ROWS)).status, 200);
  }
});

test('one statement that fails takes none with it', async () => {
  const names = ['GPU-1', 'GPU-2', 'GPU-3'];
  const postgres = await startPostgres();
  await createSchema(postgres);
  await insertFleet(
    postgres,
    names.map((uuid, i) => ({ ...FLEET[0], uuid, index: `${i}` }))
  );
  await postgres.query(`insert into telemetry (gpu_id, ts, revision, temperature)
    select id, now(), 1, 30 + id from gpu`);
  const gateway = await startGateway({
    database: postgres,
    env: { DB_CONNECTIONS: '1' }, // so that all three are sent together
  });
  const ask = async (query) => {
    const reply = await fetch(`${gateway.httpUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return reply.json();
  };
  await waitFor(
    async () => (await ask('{ gpus { uuid } }')).data.gpus.length === 3,
    'the fleet'
  );
  await postgres.query(`
    alter table telemetry rename to telemetry_kept;
    create function must_not_be(uuid text, id integer) returns boolean
    language plpgsql as $$ begin
      if id = (select g.id from gpu g where g.uuid = $1) then
        raise exception 'refused';
      end if;
      return true;
    end $$;
    create view telemetry as
      select * from telemetry_kept where must_not_be('GPU-2', gpu_id)`);
  const queries = names.map(
    (uuid, i) => `g${i}: gpu(uuid: "${uuid}") { telemetry { temperature } }`
  );
  for (let round = 0; round < 2; round++) {
    const { data, errors } = await ask(`{ ${queries.join(' ')} }`);
    assert.deepEqual(
      errors.map(({ path }) => path),
      [['g1', 'telemetry']]
    );
    assert.deepEqual(data.g0, { telemetry: [{ temperature: 31 }] });
    assert.equal(data.g1, null);
    assert.deepEqual(data.g2, { telemetry: [{ temperature: 33 }] });
  }
});

test('before the tables are there the answer is 503, then it works', async () => {
  const postgres = await startPostgres();
  const gateway = await startGateway({ database: postgres });
  const get = (path) => getJson(`${gateway.httpUrl}${path}`);
  const early = await Promise.all(
    Array.from({ length: 20 }, () => get(ROWS))
  );
  for (const { status, body } of early) {
    assert.equal(status, 503);
    assert.match(body.detail, /no tables yet/);
  }
  await createSchema(postgres);
  assert.equal((await get(ROWS)).status, 404);
});

test('lists come from memory: the database may be slow, or gone', async () => {
  const { postgres, get } = await startBoth({
    DB_TIMEOUT: '1s',
    SILENT_AFTER: '1h',
  });
  const lists = ['gpus', 'hosts', 'clusters'].map((name) => `/api/v1/${name}`);
  const before = await Promise.all(lists.map(get));
  for (const { status, body } of before) {
    assert.equal(status, 200);
    assert.equal(body.count, 1);
  }
  const unlock = await lockGpus(postgres);
  const unchanged = async () => {
    const replies = await Promise.all(lists.map(get));
    assert.deepEqual(
      replies.map((r) => r.body),
      before.map((r) => r.body)
    );
  };
  await unchanged();
  await unlock();
  await postgres.kill();
  await waitFor(async () => (await get('/ready')).status === 503, 'the end');
  await unchanged();
});

test('a list before the fleet is known waits a moment, then says so', async () => {
  const postgres = await startPostgres();
  const gateway = await startGateway({ database: postgres });
  const get = (path) => getJson(`${gateway.httpUrl}${path}`);
  const { status, headers, body } = await get('/api/v1/hosts');
  assert.equal(status, 503);
  assert.equal(headers.get('retry-after'), '1');
  assert.match(body.detail, /not known yet.*database.*broker/);
  const early = get('/api/v1/gpus');
  await createSchema(postgres);
  await insertFleet(postgres, FLEET);
  await waitFor(async () => (await get('/api/v1/gpus')).body.count === 1, 'it');
  assert.ok([200, 503].includes((await early).status));
});

test('without a broker, what a collector writes is found in the database', async () => {
  const { postgres, get } = await startBoth();
  assert.equal((await get('/api/v1/gpus')).body.count, 1);
  await insertFleet(postgres, [{ ...FLEET[0], index: '1', uuid: 'GPU-2' }]);
  await waitFor(async () => (await get('/api/v1/gpus')).body.count === 2, 'it');
});

test('without a database it starts, and says so', async () => {
  const gateway = new Program(
    'gateway',
    `${BUILD}/nexus-gateway`,
    ['--host', '127.0.0.1', '--port', `${await freePort()}`, '--db-port', '1'],
    { env: cleanEnv() }
  );
  await waitFor(
    () => /cannot connect to the database.*refused/.test(gateway.output),
    'the warning'
  );
  await gateway.stop();
});

test('a port in use is told in one line', async () => {
  const { gateway } = await startBoth();
  const second = new Program('second', `${BUILD}/nexus-gateway`, [
    ...['--host', '127.0.0.1'],
    ...['--port', `${gateway.port}`],
  ]);
  const { code } = await second.wait();
  assert.equal(code, 1);
  assert.match(
    second.output,
    new RegExp(`port ${gateway.port} is in use on 127.0.0.1`)
  );
});
