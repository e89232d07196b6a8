// The GraphQL engine beside graphql-js: thousands of documents made at random,
// mutants of them, and a list of awkward ones, over several schemas. The two
// must agree on the verdict, on the place and the words of every error, on
// every byte of data. SEED=… makes other documents.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import * as awkward from './support/graphql/awkward.js';
import { bigSchema } from './support/graphql/big_schema.js';
import {
  differingErrors,
  differingResponses,
} from './support/graphql/compare.js';
import { makeCorpus } from './support/graphql/corpus.js';
import { askEngine, fileOf } from './support/graphql/engine.js';
import { makeFixture } from './support/graphql/fixtures.js';
import {
  Oracle,
  includeDeprecatedIsNeverNull,
  sdlOf,
} from './support/graphql/oracle.js';
import { Random } from './support/graphql/random.js';
import { shrink } from './support/graphql/shrink.js';
import { ROOT } from './support/program.js';

includeDeprecatedIsNeverNull();

const SEED = Number(process.env.SEED ?? 20251121);
const SCALE = Number(process.env.SCALE ?? 1); // of how many documents are made

const SCHEMAS = [
  { name: 'films', sdl: sdlOf('films'), count: 400 },
  { name: 'shapes', sdl: sdlOf('shapes'), count: 500 },
  { name: 'tiny', sdl: sdlOf('tiny'), count: 100 },
  { name: 'big', sdl: bigSchema(new Random(SEED), 120), count: 250 },
  {
    name: 'telemetry',
    sdl: readFileSync(join(ROOT, 'schema/telemetry.graphql'), 'utf8'),
    count: 300,
  },
];

// What is asked and what graphql-js says, for one schema.
class Trial {
  constructor({ name, sdl, count }) {
    this.name = name;
    this.oracle = new Oracle(sdl);
    this.schema = fileOf(sdl);
    this.count = Math.round(count * SCALE);
  }

  corpus() {
    return makeCorpus(this.oracle.schema, { seed: SEED, count: this.count });
  }

  // For each text what differs between the two, or nothing.
  async checks(queries) {
    const answers = askEngine(
      queries.map((query) => ({ do: 'validate', query })),
      this
    );
    const theirs = queries.map((query) => this.oracle.check(query));
    return (await answers).map((line, i) =>
      differingErrors(JSON.parse(line).errors, theirs[i])
    );
  }

  async executions(requests, fixture) {
    const file = fileOf(JSON.stringify(fixture));
    const answers = askEngine(
      requests.map((r) => ({ do: 'execute', ...r })),
      { schema: this.schema, fixture: file }
    );
    const theirs = requests.map((r) => this.oracle.execute(r, fixture));
    return (await answers).map((line, i) =>
      differingResponses(line, theirs[i], () =>
        this.oracle.everyError(requests[i], fixture)
      )
    );
  }

  valid(requests) {
    return requests.filter(
      ({ query }) => this.oracle.check(query).length === 0
    );
  }
}

// Fails with the smallest document that differs. differ(requests): as above.
async function assertSame(trial, requests, differ) {
  const differences = await differ(requests);
  const wrong = requests
    .map((request, i) => ({ request, difference: differences[i] }))
    .filter((d) => d.difference);
  if (wrong.length === 0) return;
  wrong.sort((a, b) => a.request.query.length - b.request.query.length);
  const { request } = wrong[0];
  const query = await shrink(request.query, async (texts) =>
    (await differ(texts.map((text) => ({ ...request, query: text })))).map(
      Boolean
    )
  );
  const [difference] = await differ([{ ...request, query }]);
  const all = process.env.VERBOSE
    ? wrong.map((d) => `${d.request.query}\n${d.difference}`).join('\n---\n')
    : '';
  assert.fail(
    `${trial.name}, SEED=${SEED}: ${wrong.length} of ${requests.length} documents differ. The smallest of one:\n${JSON.stringify({ ...request, query })}\n${difference}\n${all}`
  );
}

// A document that shrinking has made invalid is no request to execute.
const executing = (trial, fixture) => async (requests) => {
  const valid = new Set(trial.valid(requests));
  const differences = await trial.executions([...valid], fixture);
  return requests.map((request) =>
    valid.has(request) ? differences.shift() : undefined
  );
};

const checking = (trial) => (requests) =>
  trial.checks(requests.map((r) => r.query));

for (const schema of SCHEMAS) {
  const trial = new Trial(schema);
  const corpus = trial.corpus();

  test(`${schema.name}: ${corpus.length} documents have the same errors`, async () => {
    await assertSame(trial, corpus, checking(trial));
  });

  for (const dirty of [0, 4]) {
    test(`${schema.name}: the same responses, ${dirty ? 'with trouble in the data' : 'all data well'}`, async () => {
      const fixture = makeFixture(
        trial.oracle.schema,
        new Random(SEED + dirty),
        { dirty }
      );
      const valid = trial.valid(corpus);
      assert.ok(
        valid.length > corpus.length / 5,
        `${valid.length} of ${corpus.length} are valid`
      );
      await assertSame(trial, valid, executing(trial, fixture));
    });
  }
}

const shapes = new Trial(SCHEMAS[1]);
const queries = (list) => list.map((query) => ({ query }));

test(`${awkward.LEXING.length + awkward.SYNTAX.length} awkward texts: the same syntax errors`, async () => {
  const texts = queries([...awkward.LEXING, ...awkward.SYNTAX]);
  await assertSame(shapes, texts, checking(shapes));
});

test(`${awkward.VALID_OR_NOT.length} awkward documents: the same errors`, async () => {
  await assertSame(shapes, queries(awkward.VALID_OR_NOT), checking(shapes));
});

for (const dirty of [0, 10]) {
  test(`${awkward.EXECUTED.length} awkward requests: the same responses${dirty ? ' in trouble' : ''}`, async () => {
    const fixture = makeFixture(shapes.oracle.schema, new Random(7 + dirty), {
      dirty,
    });
    await assertSame(shapes, awkward.EXECUTED, executing(shapes, fixture));
  });
}
