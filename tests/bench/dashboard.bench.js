// The dashboard in headless Chromium, on made-up fleets: 247 GPUs that report
// every 5 s, and GPUS that report each second. Broker, PostgreSQL and gateway
// are real; there is no collector, whose work on 10,000 rows a second would
// leave a machine of two cores nothing for the browser.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, missing } from '../browser/support/browser.js';
import {
  BUILD,
  connectNats,
  createSchema,
  startBroker,
  startGateway,
  startPostgres,
  waitFor,
} from '../integration/support/index.js';
import { post } from '../integration/support/graphql.js';
import { following, makeStream } from '../integration/support/live.js';
import { SimulatedFleet, troubledMetricsOf } from './support/fleet.js';
import { cpuSeconds } from './support/peers.js';
import { median, percentile, reporter, thousands } from './support/report.js';

const GPUS = Number(process.env.GPUS ?? 10_000);
const SECONDS = Number(process.env.SECONDS ?? 60);
const HEAP_MINUTES = Number(process.env.HEAP_MINUTES ?? 10);
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SMALL = { gpus: 247, intervalMs: 5000 };
const LARGE = { gpus: GPUS, intervalMs: 1000 };
const TROUBLED = { ...LARGE, metrics: troubledMetricsOf };
const TRACE_SECONDS = 15;
const STREAM_BYTES = 64 << 20;
const MINUTE_MS = 60_000;
const PAINTED = 'nexus:fleet-painted';
const VIEWPORT = { width: 1920, height: 1080 };

const report = reporter('dashboard');
const figures = {};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- a fleet that reports, and a page that shows it ----

async function startFleet({ gpus, ...how }) {
  const postgres = await startPostgres();
  await createSchema(postgres);
  const broker = await startBroker();
  const nats = await connectNats(broker);
  await makeStream(nats, { max_bytes: STREAM_BYTES });
  const gateway = await startGateway({ broker, database: postgres });
  await following(gateway);
  const fleet = new SimulatedFleet(nats, gpus, how);
  await fleet.reportOnce();
  await waitFor(async () => {
    const query = '{ fleet { totalGPUs } }';
    const { body } = await post(`${gateway.httpUrl}/graphql`, { query });
    return body.data.fleet.totalGPUs === gpus;
  }, 'the fleet');
  fleet.start();
  return { gateway, fleet, gpus };
}

// Long tasks and the time of each frame's callbacks, kept from the start.
function watchPage() {
  const seen = (globalThis.seen = { tasks: [], slow: [], frames: [] });
  const observe = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      type,
      buffered: true,
    });
  observe('longtask', ({ startTime, duration }) =>
    seen.tasks.push({ startTime, duration })
  );
  observe('long-animation-frame', (frame) => seen.slow.push(frame.toJSON()));
  const request = globalThis.requestAnimationFrame.bind(globalThis);
  let at;
  globalThis.requestAnimationFrame = (draw) =>
    request((time) => {
      const started = performance.now();
      draw(time);
      const took = performance.now() - started;
      if (at === time) seen.frames[seen.frames.length - 1] += took;
      else seen.frames.push(took);
      at = time;
    });
}

// A page of a profile of its own: nothing is in its cache.
async function openDashboard(gateway) {
  const browser = await launch();
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  await page.addInitScript(watchPage);
  const session = await context.newCDPSession(page);
  const open = () => page.goto(`${gateway.httpUrl}/`);
  return { page, session, open, close: () => context.close() };
}

const painted = async (page) => {
  const mark = await page.waitForFunction(
    (name) => performance.getEntriesByName(name)[0]?.startTime,
    PAINTED,
    { polling: 50 }
  );
  return mark.jsonValue();
};

async function openPainted(gateway) {
  const dashboard = await openDashboard(gateway);
  await dashboard.open();
  await painted(dashboard.page);
  return dashboard;
}

const seenOf = (page) => page.evaluate(() => globalThis.seen);
const forget = (page) =>
  page.evaluate(() => {
    for (const list of Object.values(globalThis.seen)) list.length = 0;
  });

