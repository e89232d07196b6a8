// The dashboard's pictures of the fleet at rest: each shows what the API says.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { waitFor } from '../integration/support/index.js';
import { missing } from './support/browser.js';
import {
  assertShows,
  cells,
  chooseMetric,
  closeDashboard,
  fleetFile,
  map,
  openDashboard,
  parameter,
  search,
  startPipeline,
  total,
  waitForCell,
} from './support/dashboard.js';

const IDLE_PERCENT = 5;

describe('the dashboard', { skip: missing }, () => {
  let pipeline, gpus, short, gap;

  before(async () => {
    pipeline = await startPipeline({ csv: fleetFile() });
    gpus = await pipeline.gpus('latest { gpuUtilization temperature powerDraw memoryUsedMb }');
    short = await pipeline.hostWithout();
    gap = short.missing[0].index;
  });

  const open = (address, options) => openDashboard(pipeline, address, options);

  const close = (page) => closeDashboard(page, pipeline);

  describe('the fleet', () => {
    test('every GPU is a cell of its host, with its value', async () => {
      const page = await open();
      const shown = await cells(page);
      const there = new Map(shown.filter((c) => !/missing/.test(c.text)).map((c) => [c.place, c.text]));
      assert.equal(there.size, 247);
      assert.equal(shown.length, 248);
      assert.equal(new Set(shown.map((c) => c.host)).size, 31);
      for (const { hostname, index, latest } of gpus)
        assertShows(there.get(`${hostname} ${index}`), latest.gpuUtilization, `${hostname} ${index}`);
      const gone = shown.find((c) => /missing/.test(c.text));
      assert.deepEqual([gone.host, gone.index], [short.hostname, gap]);
      await close(page);
    });

    test('its totals are the API\'s', async () => {
      const { fleet } = await pipeline.ask(`{ fleet { totalGPUs totalHosts statusCounts { active silent missing }
        statistics(metrics: [gpu_utilization, power_draw]) { average p95 sum } } }`);
      const [utilization, power] = fleet.statistics;
      const { active, silent, missing: gone } = fleet.statusCounts;
      const idle = gpus.filter((g) => g.latest.gpuUtilization < IDLE_PERCENT).length;
      const page = await open();
      for (const [name, value] of Object.entries({ Active: active, Idle: idle, Silent: silent, Missing: gone, 'Power now': power.sum }))
        assertShows(await total(page, name), value, name);
      assertShows(await total(page, 'Utilization', 'average'), utilization.average);
      assertShows(await total(page, 'Utilization', '95th percentile'), utilization.p95);
      await close(page);
    });

    test('what needs attention is listed first, and leads there', async () => {
      const page = await open();
      const link = page.getByRole('region', { name: 'Needs attention' }).getByRole('link', { name: `${short.hostname}, GPU ${gap}` });
      await link.click();
      await page.getByRole('heading', { level: 1, name: short.hostname }).waitFor();
      await page.goBack();
      await map(page).waitFor();
      await close(page);
    });

    test('another metric is another picture, and is in the address', async () => {
      const page = await open();
      const before = await map(page).screenshot();
      await chooseMetric(page, 'temperature');
      assert.equal(parameter(page, 'metric'), 'temperature');
      await waitForCell(page, gpus[0], new RegExp(`^${gpus[0].latest.temperature} °C`));
      const texts = new Map((await cells(page)).map((c) => [c.place, c.text]));
      for (const { hostname, index, latest } of gpus) assertShows(texts.get(`${hostname} ${index}`), latest.temperature);
      assert.notDeepEqual(await map(page).screenshot(), before);
      await close(page);
    });

    test('its table shows the rows that it is scrolled to, and stays there', async () => {
      const page = await open();
      const scroller = page.locator('.fleet-table-scroller');
      await scroller.scrollIntoViewIfNeeded();
      await scroller.locator('tr[data-uuid]').first().waitFor();
      for (const first of [3, 17, 35, 150, 120, 200, 0]) {
        await scroller.evaluate((element, row) => (element.scrollTop = row * element.querySelector('tr[data-uuid]').offsetHeight), first);
        const place = await scroller.evaluate((element) => element.scrollTop);
        await scroller.locator(`tr[aria-rowindex="${first + 10}"]`).waitFor();
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        assert.equal(await scroller.evaluate((element) => element.scrollTop), place);
      }
      await close(page);
    });
  });

  describe('search', () => {
    // The places of GPUs that are not filtered out.
    const taken = async (page) =>
      (await cells(page)).filter((c) => !/filtered out|missing/.test(c.text)).map((c) => c.place);
    const searches = [
      { what: 'a host', text: () => short.hostname.split('-').slice(-2).join('-'), takes: (gpu) => gpu.hostname === short.hostname },
      { what: 'a bound', text: () => 'util<5', takes: (gpu) => gpu.latest.gpuUtilization < IDLE_PERCENT },
      { what: 'two at once', text: () => 'temp>30 -util<5', takes: ({ latest }) => latest.temperature > 30 && latest.gpuUtilization >= 5 },
    ];
    for (const { what, text, takes } of searches)
      test(`for ${what}: cells, table, count and address follow`, async () => {
        const page = await open();
        const expected = gpus.filter(takes);
        const said = page.getByRole('status').filter({ hasText: `${expected.length} of 247 GPUs` }).waitFor();
        await Promise.all([said, search(page).fill(text())]);
        await waitFor(async () => (await taken(page)).length === expected.length, `${expected.length} cells`);
        assert.deepEqual((await taken(page)).sort(), expected.map((g) => `${g.hostname} ${g.index}`).sort());
        assert.equal(parameter(page, 'q'), text());
        await close(page);
      });

    test('for what nobody is: it is said that nothing matches, and what was not understood', async () => {
      const page = await open('#/?q=temp%3E80');
      await page.getByText('No GPU matches').waitFor();
      assert.equal(await search(page).inputValue(), 'temp>80');
      await search(page).fill('nobody-has-this-name');
      await page.getByRole('status').filter({ hasText: '0 of 247 GPUs' }).waitFor();
      await search(page).fill('util<high');
      await page.getByText(/Not understood:.*expected a number/).waitFor();
      await page.getByRole('button', { name: 'Clear the search' }).first().click();
      await waitFor(async () => (await taken(page)).length === 247, 'all of them');
      assert.equal(parameter(page, 'q'), null);
      await close(page);
    });
  });

  describe('a host', () => {
    test('each place is a row, the missing one, too; its figures are the API\'s', async () => {
      const { host } = await pipeline.ask(
        `query($name: String!) { host(hostname: $name) {
          statistics(metrics: [gpu_utilization, memory_used_mb, temperature, power_draw]) { metric { name } min average max sum } } }`,
        { name: short.hostname }
      );
      const page = await open(`#/host/${short.clusterId}/${short.hostname}`);
      const table = page.getByRole('region', { name: 'GPUs', exact: true }).getByRole('table');
      const rows = table.locator('tbody').getByRole('row');
      await waitFor(async () => (await rows.count()) === 8, 'a row for each place');
      assert.match(await rows.nth(Number(gap)).textContent(), /missing.*Nothing was ever heard/s);
      assert.equal(await table.getByRole('link').count(), 7);
      for (const { metric, min, average, max, sum } of host.statistics) {
        const figure = (name) => page.locator(`[data-figure=${name}] [data-metric=${metric.name}]`).textContent();
        assertShows(await figure('min'), min);
        assertShows(await figure('mean'), average);
        assertShows(await figure('max'), max);
        if (metric.name === 'power_draw') assertShows(await page.locator('[data-figure="power_draw sum"] dd').textContent(), sum);
      }
      for (const gpu of gpus.filter((g) => g.hostname === short.hostname)) {
        const value = (name) => table.locator(`[data-gpu="${gpu.uuid}"] [data-metric=${name}]`).textContent();
        assertShows(await value('gpu_utilization'), gpu.latest.gpuUtilization);
        assertShows(await value('memory_used_mb'), gpu.latest.memoryUsedMb);
      }
      await close(page);
    });
  });
});
