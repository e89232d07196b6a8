// For how long GPUs have been idle, from a history made by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fill, load } from '../support/fleet.js';

const { Fleet, idleSince } = await load('fleet/idle.ts');

const STEP = 10 * 60_000;
const HOUR = 3600_000;

// Of the steps up to now, the newest last: null is a step in which nothing came.
function historyOf(steps) {
  const newest = Math.floor(Date.now() / STEP) * STEP;
  return steps
    .map((gpuUtilization, i) => ({
      timestamp: new Date(newest - (steps.length - 1 - i) * STEP).toISOString(),
      gpuUtilization,
    }))
    .filter((step) => step.gpuUtilization !== null);
}

async function ask(histories) {
  const gpus = histories.map(() => ({}));
  const fleet = fill(new Fleet(), { east: { alpha: gpus } });
  const sizes = [];
  const api = {
    async query(_text, { uuids }) {
      sizes.push(uuids.length);
      const asked = fleet.gpus.filter((gpu) => uuids.includes(gpu.uuid));
      const answers = asked.map((gpu) => ({
        uuid: gpu.uuid,
        telemetry: historyOf(histories[gpu.row]),
      }));
      return { gpus: answers };
    },
  };
  return { found: await idleSince(api, fleet.gpus), sizes };
}

const steps = (count, value) => new Array(count).fill(value);

test('since its last step with work in it', async () => {
  const { found } = await ask([[90, 0, 80, 3, 4.9, 0]]);
  const [idle] = found;
  assert.equal(idle.since, Date.parse(historyOf([0, 0, 0])[0].timestamp));
  assert.equal(idle.orLonger, false);
  // Three steps since, one before; the last is not over.
  assert.ok(idle.hours > (3 * STEP) / HOUR && idle.hours <= (4 * STEP) / HOUR, `${idle.hours}`);
});

test('one that works, or of which nothing is known, is not idle', async () => {
  const { found } = await ask([[0, 0, 5], [], [null, null]]);
  assert.deepEqual(found, []);
});

test('where no work was seen it may be longer', async () => {
  const { found } = await ask([steps(6, 0), steps(145, 1)]);
  assert.deepEqual(
    found.map(({ gpu, orLonger }) => [gpu.row, orLonger]),
    [
      [1, true],
      [0, true],
    ]
  );
  assert.ok(found[0].hours > 23.8 && found[0].hours <= 24);
  assert.ok(found[0].since >= Date.now() - 24 * HOUR - 1000);
});

test('a time in which nothing came counts for no hours', async () => {
  const { found } = await ask([[90, 0, null, null, null, null, null, 0]]);
  assert.ok(found[0].hours <= (2 * STEP) / HOUR);
  assert.equal(found[0].since, Date.parse(historyOf(steps(7, 0))[0].timestamp));
});

test('many are asked for in parts', async () => {
  const { found, sizes } = await ask(steps(120, [50, 0]));
  assert.equal(found.length, 120);
  assert.deepEqual(sizes, [50, 50, 20]);
});
