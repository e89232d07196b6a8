// What is around every page: search, time range, theme, history, and what is said
// when there is no page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../integration/support/index.js';
import { launch, missing } from './support/browser.js';
import { closeDashboard, isLive, openDashboard, parameter, search, startPipeline } from './support/dashboard.js';

const gpus = Array.from({ length: 40 }, (_, i) => ({
  uuid: `GPU-${String(i).padStart(4, '0')}-of-forty`,
  hostname: `node-${String(Math.floor(i / 4)).padStart(2, '0')}`,
  index: String(i % 4),
  clusterId: 'east',
  device: `nvidia${i % 4}`,
  model: 'Test GPU',
}));

describe('around the pages', { skip: missing }, () => {
  let pipeline, page;

  before(async () => {
    pipeline = await startPipeline();
    for (const gpu of gpus) await pipeline.report(gpu, { gpu_utilization: 50, temperature: 40 });
    await waitFor(async () => (await pipeline.gpus()).length === gpus.length, 'all GPUs');
    page = await openDashboard(pipeline);
  });
  after(() => closeDashboard(page, pipeline));

  const hash = () => new URL(page.url()).hash;
  const begin = async (address = '#/') => {
    await page.goto(`${pipeline.url}/${address}`);
    await isLive(page);
  };
  const heading = (name) => page.getByRole('heading', { level: 1, name });
  const option = (name) => page.getByRole('option', { name });

  test('search proposes hosts and GPUs, and leads there', async () => {
    await begin();
    await page.keyboard.press('/');
    await option(/^status:silent/).waitFor();
    await page.keyboard.type('node-03');
    await option(/^node-03/).waitFor();
    await page.keyboard.press('ArrowDown');
    assert.equal(await option(/^node-03/).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Enter');
    await heading('node-03').waitFor();
    assert.equal(hash(), '#/host/east/node-03');

    await search(page).fill(gpus[7].uuid.toLowerCase());
    await option(new RegExp(gpus[7].uuid)).click();
    await heading(/node-01/).waitFor();
    assert.equal(hash(), `#/gpu/${gpus[7].uuid}`);
  });

  test('elsewhere Enter searches the fleet; Esc clears, then leaves', async () => {
    await begin('#/pipeline');
    await page.keyboard.press('/');
    await page.keyboard.type('host:node-01 util>10');
    assert.equal(parameter(page, 'q'), null);
    await page.keyboard.press('Enter');
    await waitFor(() => parameter(page, 'q') === 'host:node-01 util>10', 'the search in the address');
    assert.match(hash(), /^#\/\?/);
    await page.getByRole('search').getByText('4 of 40 GPUs').waitFor();

    await search(page).focus();
    await page.keyboard.press('Escape');
    await waitFor(() => parameter(page, 'q') === null, 'the search to be empty');
    assert.equal(await search(page).evaluate((input) => input === document.activeElement), true);
    await page.keyboard.press('Escape');
    assert.equal(await search(page).evaluate((input) => input === document.activeElement), false);
  });

  test('what cannot be read is said at the search', async () => {
    await begin();
    await search(page).fill('util<<5');
    const said = page.getByRole('search').getByRole('alert');
    await said.waitFor();
    const described = await search(page).getAttribute('aria-describedby');
    assert.match(await page.locator(`#${described}`).textContent(), /util<<5/);
    await search(page).fill('util<5');
    await said.waitFor({ state: 'detached' });
    await search(page).fill('');
  });

  test('a time range is chosen or written, what is wrong with it is said, and it goes along', async () => {
    await begin(`#/gpu/${gpus[0].uuid}`);
    const picker = page.getByRole('button', { name: /^Time range/ });
    await picker.click();
    await page.getByRole('button', { name: 'Last 6 hours' }).click();
    assert.equal(parameter(page, 'from'), 'now-6h');
    assert.match(await picker.textContent(), /Last 6 hours/);

    await picker.click();
    const [from, to] = [page.getByLabel('From'), page.getByLabel('To', { exact: true })];
    assert.equal(await from.inputValue(), 'now-6h');
    const show = page.getByRole('button', { name: 'Show this range' });
    for (const [start, end, wrong, text] of [
      ['lately', 'now', from, '“lately” is not a time.'],
      ['now-1h', '', to, 'The end is missing.'],
      ['2025-03-02 10:00', '2025-03-02 09:00', to, 'The end has to be after the start.'],
    ]) {
      await from.fill(start);
      await to.fill(end);
      await show.click();
      await page.getByRole('alert').getByText(text).waitFor();
      assert.equal(await wrong.getAttribute('aria-invalid'), 'true');
      assert.equal(await wrong.evaluate((input) => input === document.activeElement), true);
      assert.equal(parameter(page, 'from'), 'now-6h');
    }
    await to.fill('2025-03-02 10:30');
    await show.click();
    const local = await page.evaluate(() => new Date('2025-03-02 10:00').toISOString());
    assert.equal(parameter(page, 'from'), local);

    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Pipeline' }).click();
    assert.equal(parameter(page, 'from'), local);
    await page.getByRole('button', { name: 'Back to live' }).first().click();
    assert.equal(parameter(page, 'from'), 'now-6h');
    assert.equal(parameter(page, 'to'), null);
    await page.goBack();
    assert.equal(parameter(page, 'from'), local);
  });

  test('Back finds a page scrolled as it was left', async () => {
    await begin();
    await page.setViewportSize({ width: 600, height: 300 });
    await page.getByRole('gridcell').first().waitFor();
    await page.evaluate(() => scrollTo(0, 200));
    await waitFor(() => page.evaluate(() => scrollY === 200), 'the page to be scrolled');
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await page.evaluate(() => (location.hash = '#/host/east/node-05'));
    await heading('node-05').waitFor();
    assert.equal(await page.evaluate(() => scrollY), 0);
    await page.goBack();
    await waitFor(() => page.evaluate(() => scrollY === 200), 'the page to be where it was');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('where we are already is no new step', async () => {
    await begin('#/host/east/node-05');
    await heading('node-05').waitFor();
    const before = await page.evaluate(() => history.length);
    const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' });
    assert.deepEqual(await crumbs.getByRole('listitem').allTextContents(), ['Fleet', 'east', 'node-05']);
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await waitFor(() => hash() === '#/', 'the fleet');
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await waitFor(() => hash() === '#/pipeline', 'the pipeline');
    assert.equal(await page.evaluate(() => history.length), before + 2);
  });

  test('a page that is not there says so', async () => {
    await begin('#/host/east/node-99');
    await heading('Unknown host').waitFor();
    await page.getByRole('link', { name: 'Search for node-99' }).click();
    await waitFor(() => parameter(page, 'q') === 'node-99', 'the search');
    await begin('#/nothing/here');
    await heading('No such page').waitFor();
    assert.equal(await page.title(), 'No such page · Nexus');
    await page.getByRole('link', { name: 'To the fleet' }).click();
    await page.getByRole('gridcell').first().waitFor();
  });

  test('the chosen theme is there before the page is', async () => {
    const own = await (await launch()).newContext({ colorScheme: 'light' });
    const other = await own.newPage();
    await other.goto(pipeline.url);
    await other.getByRole('button', { name: 'Theme: as the system' }).click();
    await other.getByRole('button', { name: 'Theme: dark' }).waitFor();
    let release;
    const held = new Promise((done) => (release = done));
    await other.route(/dashboard-.*\.js$/, async (route) => {
      await held;
      await route.continue();
    });
    await other.reload({ waitUntil: 'commit' });
    await other.waitForFunction(() => document.querySelector('#app'));
    const ground = () => other.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const early = await ground();
    assert.equal(await other.locator('#app').innerHTML(), '');
    release();
    await isLive(other);
    assert.equal(await ground(), early);
    assert.equal(await other.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await own.close();
  });

  test('a page that fails says what happened, and is there again when tried', async () => {
    const other = await openDashboard(pipeline, '#/pipeline');
    await other.evaluate(() => {
      window.getContext = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = () => {
        throw new Error('no canvas today');
      };
      location.hash = '#/';
    });
    await other.getByRole('heading', { level: 1, name: 'This page failed' }).waitFor();
    await other.getByText('no canvas today', { exact: true }).waitFor();
    await other.evaluate(() => (HTMLCanvasElement.prototype.getContext = window.getContext));
    await other.getByRole('button', { name: 'Try again' }).click();
    await other.getByRole('gridcell').first().waitFor();
    await other.close();
  });
});
