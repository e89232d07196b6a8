// The API's three measured queries on Mercurius: fastify, JIT, loaders (so one
// statement a level), and pg on the same database.
//
//     node mercurius.js PORT SOCKET_FOLDER
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';

const [port, host] = process.argv.slice(2);
const METRICS = {
  gpuUtilization: 'gpu_utilization',
  memoryUtilization: 'memory_utilization',
  memoryUsedMb: 'memory_used_mb',
  memoryFreeMb: 'memory_free_mb',
  temperature: 'temperature',
  powerDraw: 'power_draw',
  smClockMhz: 'sm_clock_mhz',
  memoryClockMhz: 'memory_clock_mhz',
};
const fields = Object.keys(METRICS);
const columns = Object.entries(METRICS)
  .map(([field, column]) => `t.${column} as "${field}"`)
  .join(', ');

const schema = `
  type Query {
    gpus: [GPU!]!
    gpu(uuid: ID!): GPU
    clusters: [Cluster!]!
  }
  type Cluster { id: ID! name: String! hosts: [Host!]! }
  type Host { id: ID! hostname: String! gpus: [GPU!]! }
  type GPU {
    id: ID!
    uuid: ID!
    name: String!
    device: String!
    status: String!
    host: Host!
    latest: Telemetry
    telemetry(limit: Int = 100): [Telemetry!]!
  }
  type Telemetry {
    timestamp: String!
    ${fields.map((f) => `${f}: Float`).join(' ')}
  }`;

const pool = new pg.Pool({ user: 'nexus', host, database: 'nexus', max: 10 });
// A prepared statement of that name on every connection.
const rowsOf = (name, text, values = []) =>
  pool.query({ name, text, values }).then(({ rows }) => rows);

const GPU = `select g.id as key, g.host_id as "hostKey", g.gpu_index as id,
  g.uuid, g.model as name, g.device, 'active' as status from gpu g`;

// What a loader gives: for each of its objects, what belongs to it.
function grouped(queries, rows, keyOf) {
  const groups = new Map(queries.map(({ obj }) => [keyOf(obj), []]));
  for (const row of rows) groups.get(row.owner)?.push(row);
  return queries.map(({ obj }) => groups.get(keyOf(obj)));
}

const resolvers = {
  Query: {
    gpus: () => rowsOf('gpus', `${GPU} order by g.id`),
    gpu: async (_, { uuid }) =>
      (await rowsOf('gpu', `${GPU} where g.uuid = $1`, [uuid]))[0],
    clusters: () =>
      rowsOf('clusters', 'select id, name from cluster order by name'),
  },
  Telemetry: { timestamp: ({ timestamp }) => timestamp.toISOString() },
};

const loaders = {
  GPU: {
    async host(queries) {
      const keys = [...new Set(queries.map(({ obj }) => obj.hostKey))];
      const rows = await rowsOf(
        'host',
        'select id, hostname from host where id = any($1)',
        [keys]
      );
      const byKey = new Map(rows.map((row) => [row.id, row]));
      return queries.map(({ obj }) => byKey.get(obj.hostKey));
    },
    async latest(queries) {
      const rows = await rowsOf(
        'latest',
        `select k.key as owner, t.ts as timestamp, ${columns}
         from unnest($1::int[]) k (key) cross join lateral (
           select * from telemetry where gpu_id = k.key
           order by ts desc limit 1) t`,
        [queries.map(({ obj }) => obj.key)]
      );
      return grouped(queries, rows, (gpu) => gpu.key).map(([row]) => row);
    },
    async telemetry(queries) {
      const rows = await rowsOf(
        'telemetry',
        `select k.key as owner, t.ts as timestamp, ${columns}
         from unnest($1::int[]) k (key) cross join lateral (
           select * from telemetry where gpu_id = k.key
           order by ts desc limit $2) t order by t.ts`,
        [queries.map(({ obj }) => obj.key), queries[0].params.limit]
      );
      return grouped(queries, rows, (gpu) => gpu.key);
    },
  },
  Cluster: {
    async hosts(queries) {
      const rows = await rowsOf(
        'hosts',
        `select id, hostname, cluster_id as owner from host
         where cluster_id = any($1) order by hostname`,
        [queries.map(({ obj }) => obj.id)]
      );
      return grouped(queries, rows, (cluster) => cluster.id);
    },
  },
  Host: {
    async gpus(queries) {
      const rows = await rowsOf(
        'hostGpus',
        `${GPU.replace('from gpu', ', g.host_id as owner from gpu')}
         where g.host_id = any($1) order by g.id`,
        [queries.map(({ obj }) => obj.id)]
      );
      return grouped(queries, rows, (host) => host.id);
    },
  },
};
// What is loaded is asked anew by every request.
for (const type of Object.values(loaders))
  for (const [name, loader] of Object.entries(type))
    type[name] = { loader, opts: { cache: false } };

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
app.get('/ready', () => 'ready');
await app.listen({ port: Number(port), host: '127.0.0.1' });
process.on('SIGTERM', () => process.exit(0));
