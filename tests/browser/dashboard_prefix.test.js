// Everything that has a page works below a path prefix that a reverse proxy
// takes off: whatever is asked for stays below it.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { startGraphql } from '../integration/support/graphql.js';
import { insertFleet, startGateway, waitFor } from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';
import { startProxy } from './support/proxy.js';

const PREFIX = '/tools/nexus/';

describe('below a prefix', { skip: missing }, () => {
  let proxy;

  before(async () => {
    const api = await startGraphql();
    await insertFleet(api.postgres, [{ cluster: 'east', host: 'alpha', index: '0', uuid: 'GPU-1', model: 'H100', lastSeen: new Date() }]);
    await api.gateway.stop(); // the fleet is read at its start
    // Strict about where a WebSocket comes from.
    api.gateway = await startGateway({ broker: api.broker, database: api.postgres, env: { ENABLE_CORS: 'false' } });
    proxy = await startProxy(api.gateway, PREFIX);
  });

  async function open(path) {
    const page = await openPage();
    await page.goto(`${proxy.url}${path}`);
    return page;
  }

  const assertBelow = (page) => {
    assertWellBehaved(page, proxy.url);
    const paths = page.asked.filter((url) => !url.startsWith('data:')).map((url) => new URL(url).pathname);
    assert.deepEqual(paths.filter((path) => !path.startsWith(PREFIX)), []);
    assert.deepEqual(proxy.outside, []);
  };

  test('the dashboard is live', async () => {
    const page = await openPage();
    let frames = 0;
    page.on('websocket', (socket) => socket.on('framereceived', () => frames++));
    await page.goto(proxy.url);
    await waitFor(() => frames > 1, 'an answer of the API');
    await page.goto(`${proxy.url}#/api`);
    assert.ok(page.asked.includes(`${proxy.url.replace('http:', 'ws:')}graphql`));
    assertBelow(page);
    await page.close();
  });

  test('GraphiQL answers', async () => {
    const page = await open('graphql');
    await page.waitForSelector('.graphiql-container');
    await page.waitForFunction(() => localStorage.getItem('graphiql:operationName') === 'Gpus');
    await page.locator('.graphiql-execute-button').click();
    await waitFor(async () => (await page.locator('.graphiql-response .CodeMirror').textContent())?.includes('GPU-1'), 'the result');
    assertBelow(page);
    await page.close();
  });
});
