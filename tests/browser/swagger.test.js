// Swagger UI in a browser: every operation, one of them run, both colour
// schemes, under the policy of all pages.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createSchema, getJson, insertFleet, startGateway, startPostgres, waitFor } from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';
import { startProxy } from './support/proxy.js';

describe('Swagger UI', { skip: missing }, () => {
  let gateway;

  before(async () => {
    const database = await startPostgres();
    await createSchema(database);
    await insertFleet(database, [{ cluster: 'east', host: 'alpha', index: '0', uuid: 'GPU-1', model: 'H100', lastSeen: new Date() }]);
    gateway = await startGateway({ database });
  });

  async function open(url, options) {
    const page = await openPage(options);
    await page.goto(url);
    await page.waitForSelector('.opblock');
    return page;
  }

  // Runs one operation; its status and body.
  async function execute(page, name) {
    const block = page.locator(`.opblock[id$=-${name}]`);
    await block.locator('.opblock-summary-control').click();
    await block.locator('.execute').click();
    const answer = block.locator('.live-responses-table tbody');
    await answer.waitFor();
    const status = await answer.locator('.response-col_status').first().textContent();
    return { status: Number.parseInt(status, 10), text: await answer.textContent() };
  }

  test('it shows every operation of the document', async () => {
    const { body } = await getJson(`${gateway.httpUrl}/swagger/swagger.json`);
    const page = await open(`${gateway.httpUrl}/docs`);
    assert.equal(new URL(page.url()).pathname, '/swagger/');
    const described = Object.entries(body.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    const shown = await page.locator('.opblock').evaluateAll((blocks) =>
      blocks.map((block) => `${block.querySelector('.opblock-summary-method').textContent} ${block.querySelector('.opblock-summary-path').dataset.path}`)
    );
    assert.deepEqual(shown.sort(), described.sort());
    assert.equal(await page.locator('.errors-wrapper').count(), 0);
    assertWellBehaved(page, gateway.httpUrl);
    await page.close();
  });

  test('it runs operations, with a GPU that there is', async () => {
    const page = await open(`${gateway.httpUrl}/swagger/`);
    const list = await execute(page, 'listGpus');
    assert.equal(list.status, 200);
    assert.match(list.text, /"uuid": "GPU-1"/);
    const history = await execute(page, 'getGpuTelemetry');
    assert.equal(history.status, 200);
    assert.ok(page.asked.some((url) => url.includes('/api/v1/gpus/GPU-1/telemetry?start_time=now-1h')));
    const query = await execute(page, 'graphql');
    assert.equal(query.status, 200);
    assert.match(query.text, /"hostname": "alpha"/);
    assertWellBehaved(page, gateway.httpUrl);
    await page.close();
  });

  test('below a path prefix it runs them there', async () => {
    const proxy = await startProxy(gateway, '/tools/nexus/');
    const page = await open(`${proxy.url}docs`);
    assert.equal((await execute(page, 'listHosts')).status, 200);
    assert.ok(page.asked.includes(`${proxy.url}api/v1/hosts`));
    assert.deepEqual(proxy.outside, []);
    assertWellBehaved(page, proxy.url);
    await page.close();
  });

  test('light or dark as the system says', async () => {
    const brightness = (page) =>
      page.evaluate(() => {
        const ground = document.documentElement.classList.contains('dark-mode') ? document.documentElement : document.body;
        const [r, g, b] = getComputedStyle(ground).backgroundColor.match(/\d+(\.\d+)?/g).map(Number);
        return (r + g + b) / 3;
      });
    const page = await open(`${gateway.httpUrl}/swagger/`, { colorScheme: 'light' });
    assert.ok((await brightness(page)) > 200);
    await page.emulateMedia({ colorScheme: 'dark' });
    await waitFor(async () => (await brightness(page)) < 60, 'dark');
    assertWellBehaved(page, gateway.httpUrl);
    await page.close();
  });
});
