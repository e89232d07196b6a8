// The charts of a GPU: what they show and export is what the API says, zoomed or
// not, compared or not, down-sampled or not.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { simulatedFile, waitFor } from '../integration/support/index.js';
import { missing } from './support/browser.js';
import {
  assertShows,
  chart,
  closeDashboard,
  exported,
  openDashboard,
  parameter,
  plot,
  startPipeline,
} from './support/dashboard.js';

const SAMPLES = 240;
const INTERVAL_S = 1;
const UTILIZATION = 'GPU utilization';

describe('the charts', { skip: missing }, () => {
  let pipeline, gpu, others, from, to;

  before(async () => {
    const length = SAMPLES * INTERVAL_S * 1000;
    from = Math.floor((Date.now() - length) / 1000) * 1000;
    to = from + length;
    const start = new Date(from).toISOString().replace('.000', '');
    const options = ['--hosts=1', '--gpus=4', '--missing-gpu=false', '--format=wide'];
    const csv = simulatedFile([...options, `--samples=${SAMPLES}`, `--interval=${INTERVAL_S}s`, `--start=${start}`]);
    pipeline = await startPipeline({ csv, streamer: { TIMESTAMPS: 'source' }, samples: SAMPLES * 4 });
    [gpu, ...others] = await pipeline.gpus();
  });

  const iso = (ms) => new Date(ms).toISOString();
  const open = (more = '') => openDashboard(pipeline, `#/gpu/${gpu.uuid}?from=${iso(from)}&to=${iso(to)}${more}`);
  const close = (page) => closeDashboard(page, pipeline);

  async function history(uuid, start, end, more = '') {
    const { gpu: found } = await pipeline.ask(
      `query($uuid: ID!, $start: DateTime, $end: DateTime) { gpu(uuid: $uuid) {
        telemetry(start: $start, end: $end, limit: 10000 ${more}) { timestamp gpuUtilization powerDraw } } }`,
      { uuid, start: iso(start), end: iso(end) }
    );
    return found.telemetry.map((t) => ({ time: Date.parse(t.timestamp), utilization: t.gpuUtilization, power: t.powerDraw }));
  }

  const rowsOf = (rows, uuid) =>
    rows
      .filter((row) => row.uuid === uuid)
      .map((row) => ({ time: Date.parse(row.time), utilization: Number(row['GPU utilization (%)']), power: Number(row['Power draw (W)']) }));

  // What a chart has to draw: { times, values } of a GPU.
  const drawn = (page, title, uuid = gpu.uuid) =>
    chart(page, title).evaluate((element, key) => element.lines.find((line) => line.key === key).points, uuid);

  const whenDrawn = (page, count, title = UTILIZATION) =>
    waitFor(async () => (await drawn(page, title)).times.length === count, `${count} points`);

  const bounds = (page) => [Date.parse(parameter(page, 'from')), Date.parse(parameter(page, 'to'))];

  // Draws a range over a chart, from one part of its width to another.
  async function drag(page, title, first, last) {
    const box = await plot(page, title).locator('.u-over').boundingBox();
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * first, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * last, y, { steps: 5 });
    await page.mouse.up();
    return [first, last].map((part) => from + part * (to - from));
  }

  test('they draw and export every sample as the API has it', async () => {
    const page = await open();
    await whenDrawn(page, SAMPLES);
    const samples = await history(gpu.uuid, from, to);
    const points = await drawn(page, UTILIZATION);
    assert.deepEqual(points.times.map((time, i) => [time, points.values[i]]), samples.map((s) => [s.time, s.utilization]));
    assert.deepEqual(rowsOf(await exported(page), gpu.uuid), samples);
    const legend = chart(page, UTILIZATION).getByRole('row').nth(1).getByRole('cell');
    const values = samples.map((s) => s.utilization);
    const mean = values.reduce((a, b) => a + b) / values.length;
    for (const [i, value] of [values.at(-1), Math.min(...values), mean, Math.max(...values)].entries())
      assertShows(await legend.nth(i).textContent(), value);
    await close(page);
  });

  test('there are at least six; the table beside them has the latest values, and says what there is none of', async () => {
    const page = await open();
    await whenDrawn(page, SAMPLES);
    assert.ok((await page.getByRole('application').count()) >= 6);
    const { gpu: found } = await pipeline.ask(
      'query($uuid: ID!) { gpu(uuid: $uuid) { latest { gpuUtilization temperature powerDraw smClockMhz xid } } }',
      gpu
    );
    const value = (name) => page.getByRole('region', { name: 'Latest values' }).first().locator(`[data-metric=${name}]`).textContent();
    assertShows((await value('gpu_utilization')).replace(UTILIZATION, ''), found.latest.gpuUtilization);
    assertShows(await value('temperature'), found.latest.temperature);
    assertShows(await value('power_draw'), found.latest.powerDraw);
    assertShows(await value('sm_clock_mhz'), found.latest.smClockMhz);
    await page.getByText(/^Not reported: .*Last XID error/).waitFor();
    await close(page);
  });

  test('a range drawn over one is the range of all, in the address, and asked for; and is taken back', async () => {
    const page = await open();
    await whenDrawn(page, SAMPLES);
    const asked = page.operations.length;
    const [start, end] = await drag(page, UTILIZATION, 0.25, 0.5);
    await waitFor(() => bounds(page)[0] > from, 'the address');
    const pixel = (to - from) / 200;
    bounds(page).forEach((bound, i) => assert.ok(Math.abs(bound - [start, end][i]) < pixel, `${iso(bound)}`));
    const inside = await history(gpu.uuid, ...bounds(page));
    for (const title of [UTILIZATION, 'Power draw']) await whenDrawn(page, inside.length, title);
    assert.deepEqual(rowsOf(await exported(page), gpu.uuid), inside);
    const lengths = page.operations.slice(asked).map(({ variables }) => Date.parse(variables?.end) - Date.parse(variables?.start));
    assert.ok(lengths.some((length) => length < to - from), `${lengths}`);

    await plot(page, 'Power draw').locator('.u-over').dblclick();
    await whenDrawn(page, SAMPLES);
    assert.deepEqual(bounds(page), [from, to]);
    await drag(page, 'Power draw', 0.6, 0.7);
    await waitFor(() => bounds(page)[0] > from, 'the address');
    await page.keyboard.press('Escape');
    await whenDrawn(page, SAMPLES);
    await page.goBack();
    await waitFor(() => bounds(page)[0] > from, 'the zoom to be back');
    await close(page);
  });

  test('the crosshair is at the same time in all', async () => {
    const page = await open();
    await whenDrawn(page, SAMPLES);
    const box = await plot(page, UTILIZATION).locator('.u-over').boundingBox();
    await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
    const heads = (title) => chart(page, title).getByRole('columnheader').nth(1).textContent();
    await waitFor(async () => /\d:\d\d/.test(await heads(UTILIZATION)), 'a time in the legend');
    assert.equal(await heads('Memory utilization'), await heads(UTILIZATION));
    await close(page);
  });

  test('a long range is asked for in steps, with the least and greatest of each', async () => {
    const page = await openDashboard(pipeline, `#/gpu/${gpu.uuid}?from=now-24h`);
    await page.getByText(/mean, least and greatest of each/).waitFor();
    const rows = await exported(page);
    assert.ok(rows.length > 0 && rows.length < SAMPLES);
    for (const row of rows) {
      const [mean, min, max] = ['', ' min', ' max'].map((what) => Number(row[`GPU utilization${what} (%)`]));
      assert.ok(min <= mean && mean <= max, JSON.stringify(row));
    }
    await close(page);
  });

  test('several GPUs are compared, by hand or by address', async () => {
    const page = await open();
    await page.getByRole('button', { name: `Add its ${others.length} neighbours` }).click();
    await waitFor(() => parameter(page, 'compare'), 'the address');
    assert.deepEqual(parameter(page, 'compare').split(',').sort(), others.map((g) => g.uuid).sort());
    await waitFor(async () => (await drawn(page, UTILIZATION, others[2].uuid)).times.length === SAMPLES, 'their points');
    const rows = await exported(page);
    for (const { uuid } of [gpu, ...others]) assert.deepEqual(rowsOf(rows, uuid), await history(uuid, from, to));
    await page.getByRole('button', { name: 'Compare none' }).click();
    await waitFor(() => !parameter(page, 'compare'), 'none');
    await page.goBack();
    await waitFor(async () => (await drawn(page, UTILIZATION, others[0].uuid)).times.length === SAMPLES, 'them again');
    await close(page);
  });
});
