// The dashboard while things happen: samples, new GPUs, states; a gateway and a
// broker that are killed while one looks.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { waitFor } from '../integration/support/index.js';
import { missing } from './support/browser.js';
import {
  cells,
  closeDashboard,
  colourChange,
  connection,
  exported,
  fleetFile,
  frames,
  isLive,
  map,
  openDashboard,
  startPipeline,
  textOf,
  total,
  waitForCell,
} from './support/dashboard.js';

const SHOWN_WITHIN_MS = 1000;
const TOLD_WITHIN_MS = { reconnecting: 5000, stale: 15_000 };

const says = (page, state, words) =>
  connection(page, state).filter({ hasText: words }).waitFor({ timeout: TOLD_WITHIN_MS[state] });

describe('the dashboard', { skip: missing }, () => {
  let pipeline, gpus, page;

  before(async () => {
    pipeline = await startPipeline({ csv: fleetFile() });
    await pipeline.hostWithout();
    gpus = await pipeline.gpus();
    page = await openDashboard(pipeline);
    await page.evaluate(() => (window.loadedOnce = true));
  });

  // From the time a sample is given to the broker to that of another colour.
  async function msUntilShown(gpu, percent) {
    const changed = await colourChange(page, gpu);
    const start = performance.now();
    await pipeline.report(gpu, { gpu_utilization: percent });
    await changed.wait();
    return performance.now() - start;
  }

  test('a sample changes its cell within a second', async () => {
    const gpu = gpus[100];
    let quickest = Infinity; // other tests may keep the machine busy
    for (const percent of [100, 0, 100]) {
      quickest = Math.min(quickest, await msUntilShown(gpu, percent));
      await waitForCell(page, gpu, new RegExp(`^${percent} %`));
      if (quickest < SHOWN_WITHIN_MS) return;
    }
    assert.fail(`${quickest} ms`);
  });

  test('a GPU that was never heard of gets a cell', async () => {
    const gpu = { uuid: 'GPU-new', hostname: 'newcomer', index: '0', clusterId: 'local', device: 'nvidia0', model: 'H100' };
    await pipeline.report(gpu, { gpu_utilization: 12 });
    await waitForCell(page, gpu, /^12 %/);
    const { fleet } = await pipeline.ask('{ fleet { totalGPUs } }');
    const there = (await cells(page)).filter((c) => !/missing/.test(c.text));
    assert.equal(there.length, fleet.totalGPUs);
  });

  test('a GPU taken out of service says so, and is back when it is', async () => {
    const [gpu] = gpus;
    const set = (on) => pipeline.ask('mutation($uuid: ID!, $on: Boolean!) { setGpuMaintenance(uuid: $uuid, on: $on, reason: "new fan") { status } }', { uuid: gpu.uuid, on });
    await set(true);
    await waitForCell(page, gpu, /, maintenance/);
    await set(false);
    await waitForCell(page, gpu, /, active/);
  });

  test('paused, it stands still; resumed, it shows what came', async () => {
    const gpu = gpus[50];
    const picture = () => map(page).screenshot();
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = { text: await textOf(page, gpu), picture: await picture() };
    const arrived = new Promise((done) =>
      page.received.on('frame', (frame) => frame.includes(gpu.uuid) && done())
    );
    await pipeline.report(gpu, { gpu_utilization: 73 });
    await arrived;
    await frames(page, 10);
    assert.deepEqual({ text: await textOf(page, gpu), picture: await picture() }, before);
    await page.getByRole('button', { name: 'Resume' }).first().click();
    await waitForCell(page, gpu, /^73 %/);
  });

  // ---- programs that are killed, while one looks at the fleet and at a chart ----

  const REPORTER = { uuid: 'GPU-chart', hostname: 'reporter', index: '0', clusterId: 'local', device: 'nvidia0', model: 'H100' };
  let chart;
  let reported = 0;

  async function report(count) {
    for (let i = 0; i < count; i++) await pipeline.report(REPORTER, { gpu_utilization: ++reported });
  }

  // The chart has every sample that was stored, and each once.
  async function assertWhole() {
    const { gpu } = await pipeline.ask('query($uuid: ID!) { gpu(uuid: $uuid) { telemetry { timestamp gpuUtilization } } }', REPORTER);
    assert.equal(gpu.telemetry.length, reported);
    const rows = await exported(chart);
    assert.deepEqual(
      rows.map((row) => [Date.parse(row.time), Number(row['GPU utilization (%)'])]),
      gpu.telemetry.map((t) => [Date.parse(t.timestamp), t.gpuUtilization])
    );
    return true;
  }

  const stayed = () => page.evaluate(() => window.loadedOnce);
  const values = async () => (await cells(page)).map((c) => `${c.place} ${c.text}`);
  // Once all that was reported is among them: names follow colours a little later.
  const lastValues = () => waitForCell(page, REPORTER, new RegExp(`^${reported} %`)).then(values);
  const isMarkedStale = () => map(page).getByText(/^Not live: what was known at/).waitFor();

  test('a chart goes on as samples come', async () => {
    await report(10);
    chart = await openDashboard(pipeline, `#/gpu/${REPORTER.uuid}?from=now-5m`);
    await waitFor(assertWhole, 'ten points');
    await report(5);
    await waitFor(assertWhole, 'fifteen points');
  });

  test('a gateway that is killed is waited for, with what was there last; then nothing lacks', async () => {
    const gpu = gpus[20];
    const before = await lastValues();
    await pipeline.gateway.kill();
    await Promise.all([page, chart].map((p) => says(p, 'reconnecting', /Reconnecting since/)));
    await isMarkedStale();
    assert.deepEqual(await values(), before);
    await pipeline.report(gpu, { gpu_utilization: 97 });
    await report(5);
    await pipeline.restartGateway();
    await Promise.all([isLive(page), isLive(chart)]);
    await waitForCell(page, gpu, /^97 %/);
    await waitFor(assertWhole, 'the gap to be filled');
    await pipeline.report(gpu, { gpu_utilization: 98 });
    await report(5);
    await waitForCell(page, gpu, /^98 %/);
    await waitFor(assertWhole, 'what came since');
    assert.ok(await stayed());
  });

  test('a broker that is killed leaves what is there, and it is said since when; then nothing lacks', async () => {
    const gpu = gpus[30];
    const before = await lastValues();
    await pipeline.broker.kill();
    await Promise.all([page, chart].map((p) => says(p, 'stale', /Stale since/)));
    await isMarkedStale();
    assert.deepEqual(await values(), before);
    await pipeline.restartBroker();
    await pipeline.report(gpu, { gpu_utilization: 45 });
    await report(5);
    await Promise.all([isLive(page), isLive(chart)]);
    await waitForCell(page, gpu, /^45 %/);
    await waitFor(assertWhole, 'the gap to be filled');
    assert.ok(await stayed());
  });

  test('GPUs that say nothing more are silent', async () => {
    await pipeline.gateway.stop();
    await pipeline.restartGateway({ SILENT_AFTER: '1s' });
    await isLive(page);
    // Those that were told of by hand have longer intervals.
    await waitFor(async () => {
      const { fleet } = await pipeline.ask('{ fleet { statusCounts { silent } } }');
      const silent = (await cells(page)).filter((c) => /, silent/.test(c.text)).length;
      assert.equal(silent, fleet.statusCounts.silent);
      assert.equal(await total(page, 'Silent'), `${silent}`);
      return silent > gpus.length / 2;
    }, 'silence');
  });

  test('nobody complained', async () => {
    for (const p of [page, chart]) await closeDashboard(p, pipeline, { lost: true });
  });
});
