// The dashboard for everybody: by an address that somebody passed on, by keyboard
// alone, for a screen reader, in both themes, on a phone and on a wall.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { simulatedFile, waitFor } from '../integration/support/index.js';
import { missing } from './support/browser.js';
import {
  barriers,
  cells,
  closeDashboard,
  map,
  openDashboard,
  parameter,
  search,
  settled,
  startPipeline,
  waitForCell,
} from './support/dashboard.js';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const WALL = { viewport: { width: 3840, height: 2160 } };
const DESKTOP = {};

describe('the dashboard', { skip: missing }, () => {
  let pipeline, gpu, views;

  before(async () => {
    const from = new Date(Date.now() - 300e3).toISOString().replace(/\.\d+/, '');
    const csv = simulatedFile(['--hosts=4', '--samples=30', '--interval=10s', `--start=${from}`, '--format=wide']);
    pipeline = await startPipeline({ csv, streamer: { TIMESTAMPS: 'source' }, samples: 31 * 30 });
    await pipeline.hostWithout();
    [gpu] = await pipeline.gpus('latest { gpuUtilization temperature }');
    const { hostname, clusterId, uuid, index } = gpu;
    views = [
      { address: '#/', heading: 'Fleet' },
      { address: `#/host/${clusterId}/${hostname}`, heading: hostname },
      { address: `#/gpu/${uuid}`, heading: `${hostname}, GPU ${index}` },
      { address: '#/pipeline', heading: 'Pipeline' },
      { address: '#/api', heading: 'API' },
    ];
  });

  const open = (address, options) => openDashboard(pipeline, address, options);
  const close = (page) => closeDashboard(page, pipeline);
  const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

  // Each view of one page after the other, once it is there.
  async function visit(page, look) {
    for (const { address, heading: name } of views) {
      await page.evaluate((hash) => (location.hash = hash), address);
      await heading(page, name).waitFor({ state: 'attached' });
      await settled(page);
      await look(address);
    }
  }

  describe('addresses', () => {
    test('each view opens from one, with its range, metric and search, and Back and Forward go between them', async () => {
      const page = await open();
      for (const { address, heading: name } of views) {
        const cold = await open(address);
        await heading(cold, name).waitFor({ state: 'attached' });
        assert.match(await cold.title(), /Nexus$/);
        await close(cold);
        await page.goto(`${pipeline.url}/${address}`);
        await heading(page, name).waitFor({ state: 'attached' });
      }
      for (const { heading: name } of views.slice(0, -1).reverse()) {
        await page.goBack();
        await heading(page, name).waitFor({ state: 'attached' });
      }
      await page.goForward();
      await heading(page, views[1].heading).waitFor();
      await close(page);
    });

    test('what was chosen is in them', async () => {
      const page = await open('#/?metric=temperature&q=util%3E0&from=now-1h');
      await waitForCell(page, gpu, new RegExp(`^${gpu.latest.temperature} °C`));
      assert.equal(await search(page).inputValue(), 'util>0');
      await page.getByRole('button', { name: /Time range.*Last hour/ }).click();
      await page.getByRole('button', { name: 'Last 6 hours' }).click();
      assert.deepEqual(['metric', 'q', 'from'].map((name) => parameter(page, name)), ['temperature', 'util>0', 'now-6h']);
      await page.goBack();
      assert.equal(parameter(page, 'from'), 'now-1h');
      await close(page);
    });

    test('one of a GPU that is not there says so, and leads back', async () => {
      const page = await open('#/gpu/GPU-nobody');
      await heading(page, 'Unknown GPU').waitFor();
      await page.getByRole('link', { name: 'To the fleet' }).click();
      assert.equal((await cells(page)).length, 32);
      await close(page);
    });
  });

  describe('the keyboard alone', () => {
    const focused = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim());

    // The focused element has an outline or another visible mark.
    const showsFocus = (page) =>
      page.evaluate(() => {
        const { activeElement } = document;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(activeElement);
        const ring = document.querySelector('.heatmap-ring');
        const ringed = activeElement.closest('[role=grid]') !== null && ring !== null && ring.checkVisibility();
        return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none' || ringed;
      });

    test('search, grid, GPU, charts, and back', async () => {
      const page = await open();
      await cells(page);
      await page.keyboard.press('/');
      assert.ok(await search(page).evaluate((input) => input === document.activeElement));
      await page.keyboard.type('util>=0');
      await waitFor(() => parameter(page, 'q') === 'util>=0', 'the address');
      await page.keyboard.press('Escape');
      await waitFor(() => parameter(page, 'q') === null, 'no search');
      await page.keyboard.press('Escape');
      await page.getByRole('gridcell').first().focus();
      await page.keyboard.press('Control+Home');
      await page.keyboard.press('ArrowRight');
      assert.match(await focused(page), new RegExp(`^${gpu.hostname}, GPU 0,`));
      assert.ok(await showsFocus(page));
      await page.keyboard.press('ArrowRight');
      assert.match(await focused(page), /, GPU 1,/);
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('Enter');
      await heading(page, `${gpu.hostname}, GPU 0`).waitFor();
      const chart = page.getByRole('application').first();
      await chart.waitFor();
      for (let i = 0; i < 60 && !/over time/.test(await focused(page)); i++) {
        await page.keyboard.press('Tab');
        assert.ok(await showsFocus(page), `the focus on "${await focused(page)}" is seen`);
      }
      assert.match(await focused(page), /over time/);
      await page.keyboard.press('ArrowLeft');
      await page.getByRole('status').filter({ hasText: /\d\d:\d\d:\d\d: GPU 0/ }).waitFor();
      await page.keyboard.press('+');
      await waitFor(() => parameter(page, 'to'), 'a zoom');
      await page.keyboard.press('Escape');
      await waitFor(() => !parameter(page, 'to'), 'no zoom');
      await page.keyboard.press('g');
      await page.keyboard.press('f');
      await heading(page, 'Fleet').waitFor({ state: 'attached' });
      await close(page);
    });

    test('all is reached by Tab, and each stop is seen', async () => {
      const page = await open();
      await cells(page);
      const stops = [];
      for (let i = 0; i < 16; i++) {
        await page.keyboard.press('Tab');
        stops.push(await focused(page));
        assert.ok(await showsFocus(page), `the focus on "${stops.at(-1)}" is seen`);
      }
      for (const name of ['Pipeline', 'API', 'Pause', 'Help']) assert.ok(stops.includes(name), `${name} of ${stops}`);
      await close(page);
    });

    test('help, theme, pause', async () => {
      const page = await open();
      await page.keyboard.press('?');
      const help = page.getByRole('dialog', { name: 'Keys and search' });
      await help.waitFor();
      for (const text of ['/', 'g f', 'util<5']) assert.ok((await help.textContent()).replace(/\s+/g, ' ').includes(text), text);
      await page.keyboard.press('Escape');
      await help.waitFor({ state: 'hidden' });
      const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
      const light = await ink();
      await page.keyboard.press('t');
      await waitFor(async () => (await ink()) !== light, 'another theme');
      const dark = await ink();
      await page.reload();
      await cells(page);
      assert.equal(await ink(), dark);
      await page.keyboard.press('p');
      await page.getByText(/^Paused at/).waitFor();
      await page.keyboard.press('p');
      await page.getByText(/^Paused at/).waitFor({ state: 'detached' });
      await close(page);
    });
  });

  for (const [size, options] of Object.entries({ desktop: DESKTOP, phone: PHONE }))
    for (const colorScheme of ['light', 'dark'])
      test(`axe-core finds nothing serious (${size}, ${colorScheme})`, async () => {
        const page = await open('', { ...options, colorScheme });
        await visit(page, async (address) => assert.deepEqual(await barriers(page), [], address));
        await close(page);
      });

  for (const [size, options] of Object.entries({ phone: PHONE, desktop: DESKTOP, 'wall screen': WALL }))
    test(`nothing is wider than a ${size}`, async () => {
      const page = await open('', options);
      await visit(page, async (address) => {
        const [content, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(content <= room, `${address}: ${content} px on ${room}`);
      });
      await close(page);
    });

  test('the map has room for its last column, however wide it is', async () => {
    const page = await open();
    await cells(page);
    const spare = () =>
      page.evaluate(() => {
        const rightOf = (element) => element.getBoundingClientRect().right;
        const cells = [...document.querySelectorAll('[role=gridcell]')];
        return rightOf(document.querySelector('.heatmap-content')) - Math.max(...cells.map(rightOf));
      });
    for (const width of [1280, 1250, 1130, 1020, 768, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await waitFor(async () => (await spare()) >= 0, `cells within the map on ${width} px`);
    }
    await close(page);
  });

  test('on a phone a GPU is found and opened by touch', async () => {
    const page = await open('', PHONE);
    await cells(page);
    await search(page).tap();
    await search(page).fill(gpu.hostname);
    await waitFor(() => parameter(page, 'q') === gpu.hostname, 'the address');
    await page.getByRole('option', { name: gpu.hostname }).first().tap();
    await heading(page, gpu.hostname).waitFor();
    await page.getByRole('link', { name: `GPU ${gpu.index}`, exact: true }).first().tap();
    await heading(page, `${gpu.hostname}, GPU ${gpu.index}`).waitFor();
    await page.getByRole('application').first().scrollIntoViewIfNeeded();
    await close(page);
  });
});
