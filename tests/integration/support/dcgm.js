// DCGM exports, and what must come of them: an account of a file's values that
// shares nothing with the programs under test.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { readCsv, tempDir } from './files.js';
import { BUILD, ROOT } from './program.js';

// Where a real export lies: DCGM_CSV, or beside the checkout.
const REAL_FILE =
  process.env.DCGM_CSV ??
  join(ROOT, '..', 'shared', 'data', 'dcgm_metrics_20250718_134233.csv');

export const realFile = existsSync(REAL_FILE) ? REAL_FILE : undefined;

// A made-up export of the same shape.
export function simulatedFile(args = []) {
  const path = join(tempDir('nexus-csv-'), 'simulated.csv');
  execFileSync(join(BUILD, 'nexus-simulator'), [...args, '--output', path]);
  return path;
}

export const COLUMN_OF = {
  DCGM_FI_DEV_GPU_UTIL: 'gpu_utilization',
  DCGM_FI_DEV_MEM_COPY_UTIL: 'memory_utilization',
  DCGM_FI_DEV_FB_USED: 'memory_used_mb',
  DCGM_FI_DEV_FB_FREE: 'memory_free_mb',
  DCGM_FI_DEV_GPU_TEMP: 'temperature',
  DCGM_FI_DEV_POWER_USAGE: 'power_draw',
  DCGM_FI_DEV_SM_CLOCK: 'sm_clock_mhz',
  DCGM_FI_DEV_MEM_CLOCK: 'memory_clock_mhz',
  DCGM_FI_DEV_ENC_UTIL: 'encoder_utilization',
  DCGM_FI_DEV_DEC_UTIL: 'decoder_utilization',
};

// Of a long file: { values: Map("uuid|iso time|column" -> number), gpus, hosts,
// samples }.
export function account(path) {
  const values = new Map();
  const gpus = new Set();
  const hosts = new Set();
  const samples = new Set();
  for (const row of readCsv(path)) {
    const time = new Date(row.timestamp).toISOString();
    gpus.add(row.uuid);
    hosts.add(row.Hostname);
    samples.add(`${row.uuid}|${time}`);
    values.set(
      `${row.uuid}|${time}|${COLUMN_OF[row.metric_name]}`,
      Number(row.value)
    );
  }
  return { values, gpus, hosts, samples };
}

// The same of the table telemetry.
export async function stored(postgres, database) {
  const query = (sql) => postgres.query(sql, [], database);
  const rows = await query(
    'select g.uuid, t.* from telemetry t join gpu g on g.id = t.gpu_id'
  );
  const values = new Map();
  const samples = new Set();
  for (const { uuid, ts, gpu_id, revision, revisions, extra, ...metrics } of rows) {
    samples.add(`${uuid}|${ts.toISOString()}`);
    for (const [column, value] of Object.entries(metrics))
      if (value !== null)
        values.set(`${uuid}|${ts.toISOString()}|${column}`, value);
  }
  const hosts = await query('select hostname from host');
  const gpus = await query('select uuid from gpu');
  return {
    values,
    samples,
    rows: rows.length,
    hosts: new Set(hosts.map((h) => h.hostname)),
    gpus: new Set(gpus.map((g) => g.uuid)),
  };
}

// Everything that account() found in a file is in the database, once, as it
// stood there, and nothing else is.
export async function assertAllStored(postgres, expected, database) {
  const found = await stored(postgres, database);
  assert.equal(found.rows, expected.samples.size);
  assert.deepEqual(found.gpus, expected.gpus);
  assert.deepEqual(found.hosts, expected.hosts);
  assert.deepEqual(found.samples, expected.samples);
  assert.equal(found.values.size, expected.values.size);
  for (const [key, value] of expected.values)
    assert.equal(found.values.get(key), value, key);
}