const longestOf = (tasks) =>
  Math.max(0, ...tasks.map(({ duration }) => duration));

// ---- what is measured ----

async function firstPicture({ gateway, gpus }) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const dashboard = await openDashboard(gateway);
    await dashboard.open();
    times.push(await painted(dashboard.page));
    await dashboard.close();
  }
  const figure = { median: median(times), max: Math.max(...times) };
  report(
    `first picture, ${thousands(gpus)} GPUs: ${figure.median.toFixed(0)} ms ` +
      `(longest of ${ROUNDS}: ${figure.max.toFixed(0)} ms); under 1,000 ms`
  );
  return figure;
}

const frameHead = (length, masked) =>
  2 + (length < 126 ? 0 : length < 65_536 ? 2 : 8) + (masked ? 4 : 0);

// WebSocket frames with their heads, and what is fetched besides; without what
// TCP adds. The page has been there for a while.
async function bytesPerSecond({ gateway, gpus }) {
  const { session, close } = await openPainted(gateway);
  await pause(5000);
  let bytes = 0;
  const frame = (masked) => ({ response: { payloadData } }) => {
    const length = Buffer.byteLength(payloadData);
    bytes += length + frameHead(length, masked);
  };
  session.on('Network.webSocketFrameReceived', frame(false));
  session.on('Network.webSocketFrameSent', frame(true));
  session.on('Network.loadingFinished', (done) => {
    bytes += done.encodedDataLength;
  });
  await session.send('Network.enable');
  const started = performance.now();
  await pause(SECONDS * 1000);
  const rate = bytes / ((performance.now() - started) / 1000);
  await close();
  report(
    `on the wire, ${thousands(gpus)} GPUs at 1 update in 5 s: ` +
      `${(rate / 1000).toFixed(1)} kB/s over ${SECONDS} s; at most 20 kB/s`
  );
  return { bytesPerSecond: rate };
}

// Real mouse events: over the map from cell to cell, and up and down.
async function scrollAndHover(page, seconds) {
  const { width, height } = VIEWPORT;
  const until = performance.now() + seconds * 1000;
  let step = 0;
  while (performance.now() < until) {
    const x = 40 + ((step * 37) % (width - 400));
    const y = height / 2 + Math.sin(step / 9) * (height / 2 - 60);
    await page.mouse.move(x, y, { steps: 4 });
    if (step % 3 === 0) await page.mouse.wheel(0, step % 120 < 60 ? 240 : -240);
    step++;
    await pause(20);
  }
  return step;
}

async function longTasks(page) {
  await forget(page);
  const steps = await scrollAndHover(page, SECONDS);
  const { tasks, slow, frames } = await seenOf(page);
  const longest = longestOf(tasks);
  const sorted = frames.sort((a, b) => a - b);
  report(
    `long tasks in ${SECONDS} s of scrolling and hovering (${steps} moves): ` +
      `${tasks.length}, the longest ${longest.toFixed(0)} ms; none over 50 ms`
  );
  report(
    `  ${thousands(sorted.length / SECONDS)} frames with work a second, their ` +
      `callbacks p50 ${percentile(sorted, 0.5).toFixed(1)} ms, ` +
      `p99 ${percentile(sorted, 0.99).toFixed(1)} ms`
  );
  return { count: tasks.length, longest, tasks, slow };
}

// The renderer's main thread, task by task, from Chromium's trace.
async function traceTasks(work) {
  const session = await (await launch()).newBrowserCDPSession();
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const complete = new Promise((resolve) =>
    session.once('Tracing.tracingComplete', resolve)
  );
  const traceConfig = { includedCategories: ['toplevel', '__metadata'] };
  await session.send('Tracing.start', { traceConfig });
  await work();
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  const main = new Set(
    events
      .filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain')
      .map((e) => e.pid)
  );
  return events.filter(
    (e) => e.name.endsWith('RunTask') && e.pid === e.tid && main.has(e.pid)
  );
}

