// The database as a collector makes it, for tests that have none running.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './program.js';

// The catalogue's names, in its order.
export const METRICS = [
  ...readFileSync(join(ROOT, 'schema', 'metrics.def'), 'utf8').matchAll(
    /^METRIC\((\w+),/gm
  ),
].map(([, name]) => name);

// All migrations, a column a metric, and one partition for all times.
export async function createSchema(postgres) {
  const folder = join(ROOT, 'schema', 'postgres');
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  for (const file of files.sort())
    await postgres.query(readFileSync(join(folder, file), 'utf8'));
  const columns = METRICS.map((m) => `add column ${m} double precision`);
  await postgres.query(`alter table telemetry ${columns.join(', ')}`);
  await postgres.query(
    'create table telemetry_all partition of telemetry default'
  );
}

// gpus: [{ cluster, host, index, uuid, model, lastSeen }]; the answer maps each
// uuid to its row's id.
export async function insertFleet(postgres, gpus) {
  const ids = {};
  for (const gpu of gpus) {
    await postgres.query(
      'insert into cluster (name) values ($1) on conflict do nothing',
      [gpu.cluster]
    );
    await postgres.query(
      `insert into host (cluster_id, hostname)
       select id, $2 from cluster where name = $1 on conflict do nothing`,
      [gpu.cluster, gpu.host]
    );
    const [row] = await postgres.query(
      `insert into gpu (host_id, gpu_index, uuid, device, model, first_seen,
         last_seen)
       select h.id, $3::text, $4, 'nvidia' || $3, $5, now(), $6
       from host h join cluster c on c.id = h.cluster_id
       where c.name = $1 and h.hostname = $2 returning id`,
      [gpu.cluster, gpu.host, gpu.index, gpu.uuid, gpu.model, gpu.lastSeen]
    );
    ids[gpu.uuid] = row.id;
  }
  return ids;
}
