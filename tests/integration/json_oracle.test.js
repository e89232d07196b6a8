// lib/json's check against V8's JSON.parse, over texts made at random and then
// damaged. They must agree on every one, except that V8 takes escaped halves
// of surrogate pairs, which no UTF-8 text can hold.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { tempDir } from './support/files.js';
import { BUILD, ROOT } from './support/program.js';

const TEXTS = 100_000;
const SEED = 20250718;

// The same numbers in every run (mulberry32).
function randomSource(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const random = randomSource(SEED);
const oneOf = (list) => list[random(list.length)];
const many = (most, make) => Array.from({ length: random(most + 1) }, make);

const NUMBERS = ['0', '-0', '7', '-12', '0.5', '1e5', '2E-3', '1.25e+300'];
const PIECES = [
  ...'aé😀/\x7f',
  ...['\\n', '\\"', '\\\\', '\\u0041', '\\ud83d\\ude00', '\\ud800'],
];
const DAMAGE = [
  ...'{}[]:,"\\-+.eE019 \t\n\r\f\v\u00a0\ufeff\x01tfnul/*\'xé😀',
  ...['true', 'null', '\\u', '00', 'NaN'],
];

const space = () => oneOf(['', '', '', ' ', '\n', '\t', '\r\n  ']);
const string = () => `"${many(4, () => oneOf(PIECES)).join('')}"`;
const item = (depth) => () => space() + value(depth + 1) + space();
const member = (depth) => () =>
  `${space()}${string()}${space()}:${item(depth)()}`;

function value(depth) {
  switch (random(depth < 5 ? 6 : 4)) {
    case 0:
      return oneOf(NUMBERS);
    case 1:
      return oneOf(['true', 'false', 'null']);
    case 2:
    case 3:
      return string();
    case 4:
      return `[${many(3, item(depth)).join(',') || space()}]`;
    default:
      return `{${many(3, member(depth)).join(',') || space()}}`;
  }
}

// Takes something out, puts something in, or both.
function damage(text) {
  const chars = Array.from(text);
  const putIn = many(1, () => oneOf(DAMAGE));
  chars.splice(random(chars.length + 1), random(3), ...putIn);
  return chars.join('');
}

function makeText() {
  let text = item(0)();
  for (let n = random(3); n > 0; n--) text = damage(text);
  return text;
}

const LONE_HALF = /\p{Surrogate}/u;

function nodeTakes(text) {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  const strings = text.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  return !strings.some((s) => LONE_HALF.test(JSON.parse(s)));
}

function buildChecker() {
  const checker = join(tempDir(), 'json_oracle');
  const source = 'tests/integration/support/json_oracle.c';
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-I.'];
  if (process.env.SAN === '1') flags.push('-fsanitize=address,undefined');
  execFileSync(
    process.env.CC ?? 'cc',
    [...flags, '-o', checker, source, join(BUILD, 'libnexus.a')],
    { cwd: ROOT }
  );
  return checker;
}

test('the JSON check takes and refuses what V8 does', () => {
  const texts = Array.from({ length: TEXTS }, makeText);
  const input = Buffer.from(texts.map((text) => `${text}\0`).join(''));
  const verdicts = execFileSync(buildChecker(), { input, encoding: 'latin1' });
  assert.equal(verdicts.length, texts.length);
  const expected = texts.map(nodeTakes);
  for (let i = 0; i < texts.length; i++)
    assert.equal(verdicts[i] === '1', expected[i], JSON.stringify(texts[i]));
  const taken = expected.filter(Boolean).length;
  assert.ok(taken > TEXTS / 5 && taken < (TEXTS * 4) / 5, `${taken} were JSON`);
});
