// How long the GraphQL engine takes for a document beside graphql-js, in the
// same run, over the API's own schema: parse, validate, execute; and a repeated
// request as a whole. Resolvers cost next to nothing in both. SECONDS is how
// long each step is repeated.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import {
  buildSchema,
  execute,
  getIntrospectionQuery,
  getNamedType,
  getNullableType,
  isEnumType,
  isLeafType,
  isListType,
  parse,
  validate,
} from 'graphql';

import { BUILD, ROOT } from '../integration/support/index.js';
import { reporter } from './support/report.js';

const SECONDS = Number(process.env.SECONDS ?? 0.5);
const LIST_LENGTH = 10;
const UUID = 'GPU-5fd4f087-86f3-7a43-b711-4771313afc50';
const SCHEMA = join(ROOT, 'schema/telemetry.graphql');

const REQUESTS = [
  { name: 'typename', query: '{ __typename }' },
  {
    name: '10 GPUs',
    query: '{ gpus { id uuid hostname name device status } }',
  },
  {
    name: 'one GPU, its samples',
    query: `query ($uuid: ID!, $limit: Int = 10) {
      gpu(uuid: $uuid) { id uuid hostname name
        telemetry(limit: $limit) { timestamp gpuUtilization memoryUtilization temperature powerDraw } } }`,
    variables: { uuid: UUID },
  },
  {
    name: 'cluster tree, 1,000 GPUs',
    query:
      '{ clusters { id hosts { hostname gpus { id uuid name status } } } }',
  },
  {
    name: 'fragments and aliases',
    query: `query Board($uuid: ID!, $deep: Boolean = true) {
        a: gpu(uuid: $uuid) { ...Card } b: gpu(uuid: "b") { ...Card telemetry { ...Sample } }
        hosts(limit: 5) { hostname ... @include(if: $deep) { gpus { ...Card } } }
        nodes(ids: ["a", "b"]) { __typename id ... on GPU { ...Card } } }
      fragment Card on GPU { id uuid name device status ...Place }
      fragment Place on GPU { hostname }
      fragment Sample on Telemetry { timestamp gpuUtilization powerDraw }`,
    variables: { uuid: UUID },
  },
  { name: 'introspection', query: getIntrospectionQuery() },
];

// ---- graphql-js, given the same data ----

const schema = buildSchema(readFileSync(SCHEMA, 'utf8'));

function value(type) {
  const bare = getNullableType(type);
  if (isListType(bare)) return Array(LIST_LENGTH).fill(value(bare.ofType));
  return isLeafType(bare) ? leaf(bare) : OBJECT;
}

const OBJECT = {};
const leaf = (type) =>
  isEnumType(type)
    ? type.getValues()[0].name
    : ({ Int: 42, Float: 85.5, Boolean: true }[type.name] ?? UUID);

// Made once for each field, as the constants of the engine's resolvers are.
const values = new Map();
function fieldResolver(source, args, context, info) {
  const known = values.get(info.returnType);
  if (known !== undefined) return known;
  const made = value(info.returnType);
  values.set(info.returnType, made);
  return made;
}

const run = (document, variableValues) =>
  execute({
    schema,
    document,
    variableValues,
    rootValue: OBJECT,
    fieldResolver,
    typeResolver: () => 'GPU',
  });

// Nanoseconds that step() takes.
function measure(step) {
  let spent = 0n;
  let rounds = 0;
  for (let more = 1; spent < SECONDS * 1e9; more *= 2) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < more; i++) step();
    spent += process.hrtime.bigint() - start;
    rounds += more;
  }
  return Number(spent) / rounds;
}

function measureJs({ query, variables }) {
  const document = parse(query);
  assert.deepEqual(validate(schema, document), []);
  measure(() => JSON.stringify(run(document, variables))); // compiled by then
  return {
    parse: measure(() => parse(query)),
    validate: measure(() => validate(schema, document)),
    execute: measure(() => JSON.stringify(run(document, variables))),
    response: JSON.stringify(run(document, variables)),
  };
}

function measureEngine(request) {
  const bench = join(BUILD, 'tests/bench/graphql_bench');
  const input = `${JSON.stringify(request)}\n`;
  return JSON.parse(
    execFileSync(bench, [SCHEMA, `${SECONDS}`], {
      input,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
  );
}

// ---- the table ----

const report = reporter('graphql');
const us = (ns) => (ns / 1000).toFixed(ns < 10_000 ? 2 : 0).padStart(8);
const times = (ours, theirs) => `${(theirs / ours).toFixed(1)}x`.padStart(7);

test('the engine beside graphql-js', () => {
  report('microseconds: graphql_bench, graphql-js, times faster');
  for (const request of REQUESTS) {
    const ours = measureEngine(request);
    const theirs = measureJs(request);
    if (request.name !== 'introspection')
      assert.equal(ours.response, theirs.response);
    report(`${request.name} (${ours.response.length} bytes)`);
    const row = (name, a, b) =>
      report(`  ${name.padEnd(22)} ${us(a)} ${us(b)} ${times(a, b)}`);
    row('parse', ours.parse, theirs.parse);
    row('validate', ours.validate, theirs.validate);
    row('plan and execute', ours.plan + ours.execute, theirs.execute);
    row('repeated request', ours.cached, theirs.execute);
  }
});
