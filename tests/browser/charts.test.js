// The pages of a GPU and a host, with what the real file lacks: gaps, counters,
// codes, labels, GPUs out of service.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import {
  connectNats,
  publish,
  sample,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  waitFor,
} from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';

const GPUS = ['GPU-a', 'GPU-b', 'GPU-c'];
const INTERVAL = 5000;
const SAMPLES = 40;
/** Samples that are left out of the middle: a gap. */
const GAP = [15, 25];
const KWH = 3.6e9;

const metricsOf = (gpu, i) => ({
  gpu_utilization: 50 + 10 * gpu + (i % 5),
  temperature: 60 + (i % 3),
  energy_mj: (10 + gpu) * KWH + i * (KWH / 10),
  xid: i < 30 ? 0 : 79,
  throttle_reasons: i % 2 ? 4 : 0,
  memory_used_mb: 40960,
  memory_free_mb: 40960,
});

describe('charts', { skip: missing }, () => {
  let gateway, nats, began;

  before(async () => {
    const [broker, database] = await Promise.all([startBroker(), startPostgres()]);
    await startCollector({ broker, database });
    nats = await connectNats(broker);
    gateway = await startGateway({ broker, database, env: { SILENT_AFTER: '1h' } });
    began = Date.now() - SAMPLES * INTERVAL;
    for (let i = 0; i < SAMPLES; i++) {
      if (i >= GAP[0] && i < GAP[1]) continue;
      for (const [gpu] of GPUS.entries()) await report(gpu, metricsOf(gpu, i), began + i * INTERVAL);
    }
    await waitFor(async () => {
      const { gpu } = await ask(`{ gpu(uuid: "GPU-c") { telemetry(limit: 100) { timestamp } } }`);
      return gpu?.telemetry.length === SAMPLES - (GAP[1] - GAP[0]);
    }, 'the samples to be stored');
  });

  const report = (gpu, metrics, time = Date.now()) =>
    publish(nats, sample(GPUS[gpu], metrics, { ts: new Date(time).toISOString(), gpu: String(gpu), device: `nvidia${gpu}` }));

  async function ask(query) {
    const reply = await fetch(`${gateway.httpUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await reply.json()).data;
  }

  async function open(address) {
    const page = await openPage({ viewport: { width: 1280, height: 2200 } });
    page.setDefaultTimeout(15_000);
    await page.goto(`${gateway.httpUrl}/${address}`);
    await page.waitForFunction(() => document.querySelector('.chart')?.points[0].length > 0);
    return page;
  }

  async function close(page) {
    assertWellBehaved(page, gateway.httpUrl);
    await page.close();
  }

  const chart = (page, title) => page.getByRole('region', { name: title, exact: true });
  const linesOf = (page, title) => chart(page, title).evaluate((element) => element.lines);

  // Of a chart's table: the cells of its first row.
  const figures = async (page, title) => {
    const cells = await chart(page, title).locator('tbody tr').first().locator('td').allTextContents();
    return cells.map((text) => text.replaceAll(' ', ' ').trim());
  };

  test('a counter shows by how much it grew, a code what it means', async () => {
    const page = await open('#/gpu/GPU-a');
    await waitFor(async () => (await figures(page, 'Energy since boot'))[2]?.startsWith('3.9'), 'the increase');
    assert.deepEqual(await figures(page, 'Energy since boot'), ['13.9 kWh', '10 kWh', '3.9 kWh', '13.9 kWh']);
    assert.match((await figures(page, 'Last XID error'))[0], /^79 \(.+\)$/);
    assert.match((await figures(page, 'Clock throttle reasons'))[0], /power/);
    await close(page);
  });

  test('what was never reported has no chart, and is said to be so', async () => {
    const page = await open('#/gpu/GPU-a');
    assert.equal(await chart(page, 'Memory temperature').count(), 0);
    const latest = page.getByRole('region', { name: 'Latest values' });
    await latest.getByText(/^Not reported: .*Memory temperature/).waitFor();
    assert.equal(await latest.getByRole('row', { name: 'Memory temperature' }).count(), 0);
    await close(page);
  });

  test('neighbours are compared, each a line, and lines are taken out of all pictures at once', async () => {
    const page = await open('#/gpu/GPU-a');
    await page.getByRole('button', { name: 'Add its 2 neighbours' }).click();
    await waitFor(async () => (await linesOf(page, 'GPU utilization')).every(({ points }) => points.times.length > 0), 'the lines');
    assert.deepEqual((await linesOf(page, 'GPU utilization')).map(({ key }) => key), GPUS);
    assert.match(page.url(), /compare=GPU-b%2CGPU-c/);
    const figuresOf = chart(page, 'GPU utilization').locator('.chart-legend');
    const key = page.getByRole('list', { name: 'Lines' }).getByRole('button', { name: 'GPU 2', exact: true });
    const greatest = async () => (await figuresOf.locator('summary').textContent()).trim().slice(-5);
    await waitFor(async () => (await greatest()) === 'GPU 2', 'whose the greatest value is');
    await key.click();
    await waitFor(async () => (await greatest()) === 'GPU 1', 'the greatest of those that are shown');
    assert.equal(await key.getAttribute('aria-pressed'), 'false');
    await figuresOf.locator('summary').click();
    assert.equal(await figuresOf.getByRole('rowheader').count(), 3);
    await page.goBack();
    assert.equal((await linesOf(page, 'GPU utilization')).length, 1);
    await close(page);
  });

  test('a GPU is found and compared', async () => {
    const page = await open('#/gpu/GPU-a');
    await page.getByRole('button', { name: 'Add a GPU…' }).click();
    await page.getByRole('searchbox', { name: 'Search GPUs' }).fill('util>65');
    await page.getByRole('dialog').getByRole('button', { name: 'alpha, GPU 2' }).click();
    await page.getByRole('button', { name: 'Close' }).click();
    await waitFor(async () => (await linesOf(page, 'GPU utilization')).length === 2, 'its line');
    await close(page);
  });

  test('a UUID is copied, from plain HTTP, too', async () => {
    const page = await open('#/gpu/GPU-a');
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.getByRole('button', { name: 'Copy the UUID' }).click();
    await page.getByText('UUID copied').waitFor({ state: 'attached' });
    await page.getByRole('combobox', { name: 'Search and filter GPUs' }).focus();
    await page.keyboard.press('Control+V');
    assert.equal(await page.getByRole('combobox', { name: 'Search and filter GPUs' }).inputValue(), 'GPU-a');
    await close(page);
  });

  test('labels are written', async () => {
    const page = await open('#/gpu/GPU-b');
    await page.getByRole('button', { name: 'Edit labels…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Key').fill('rack');
    await dialog.getByLabel('Value').fill('12');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('rack=12').waitFor();
    const { gpu } = await ask('{ gpu(uuid: "GPU-b") { labels { key value } } }');
    assert.deepEqual(gpu.labels, [{ key: 'rack', value: '12' }]);
    await close(page);
  });

  test('what the API refuses is told where it was asked', async () => {
    const page = await open('#/gpu/GPU-b');
    await page.getByRole('button', { name: 'Edit labels…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Add a label' }).click();
    await dialog.getByLabel('Key').last().fill('rack');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await close(page);
  });

  test('a GPU is taken out of service, and put back', async () => {
    const page = await open('#/gpu/GPU-c');
    await page.getByRole('button', { name: 'Take out of service…' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('fan');
    await page.getByRole('button', { name: 'Take out of service', exact: true }).click();
    await page.getByText('out of service: fan').waitFor();
    const { gpu } = await ask('{ gpu(uuid: "GPU-c") { status maintenance { reason } } }');
    assert.deepEqual(gpu, { status: 'maintenance', maintenance: { reason: 'fan' } });
    await page.getByRole('button', { name: 'Put back…' }).click();
    await page.getByRole('button', { name: 'Put back', exact: true }).click();
    await page.getByText('in service').waitFor();
    await close(page);
  });

  test('paused, nothing moves; resumed, all that came is there', async () => {
    const page = await open('#/gpu/GPU-a');
    await page.keyboard.press('p');
    const shows = async (value) => (await linesOf(page, 'GPU temperature'))[0].points.highs.includes(value);
    await report(0, { temperature: 71 });
    await waitFor(async () => (await ask('{ gpu(uuid: "GPU-a") { latest { temperature } } }')).gpu.latest.temperature === 71, 'the sample');
    await page.waitForTimeout(600);
    assert.equal(await shows(71), false);
    await page.keyboard.press('p');
    await waitFor(() => shows(71), 'its point');
    await close(page);
  });

  test('what comes live is in the mean of its step, once', async () => {
    const page = await open('#/gpu/GPU-b?from=now-24h');
    await report(1, { temperature: 90 });
    await report(1, { temperature: 80 }, Date.now() + 1);
    const [{ points }] = await waitFor(async () => {
      const lines = await linesOf(page, 'GPU temperature');
      return lines[0].points.highs.at(-1) === 90 && lines;
    }, 'the step to have it');
    await waitFor(async () => {
      const step = points.times.at(-1);
      const { gpu } = await ask(`{ gpu(uuid: "GPU-b") { telemetry(start: "${new Date(step).toISOString()}", step: "5m") { temperature } } }`);
      const shown = (await linesOf(page, 'GPU temperature'))[0].points.values.at(-1);
      return Math.abs(gpu.telemetry[0].temperature - shown) < 1e-9;
    }, "the API's mean");
    await close(page);
  });

  test('a host has a line for each GPU, and its figures', async () => {
    const page = await open('#/host/local/alpha');
    assert.equal((await linesOf(page, 'GPU utilization')).length, GPUS.length);
    await page.locator('tfoot [data-figure=max] [data-metric=gpu_utilization]').getByText('74').waitFor();
    assert.equal(await page.getByRole('row', { name: /^GPU \d/ }).count() >= GPUS.length, true);
    await close(page);
  });
});
