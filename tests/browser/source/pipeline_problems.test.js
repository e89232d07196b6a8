// What the pipeline's page says is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { importSource } from '../support/source.js';

const { problemsOf } = await importSource('views/pipeline/problems.ts');

const NOW = Date.parse('2025-07-18T20:42:34Z');
const WELL = {
  samplesPerSecond: 50, streamBytes: 100, streamBytesMax: 1000, queueDepth: 0, unacknowledged: 0,
  redelivered: 0, lagSeconds: 0, collectors: 1, deadLetters: 0, samplesBehind: 0,
};

// history: of the past, by how many seconds ago.
function status(now = {}, history = {}) {
  const points = Object.entries(history).map(([ago, figures]) => ({ ...WELL, ...figures, time: NOW - ago * 1000 }));
  points.sort((a, b) => a.time - b.time);
  return {
    now: {
      ...WELL,
      time: NOW,
      broker: { connected: true, since: NOW - 60_000, address: '127.0.0.1:4222' },
      database: { connected: true, problem: null },
      services: [],
      ...now,
    },
    history: points,
    before: (ms) => points.filter(({ time }) => time <= NOW - ms).at(-1),
  };
}

const keysOf = (...args) => problemsOf(status(...args)).map(({ key }) => key);
const textOf = (...args) => problemsOf(status(...args))[0].text;

test('where all is well nothing is said', () => assert.deepEqual(keysOf(), []));

test('before anything is known nothing is said', () => {
  assert.deepEqual(problemsOf({ now: undefined, history: [] }), []);
});

test('what is not known is not wrong', () => {
  const unknown = Object.fromEntries(Object.keys(WELL).map((name) => [name, NaN]));
  assert.deepEqual(keysOf({ ...unknown, services: null }), []);
});

test('the broker and the database are missed', () => {
  const broker = { connected: false, since: NaN, address: null };
  const database = { connected: false, problem: 'connection refused' };
  assert.deepEqual(keysOf({ broker, database }), ['broker', 'database']);
  assert.match(textOf({ database }), /no connection to PostgreSQL: connection refused/);
});

test('no collector is', () => assert.deepEqual(keysOf({ collectors: 0 }), ['collectors']));

test('a lag counts from more than 30 s on, and is critical from 5 minutes', () => {
  assert.deepEqual(keysOf({ lagSeconds: 30 }), []);
  assert.match(textOf({ lagSeconds: 31 }), /The collectors are 31 s behind/);
  const severity = (lagSeconds) => problemsOf(status({ lagSeconds }))[0].severity;
  assert.equal(severity(31), 'warning');
  assert.equal(severity(301), 'critical');
});

test('a queue that grows is told of, one that is emptied is not', () => {
  const grown = { 65: { queueDepth: 100 }, 31: { queueDepth: 400 } };
  assert.match(textOf({ queueDepth: 900 }, grown), /900 samples wait, 100 a minute ago/);
  assert.deepEqual(keysOf({ queueDepth: 300 }, grown), []);
  assert.deepEqual(keysOf({ queueDepth: 900 }), []);
});

test('what a collector has taken waits, too', () => {
  const before = { 65: { unacknowledged: 10 }, 31: { unacknowledged: 60 } };
  assert.deepEqual(keysOf({ queueDepth: 50, unacknowledged: 70 }, before), ['queue']);
});

test('a stream that is nearly full', () => {
  assert.match(textOf({ streamBytes: 930 }), /93 % full/);
  assert.deepEqual(keysOf({ streamBytes: 930, streamBytesMax: NaN }), []);
});

test('dead letters: those of the last quarter of an hour weigh more', () => {
  const severity = (history) => problemsOf(status({ deadLetters: 3 }, history))[0].severity;
  assert.equal(severity({ 600: { deadLetters: 3 } }), 'notice');
  assert.equal(severity({ 600: { deadLetters: 1 } }), 'warning');
  assert.match(textOf({ deadLetters: 3 }, { 600: { deadLetters: 1 } }), /3 messages .* 2 of them new/);
  assert.match(textOf({ deadLetters: 1 }), /1 message could not be read or stored and is kept/);
});

test('no samples come in', () => assert.deepEqual(keysOf({ samplesPerSecond: 0 }), ['silent']));

test('a gateway that is behind, by what 10 s bring', () => {
  assert.deepEqual(keysOf({ samplesBehind: 900 }), []);
  assert.deepEqual(keysOf({ samplesBehind: 1100 }), ['behind']);
  assert.deepEqual(keysOf({ samplesBehind: 1100, samplesPerSecond: 200 }), []);
});

test('rows that streamers could not read', () => {
  const streamer = (rows) => ({ name: 'nexus-streamer', figures: new Map([['bad_rows', rows]]) });
  assert.match(textOf({ services: [streamer(2), streamer(NaN), streamer(3)] }), /5 rows of the CSV files/);
  assert.deepEqual(keysOf({ services: [streamer(0)] }), []);
});

test('the worst comes first', () => {
  assert.deepEqual(keysOf({ redelivered: 1, lagSeconds: 60, collectors: 0 }), ['collectors', 'lag', 'redelivered']);
});
