// Times and ranges as they are written in the address, typed, and read.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { importSource } from '../support/source.js';

const {
  formatAddress,
  formatAge,
  formatDuration,
  formatField,
  formatRange,
  formatTime,
  parseTime,
  rangeError,
  resolveRange,
  stepFor,
} = await importSource('time.ts');

const NOW = Date.parse('2026-11-21T12:00:00Z');
const MINUTE = 60_000;

test('a time is RFC 3339, or so long before now', () => {
  assert.equal(parseTime('now', NOW), NOW);
  assert.equal(parseTime('now-15m', NOW), NOW - 15 * MINUTE);
  assert.equal(parseTime(' now - 2h ', NOW), NOW - 120 * MINUTE);
  assert.equal(parseTime('2026-11-21T11:30:00Z', NOW), NOW - 30 * MINUTE);
  assert.equal(parseTime('2026-11-21T12:30:00+01:00', NOW), NOW - 30 * MINUTE);
  assert.equal(parseTime('2026-11-21', NOW), new Date(2026, 10, 21).getTime());
  for (const text of ['', 'yesterday', 'now+5m', 'now-5', '12', '2026-13-40', 'now-5w']) {
    assert.ok(Number.isNaN(parseTime(text, NOW)), text);
  }
});

test('what is wrong with a range, and which end of it', () => {
  const wrong = (from, to) => {
    const error = rangeError(from, to, NOW);
    return error && `${error.end}: ${error.text}`;
  };
  assert.equal(wrong('now-15m', 'now'), null);
  assert.equal(wrong('', 'now'), 'from: The start is missing.');
  assert.equal(wrong('now-1h', ' '), 'to: The end is missing.');
  assert.equal(wrong('abc', 'now'), 'from: “abc” is not a time.');
  assert.equal(wrong('now-1h', 'soon'), 'to: “soon” is not a time.');
  assert.equal(wrong('now-1h', 'now-2h'), 'to: The end has to be after the start.');
  assert.equal(wrong('2027-01-01', '2027-01-02'), 'from: The start is in the future: nothing is there yet.');
});

test('a range that makes no sense is the last quarter of an hour', () => {
  const usual = { start: NOW - 15 * MINUTE, end: NOW, live: true };
  assert.deepEqual(resolveRange({ from: 'now-15m', to: 'now' }, NOW), usual);
  assert.deepEqual(resolveRange({ from: 'x', to: 'now' }, NOW), usual);
  assert.deepEqual(resolveRange({ from: 'now', to: 'now-1h' }, NOW), usual);
  const past = resolveRange({ from: 'now-2h', to: 'now-1h' }, NOW);
  assert.deepEqual(past, { start: NOW - 120 * MINUTE, end: NOW - 60 * MINUTE, live: false });
});

test('one point a pixel: every sample, or steps that divide a day', () => {
  const of = (minutes) => ({ start: NOW - minutes * MINUTE, end: NOW, live: true });
  assert.equal(stepFor(of(5), 600), 0);
  assert.equal(stepFor(of(60), 600), 10);
  assert.equal(stepFor(of(24 * 60), 800), 120);
  assert.equal(stepFor(of(7 * 24 * 60), 300), 3600);
  for (const minutes of [1, 20, 90, 1000, 20_000, 600_000]) {
    for (const pixels of [50, 300, 1200]) {
      const step = stepFor(of(minutes), pixels);
      if (step === 0) continue;
      assert.ok((minutes * 60) / step <= Math.max(100, pixels), `${minutes} min on ${pixels} px: ${step} s`);
    }
  }
});

test('what is typed and what the address says are the same time', () => {
  const address = '2026-11-21T11:30:05.000Z';
  assert.equal(formatAddress(formatField(address)), address);
  assert.equal(formatField('now-2h'), 'now-2h');
  assert.equal(formatAddress(' now - 2h'), 'now-2h');
});

test('times, ages and ranges read as people write them', () => {
  const noon = new Date();
  noon.setHours(12, 3, 4, 0);
  assert.equal(formatTime(noon.getTime()), '12:03:04');
  assert.match(formatTime(noon.getTime() - 2 * 24 * 60 * MINUTE), /^[A-Z][a-z]{2} \d+(, \d{4})?, 12:03:04$/);
  assert.equal(formatTime(NaN), 'n/a');
  assert.equal(formatAge(NOW - 300, NOW), 'just now');
  assert.equal(formatAge(NOW - 3000, NOW), '3 s ago');
  assert.equal(formatAge(NaN, NOW), 'n/a');
  assert.equal(formatDuration(59_400), '59 s');
  assert.equal(formatDuration(130 * MINUTE), '2 h 10 min');
  assert.equal(formatDuration(76 * 60 * MINUTE), '3 d 4 h');
  assert.equal(formatRange({ from: 'now-15m', to: 'now' }), 'Last 15 minutes');
  assert.equal(formatRange({ from: 'now-90m', to: 'now' }), 'Last 1 h 30 min');
});
