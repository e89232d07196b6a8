// How fast a file becomes committed rows, beside one plain COPY of the same
// rows into the same table: RUNS times in turn, medians. RECORDS is the least
// number of CSV records (2 million).
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  simulatedFile,
  startBroker,
  startCollector,
  startPostgres,
  startStreamer,
  tempDir,
  waitFor,
} from '../integration/support/index.js';
import { median, reporter, thousands } from './support/report.js';

const RECORDS = Number(process.env.RECORDS ?? 2_000_000);
const RUNS = Number(process.env.RUNS ?? 3);
const HOSTS = 31;
const GPUS = 8;

// One scrape gives each GPU 10 records at 4 times in the long kind, one record
// in the wide kind.
const KINDS = {
  long: { perScrape: HOSTS * GPUS * 10, samples: 0.4 },
  wide: { perScrape: HOSTS * GPUS, samples: 1 },
};

const report = reporter('pipeline');

// What a careful operator of such a machine sets; nothing that loses data.
const POSTGRES = {
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  wal_buffers: '64MB',
};

// Until the last row is committed.
async function stream(postgres, csv, samples) {
  const broker = await startBroker();
  const collector = await startCollector({ broker, database: postgres });
  const start = process.hrtime.bigint();
  const streamer = await startStreamer({
    broker,
    csv,
    env: {
      LOOP_MODE: 'false',
      TIMESTAMPS: 'source',
      BATCH_SIZE: '100000',
      STREAM_INTERVAL: '0',
    },
  });
  await streamer.wait();
  await waitFor(
    async () => {
      const [{ n }] = await postgres.query(
        'select count(*)::int n from telemetry'
      );
      return n >= samples;
    },
    `${samples} rows`,
    600_000
  );
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await collector.stop();
  await broker.stop();
  return seconds;
}

// The rows in the order in which they were written.
async function copyAgain(postgres, file) {
  const [{ n }] = await postgres.query('select count(*)::int n from telemetry');
  await postgres.query(`copy (select * from telemetry) to '${file}'`);
  await postgres.query('truncate telemetry');
  const start = process.hrtime.bigint();
  await postgres.query(`copy telemetry from '${file}'`);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await postgres.query('truncate telemetry');
  return { rows: n, seconds };
}

for (const [kind, { perScrape, samples }] of Object.entries(KINDS))
  test(`${kind} file`, async () => {
    const scrapes = Math.ceil(RECORDS / perScrape);
    const records = scrapes * perScrape;
    const csv = simulatedFile([
      ...['--hosts', `${HOSTS}`, '--gpus', `${GPUS}`],
      ...['--samples', `${scrapes}`, '--format', kind],
      ...['--missing-gpu=false'],
    ]);
    const postgres = await startPostgres({ durable: true, settings: POSTGRES });
    const dir = tempDir('nexus-copy-');
    chmodSync(dir, 0o777); // the server writes there
    const ours = [];
    const copies = [];
    let rows = 0;
    for (let i = 0; i < RUNS; i++) {
      ours.push(await stream(postgres, csv, Math.round(records * samples)));
      const copy = await copyAgain(postgres, join(dir, `rows-${i}`));
      rows = copy.rows;
      copies.push(copy.seconds);
    }
    const [seconds, copied] = [median(ours), median(copies)];
    report(
      `${kind}: ${thousands(records)} records, ${thousands(rows)} rows, ` +
        `median of ${RUNS}`
    );
    report(
      `  file to committed rows  ${seconds.toFixed(2)} s  ` +
        `${thousands(records / seconds)} records/s  ` +
        `${thousands(rows / seconds)} rows/s`
    );
    report(
      `  one plain COPY          ${copied.toFixed(2)} s  ` +
        `${thousands(rows / copied)} rows/s  ` +
        `(the pipeline takes ${(seconds / copied).toFixed(2)} times as long)`
    );
    await postgres.stop();
  });
