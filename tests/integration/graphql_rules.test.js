// Every validation rule by its name: documents that keep it and documents that
// break it, through the engine's command line and through graphql-js. Both must
// say the same: messages, places, order.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { buildSchema, parse, validate } from 'graphql';

import { tempDir } from './support/files.js';
import { RULES, SCHEMA } from './support/graphql_rules.js';
import { BUILD } from './support/program.js';

// The 30 rules of the edition that has oneOf (September 2025), under the names
// of graphql-js where it has one; and what else is asked of every document.
const EDITION = [
  ...['ExecutableDefinitions', 'KnownOperationTypes'],
  ...['UniqueOperationNames', 'LoneAnonymousOperation'],
  ...['SingleFieldSubscriptions', 'FieldsOnCorrectType'],
  ...['OverlappingFieldsCanBeMerged', 'ScalarLeafs'],
  ...['KnownArgumentNames', 'UniqueArgumentNames'],
  ...['ProvidedRequiredArguments', 'UniqueFragmentNames', 'KnownTypeNames'],
  ...['FragmentsOnCompositeTypes', 'NoUnusedFragments'],
  ...['KnownFragmentNames', 'NoFragmentCycles', 'PossibleFragmentSpreads'],
  ...['ValuesOfCorrectType', 'InputObjectFieldNames'],
  ...['InputObjectFieldUniqueness', 'InputObjectRequiredFields'],
  ...['KnownDirectives', 'DirectiveLocations', 'UniqueDirectivesPerLocation'],
  ...['UniqueVariableNames', 'VariablesAreInputTypes'],
  ...['NoUndefinedVariables', 'NoUnusedVariables'],
  'VariablesInAllowedPosition',
];

function ask(sdl, documents) {
  const file = join(tempDir('graphql-rules-'), 'schema.graphql');
  writeFileSync(file, sdl);
  const lines = documents.map((query) =>
    JSON.stringify({ do: 'validate', query })
  );
  const answers = execFileSync(join(BUILD, 'nexus-graphql'), ['batch', file], {
    input: `${lines.join('\n')}\n`,
    maxBuffer: 1 << 28,
  });
  return answers.toString().trimEnd().split('\n').map(JSON.parse);
}

const told = (errors) =>
  errors.map(({ message, locations = [] }) => [
    message,
    locations.map(({ line, column }) => [line, column]),
  ]);

const schema = buildSchema(SCHEMA);
const expected = (query) => told(validate(schema, parse(query)));

test('there are cases for each of the 30 rules', () => {
  assert.equal(new Set(EDITION).size, 30);
  for (const rule of EDITION) {
    const { valid, invalid, beyond } = RULES[rule];
    assert.ok(valid.length > 0, `${rule}: valid`);
    if (rule !== 'KnownOperationTypes')
      assert.ok((invalid ?? beyond).length > 0, `${rule}: invalid`);
  }
});

for (const [rule, { valid, invalid = [], beyond = [] }] of Object.entries(
  RULES
)) {
  test(`${rule}: keeps it`, () => {
    for (const [i, { errors }] of ask(SCHEMA, valid).entries()) {
      assert.deepEqual(expected(valid[i]), [], `graphql-js: ${valid[i]}`);
      assert.deepEqual(told(errors), [], valid[i]);
    }
  });

  test(`${rule}: breaks it`, () => {
    if (invalid.length === 0) return;
    for (const [i, { errors }] of ask(SCHEMA, invalid).entries()) {
      assert.notDeepEqual(expected(invalid[i]), [], invalid[i]);
      assert.deepEqual(told(errors), expected(invalid[i]), invalid[i]);
    }
  });

  test(`${rule}: where the edition asks for more than graphql-js 16`, () => {
    if (beyond.length === 0) return;
    const answers = ask(
      SCHEMA,
      beyond.map(([query]) => query)
    );
    for (const [i, [query, errors]] of beyond.entries()) {
      assert.deepEqual(expected(query), [], `graphql-js: ${query}`);
      assert.deepEqual(told(answers[i].errors), errors, query);
    }
  });
}

test('KnownOperationTypes: breaks it', () => {
  const answers = ask('type Query { a: Int }', [
    '{ a }',
    'mutation { a }',
    '"why" subscription A { a b }',
    'query A { a } mutation B { a } subscription C { a }',
  ]);
  const missing = (type) =>
    `The ${type} operation is not supported by the schema.`;
  assert.deepEqual(
    answers.map(({ errors }) => told(errors)),
    [
      [],
      [[missing('mutation'), [[1, 1]]]],
      [[missing('subscription'), [[1, 1]]]],
      [
        [missing('mutation'), [[1, 15]]],
        [missing('subscription'), [[1, 32]]],
      ],
    ]
  );
});

test('every error says that it is one of validation', () => {
  const invalid = Object.entries(RULES)
    .filter(([rule]) => rule !== 'MaxIntrospectionDepth')
    .flatMap(([, { invalid = [] }]) => invalid);
  for (const { errors } of ask(SCHEMA, invalid))
    for (const { extensions } of errors)
      assert.equal(extensions.code, 'GRAPHQL_VALIDATION_FAILED');
});
