// Colours and what they stand for.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { metrics } from '../support/fleet.js';
import { importSource } from '../support/source.js';

const { colourIndex, coloursOn, COLOURS, domainOf, histogram, luminance, ticksOf } =
  await importSource('heatmap/scale.ts');

const metric = (name) => metrics.find((m) => m.name === name);
const domain = (name, ...values) => domainOf(metric(name), Float64Array.from(values));

// What is left of a colour for who sees no red, no green, no blue (Viénot, Brettel and
// Mollon 1999, in linear light): it must still grow as the lightness does.
const EYES = {
  'all colours': (r, g, b) => [r, g, b],
  'no red': (r, g, b) => [0.11238 * r + 0.88762 * g, 0.11238 * r + 0.88762 * g, 0.00401 * (r - g) + b],
  'no green': (r, g, b) => [0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g, -0.02234 * (r - g) + b],
};

for (const [page, dark] of [['dark', true], ['light', false]]) {
  for (const [eye, see] of Object.entries(EYES)) {
    test(`on a ${page} page each colour is ${dark ? 'lighter' : 'darker'} than the one before, seen with ${eye}`, () => {
      const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      const light = coloursOn(dark).map((colour) => {
        const [r, g, b] = see(...colour.map(channel));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      });
      assert.equal(light.length, COLOURS);
      // Rounded to whole channels two neighbours may be the same.
      for (let i = 4; i < light.length; i++) {
        assert.ok(dark ? light[i] > light[i - 4] : light[i] < light[i - 4], `colour ${i}`);
      }
    });
  }
}

test('the ends are far apart, and are told from the ground', () => {
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  for (const dark of [true, false]) {
    const colours = coloursOn(dark).map(luminance);
    assert.ok(contrast(colours[0], colours.at(-1)) > 7);
    assert.ok(contrast(colours[0], luminance(dark ? [20, 27, 37] : [255, 255, 255])) > 1.2);
  }
});

test('per cent and degrees always mean the same', () => {
  assert.deepEqual(domain('gpu_utilization', 40, 41), { from: 0, to: 100 });
  assert.deepEqual(domain('temperature', NaN), { from: 20, to: 100 });
});

test('others span what is there, to round ends, whatever lies far outside', () => {
  const watts = Array.from({ length: 200 }, (_, i) => 67 + i * 3);
  assert.deepEqual(domain('power_draw', ...watts, 90_000, NaN), { from: 0, to: 700 });
  assert.deepEqual(domain('memory_used_mb', 4, 30_000, 77_413), { from: 0, to: 80 * 1024 });
});

test('one value, and none, have a scale, too', () => {
  assert.deepEqual(domain('memory_clock_mhz', 2619, 2619), { from: 0, to: 2619 });
  assert.deepEqual(domain('encoder_utilization', 0), { from: 0, to: 100 });
  assert.deepEqual(domain('xid', 0, 0), { from: 0, to: 1 });
  assert.deepEqual(domain('power_draw', NaN), { from: 0, to: 1 });
});

test('what lies outside has the end\'s colour', () => {
  const scale = { from: 20, to: 100 };
  assert.equal(colourIndex(5, scale), 0);
  assert.equal(colourIndex(20, scale), 0);
  assert.equal(colourIndex(100, scale), COLOURS - 1);
  assert.equal(colourIndex(1e9, scale), COLOURS - 1);
});

test('ticks are round, and within', () => {
  assert.deepEqual(ticksOf({ from: 0, to: 100 }, '%', 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticksOf({ from: 20, to: 100 }, '°C', 5), [20, 40, 60, 80, 100]);
  assert.deepEqual(
    ticksOf({ from: 0, to: 80 * 1024 }, 'MiB', 5).map((t) => t / 1024),
    [0, 20, 40, 60, 80]
  );
  assert.deepEqual(ticksOf({ from: 0, to: 1 }, '', 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
});

test('the histogram counts what was reported, and no more', () => {
  const values = Float64Array.of(0, 5, 10, 100, 120, -3, NaN);
  assert.deepEqual([...histogram(values, { from: 0, to: 100 }, 10)], [3, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
});
