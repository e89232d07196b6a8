// GraphiQL in a browser: its page and files, queries, subscriptions, both
// colour schemes, under a policy that lets nothing in from elsewhere.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { startGraphql } from '../integration/support/graphql.js';
import { insertFleet, rawRequest, startGateway, waitFor } from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';

const FLEET = [
  {
    cluster: 'east',
    host: 'alpha',
    index: '0',
    uuid: 'GPU-1',
    model: 'H100',
    lastSeen: new Date(),
  },
];
let api, url, origin;

before(async () => {
  api = await startGraphql();
  await insertFleet(api.postgres, FLEET);
  await api.gateway.stop(); // the fleet is read at its start
  api.gateway = await startGateway({ broker: api.broker, database: api.postgres });
  api.url = `${api.gateway.httpUrl}/graphql`;
  url = api.url;
  origin = api.gateway.httpUrl;
});

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

const raw = (path, headers) => rawRequest(`${origin}${path}`, { headers });

describe('the files', () => {
  test('a browser gets the page, a client of the API does not', async () => {
    const page = await raw('/graphql', HTML);
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'], /^text\/html/);
    const policy = page.headers['content-security-policy'];
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const [, nonce] = /'nonce-([0-9a-f]{32})'/.exec(policy);
    assert.ok(page.body.includes(`content="${nonce}"`));
    const other = await raw('/graphql', HTML);
    assert.notEqual(other.headers['content-security-policy'], policy);
    assert.match(page.headers.vary, /Accept/);
    assert.equal((await raw('/graphql')).status, 400);
    assert.equal((await raw('/graphql?query=%7B__typename%7D', HTML)).headers['content-type'], 'application/json; charset=utf-8');
  });

  test('all it names is there, and compressed for who takes it', async () => {
    const page = (await raw('/graphql', HTML)).body.toString();
    const names = [...page.matchAll(/(?:src|href)="(graphiql\/[^"]+)"/g)].map(([, name]) => name);
    assert.ok(names.length >= 7);
    for (const name of names) {
      const whole = await raw(`/${name}`);
      assert.equal(whole.status, 200, name);
      assert.equal(whole.headers['content-encoding'], undefined);
      const packed = await raw(`/${name}`, { 'accept-encoding': 'br, gzip' });
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.match(packed.headers.vary, /Accept-Encoding/);
      assert.ok(gunzipSync(packed.body).equals(whole.body));
      assert.notEqual(packed.headers.etag, whole.headers.etag);
    }
  });

  test('what has not changed is not sent again', async () => {
    const { headers } = await raw('/graphiql/page.js');
    assert.equal(headers['cache-control'], 'no-cache');
    for (const tag of [headers.etag, `"x", ${headers.etag}`, '*']) {
      const again = await raw('/graphiql/page.js', { 'if-none-match': tag });
      assert.equal(again.status, 304);
      assert.equal(again.body.length, 0);
    }
    const other = await raw('/graphiql/page.js', { 'if-none-match': '"x"' });
    assert.equal(other.status, 200);
  });

  test('no path leads out', async () => {
    for (const path of [
      '/graphiql/../nexus-gateway',
      '/graphiql/..%2f..%2fnexus-gateway',
      '/graphiql/%2e%2e/%2e%2e/nexus-gateway',
      '/graphiql//etc/passwd',
      '/graphiql/./page.js',
      '/graphiql/page.js/',
      '/graphiql/page.js%00.css',
      '/graphiql/nothing.js',
      `/graphiql/${'x'.repeat(600)}`,
    ]) {
      const { status } = await raw(path);
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    }
  });
});

describe('the page', { skip: missing }, () => {
  async function open(options) {
    const page = await openPage(options);
    await page.goto(url);
    await page.waitForSelector('.graphiql-container');
    return page;
  }

  const result = async (page) =>
    (await page.locator('.graphiql-response .CodeMirror').textContent()) ?? '';

  // Runs what is in the editor, once GraphiQL has found its name there.
  async function run(page, name) {
    await page.waitForFunction(
      (wanted) => localStorage.getItem('graphiql:operationName') === wanted,
      name
    );
    await page.locator('.graphiql-execute-button').click();
  }

  const tab = (page, name) => page.locator('.graphiql-tab-button', { hasText: name });

  test('it brings examples, and runs them', async () => {
    const page = await open();
    assert.deepEqual(await page.locator('.graphiql-tab-button').allTextContents(), ['Gpus', 'Gpu', 'Tree', 'Cluster', 'Live']);
    for (const [name, member] of [['Gpus', 'gpus'], ['Tree', 'clusters'], ['Cluster', 'cluster']]) {
      await tab(page, name).click();
      await run(page, name);
      await waitFor(async () => (await result(page)).includes(`"${member}"`), `the result of ${name}`);
      assert.doesNotMatch(await result(page), /errors/);
    }
    // It read the schema: an unknown field is marked as it is typed.
    await waitFor(async () => (await page.locator('.CodeMirror-lint-mark-error').count()) === 0, 'no marks');
    assertWellBehaved(page, origin);
    await page.close();
  });

  test('its examples ask about what there is', async () => {
    const page = await open();
    await tab(page, /^Gpu$/).click();
    await run(page, 'Gpu');
    await waitFor(async () => (await result(page)).includes('"GPU-1"'), 'the GPU');
    await tab(page, 'Cluster').click();
    await run(page, 'Cluster');
    await waitFor(async () => (await result(page)).includes('"east"'), 'the cluster');
    assertWellBehaved(page, origin);
    await page.close();
  });

  test('the keyboard is enough', async () => {
    const page = await open();
    const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
    await page.locator('.graphiql-tab-button').first().focus();
    await page.keyboard.press('Tab'); // its ×
    await page.keyboard.press('Tab');
    assert.match(await focused(), /Gpu|Tree|close/i);
    await page.locator('.graphiql-query-editor textarea').focus();
    await page.waitForFunction(() => localStorage.getItem('graphiql:operationName') === 'Gpus');
    await page.keyboard.press('Control+Enter');
    await waitFor(async () => (await result(page)).includes('"gpus"'), 'the result');
    assertWellBehaved(page, origin);
    await page.close();
  });

  test('a subscription shows what comes, until it is stopped', async () => {
    const page = await open();
    await page.locator('.graphiql-tab-add').click();
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.insertText('subscription Watch { fleetSummary(intervalMs: 100) { asOf timestamp totalGPUs } }');
    await run(page, 'Watch');
    await waitFor(async () => (await result(page)).includes('"totalGPUs"'), 'an event');
    assert.ok(page.asked.some((address) => address.startsWith('ws:')));
    await page.locator('.graphiql-execute-button').click();
    assertWellBehaved(page, origin);
    await page.close();
  });

  test('light or dark as the system says, and by its switch', async () => {
    const brightness = (page) =>
      page.evaluate(() => {
        const { backgroundColor } = getComputedStyle(document.querySelector('.graphiql-container'));
        const [r, g, b] = backgroundColor.match(/\d+(\.\d+)?/g).map(Number);
        return (r + g + b) / 3;
      });
    const light = await open({ colorScheme: 'light' });
    const dark = await open({ colorScheme: 'dark' });
    assert.ok((await brightness(light)) > 150);
    assert.ok((await brightness(dark)) < 100);
    await dark.getByLabel('Open settings dialog').click();
    await dark.getByRole('button', { name: 'Light', exact: true }).click();
    await waitFor(async () => (await brightness(dark)) > 150, 'light');
    assertWellBehaved(dark, origin);
    await Promise.all([light.close(), dark.close()]);
  });
});