// What else runs on the machine makes tasks longer, but not their processor time.
async function taskTimes(page) {
  const tasks = await traceTasks(() => scrollAndHover(page, TRACE_SECONDS));
  const sorted = tasks.map((e) => e.tdur / 1000).sort((a, b) => b - a);
  assert.ok(sorted.length > 0 && sorted[0] > 0, 'the trace has tasks');
  const count = sorted.filter((ms) => ms > 50).length;
  report(
    `  by processor time, ${TRACE_SECONDS} s more of it: ${count} of ` +
      `${thousands(sorted.length)} tasks over 50 ms, the longest ` +
      `${sorted[0].toFixed(0)} ms, then ${sorted[1].toFixed(0)} ms`
  );
  return { count, longest: sorted.slice(0, 20) };
}

// While it is paused all of them report; then they are shown at once.
async function fullUpdate(page) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    await page.keyboard.press('p');
    await pause(1500);
    await forget(page);
    await page.keyboard.press('p');
    await pause(500);
    times.push(Math.max(...(await seenOf(page)).frames));
  }
  const figure = { median: median(times), max: Math.max(...times) };
  report(
    `a frame that shows all GPUs anew: ${figure.median.toFixed(1)} ms of ` +
      `callbacks (longest of ${ROUNDS}: ${figure.max.toFixed(1)} ms)`
  );
  return figure;
}

async function heapGrowth({ page, session }, gateway) {
  await session.send('Performance.enable');
  const heapMb = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((m) => m.name === 'JSHeapUsedSize').value / 1e6;
  };
  await pause(MINUTE_MS / 2); // what is made once is there
  const samples = [await heapMb()];
  await forget(page);
  const before = cpuSeconds(gateway.pid);
  for (let minute = 0; minute < HEAP_MINUTES; minute++) {
    await pause(MINUTE_MS);
    samples.push(await heapMb());
  }
  const { tasks, slow } = await seenOf(page);
  const longest = longestOf(tasks);
  const growth = samples.at(-1) - samples[0];
  const cpu = (cpuSeconds(gateway.pid) - before) / (HEAP_MINUTES * 60);
  report(
    `script heap over ${HEAP_MINUTES} minutes: ${growth.toFixed(1)} MB more ` +
      `(${samples.map((mb) => mb.toFixed(1)).join(' ')} MB); under 10 MB`
  );
  report(
    `  meanwhile ${tasks.length} long tasks (garbage that was collected for the ` +
      `figures included), the longest ${longest.toFixed(0)} ms; the gateway ` +
      `${(cpu * 100).toFixed(0)}% of a processor`
  );
  return { samples, growth, tasks, slow, gatewayCpu: cpu };
}

// ---- the runs ----

const options = { skip: missing };

test('a small fleet', options, async () => {
  const small = await startFleet(SMALL);
  figures.small = {
    firstPicture: await firstPicture(small),
    wire: await bytesPerSecond(small),
  };
  small.fleet.stop();
  await small.gateway.stop();
});

test('a large fleet', options, async () => {
  assert.ok(HEAP_MINUTES >= 1, 'HEAP_MINUTES is at least 1');
  const large = await startFleet(LARGE);
  figures.large = { firstPicture: await firstPicture(large) };
  const dashboard = await openPainted(large.gateway);
  await pause(2000);
  figures.large.fullUpdate = await fullUpdate(dashboard.page);
  figures.large.longTasks = await longTasks(dashboard.page);
  figures.large.taskTimes = await taskTimes(dashboard.page);
  figures.large.heap = await heapGrowth(dashboard, large.gateway);
  large.fleet.stop();
  await dashboard.close();
});

test('a large fleet in trouble', options, async () => {
  const troubled = await startFleet(TROUBLED);
  const dashboard = await openPainted(troubled.gateway);
  await pause(2000);
  report('in trouble: each value jumps each second, one in twelve is hot, one in twelve slow:');
  figures.troubled = {
    longTasks: await longTasks(dashboard.page),
    taskTimes: await taskTimes(dashboard.page),
  };
  troubled.fleet.stop();
  await dashboard.close();
});

test('the figures are kept', options, () => {
  const file = join(BUILD, 'bench/dashboard.json');
  writeFileSync(file, JSON.stringify(figures, null, 1));
});
