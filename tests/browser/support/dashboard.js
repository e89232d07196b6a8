// The dashboard on a real pipeline: what it stands on, and how a person finds
// their way in it.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import {
  account,
  connectNats,
  publish,
  readCsv,
  realFile,
  sample,
  simulatedFile,
  startBroker,
  startCollector,
  startGateway,
  startPostgres,
  startStreamer,
  waitFor,
} from '../../integration/support/index.js';
import { assertWellBehaved, openPage } from './browser.js';

// ---- what it stands on ----

// The real file, or one of the same shape: 247 GPUs on 31 hosts.
export const fleetFile = () => realFile ?? simulatedFile(['--samples', '1']);

class Pipeline {
  get url() {
    return this.gateway.httpUrl;
  }

  // The data of a GraphQL query.
  async ask(query, variables) {
    const reply = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await reply.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  // Every GPU there is, by host and index.
  async gpus(fields = '') {
    const { gpus } = await this.ask(`{ gpus { uuid hostname index clusterId model device status ${fields} } }`);
    return gpus;
  }

  // The host that lacks a GPU, once that is noticed.
  hostWithout() {
    return waitFor(async () => {
      const { hosts } = await this.ask('{ hosts(filter: {missing: true}) { hostname clusterId missing { index } } }');
      return hosts[0];
    }, 'a missing GPU');
  }

  // Publishes a sample of a GPU that gpus() told, as a streamer would; no two
  // have the same time.
  report(gpu, metrics, ts = this.#time()) {
    const { uuid, hostname: host, index, clusterId: cluster, device, model } = gpu;
    return publish(this.nats, sample(uuid, metrics, { ts, host, gpu: index, cluster, device, model }));
  }

  #time() {
    this.latest = Math.max(Date.now(), (this.latest ?? 0) + 1);
    return new Date(this.latest).toISOString();
  }

  // The same gateway on the same port, with other settings where they are given.
  async restartGateway(env = this.gatewayEnv) {
    const { broker, postgres: database, gateway } = this;
    this.gatewayEnv = env;
    this.gateway = await startGateway({ broker, database, port: gateway.port, env });
  }

  async restartBroker() {
    const { port, httpPort, dir } = this.broker;
    this.broker = await startBroker({ port, httpPort, dir });
    this.nats = await connectNats(this.broker);
  }

  // Plays a file to its end, and waits until all of it is stored.
  async play(csv, env = {}, samples = account(csv).samples.size) {
    const before = await this.stored();
    const streamer = await startStreamer({
      broker: this.broker,
      csv,
      env: { LOOP_MODE: 'false', STREAM_INTERVAL: '0', ...env },
    });
    assert.deepEqual(await streamer.wait(), { code: 0, signal: null });
    await waitFor(async () => (await this.stored()) - before >= samples, `${samples} samples to be stored`);
  }

  async stored() {
    const [{ n }] = await this.postgres.query('select count(*)::int n from telemetry');
    return n;
  }
}

// Broker, database, collector, a file that is played to its end, and a gateway.
// Where nothing else is said no GPU falls silent while a test looks.
export async function startPipeline({ csv, streamer, samples, env = { SILENT_AFTER: '1h' } } = {}) {
  const pipeline = new Pipeline();
  [pipeline.broker, pipeline.postgres] = await Promise.all([startBroker(), startPostgres()]);
  const { broker, postgres: database } = pipeline;
  pipeline.collector = await startCollector({ broker, database });
  if (csv) await pipeline.play(csv, streamer, samples);
  pipeline.gatewayEnv = env;
  pipeline.gateway = await startGateway({ broker, database, env });
  pipeline.nats = await connectNats(broker);
  return pipeline;
}

// ---- a page ----

const PATIENCE_MS = 15_000;

// Chromium says itself that it cannot connect; nobody can keep it from that.
const LOST = /^WebSocket connection to .* failed/;

const tell = () =>
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    console.error(`policy: ${violatedDirective} ${blockedURI}`)
  );

function goAhead(ahead) {
  const clock = Date;
  const now = () => clock.now() + ahead;
  globalThis.Date = class extends clock {
    constructor(...parts) {
      super(...(parts.length === 0 ? [now()] : parts));
    }
    static now() {
      return now();
    }
  };
}

// A page at an address such as `#/gpu/GPU-1?from=now-5m`, once it is live. It
// keeps what it asked of the API in `page.operations`, and tells what it hears.
// The browser's clock goes `ahead` of ours by so many ms.
export async function openDashboard(pipeline, address = '', { ahead = 0, ...options } = {}) {
  const page = await openPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.operations = [];
  page.received = new EventEmitter();
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      const { type, payload: operation } = JSON.parse(payload);
      if (type === 'subscribe') page.operations.push(operation);
    });
    socket.on('framereceived', ({ payload }) => page.received.emit('frame', payload));
  });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(tell);
  if (ahead !== 0) await page.addInitScript(goAhead, ahead);
  await page.goto(`${pipeline.url}/${address}`);
  await isLive(page);
  return page;
}

// Ends a page that asked nobody else and made no complaint, but of a lost
// connection where that was so.
export async function closeDashboard(page, pipeline, { lost = false } = {}) {
  if (lost) page.complaints = page.complaints.filter((text) => !LOST.test(text));
  assertWellBehaved(page, pipeline.url);
  await page.close();
}

