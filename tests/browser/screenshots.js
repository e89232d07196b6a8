// Pictures of every view in both themes, for the README: `make screenshots`.
//
// A made-up fleet with twenty minutes behind it, which goes on while the pictures
// are taken. It trains, serves and idles as the simulator has it, and a few GPUs
// have the troubles that the dashboard is there to find.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT, readCsv, simulatedFile, sleep, startStreamer, tempDir, waitFor } from '../integration/support/index.js';
import { openDashboard, settled, startPipeline } from './support/dashboard.js';

const OUT = join(ROOT, 'docs/screenshots');
const GPUS = 247;
const INTERVAL_S = 5;
const BEFORE_S = 20 * 60;
const AFTER_S = 5 * 60;
const TROUBLES_S = 4 * 60; // so long they have been there
const SEED = 3;
const HISTORY_MS = 150_000; // that the pipeline shows of itself
const THEMES = ['light', 'dark'];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

// In the page: each of a host's small charts has a line.
const drawn = () => [...document.querySelectorAll('.host-spark path')].every((path) => path.getAttribute('d').includes('L'));

const isoSecond = (ms) => new Date(ms).toISOString().replace(/\.\d+/, '');

function simulate(startMs) {
  const options = { samples: (BEFORE_S + AFTER_S) / INTERVAL_S, interval: `${INTERVAL_S}s`, start: isoSecond(startMs), format: 'wide', seed: SEED };
  return simulatedFile(Object.entries(options).map(([name, value]) => `--${name}=${value}`));
}

function writeCsv(path, rows) {
  const names = Object.keys(rows[0]);
  const lines = rows.map((row) => names.map((name) => row[name]).join(','));
  writeFileSync(path, `${[names.join(','), ...lines].join('\n')}\n`);
}

// ---- troubles ----

// One GPU of each host, from the one that worked least to the one that worked
// most: { uuid, load }.
function byLoad(rows) {
  const hosts = new Map();
  for (const { hostname, uuid, gpu_utilization } of rows) {
    const host = hosts.get(hostname) ?? { uuid, load: 0 };
    host.load += Number(gpu_utilization);
    hosts.set(hostname, host);
  }
  return [...hosts.values()].sort((a, b) => a.load - b.load).map(({ uuid }) => uuid);
}

// Changes the rows from a time on, as it would be if GPUs had these troubles; a
// row that is returned as undefined never came.
function makeTroubles(rows, since) {
  const order = byLoad(rows);
  const [hottest, hot, straggler, silent] = order.slice(-4);
  const [holding] = order;
  const heat = (row, by) => ({ ...row, temperature: Math.round(Math.min(by, Number(row.temperature) + (by - 40) * Math.min(1, row.age / 150))) });
  const changes = new Map([
    [hottest, (row) => heat(row, 92)],
    [hot, (row) => heat(row, 83)],
    [straggler, (row) => ({ ...row, gpu_utilization: Math.round(row.gpu_utilization * 0.55), sm_clock_mhz: 1215, power_draw: Math.round(row.power_draw * 0.6) })],
    [silent, () => undefined],
  ]);
  const always = new Map([[holding, (row) => ({ ...row, gpu_utilization: 0, memory_used_mb: 61_440, memory_free_mb: 19_567 })]]);
  return rows.flatMap((row) => {
    const age = (Date.parse(row.timestamp) - since) / 1000;
    const change = always.get(row.uuid) ?? (age >= 0 ? changes.get(row.uuid) : undefined);
    const { age: _, ...changed } = (change ? change({ ...row, age }) : row) ?? { gone: true };
    return changed.gone ? [] : [changed];
  });
}

// ---- the fleet goes on ----

// What is over is played at once, what is to come at its pace.
async function startFleet() {
  const now = Date.now();
  const rows = makeTroubles(readCsv(simulate(now - BEFORE_S * 1000)), now - TROUBLES_S * 1000);
  const [past, future] = [join(tempDir(), 'past.csv'), join(tempDir(), 'future.csv')];
  const count = rows.findIndex((row) => Date.parse(row.timestamp) > now);
  writeCsv(past, rows.slice(0, count));
  writeCsv(future, rows.slice(count));
  const pipeline = await startPipeline({ csv: past, streamer: { TIMESTAMPS: 'source' }, samples: count, env: {} });
  const { broker } = pipeline;
  await startStreamer({ broker, csv: future, env: { BATCH_SIZE: `${Math.round(GPUS / INTERVAL_S)}`, STREAM_INTERVAL: '1s' } });
  await pipeline.hostWithout();
  const [spare] = (await pipeline.ask('{ gpus(sort: {metric: power_draw}, limit: 1) { uuid } }')).gpus;
  await pipeline.ask('mutation($uuid: ID!) { setGpuMaintenance(uuid: $uuid, on: true, reason: "new fan") { status } }', spare);
  await waitFor(async () => {
    const { fleet } = await pipeline.ask('{ fleet { statusCounts { silent } } }');
    return fleet.statusCounts.silent === 1;
  }, 'one to be silent');
  return pipeline;
}

// ---- the pictures ----

const VIEWS = [
  { name: 'fleet', address: () => '', viewport: DESKTOP },
  { name: 'host', address: ({ host }) => `#/host/local/${host}`, viewport: DESKTOP },
  { name: 'gpu', address: ({ gpu, others }) => `#/gpu/${gpu}?compare=${others}`, viewport: DESKTOP },
  { name: 'api', address: () => '#/api', viewport: DESKTOP },
  { name: 'fleet-phone', address: () => '', viewport: PHONE },
  { name: 'gpu-phone', address: ({ gpu }) => `#/gpu/${gpu}`, viewport: PHONE },
  { name: 'pipeline', address: () => '#/pipeline', viewport: DESKTOP }, // last: it has most to show
];

// A host whose GPUs come and go, and some of them.
async function liveliest(pipeline) {
  const { hosts } = await pipeline.ask('{ hosts { hostname gpus { uuid } statistics(metrics: [gpu_utilization]) { average } } }');
  const fromHalf = ({ statistics: [{ average }] }) => Math.abs(average - 50);
  const [{ hostname, gpus }] = hosts.sort((a, b) => fromHalf(a) - fromHalf(b));
  const [gpu, ...others] = gpus.slice(0, 4).map(({ uuid }) => uuid);
  return { host: hostname, gpu, others };
}

test('screenshots', async () => {
  mkdirSync(OUT, { recursive: true });
  const pipeline = await startFleet();
  const chosen = await liveliest(pipeline);
  const started = Date.now();
  for (const { name, address, viewport } of VIEWS)
    for (const colorScheme of THEMES) {
      if (name === 'pipeline') await sleep(started + HISTORY_MS - Date.now());
      const page = await openDashboard(pipeline, address(chosen), { viewport, colorScheme });
      await settled(page);
      await waitFor(() => page.evaluate(drawn), 'the small charts');
      await page.screenshot({ path: join(OUT, `${name}-${colorScheme}.png`) });
      await page.close();
    }
});
