// Charts as CSV: what a spreadsheet, or RFC 4180, makes of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { importSource } from '../support/source.js';

const { csvName, csvOf } = await importSource('charts/csv.ts');

const TEMPERATURE = { name: 'temperature', field: 'temperature', unit: '°C', title: 'GPU temperature' };
const XID = { name: 'xid', field: 'xid', unit: '', title: 'Last XID error' };

function gpuOf(index, hostname = 'h1', cluster = 'c1') {
  return { uuid: `GPU-${index}`, index, host: { hostname, cluster: { name: cluster } } };
}

function points(times, values) {
  return { times, values, lows: values.map((v) => v - 1), highs: values.map((v) => v + 1) };
}

test('one row for each GPU and time, units in the head, nothing where nothing was reported', () => {
  const text = csvOf({
    gpus: [gpuOf('0'), gpuOf('1')],
    metrics: [TEMPERATURE, XID],
    step: 0,
    points: (gpu, metric) =>
      gpu.index === '1' ? points([1000], [40.5]) : metric === XID ? points([2000], [79]) : points([1000, 2000], [30, 31]),
  });
  assert.equal(
    text,
    'time,cluster,host,gpu,uuid,GPU temperature (°C),Last XID error\r\n' +
      '1970-01-01T00:00:01.000Z,c1,h1,0,GPU-0,30,\r\n' +
      '1970-01-01T00:00:02.000Z,c1,h1,0,GPU-0,31,79\r\n' +
      '1970-01-01T00:00:01.000Z,c1,h1,1,GPU-1,40.5,40.5\r\n'
  );
});

test('steps have their least and greatest beside the mean', () => {
  const text = csvOf({
    gpus: [gpuOf('0')],
    metrics: [TEMPERATURE],
    step: 5000,
    points: () => points([5000], [30]),
  });
  const [head, row] = text.split('\r\n');
  assert.equal(head, 'time,cluster,host,gpu,uuid,GPU temperature (°C),GPU temperature min (°C),GPU temperature max (°C)');
  assert.equal(row, '1970-01-01T00:00:05.000Z,c1,h1,0,GPU-0,30,29,31');
});

test('names with separators are quoted, and no name becomes a formula', () => {
  const text = csvOf({
    gpus: [gpuOf('0', '=HYPERLINK("http://x")', 'a,b')],
    metrics: [TEMPERATURE],
    step: 0,
    points: () => points([0], [-5]),
  });
  assert.equal(
    text.split('\r\n')[1],
    '1970-01-01T00:00:00.000Z,"a,b","\'=HYPERLINK(""http://x"")",0,GPU-0,-5'
  );
});

test("the file's name says what and when, and is one everywhere", () => {
  const name = csvName('a/b c_gpu-0', Date.UTC(2025, 6, 18, 20), Date.UTC(2025, 6, 18, 20, 15));
  assert.equal(name, 'nexus_a-b-c_gpu-0_20250718T200000Z_20250718T201500Z.csv');
});
