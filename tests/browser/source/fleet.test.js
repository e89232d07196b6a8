// The model: rows, values, and what becomes of them when the inventory is another.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fill, load, makeClusters, metrics } from '../support/fleet.js';
import { Random, SEED } from '../support/random.js';

const { Fleet } = await load();

const iso = (ms) => new Date(ms).toISOString();

function latest(samples, names) {
  return {
    asOf: iso(0),
    following: true,
    gpuUuids: samples.map(([uuid]) => uuid),
    timestamps: samples.map(([, time]) => iso(time)),
    columns: names.map((metric) => ({
      metric,
      values: samples.map(([, , values]) => values[metric] ?? null),
    })),
  };
}

function open() {
  return fill(new Fleet(), {
    east: { alpha: [{ uuid: 'a' }, { uuid: 'b' }] },
    west: { beta: [{ uuid: 'c' }, { uuid: null, status: 'missing' }] },
  });
}

describe('values', () => {
  test('what was never reported is no number', () => {
    const fleet = open();
    const [gpu] = fleet.gpus;
    assert.equal(fleet.value(gpu, 'temperature'), NaN);
    assert.equal(fleet.column('temperature')[gpu.row], NaN);
    assert.equal(fleet.value(gpu, 'no such metric'), NaN);
    assert.equal(fleet.times[gpu.row], NaN);
  });

  test('a batch is taken in, and its rows are told', () => {
    const fleet = open();
    const rows = new Set();
    const samples = [
      ['c', 2000, { temperature: 41, power_draw: 300 }],
      ['a', 1000, { temperature: 40 }],
    ];
    assert.equal(fleet.take(latest(samples, ['temperature', 'power_draw']), rows), true);
    assert.deepEqual([...rows], [2, 0]);
    assert.deepEqual([...fleet.column('temperature')], [40, NaN, 41, NaN]);
    assert.deepEqual([...fleet.column('power_draw')], [NaN, NaN, 300, NaN]);
    assert.deepEqual([...fleet.times], [1000, NaN, 2000, NaN]);
  });

  test('what is older than what is known is left out', () => {
    const fleet = open();
    fleet.take(latest([['a', 2000, { temperature: 50 }]], ['temperature']), new Set());
    const rows = new Set();
    fleet.take(latest([['a', 1000, { temperature: 40 }]], ['temperature']), rows);
    assert.equal(rows.size, 0);
    assert.equal(fleet.value(fleet.gpu('a'), 'temperature'), 50);
    // Of one time the later wins.
    fleet.take(latest([['a', 2000, { temperature: 51 }]], ['temperature']), rows);
    assert.equal(fleet.value(fleet.gpu('a'), 'temperature'), 51);
  });

  test('a GPU that is not known is told, the others are taken in', () => {
    const fleet = open();
    const samples = [
      ['x', 1000, { temperature: 1 }],
      ['b', 1000, { temperature: 2 }],
    ];
    assert.equal(fleet.take(latest(samples, ['temperature']), new Set()), false);
    assert.equal(fleet.value(fleet.gpu('b'), 'temperature'), 2);
  });

  test('zero is a value', () => {
    const fleet = open();
    fleet.take(latest([['a', 1000, { temperature: 0 }]], ['temperature']), new Set());
    assert.equal(fleet.value(fleet.gpu('a'), 'temperature'), 0);
  });
});

