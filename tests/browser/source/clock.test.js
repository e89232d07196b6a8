// What time it is where the samples are, whatever this computer's clock says.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { importSources } from '../support/source.js';

const MINUTE = 60_000;

let clock, time;

beforeEach(async () => {
  [clock, time] = await importSources('clock.ts', 'time.ts');
});

const isAbout = (value, wanted) => assert.ok(Math.abs(value - wanted) < 500, `${value}, not ${wanted}`);

test('until the gateway has said anything, and where clocks go alike, it is our own time', () => {
  isAbout(clock.now(), Date.now());
  clock.heardTime(Date.now() - 700);
  assert.equal(clock.difference(), 0);
});

for (const minutes of [10, -10]) {
  test(`with the gateway ${minutes} minutes from us, ranges end and ages begin at its time`, () => {
    const theirs = Date.now() + minutes * MINUTE;
    clock.heardTime(theirs);
    isAbout(clock.now(), theirs);
    isAbout(time.resolveRange({ from: 'now-15m', to: 'now' }).end, theirs);
    assert.equal(time.formatAge(theirs - 3000), '3 s ago');
  });
}

test('a message that was long on its way does not set the clock back', () => {
  clock.heardTime(Date.now() + 10 * MINUTE);
  clock.heardTime(Date.now() + 9 * MINUTE);
  isAbout(clock.difference(), 10 * MINUTE);
});

test('a clock that is set right is followed', () => {
  clock.heardTime(Date.now() + 10 * MINUTE);
  for (let i = 0; i < 20; i++) clock.heardTime(Date.now());
  assert.equal(clock.difference(), 0);
});

test('what was measured in the future says so', () => {
  assert.equal(time.formatAge(Date.now() + 10 * MINUTE + 500), '10 min ahead');
});