// ---- finding one's way ----

// How the connection is, in words; `state` is connecting, live, stale or reconnecting.
export const connection = (page, state) => page.getByRole('banner').locator(`[data-state=${state}]`);
export const isLive = (page) => connection(page, 'live').waitFor();
export const map = (page) => page.getByRole('region', { name: 'Map of the GPUs' });
export const search = (page) => page.getByRole('combobox', { name: 'Search and filter GPUs' });
export const chart = (page, title) => page.getByRole('region', { name: title, exact: true });
export const plot = (page, title) => chart(page, title).getByRole('application');

// Every cell of the heat map, as who does not see it is told: "host, GPU 3, 87 %, active".
export async function cells(page) {
  await page.getByRole('gridcell').first().waitFor();
  const names = await page.getByRole('gridcell').evaluateAll((all) => all.map((cell) => cell.getAttribute('aria-label')));
  return names.map((name) => {
    const [, host, index, text] = /^(\S+), GPU (\S+), (.*)$/.exec(name) ?? assert.fail(`a cell named "${name}"`);
    return { host, index, text: text.replaceAll('\u00a0', ' '), place: `${host} ${index}` };
  });
}

// What the cell of a GPU says behind its name.
export const textOf = async (page, { hostname, index }) =>
  (await cells(page)).find((c) => c.place === `${hostname} ${index}`)?.text;

// Of a GPU: what its cell says comes to match.
export const waitForCell = (page, gpu, pattern) =>
  waitFor(async () => pattern.test(await textOf(page, gpu)), `the cell of ${gpu.hostname} ${gpu.index} to say ${pattern}`);

// Watches the colour of a GPU's cell on the canvas: wait() until it is another.
export async function colourChange(page, { hostname, index }) {
  const cell = page.getByRole('gridcell', { name: `${hostname}, GPU ${index},` });
  await cell.evaluate((element) => {
    const canvas = element.closest('[role=grid]').parentElement.querySelector('canvas');
    window.colourOfCell = () => {
      const [at, on] = [element.getBoundingClientRect(), canvas.getBoundingClientRect()];
      const scale = canvas.width / on.width;
      const middle = [at.x + at.width / 2 - on.x, at.y + at.height / 2 - on.y].map((n) => Math.round(n * scale));
      return canvas.getContext('2d').getImageData(...middle, 1, 1).data.join();
    };
    window.colourBefore = window.colourOfCell();
  });
  return { wait: () => page.waitForFunction(() => window.colourOfCell() !== window.colourBefore) };
}

// One of the totals above the map; `more` tells those of one name apart.
export async function total(page, name, more = '') {
  const tile = page.getByRole('list', { name: /^Totals/ }).getByRole('listitem').filter({ hasText: name }).filter({ hasText: more });
  return tile.locator('strong').textContent();
}

export const chooseMetric = (page, name) => page.getByRole('combobox', { name: 'Colour' }).selectOption(name);

// A value of the address, behind its #.
export const parameter = (page, name) => new URLSearchParams(new URL(page.url()).hash.split('?')[1]).get(name);

// What is exported as CSV, by the names of its header.
export async function exported(page) {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export CSV' }).click(),
  ]);
  return readCsv(await file.path());
}

// Until nothing loads any more.
export async function settled(page) {
  await waitFor(async () => (await page.locator('[aria-busy=true], .skeleton').count()) === 0, 'the page to be loaded');
  await waitFor(async () => (await page.getByText('Loading').filter({ visible: true }).count()) === 0, 'its charts');
  await frames(page, 3);
}

// So many pictures later.
export const frames = (page, count) =>
  page.evaluate(async (n) => {
    for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame);
  }, count);

// ---- what it shows ----

const FACTORS = { '%': 1, '°C': 1, W: 1, kW: 1e3, MW: 1e6, MHz: 1, GHz: 1e3, MiB: 1, GiB: 1024, TiB: 1024 ** 2 };

// A number that a page shows, in the API's unit, and how far off its last digit
// lets it be: "1.5 kW" is 1500 ± 50. Undefined where it shows none.
export function numberIn(text) {
  const found = /(-?\d[\d,]*)(\.\d+)?\s*(°C|[A-Za-z%]+)?/.exec(text);
  if (!found) return undefined;
  const [, whole, fraction = '', unit] = found;
  const factor = FACTORS[unit] ?? 1;
  const value = Number(whole.replaceAll(',', '') + fraction) * factor;
  return { value, offBy: (10 ** -Math.max(0, fraction.length - 1) * factor) / 2 };
}

// The text says the API's value, as exactly as its digits can; null is never zero.
export function assertShows(text, value, what = text) {
  if (value === null || value === undefined) {
    assert.match(text, /not reported|n\/a|—|–/i, what);
    return;
  }
  const shown = numberIn(text);
  assert.ok(shown, `${what}: "${text}" is ${value}`);
  assert.ok(Math.abs(shown.value - value) <= shown.offBy + 1e-9, `${what}: "${text}" is ${value}`);
}

// ---- axe-core ----

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe finds serious or critical, one line each.
export async function barriers(page) {
  await page.evaluate(axe); // not a script of the page, so its policy lets it be
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'], preload: false });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} (${node.failureSummary})`));
  });
}
