// Findings that somebody has seen.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { fill, load, setValues, tell } from '../support/fleet.js';
import { openPage } from '../support/page.js';

const { Acknowledged, Attention, Fleet } = await load(
  'fleet/acknowledged.ts',
  'fleet/attention.ts'
);

beforeEach(() => openPage());

const HOT = { values: { temperature: 82 } };

function open(...gpus) {
  const fleet = fill(new Fleet(), { east: { alpha: gpus } });
  const attention = new Attention(fleet);
  const acknowledged = new Acknowledged(fleet, attention);
  tell(fleet, { inventory: true });
  return { fleet, attention, acknowledged };
}

test('they are remembered when the page is opened again', () => {
  const first = open(HOT, { status: 'missing', uuid: null });
  for (const finding of first.attention.findings) first.acknowledged.set(finding, true);
  const second = open(HOT, { status: 'missing', uuid: null }, HOT);
  assert.deepEqual(
    second.attention.findings.map((finding) => second.acknowledged.has(finding)),
    [true, true, false]
  );
});

test('and until their values are there', () => {
  const first = open(HOT);
  first.acknowledged.set(first.attention.findings[0], true);
  const { fleet, attention, acknowledged } = open({});
  setValues(fleet, fleet.gpus[0], { temperature: 83 });
  tell(fleet);
  assert.equal(acknowledged.has(attention.findings[0]), true);
});

test('one can be taken back', () => {
  const { attention, acknowledged } = open(HOT);
  acknowledged.set(attention.findings[0], true);
  acknowledged.set(attention.findings[0], false);
  assert.equal(acknowledged.has(attention.findings[0]), false);
  assert.equal(localStorage.getItem('nexus.acknowledged'), null);
});

test('what is over and comes back is new', () => {
  const { fleet, attention, acknowledged } = open(HOT);
  acknowledged.set(attention.findings[0], true);
  for (const temperature of [40, 85]) {
    setValues(fleet, fleet.gpus[0], { temperature });
    tell(fleet);
  }
  assert.equal(acknowledged.has(attention.findings[0]), false);
});

test('what gets worse is new, what gets better is not', () => {
  const { fleet, attention, acknowledged } = open(HOT);
  acknowledged.set(attention.findings[0], true);
  setValues(fleet, fleet.gpus[0], { temperature: 95 });
  tell(fleet);
  assert.equal(acknowledged.has(attention.findings[0]), false);
  acknowledged.set(attention.findings[0], true);
  setValues(fleet, fleet.gpus[0], { temperature: 82 });
  tell(fleet);
  assert.equal(acknowledged.has(attention.findings[0]), true);
});

test('another error is new', () => {
  const { fleet, attention, acknowledged } = open({ values: { xid: 31 } });
  acknowledged.set(attention.findings[0], true);
  setValues(fleet, fleet.gpus[0], { xid: 43 });
  tell(fleet);
  assert.equal(acknowledged.has(attention.findings[0]), false);
});

test('they are bounded', () => {
  const { attention, acknowledged } = open(...Array.from({ length: 600 }, () => HOT));
  for (const finding of attention.findings) acknowledged.set(finding, true);
  assert.equal(JSON.parse(localStorage.getItem('nexus.acknowledged')).length, 500);
  assert.equal(acknowledged.has(attention.findings[0]), false);
  assert.equal(acknowledged.has(attention.findings[599]), true);
});

test('what is stored may be anything', () => {
  for (const stored of ['', '{', '{}', 'null', '[1, null, "x", {"key": 3}]', '[[]]']) {
    localStorage.setItem('nexus.acknowledged', stored);
    const { attention, acknowledged } = open(HOT);
    assert.equal(acknowledged.has(attention.findings[0]), false);
  }
});

test('another tab is heard', () => {
  const here = open(HOT);
  const there = open(HOT);
  there.acknowledged.set(there.attention.findings[0], true);
  dispatchEvent(new Event('storage'));
  assert.equal(here.acknowledged.has(here.attention.findings[0]), true);
});
