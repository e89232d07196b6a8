// The figures over many GPUs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fill, load } from '../support/fleet.js';
import { Random, SEED } from '../support/random.js';

const { Fleet, percentileOf, totalsOf } = await load('fleet/totals.ts');

function totals(clusters, takes = () => true) {
  const fleet = fill(new Fleet(), clusters);
  return totalsOf(fleet, fleet.gpus.filter(takes));
}

test('of none nothing is known, and none is zero', () => {
  const none = totals({});
  assert.deepEqual(none, {
    gpus: 0,
    hosts: 0,
    active: 0,
    idle: 0,
    unhealthy: 0,
    silent: 0,
    missing: 0,
    maintenance: 0,
    utilizationAverage: NaN,
    utilizationP95: NaN,
    powerWatts: NaN,
    powerReporting: 0,
  });
});

test('states are counted, and only active GPUs make the figures', () => {
  const all = totals({
    east: {
      alpha: [
        { values: { gpu_utilization: 80, power_draw: 300 } },
        { values: { gpu_utilization: 4.9, power_draw: 100 } },
        { values: { gpu_utilization: 5 } },
        { values: { power_draw: 50 } },
        { status: 'silent', values: { gpu_utilization: 1, power_draw: 999 } },
        { status: 'maintenance', values: { gpu_utilization: 2, power_draw: 999 } },
        { status: 'missing', uuid: null },
      ],
      beta: [{}],
    },
  });
  assert.deepEqual(
    { ...all, utilizationP95: 0 },
    {
      gpus: 7,
      hosts: 2,
      active: 5,
      idle: 1,
      unhealthy: 1, // the silent one
      silent: 1,
      missing: 1,
      maintenance: 1,
      utilizationAverage: (80 + 4.9 + 5) / 3,
      utilizationP95: 0,
      powerWatts: 450,
      powerReporting: 3,
    }
  );
});

test('unhealthy is what the API calls so', () => {
  const of = (...gpus) => totals({ east: { alpha: gpus } }).unhealthy;
  assert.equal(of({ values: { temperature: 89.9 } }), 0);
  assert.equal(of({ values: { temperature: 90 } }), 1);
  assert.equal(of({ values: { xid: 0 } }, { values: { xid: 31 } }), 1);
  assert.equal(of({ values: { ecc_double_bit: 1, temperature: 95 } }), 1);
  assert.equal(of({ values: { ecc_single_bit: 7 } }), 0);
  assert.equal(of({ status: 'missing', uuid: null }), 0, 'nothing is known of it');
  assert.equal(of({ status: 'silent' }), 0, 'nothing ever came from it');
  assert.equal(of({ status: 'maintenance', values: { temperature: 95 } }), 1);
});

test('a percentile is interpolated between two', () => {
  assert.equal(percentileOf([], 95), NaN);
  assert.equal(percentileOf([7], 95), 7);
  assert.equal(percentileOf([0, 100], 95), 95);
  assert.equal(percentileOf([1, 2, 3, 4], 50), 2.5);
  assert.equal(percentileOf([1, 2, 3, 4], 100), 4);
});

test('a part of the fleet has its own figures', () => {
  const part = totals(
    {
      east: {
        alpha: [{ values: { gpu_utilization: 10 } }],
        beta: [{ values: { gpu_utilization: 90 } }],
      },
    },
    (gpu) => gpu.host.hostname === 'beta'
  );
  assert.equal(part.hosts, 1);
  assert.equal(part.utilizationAverage, 90);
});

// By counting: so many per cent of the gaps between the values lie below it.
function percentileByRank(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((value, i) => value - sorted[i]);
  let left = (percent / 100) * gaps.length;
  let at = sorted[0];
  for (const gap of gaps) {
    at += gap * Math.min(1, left);
    left = Math.max(0, left - 1);
  }
  return at;
}

test(`percentiles and averages of any numbers (seed ${SEED})`, () => {
  const random = new Random();
  for (let round = 0; round < 300; round++) {
    const values = Array.from({ length: 1 + random.below(40) }, () => random.below(1000) / 10);
    const given = values.map((value) => ({ values: { gpu_utilization: value } }));
    const silent = { status: 'silent', values: { gpu_utilization: 1e6 } };
    const result = totals({ east: { alpha: [...given, {}, silent] } });
    const expected = percentileByRank(values, 95);
    assert.ok(Math.abs(result.utilizationP95 - expected) < 1e-9, `${values}`);
    const average = values.reduce((a, b) => a + b) / values.length;
    assert.ok(Math.abs(result.utilizationAverage - average) < 1e-9);
    assert.equal(result.idle, values.filter((value) => value < 5).length);
  }
});
