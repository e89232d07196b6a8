// The API's page: each example is copied as a person would, and run as it was
// copied, against the pipeline that the page is of.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { parse as parseYaml } from 'yaml';

import { atEnd } from '../integration/support/program.js';
import {
  ROOT,
  connectNats,
  following,
  publish,
  sample,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  tempDir,
  waitFor,
} from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';
import { startProxy } from './support/proxy.js';

const run = promisify(execFile);
const HOST = "dgx.01 o'neill"; // to be escaped in a shell, a subject, a script
const UUID = 'GPU-11111111-2222-3333-4444-555555555555';

describe('the API’s page', { skip: missing }, () => {
  let gateway, broker, nats;

  before(async () => {
    let postgres;
    [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
    nats = await connectNats(broker);
    await startCollector({ broker, database: postgres });
    gateway = await startGateway({ broker, database: postgres });
    await following(gateway);
    await report(50);
    await publish(nats, sample('GPU-other', { temperature: 40 }, { host: 'zeta' }));
    await waitFor(async () => (await ask('{ gpus { uuid } }')).gpus.length === 2, 'both GPUs');
    await waitFor(async () => (await fetch(`${gateway.httpUrl}/api/v1/gpus/${UUID}/telemetry`)).status === 200, 'its history');
  });

  const report = (utilization) =>
    publish(nats, sample(UUID, { gpu_utilization: utilization, temperature: 60 }, { host: HOST }));

  async function ask(query) {
    const reply = await fetch(`${gateway.httpUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await reply.json()).data;
  }

  async function open(url = gateway.httpUrl, options = {}) {
    const page = await openPage(options);
    await page.goto(`${url}/#/api`);
    await page.waitForSelector('.api-example');
    return page;
  }

  const example = (page, id) => page.locator(`[data-example="${id}"]`);

  // Through the clipboard.
  async function copy(page, id) {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.evaluate(() => navigator.clipboard.writeText('nothing'));
    const button = example(page, id).getByRole('button', { name: /^Copy/ });
    await button.click();
    await waitFor(async () => (await button.textContent()).trim() === 'Copied', 'the button to say so');
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(text, await example(page, id).locator('.api-code').first().textContent());
    return text;
  }

  const shell = async (command) => (await run('sh', ['-c', command])).stdout;

  // Starts what does not end by itself, and reports until it has said something
  // of that.
  async function untilHeard(start) {
    let heard = '';
    const child = start();
    atEnd(() => child.kill('SIGKILL'));
    child.stdout.on('data', (part) => (heard += part));
    child.stderr.on('data', (part) => (heard += part));
    await waitFor(async () => {
      await report(87.5);
      return heard.includes('87.5');
    }, `what was reported, in: ${heard}`);
    child.kill('SIGKILL');
    return heard;
  }

  const command = (text) => () => spawn('sh', ['-c', `exec ${text}`]);

  function script(text) {
    const folder = tempDir();
    mkdirSync(folder, { recursive: true });
    symlinkSync(join(ROOT, 'tests', 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'example.mjs'), text);
    return () => spawn(process.execPath, ['example.mjs'], { cwd: folder });
  }

  test('the GPU of this fleet is in the examples, and can be chosen', async () => {
    const page = await open();
    assert.equal(await page.title(), 'API · Nexus');
    const hosts = page.getByLabel('of host');
    assert.deepEqual((await hosts.locator('option').allTextContents()).map((t) => t.trim()), [HOST, 'zeta']);
    assert.match(await example(page, 'graphql-query').textContent(), new RegExp(UUID));
    await hosts.selectOption({ index: 1 });
    const shown = await example(page, 'graphql-query').locator('.api-code').textContent();
    assert.match(shown, /GPU-other/);
    assert.doesNotMatch(shown, new RegExp(UUID));
    assertWellBehaved(page, gateway.httpUrl);
    await page.context().close();
  });

  test('all it links to is there', async () => {
    const page = await open();
    const links = await page.locator('.api-documents a').evaluateAll((all) => all.map((a) => a.href));
    assert.ok(links.length >= 8);
    for (const link of links) {
      const reply = await fetch(link, { headers: { accept: 'text/html, */*' } });
      assert.equal(reply.status, 200, link);
      await reply.arrayBuffer();
    }
    await page.context().close();
  });

  test('what curl is to send can be sent here', async () => {
    const page = await open();
    const buttons = page.getByRole('button', { name: /^Run here: (?!A subscription)/ });
    for (let i = 0; i < (await buttons.count()); i++) await buttons.nth(i).click();
    await waitFor(async () => (await page.locator('.api-answer').count()) === (await buttons.count()), 'answers');
    const answer = (id) => example(page, id).locator('.api-answer').textContent();
    assert.equal(JSON.parse(await answer('graphql-query')).data.gpu.hostname, HOST);
    assert.equal(JSON.parse(await answer('rest-hosts')).count, 2);
    assert.ok(JSON.parse(await answer('rest-history')).count >= 1);
    assert.match(await example(page, 'rest-history').textContent(), /200\s+in [\d.]+ ms/);
    assertWellBehaved(page, gateway.httpUrl);
    await page.context().close();
  });

  test('a subscription can be followed here, until it is stopped', async () => {
    const page = await open();
    const followed = example(page, 'graphql-socket');
    await followed.getByRole('button', { name: /^Run here/ }).click();
    await waitFor(async () => {
      await report(33.25);
      return (await followed.textContent()).includes('33.25');
    }, 'an event');
    await followed.getByRole('button', { name: /^Stop/ }).click();
    await followed.locator('.api-outcome').waitFor({ state: 'detached' });
    await page.goto(`${gateway.httpUrl}/#/pipeline`);
    assertWellBehaved(page, gateway.httpUrl);
    await page.context().close();
  });

  test('curl: a query', async () => {
    const page = await open();
    const { data } = JSON.parse(await shell(await copy(page, 'graphql-query')));
    assert.equal(data.gpu.hostname, HOST);
    assert.equal(data.gpu.latest.temperature, 60);
    await page.context().close();
  });

  test('curl: a subscription', async () => {
    const page = await open();
    assert.match(await untilHeard(command(await copy(page, 'graphql-events'))), /event: next/);
    await page.context().close();
  });

  test('curl: REST', async () => {
    const page = await open();
    assert.equal(JSON.parse(await shell(await copy(page, 'rest-hosts'))).count, 2);
    const history = JSON.parse(await shell(await copy(page, 'rest-history')));
    assert.ok(history.count >= 1);
    assert.equal(history.data[0].uuid, UUID);
    await page.context().close();
  });

  test('JavaScript: GraphQL over a WebSocket', async () => {
    const page = await open();
    await untilHeard(script(await copy(page, 'graphql-socket')));
    await page.context().close();
  });

  test('JavaScript: /ws', async () => {
    const page = await open();
    await untilHeard(script(await copy(page, 'websocket-host')));
    await page.context().close();
  });

  test('JavaScript: NATS, and the subject for its command', async () => {
    const page = await open();
    await example(page, 'nats-js').waitFor();
    await untilHeard(script(await copy(page, 'nats-js')));
    // The nats command is no package of Debian's: its arguments are what counts.
    const words = await shell(`printf '%s\\n' ${await copy(page, 'nats-cli')}`);
    const [, server, subject] = /^nats\n--server\n(.+)\nsub\n(.+)\n$/.exec(words);
    assert.equal(server, broker.url);
    const heard = nats.subscribe(subject, { max: 1 });
    await report(12);
    for await (const message of heard) assert.equal(message.json().uuid, UUID);
    await page.context().close();
  });

  test('Prometheus: the job asks this gateway, below any prefix', async () => {
    const proxy = await startProxy(gateway, '/tools/nexus/');
    const page = await open(proxy.url.slice(0, -1));
    const [job] = parseYaml(await copy(page, 'prometheus-scrape')).scrape_configs;
    const url = `${job.scheme}://${job.static_configs[0].targets[0]}${job.metrics_path}`;
    assert.equal(url, `${proxy.url}metrics`);
    assert.match(await (await fetch(url)).text(), /^nexus_gateway_/m);
    assert.match(await shell(await copy(page, 'prometheus-curl')), /^nexus_gateway_/m);
    assert.match(await copy(page, 'graphql-query'), new RegExp(`'${proxy.url}graphql'`));
    assertWellBehaved(page, proxy.url);
    await page.context().close();
  });

  test('it copies without the right to the clipboard, too', async () => {
    const page = await openPage();
    await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.goto(`${gateway.httpUrl}/#/api`);
    const button = example(page, 'rest-hosts').getByRole('button', { name: /^Copy/ });
    await button.focus();
    await page.keyboard.press('Enter');
    await waitFor(async () => (await button.textContent()).trim() === 'Copied', 'the button to say so');
    assert.ok(await button.evaluate((element) => element === document.activeElement), 'the focus stays');
    await page.evaluate(() => {
      const field = document.createElement('textarea');
      field.id = 'paste';
      document.body.append(field);
      field.focus();
    });
    await page.keyboard.press('Control+V');
    assert.equal(await page.locator('#paste').inputValue(), `curl -s '${gateway.httpUrl}/api/v1/hosts'`);
    assertWellBehaved(page, gateway.httpUrl);
    await page.context().close();
  });
});