describe('another inventory', () => {
  const clustersOf = (first) =>
    makeClusters({ east: { alpha: [{ uuid: 'a', ...first }, { uuid: 'b' }] } });

  test('of the same GPUs in the same places leaves the rows as they are', () => {
    const fleet = new Fleet();
    assert.equal(fleet.replace(clustersOf()), 'other rows');
    const [gpu] = fleet.gpus;
    const { revision } = fleet;
    assert.equal(fleet.replace(clustersOf()), 'same');
    assert.equal(fleet.revision, revision);
    assert.equal(fleet.gpus[0], gpu);
  });

  for (const change of [
    { pod: 'train' },
    { status: 'silent' },
    { statusSince: 5 },
    { maintenanceReason: 'fan' },
    { labels: [{ key: 'team', value: 'a' }] },
  ]) {
    test(`with another ${Object.keys(change)} is told`, () => {
      const fleet = new Fleet();
      fleet.replace(clustersOf());
      const [gpu] = fleet.gpus;
      assert.equal(fleet.replace(clustersOf(change)), 'other names');
      assert.equal(fleet.gpus[0], gpu);
      for (const [name, value] of Object.entries(change)) assert.deepEqual(gpu[name], value);
      assert.equal(gpu.host, fleet.hosts[0], 'and stays where it is');
      assert.equal(fleet.replace(clustersOf(change)), 'same');
    });
  }

  test('where a GPU is another, in its place', () => {
    const fleet = new Fleet();
    fleet.replace(clustersOf());
    assert.equal(fleet.replace(clustersOf({ uuid: 'z' })), 'other rows');
    assert.equal(fleet.gpu('a'), undefined);
    assert.equal(fleet.gpu('z').row, 0);
  });

  test('a GPU that is held stays itself where it moves, and has no value when it is gone', () => {
    const fleet = fill(new Fleet(), { east: { alpha: [{ uuid: 'a', values: { temperature: 40 } }] } });
    const [held] = fleet.gpus;
    fill(fleet, { a: { first: [{ uuid: 'z', values: { temperature: 1 } }] }, west: { beta: [{ uuid: 'a' }] } });
    assert.equal(fleet.gpu('a'), held);
    assert.deepEqual([held.row, held.host.hostname, fleet.value(held, 'temperature')], [1, 'beta', 40]);
    fill(fleet, { a: { first: [{ uuid: 'z' }] } });
    assert.equal(fleet.value(held, 'temperature'), NaN);
  });

  test('an empty one is one', () => {
    const fleet = new Fleet();
    assert.equal(fleet.replace([]), 'other rows');
    assert.equal(fleet.loaded, true);
    assert.equal(fleet.replace([]), 'same');
  });
});

// What a Map by UUID makes of the same.
test(`GPUs that come, go and move keep their values (seed ${SEED})`, () => {
  const random = new Random();
  const fleet = new Fleet();
  fleet.metrics = metrics;
  const known = new Map();
  const names = ['temperature', 'power_draw', 'xid'];
  let time = 1000;
  let there = [];
  for (let step = 0; step < 500; step++) {
    if (random.chance(0.2)) {
      const clusters = {};
      there = [];
      for (let n = 0; n < 20; n++) {
        if (random.chance(0.3)) continue;
        const gpus = ((clusters[`c${random.below(2)}`] ??= {})[`h${random.below(3)}`] ??= []);
        gpus.push({ uuid: `gpu-${n}` });
        there.push(`gpu-${n}`);
      }
      fleet.replace(makeClusters(clusters));
      for (const uuid of [...known.keys()]) if (!there.includes(uuid)) known.delete(uuid);
    } else {
      const samples = [];
      for (const uuid of there) {
        if (random.chance(0.5)) continue;
        const values = {};
        for (const name of names) if (random.chance(0.7)) values[name] = random.below(100);
        time += random.below(3) - 1;
        samples.push([uuid, time, values]);
      }
      for (const [uuid, at, values] of samples) {
        if (at >= (known.get(uuid)?.at ?? -Infinity)) known.set(uuid, { at, values });
      }
      fleet.take(latest(samples, names), new Set());
    }
    for (const gpu of fleet.gpus) {
      assert.equal(fleet.gpus[gpu.row], gpu);
      const { at = NaN, values = {} } = known.get(gpu.uuid) ?? {};
      assert.equal(fleet.times[gpu.row], at);
      for (const name of names) assert.equal(fleet.value(gpu, name), values[name] ?? NaN);
    }
  }
});
