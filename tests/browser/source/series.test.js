// Points of a metric: merged by time, put into steps, broken at gaps.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { importSource } from '../support/source.js';

const { Series, between, broken, envelope, firstAt, gapOf, nearest, statisticsOf } =
  await importSource('charts/series.ts');

function pointsOf(times, values, lows = values, highs = values) {
  return { times, values, lows, highs };
}

function samples(series, ...pairs) {
  for (const [time, value] of pairs) series.add(time, value);
  return series;
}

describe('samples', () => {
  test('are in order of time, whatever the order they come in', () => {
    const series = samples(new Series(), [30, 3], [10, 1], [20, 2]);
    assert.deepEqual(series.points.times, [10, 20, 30]);
    assert.deepEqual(series.points.values, [1, 2, 3]);
  });

  test('that come again are not doubled', () => {
    const series = samples(new Series(), [10, 1], [20, 2]);
    assert.equal(series.add(10, 1), false);
    assert.deepEqual(series.points, pointsOf([10, 20], [1, 2]));
  });

  test('of the same time are the later one', () => {
    const series = samples(new Series(), [10, 1], [10, 5]);
    assert.deepEqual(series.points, pointsOf([10], [5]));
  });

  test('fill the gap between what is there', () => {
    const series = samples(new Series(), [10, 1], [50, 5]);
    samples(series, [10, 1], [20, 2], [30, 3], [40, 4], [50, 5]);
    assert.deepEqual(series.points, pointsOf([10, 20, 30, 40, 50], [1, 2, 3, 4, 5]));
  });
});

describe('steps', () => {
  const closed = pointsOf([0, 10, 20], [1, 2, 3], [0, 1, 2], [2, 3, 4]);

  test("from openFrom on are made of samples, not the server's", () => {
    const series = samples(new Series(10, closed, 20), [20, 4], [25, 8]);
    assert.deepEqual(series.points, pointsOf([0, 10, 20], [1, 2, 6], [0, 1, 4], [2, 3, 8]));
  });

  test('take in what comes live, the current one, too', () => {
    const series = samples(new Series(10, closed, 20), [20, 4]);
    assert.deepEqual(series.points.values, [1, 2, 4]);
    series.add(29, 0);
    series.add(31, 7);
    assert.deepEqual(series.points.times, [0, 10, 20, 30]);
    assert.deepEqual(series.points.values, [1, 2, 2, 7]);
    assert.deepEqual(series.points.lows, [0, 1, 0, 7]);
  });

  test('that are the past take nothing in: it is in them', () => {
    const series = new Series(10, closed, 20);
    assert.equal(series.add(15, 100), false);
    assert.deepEqual(series.points.values, [1, 2]);
  });

  test('are closed while time goes on, with the same values as before', () => {
    const open = new Series(10, undefined, 0);
    const times = Array.from({ length: 500 }, (_, i) => i * 3);
    for (const time of times) open.add(time, time % 7);
    const expected = new Map();
    for (const time of times) {
      const begin = Math.floor(time / 10) * 10;
      expected.set(begin, [...(expected.get(begin) ?? []), time % 7]);
    }
    assert.deepEqual(open.points.times, [...expected.keys()]);
    assert.deepEqual(
      open.points.values,
      [...expected.values()].map((v) => v.reduce((a, b) => a + b) / v.length)
    );
    assert.deepEqual(open.points.highs, [...expected.values()].map((v) => Math.max(...v)));
  });

  test('of codes and counters are their greatest', () => {
    const series = samples(new Series(10, undefined, 0, 'greatest'), [1, 4], [2, 8], [3, 0]);
    assert.deepEqual(series.points.values, [8]);
  });

  test('late samples are taken in by the steps before the current one', () => {
    const series = samples(new Series(10, undefined, 0), [5, 1], [15, 2], [9, 3]);
    assert.deepEqual(series.points, pointsOf([0, 10], [2, 2], [1, 2], [3, 2]));
  });
});

test('what leaves the window is let go of', () => {
  const series = samples(new Series(10, pointsOf([0, 10], [1, 2]), 20), [20, 3], [31, 4]);
  series.dropBefore(10);
  assert.deepEqual(series.points.times, [10, 20, 30]);
  series.dropBefore(30);
  assert.deepEqual(series.points.times, [30]);
});

test('a range takes both of its ends in', () => {
  const points = pointsOf([10, 20, 30, 40], [1, 2, 3, 4]);
  assert.deepEqual(between(points, 20, 30), pointsOf([20, 30], [2, 3]));
  assert.deepEqual(between(points, 41, 50), pointsOf([], []));
  assert.equal(firstAt([10, 20], 21), 2);
});

describe('gaps', () => {
  test('are longer than three usual intervals, or three steps', () => {
    assert.equal(gapOf([0, 10, 20, 90, 100], 0), 30);
    assert.equal(gapOf([0, 10, 20, 30], 50), 150);
  });

  test('break the line', () => {
    const [times, values] = broken([0, 10, 20, 90], 30, [1, 2, 3, 4]);
    assert.deepEqual(times, [0, 10, 20, 55, 90]);
    assert.deepEqual(values, [1, 2, 3, null, 4]);
  });

  test('too few points to tell: none within minutes', () => {
    assert.equal(gapOf([0, 100_000], 0), 180_000);
  });
});

test('the nearest point is found on either side, within reach', () => {
  assert.equal(nearest([10, 20, 30], 24, 10), 1);
  assert.equal(nearest([10, 20, 30], 26, 10), 2);
  assert.equal(nearest([10, 20, 30], 60, 10), -1);
  assert.equal(nearest([], 60, 10), -1);
});

test('the band over several takes each as it was last heard of', () => {
  const one = pointsOf([0, 20, 40], [1, 5, 1]);
  const other = pointsOf([10, 30], [3, 9]);
  const band = envelope([one, other], [30, 30]);
  assert.deepEqual(band.times, [0, 10, 20, 30, 40]);
  assert.deepEqual(band.lows, [1, 1, 3, 5, 1]);
  assert.deepEqual(band.highs, [1, 3, 5, 9, 9]);
  assert.deepEqual(envelope([one, other], [30, 5]).highs, [1, 3, 5, 9, 1]);
});

describe('figures', () => {
  test('are of lows and highs, too', () => {
    const { min, mean, max } = statisticsOf(pointsOf([0, 10], [2, 4], [1, 3], [5, 9]));
    assert.deepEqual([min, mean, max], [1, 3, 9]);
  });

  test('a counter that starts anew has grown by what it shows since', () => {
    assert.equal(statisticsOf(pointsOf([0, 1, 2, 3], [10, 15, 2, 4])).increase, 9);
  });

  test('of nothing are not known', () => {
    assert.ok(Object.values(statisticsOf(pointsOf([], []))).every(Number.isNaN));
  });
});
