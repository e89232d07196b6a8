// Schema texts, good ones and mutants of them: the engine takes those that
// graphql-js takes. SEED=… makes other mutants.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bigSchema } from './support/graphql/big_schema.js';
import { askEngine } from './support/graphql/engine.js';
import { checkSchema, sdlOf } from './support/graphql/oracle.js';
import { Random } from './support/graphql/random.js';
import { BAD, GOOD } from './support/graphql/schema_texts.js';
import { SchemaMutator } from './support/graphql/schema_mutants.js';
import { shrink } from './support/graphql/shrink.js';

const SEED = Number(process.env.SEED ?? 20251121);

// For each text what differs, or nothing.
async function differences(texts) {
  const answers = askEngine(texts.map((query) => ({ do: 'schema', query })));
  const theirs = texts.map(checkSchema);
  return (await answers).map((line, i) =>
    difference(JSON.parse(line).errors, theirs[i])
  );
}

const words = (errors) =>
  errors
    .map((e) => `    ${JSON.stringify(e.locations ?? [])} ${e.message}`)
    .join('\n') || '    none';

function difference(ours, theirs) {
  const same =
    (ours.length === 0) === (theirs.length === 0) &&
    sameSyntaxError(ours[0], theirs[0]);
  return same
    ? undefined
    : `ours:\n${words(ours)}\ngraphql-js:\n${words(theirs)}`;
}

// A text that is no document is wrong at the same place.
const sameSyntaxError = (ours, theirs) =>
  !theirs?.message.startsWith('Syntax Error') ||
  (ours.message === theirs.message &&
    JSON.stringify(ours.locations) === JSON.stringify(theirs.locations));

async function assertSame(texts) {
  const found = await differences(texts);
  const wrong = texts.filter((_, i) => found[i]);
  if (wrong.length === 0) return;
  wrong.sort((a, b) => a.length - b.length);
  const text = await shrink(wrong[0], async (candidates) =>
    (await differences(candidates)).map(Boolean)
  );
  const [shown] = await differences([text]);
  const all = process.env.VERBOSE
    ? wrong.map((t) => `${t}\n${found[texts.indexOf(t)]}`).join('\n---\n')
    : '';
  assert.fail(
    `SEED=${SEED}: ${wrong.length} of ${texts.length} texts differ. The smallest of one:\n${text}\n${shown}\n${all}`
  );
}

test(`${GOOD.length} schemas are good`, async () => {
  for (const sdl of GOOD) assert.deepEqual(checkSchema(sdl), [], sdl);
  await assertSame(GOOD);
});

test(`${BAD.length} schemas are bad`, async () => {
  for (const sdl of BAD) assert.ok(checkSchema(sdl).length > 0, sdl);
  await assertSame(BAD);
});

for (const [name, sdl, count] of [
  ['films', sdlOf('films'), 300],
  ['shapes', sdlOf('shapes'), 600],
  ['tiny', sdlOf('tiny'), 100],
  ['big', bigSchema(new Random(SEED), 30), 300],
]) {
  test(`${count} mutants of ${name} get the same verdict`, async () => {
    const mutator = new SchemaMutator(sdl, new Random(SEED));
    const mutants = Array.from({ length: count }, () => mutator.mutant());
    await assertSame(mutants);
  });
}
