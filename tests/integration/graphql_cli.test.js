// nexus-graphql on the command line: its files, its answers, its exit codes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileOf, runEngine } from './support/graphql/engine.js';

const GOOD = 0;
const HAS_ERRORS = 1;
const CALLED_WRONGLY = 2;

const schema = fileOf(
  'type Query { film(id: ID!): Film } type Film { id: ID! title: String! }'
);
const query = fileOf('query Q($id: ID!) { film(id: $id) { id title } }');
const variables = fileOf('{"id": 7}');
const film = { id: '7', title: 'Vagabond' };
const fixture = fileOf(JSON.stringify({ film }));

test('validate: a list of errors, empty for a valid document', async () => {
  const good = await runEngine(['validate', schema, query]);
  assert.deepEqual(good, { code: GOOD, out: '{"errors":[]}\n', err: '' });
  const wrong = fileOf('{ film(id: 1) { titel } }');
  const bad = await runEngine(['validate', schema, wrong]);
  assert.equal(bad.code, HAS_ERRORS);
  const [error] = JSON.parse(bad.out).errors;
  assert.match(error.message, /titel.*Did you mean "title"\?/);
  assert.deepEqual(error.locations, [{ line: 1, column: 17 }]);
});

test('execute: the response over a fixture', async () => {
  const good = await runEngine([
    'execute',
    schema,
    query,
    variables,
    fixture,
  ]);
  assert.equal(good.code, GOOD);
  assert.deepEqual(JSON.parse(good.out), { data: { film } });
  const bad = await runEngine(['execute', schema, query]);
  assert.equal(bad.code, HAS_ERRORS);
  assert.match(bad.out, /\\"\$id\\" of required type \\"ID!\\"/);
});

test('a file may be standard input', async () => {
  const good = await runEngine(['validate', schema, '-'], '{__typename}');
  assert.equal(good.code, GOOD);
});

test('schema: all that is wrong with one', async () => {
  const bad = await runEngine(['schema', '-'], 'type Query { a: X b: Y }');
  assert.equal(bad.code, HAS_ERRORS);
  assert.equal(JSON.parse(bad.out).errors.length, 2);
});

for (const [what, args, said] of [
  ['no command', [], /^usage: /],
  ['an unknown command', ['frobnicate', query], /^usage: /],
  ['too few files', ['validate', schema], /^usage: /],
  ['a file that is not there', ['parse', '/nowhere'], /\/nowhere: No such/],
  ['a folder', ['parse', '/'], /nexus-graphql: \/: Is a directory/],
  ['a query for a schema', ['validate', query, query], /:1:1: .*no operations/],
  [
    'a broken schema',
    ['validate', fileOf('type Query {\n  a: X\n}'), query],
    /:2:6: Unknown type "X"/,
  ],
  [
    'variables that are no JSON',
    ['execute', schema, query, query],
    /: not JSON: byte 0: expected a value/,
  ],
])
  test(`${what}: code 2, and why`, async () => {
    const { code, out, err } = await runEngine(args);
    assert.equal(code, CALLED_WRONGLY);
    assert.equal(out, '');
    assert.match(err, said);
  });

test('--help is no mistake', async () => {
  const { code, out, err } = await runEngine(['--help']);
  assert.equal(code, GOOD);
  assert.match(out, /^usage: [^]*execute {2}SCHEMA QUERY/);
  assert.equal(err, '');
});
