// What the dashboard shows is so, also where clocks, times and programs are not
// as one expects them.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { publish, sample, startCollector, waitFor } from '../integration/support/index.js';
import { missing } from './support/browser.js';
import { chart, closeDashboard, openDashboard, startPipeline } from './support/dashboard.js';

const MINUTE = 60_000;
const OLD = '2025-07-18T20:42:34.000Z';
const gpuOf = (name) => ({ uuid: `GPU-${name}`, hostname: name, index: '0', clusterId: 'local', device: 'nvidia0', model: 'H100' });
const SAMPLES = 20;

describe('the truth', { skip: missing }, () => {
  let pipeline;

  before(async () => {
    pipeline = await startPipeline();
    const { nats } = pipeline;
    await publish(nats, sample('GPU-old', { gpu_utilization: 44 }, { host: 'old', ts: OLD }));
    for (let i = SAMPLES; i > 0; i--) await reportAt('usual', Date.now() - i * 5000, 50);
    await reportAt('late', Date.now() - 5 * MINUTE, 90.5);
    await waitFor(async () => (await pipeline.stored()) === SAMPLES + 2, 'the samples to be stored');
  });

  const reportAt = (name, time, percent) => pipeline.report(gpuOf(name), { gpu_utilization: percent }, new Date(time).toISOString());

  const pointsOf = (page) => chart(page, 'GPU utilization').evaluate((element) => element.points);
  // A point may be a step of a few seconds: it is known by its value.
  const hasPoint = async (page, value) => (await pointsOf(page))[1].includes(value);

  test('a fleet that nobody reports to says so, and fills by itself', async () => {
    const empty = await startPipeline();
    const page = await openDashboard(empty);
    await page.getByText('No GPU has ever reported here.').waitFor();
    await empty.report(gpuOf('first'), { gpu_utilization: 12 });
    await page.getByRole('gridcell', { name: /^first, GPU 0, 12/ }).waitFor();
    await page.getByText('No GPU has ever reported here.').waitFor({ state: 'hidden' });
    await closeDashboard(page, empty);
  });

  for (const minutes of [10, -10]) {
    test(`a browser's clock that is ${minutes} minutes ahead moves neither ages nor ranges`, async () => {
      const name = `at${minutes}`;
      await reportAt(name, Date.now(), 87.5);
      const page = await openDashboard(pipeline, `#/gpu/GPU-${name}`, { ahead: minutes * 1.05 * MINUTE });
      await waitFor(() => hasPoint(page, 87.5), 'the newest sample in its chart');
      const age = await page.locator('.gpu-values [data-metric=gpu_utilization] td').last().innerText();
      assert.match(age, /just now|^\d+ s ago/);
      const title = await page.locator('.shell-state').getAttribute('title');
      assert.match(title, new RegExp(`clock is 10 min ${minutes > 0 ? 'ahead of' : 'behind'}`));
      await closeDashboard(page, pipeline);
    });
  }

  test('times are told with their zone', async () => {
    const page = await openDashboard(pipeline, '#/gpu/GPU-usual', { timezoneId: 'Asia/Kolkata' });
    await page.getByText('times in GMT+5:30').waitFor();
    await closeDashboard(page, pipeline);
  });

  test('where a range is empty, the newest there is is one press away, and Escape leads back', async () => {
    const page = await openDashboard(pipeline, '#/gpu/GPU-old');
    await page.getByRole('button', { name: 'Show the newest, Jul 18, 2025' }).click();
    await waitFor(() => hasPoint(page, 44), 'the sample of old');
    await page.getByText('Nothing was reported in this range.').waitFor({ state: 'hidden' });
    await page.keyboard.press('Escape');
    await page.getByText('Nothing was reported in this range.').waitFor();
    await closeDashboard(page, pipeline);
  });

  test('a database that is away is told, and its history comes by itself', async () => {
    await pipeline.postgres.kill();
    const page = await openDashboard(pipeline, '#/gpu/GPU-usual');
    await page.getByText(/History could not be loaded: .*\./).waitFor();
    await pipeline.postgres.start();
    await waitFor(async () => (await pointsOf(page))[0].length >= SAMPLES - 1, 'the history');
    await page.getByText('History could not be loaded').waitFor({ state: 'hidden' });
    await closeDashboard(page, pipeline);
  });

  test('a sample on its way to the database when a page is opened comes into its chart', async () => {
    const { broker, postgres: database } = pipeline;
    await pipeline.collector.kill();
    await reportAt('soon', Date.now(), 93.5);
    const page = await openDashboard(pipeline, '#/gpu/GPU-soon');
    await chart(page, 'GPU utilization').getByText(/Not reported in this range/).waitFor();
    pipeline.collector = await startCollector({ broker, database });
    await waitFor(() => hasPoint(page, 93.5), 'the sample');
    await closeDashboard(page, pipeline);
  });

  test('what a collector writes late comes into the chart, though the page came before', { timeout: 120_000 }, async () => {
    const { broker, postgres: database } = pipeline;
    await pipeline.collector.kill();
    await reportAt('late', Date.now() - 75_000, 91.5);
    await reportAt('late', Date.now(), 92.5);
    const page = await openDashboard(pipeline, '#/gpu/GPU-late');
    await waitFor(async () => (await pointsOf(page))[0].length > 0, 'what was written before');
    assert.equal(await hasPoint(page, 91.5), false);
    pipeline.collector = await startCollector({ broker, database });
    await waitFor(() => hasPoint(page, 91.5), 'what was written late', 40_000);
    const [times] = await pointsOf(page);
    assert.equal(new Set(times).size, times.length);
    await closeDashboard(page, pipeline);
  });
});
