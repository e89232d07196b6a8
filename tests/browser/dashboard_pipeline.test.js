// The pipeline's page shows what the API tells, and says in words what is wrong
// while parts of the pipeline are stopped and killed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';

import {
  connectNats,
  following,
  publish,
  sample,
  simulatedFile,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  startStreamer,
  waitFor,
} from '../integration/support/index.js';
import { assertWellBehaved, missing, openPage } from './support/browser.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const WHOLE = ['samplesTotal', 'streamMessages', 'queueDepth', 'unacknowledged', 'redelivered', 'rowsTotal', 'deadLetters', 'samplesBehind'];
const OF_THE_BROKER = [...WHOLE, 'samplesPerSecond', 'lagSeconds', 'rowsPerSecond', 'streamBytes'];

const written = (number) => number.toLocaleString('en-US');

describe('the pipeline’s page', { skip: missing }, () => {
  let broker, collector, gateway, nats, page, postgres;

  before(async () => {
    [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
    collector = await startCollector({ broker, database: postgres });
    gateway = await startGateway({ broker, database: postgres });
    await following(gateway);
    nats = await connectNats(broker);
    const csv = simulatedFile(['--hosts', '3', '--gpus', '8', '--samples', '50']);
    const env = { LOOP_MODE: 'false', TIMESTAMPS: 'source', STREAM_INTERVAL: '0' };
    await (await startStreamer({ broker, csv, env })).wait();
    page = await openPage();
    await page.goto(`${gateway.httpUrl}/#/pipeline`);
    await page.waitForSelector('.pipeline-flow');
  });

  const text = async (figure) => (await page.locator(`.pipeline-flow dl [data-figure=${figure}] dd`).textContent()).trim();
  const problems = () => page.locator('.pipeline-problems li').evaluateAll((items) => items.map((li) => li.dataset.problem));
  const problem = (key) => page.locator(`[data-problem=${key}]`).textContent();
  const shows = (figure, what) => waitFor(async () => (await text(figure)) === what, `${figure} to be ${what}`);
  const badge = (stage) => page.locator(`[data-stage=${stage}] .badge`).textContent();

  async function pipeline() {
    const reply = await fetch(`${gateway.httpUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: `{ pipeline { ${WHOLE.join(' ')} lagSeconds collectors services { pid } history { timestamp } } }` }),
    });
    return (await reply.json()).data.pipeline;
  }

  test('shows the API’s numbers', async () => {
    const now = await waitFor(async () => {
      const told = await pipeline();
      return told.rowsTotal > 0 && told.rowsTotal === told.samplesTotal && told.unacknowledged === 0 && told.samplesBehind === 0 && told;
    }, 'all to be written');
    for (const name of WHOLE) await shows(name, written(now[name]));
    await shows('lagSeconds', '0 s');
    assert.equal(await badge('broker'), 'connected');
    assert.equal(await badge('database'), 'connected');
    assert.equal(await badge('collectors'), '1 collector running');
  });

  test('and who is running', async () => {
    await waitFor(async () => (await page.locator('[data-service]').count()) === 2, 'the services');
    const row = page.locator(`[data-service=nexus-collector][data-pid="${collector.pid}"]`);
    const { rowsTotal } = await pipeline();
    assert.equal(await row.locator('[data-figure=rows]').textContent(), `${written(rowsTotal)} rows`);
    assert.equal(await page.locator(`[data-pid="${gateway.pid}"] th`).textContent(), 'nexus-gateway');
  });

  test('a trend is read by pointer and by keys, and told in words', async () => {
    await waitFor(async () => (await pipeline()).history.length >= 3, 'a history');
    const plot = page.locator('[data-figure=queueDepth] .pipeline-trend-plot');
    const reading = page.locator('[data-figure=queueDepth] .pipeline-trend-text');
    await waitFor(
      async () => /^Queue depth, last 15 minutes: from 0 to \d+/.test(await plot.getAttribute('aria-label')),
      'the trend in words'
    );
    await plot.hover({ position: { x: 1, y: 10 } });
    assert.match(await reading.textContent(), /^\d\d:\d\d:\d\d {2}/);
    await page.mouse.move(0, 0);
    await plot.focus();
    await page.keyboard.press('ArrowLeft');
    const newest = await reading.textContent();
    await page.keyboard.press('ArrowLeft');
    assert.notEqual(await reading.textContent(), newest);
    assert.match(newest, /^\d\d:\d\d:\d\d {2}0$/);
    await page.keyboard.press('Escape');
    assert.match(await reading.textContent(), /^15 min/);
  });

  test('the trends are there as a table, the newest first', async () => {
    await page.getByText('The last 15 minutes as a table').click();
    const rows = page.locator('.pipeline-history tbody tr');
    await rows.first().waitFor();
    const { history } = await pipeline();
    assert.ok((await rows.count()) >= history.length - 1);
    const cells = await rows.first().locator('td').allTextContents();
    assert.equal(cells.length, 6);
    assert.equal(cells[1], '0'); // the queue
    assert.equal(cells[2], '0 s');
  });

  test('without a collector it says so, and the queue is seen to grow', async () => {
    await collector.stop();
    await waitFor(async () => (await problems()).includes('collectors'), 'the words');
    assert.match(await problem('collectors'), /No collector is running/);
    assert.equal(await badge('collectors'), 'none running');
    for (let i = 0; i < 7; i++) await publish(nats, sample('GPU-new', { temperature: i }));
    await shows('queueDepth', '7');
    assert.equal(await text('rowsTotal'), 'not known');
    collector = await startCollector({ broker, database: postgres });
    await shows('queueDepth', '0');
    await shows('rowsTotal', '7');
    await waitFor(async () => !(await problems()).includes('collectors'), 'the words to go');
  });

  test('a dead letter is told of', async () => {
    await nats.jetstream().publish('telemetry.local.alpha.GPU-bad', 'no sample');
    await shows('deadLetters', '1');
    assert.match(await problem('deadLetters'), /1 message could not be read or stored/);
  });

  test('paused it stands still', async () => {
    await page.getByRole('button', { name: /pause/i }).first().click();
    const total = await text('samplesTotal');
    await publish(nats, sample('GPU-new', { temperature: 50 }));
    const { samplesTotal } = await waitFor(async () => {
      const told = await pipeline();
      return written(told.samplesTotal) !== total && told;
    }, 'another sample');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.equal(await text('samplesTotal'), total);
    await page.getByRole('button', { name: /resume/i }).first().click();
    await shows('samplesTotal', written(samplesTotal));
  });

  for (const scheme of ['light', 'dark'])
    test(`has no serious finding, ${scheme}, and fits a phone`, async () => {
      const phone = await openPage({ viewport: { width: 390, height: 844 }, colorScheme: scheme });
      await phone.goto(`${gateway.httpUrl}/#/pipeline`);
      await phone.waitForSelector('.pipeline-flow');
      await phone.evaluate(axe);
      const { violations } = await phone.evaluate('axe.run("main")');
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes[0].html]), []);
      const wider = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${wider} px too wide`);
      assertWellBehaved(phone, gateway.httpUrl);
      await phone.close();
    });

  test('without the broker nothing of it is known, and nothing is zero', async () => {
    await broker.kill();
    await waitFor(async () => (await problems()).includes('broker'), 'the words');
    assert.equal(await badge('broker'), 'not connected');
    for (const name of OF_THE_BROKER) assert.equal(await text(name), 'not known', name);
    assert.match(await page.locator('main').textContent(), /Who is running is not known/);
    broker = await startBroker({ port: broker.port, httpPort: broker.httpPort, dir: broker.dir });
    await waitFor(async () => !(await problems()).includes('broker'), 'the words to go');
    await waitFor(async () => (await page.locator('[data-service=nexus-collector]').count()) === 1, 'the collector to be heard');
    const now = await pipeline();
    await shows('samplesTotal', written(now.samplesTotal));
    assertWellBehaved(page, gateway.httpUrl);
  });

  test('without the gateway it says from when its figures are', async () => {
    await gateway.kill();
    await waitFor(async () => (await problems()).includes('gateway'), 'the words');
    assert.match(await problem('gateway'), /cannot be reached, since \d\d:\d\d/);
    assert.equal(await badge('gateway'), 'does not answer');
    const { port } = gateway;
    gateway = await startGateway({ broker, database: postgres, port });
    await waitFor(async () => !(await problems()).includes('gateway'), 'it to be back');
    await waitFor(async () => (await badge('gateway')) === 'answers', 'its badge');
  });
});
