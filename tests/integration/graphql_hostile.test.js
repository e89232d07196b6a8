// Documents made to hurt: deep, long, many of everything. The engine answers
// every one, soon and in few bytes, whatever the answer is.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { askEngine, fileOf, runEngine } from './support/graphql/engine.js';
import { sdlOf } from './support/graphql/oracle.js';
import { SLOW } from './support/wait.js';

const SECONDS_MAX = 2 * SLOW;
const ANSWER_MAX = 1 << 20;
const schema = fileOf(sdlOf('shapes'));
const fixture = fileOf(
  JSON.stringify({ old: 'x', ticked: 1, self: null, maybe: null })
);

const times = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const many = (count, make, between = ' ') => times(count, make).join(between);
const nested = (depth, open, within, close) =>
  open.repeat(depth) + within + close.repeat(depth);
const MB = 1 << 20;

// What is said about it: 'good', 'bad', or 'either' where limits may decide.
const DOCUMENTS = [
  [
    '100,000 different fields',
    'good',
    `{${many(100_000, (i) => `a${i}: old`)}}`,
  ],
  ['one field 200,000 times', 'good', `{${many(200_000, () => 'old')}}`],
  [
    'one field 20,000 times with arguments',
    'good',
    `{${many(20_000, () => 'any(value: {a: 1, b: [1, 2, 3]})')}}`,
  ],
  [
    'two fields in conflict, 50,000 times',
    'bad',
    `{${many(50_000, (i) => `x: ${i % 2 ? 'old' : 'any'}`)}}`,
  ],
  [
    '50,000 names, each in conflict',
    'bad',
    `{${many(50_000, (i) => `x${i}: old x${i}: any`)}}`,
  ],
  [
    'a field with selections 10,000 times',
    'good',
    `{${many(10_000, (i) => `maybe{a${i}: old maybe{old b${i}: old}}`)}}`,
  ],
  [
    'inline fragments side by side',
    'good',
    `{${many(20_000, (i) => `... on Root {maybe{a${i}: old}}`)}}`,
  ],
  ['10,000 braces', 'bad', nested(10_000, '{maybe', '{old}', '}')],
  ['a million braces', 'bad', '{'.repeat(MB)],
  ['a million closing braces', 'bad', '}'.repeat(MB)],
  [
    '10,000 inline fragments inside each other',
    'bad',
    `{${nested(10_000, '...{', 'old', '}')}}`,
  ],
  [
    '10,000 lists inside each other',
    'bad',
    `{any(value: ${nested(10_000, '[', '1', ']')})}`,
  ],
  [
    '10,000 objects inside each other',
    'bad',
    `{any(value: ${nested(10_000, '{a:', '1', '}')})}`,
  ],
  [
    'a type of 10,000 lists',
    'bad',
    `query($a: ${nested(10_000, '[', 'Int', ']')}){old}`,
  ],
  [
    'lists as deep as may be, side by side',
    'good',
    `{any(value: [${many(1000, () => nested(90, '[', '1', ']'))}])}`,
  ],
  [
    'a chain of 10,000 fragments',
    'either',
    `{...F0} ${many(10_000, (i) => `fragment F${i} on Root {...F${i + 1}}`)} fragment F10000 on Root {old}`,
  ],
  [
    'a chain of 10,000 fragments, the last first',
    'either',
    `{...F10000} ${many(10_000, (i) => `fragment F${i + 1} on Root {...F${i}}`)} fragment F0 on Root {old}`,
  ],
  [
    'a chain of 10,000 fragments through fields',
    'either',
    `{...F0} ${many(10_000, (i) => `fragment F${i} on Root {maybe{...F${i + 1}}}`)} fragment F10000 on Root {old}`,
  ],
  [
    'a cycle of 10,000 fragments',
    'bad',
    `{...F0} ${many(10_000, (i) => `fragment F${i} on Root {...F${(i + 1) % 10_000}}`)}`,
  ],
  [
    'a cycle of 5,000 fragments through fields',
    'bad',
    `{...F0} ${many(5_000, (i) => `fragment F${i} on Root {maybe{...F${(i + 1) % 5_000}}}`)}`,
  ],
  [
    '300 fragments that spread all others',
    'bad',
    `{...F0} ${many(300, (i) => `fragment F${i} on Root {old ${many(300, (j) => (i === j ? '' : `...F${j}`))}}`)}`,
  ],
  [
    'fragments that spread those behind them',
    'good',
    `{...F0} ${many(300, (i) => `fragment F${i} on Root {old ${many(299 - i, (j) => `...F${i + j + 1}`)}}`)}`,
  ],
  [
    'doubling fragments',
    'either',
    `{...F0} ${many(100, (i) => `fragment F${i} on Root {a: maybe{...F${i + 1}} b: maybe{...F${i + 1}}}`)} fragment F100 on Root {old}`,
  ],
  [
    'doubling fragments of one name',
    'either',
    `{...F0} ${many(100, (i) => `fragment F${i} on Root {maybe{...F${i + 1}} maybe{...F${i + 1}}}`)} fragment F100 on Root {old}`,
  ],
  [
    'doubling spreads',
    'good',
    `{...F0} ${many(100, (i) => `fragment F${i} on Root {...F${i + 1} ...F${i + 1}}`)} fragment F100 on Root {old}`,
  ],
  [
    'doubling fields',
    'either',
    `{${nested(12, 'maybe{old} maybe{', 'old', '}')}}`,
  ],
  [
    'pairs of fragments to compare',
    'good',
    `{${many(300, (i) => `...F${i}`)}} ${many(300, (i) => `fragment F${i} on Root {maybe{a${i}: old ${many(20, (j) => `x${j}: old`)}}}`)}`,
  ],
  [
    'fields under types that exclude each other',
    'good',
    `{shape{${many(5_000, (i) => `...on Circle{a: id b: note x${i}: id} ...on Square{a: id b: note}`)}}}`,
  ],
  [
    'an unused fragment 10,000 times',
    'bad',
    `{old} ${many(10_000, (i) => `fragment F${i} on Root {old}`)}`,
  ],
  [
    'a fragment defined 10,000 times',
    'bad',
    `{...F} ${many(10_000, () => 'fragment F on Root {old}')}`,
  ],
  ['10,000 operations', 'good', many(10_000, (i) => `query Q${i} {old}`)],
  ['10,000 operations of one name', 'bad', many(10_000, () => 'query Q {old}')],
  [
    '10,000 operations, each with the same fragments',
    'either',
    `${many(2_000, (i) => `query Q${i} {...F0}`)} ${many(500, (i) => `fragment F${i} on Root {...F${i + 1}}`)} fragment F500 on Root {old}`,
  ],
  [
    'operations and variables through fragments',
    'either',
    `${many(500, (i) => `query Q${i}($a: Any) {...F0}`)} ${many(200, (i) => `fragment F${i} on Root {...F${i + 1}}`)} fragment F200 on Root {${many(500, () => 'any(value: $a)')}}`,
  ],
  [
    '50,000 variables',
    'bad',
    `query(${many(50_000, (i) => `$a${i}: Int`)}){old}`,
  ],
  [
    '20,000 variables, all used',
    'good',
    `query(${many(20_000, (i) => `$a${i}: Any!`)}){any(values: [${many(20_000, (i) => `$a${i}`)}])}`,
  ],
  [
    'one variable 50,000 times',
    'bad',
    `query(${many(50_000, () => '$a: Any')}){any(value: $a)}`,
  ],
  [
    '50,000 undefined variables',
    'bad',
    `{any(values: [${many(50_000, (i) => `$a${i}`)}])}`,
  ],
  ['50,000 arguments', 'bad', `{any(${many(50_000, (i) => `a${i}: 1`)})}`],
  [
    'one argument 50,000 times',
    'bad',
    `{any(${many(50_000, () => 'value: 1')})}`,
  ],
  [
    '50,000 fields of an input',
    'bad',
    `{shape(in: {${many(50_000, (i) => `a${i}: 1`)}}){id}}`,
  ],
  [
    'one field of an input 50,000 times',
    'bad',
    `{shape(in: {${many(50_000, () => 'top: 1')}}){id}}`,
  ],
  ['100,000 directives', 'good', `{old ${many(100_000, () => '@many')}}`],
  [
    '100,000 directives that may stand once',
    'bad',
    `{old ${many(100_000, () => '@bare')}}`,
  ],
  [
    '100,000 unknown directives',
    'bad',
    `{old ${many(100_000, (i) => `@a${i}`)}}`,
  ],
  ['100,000 unknown fields', 'bad', `{${many(100_000, (i) => `nope${i}`)}}`],
  [
    '100,000 unknown types',
    'bad',
    `{${many(100_000, (i) => `...on Nope${i}{old}`)}}`,
  ],
  ['a name of a megabyte', 'bad', `{${'a'.repeat(MB)}}`],
  ['an alias of a megabyte', 'good', `{${'a'.repeat(MB)}: old}`],
  [
    '200 names of 10 kB',
    'bad',
    `{${many(200, (i) => `${'a'.repeat(10_000)}${i}`)}}`,
  ],
  [
    '200 enum values of 10 kB',
    'bad',
    `{coloured(colours: [${many(200, (i) => `${'A'.repeat(10_000)}${i}`)}]){__typename}}`,
  ],
  [
    '200 strings of 10 kB that are no Int',
    'bad',
    `{x: required(a: "${'x'.repeat(10_000)}" b: [${many(200, () => `"${'x'.repeat(10_000)}"`)}] d: [])}`,
  ],
  [
    'an int of a megabyte',
    'bad',
    `{things(of: {id: 1}, limit: ${'9'.repeat(MB)}){id}}`,
  ],
  [
    'an int of a megabyte for a scalar',
    'either',
    `{any(value: ${'9'.repeat(MB)})}`,
  ],
  ['a float of a megabyte', 'either', `{cube(values: 0.${'9'.repeat(MB)})}`],
  [
    'an exponent of a megabyte',
    'either',
    `{cube(values: 1e${'9'.repeat(MB)})}`,
  ],
  ['a string of a megabyte', 'good', `{any(value: "${'x'.repeat(MB)}")}`],
  [
    'a megabyte of escapes',
    'good',
    `{any(value: "${'\\u{1F600}'.repeat(MB / 9)}")}`,
  ],
  ['a string without an end', 'bad', `{any(value: "${'x'.repeat(MB)}`],
  [
    'a block string of a megabyte',
    'good',
    `{any(value: """${'x'.repeat(MB)}""")}`,
  ],
  [
    'a block string of 100,000 lines',
    'good',
    `{any(value: """${many(100_000, (i) => ' '.repeat(i % 10), '\n')}x""")}`,
  ],
  [
    'a block string of empty lines',
    'good',
    `{any(value: """${'\n'.repeat(MB)}""")}`,
  ],
  [
    'a block string of carriage returns',
    'good',
    `{any(value: """${'\r\n'.repeat(MB / 2)}""")}`,
  ],
  [
    'a block string of quotes',
    'good',
    `{any(value: """${'\\"""'.repeat(MB / 4)}""")}`,
  ],
  [
    'a block string of spaces',
    'good',
    `{any(value: """\n${' '.repeat(MB)}x\n y""")}`,
  ],
  [
    'a block string without an end',
    'bad',
    `{any(value: """${'"" '.repeat(MB / 3)}`,
  ],
  [
    'many empty strings',
    'good',
    `{any(values: [${'""'.concat(' ').repeat(100_000)}])}`,
  ],
  ['a comment of a megabyte', 'good', `#${'x'.repeat(MB)}\n{old}`],
  ['a million comments', 'good', `${'#\n'.repeat(MB / 2)}{old}`],
  ['a megabyte of commas', 'good', `{${','.repeat(MB)}old}`],
  ['a megabyte of lines, then an error', 'bad', `${'\n'.repeat(MB)}{?}`],
  [
    'a megabyte of lines, then many errors',
    'bad',
    `{${many(10_000, (i) => `n${i}`, '\n'.repeat(100))}}`,
  ],
  ['a megabyte of dots', 'bad', `{${'.'.repeat(MB)}}`],
  ['a megabyte of zeros', 'bad', '\u0000'.repeat(MB)],
  ['a megabyte of byte order marks', 'bad', '\ufeff'.repeat(MB / 3)],
  ['a megabyte of smileys', 'bad', '😀'.repeat(MB / 4)],
  [
    'introspection inside introspection',
    'either',
    `{__schema{types{${nested(60, 'fields{type{', 'name', '}}')}}}}`,
  ],
  [
    'introspection of everything, many times',
    'either',
    `{${many(500, (i) => `a${i}: __schema{types{fields{type{name}}}}`)}}`,
  ],
];

for (const [name, verdict, query] of DOCUMENTS) {
  test(`${name}: ${verdict === 'either' ? 'answered' : verdict}`, async () => {
    const start = performance.now();
    const [line] = await askEngine([{ do: 'validate', query }], { schema });
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds < SECONDS_MAX, `took ${seconds.toFixed(1)} s`);
    assert.ok(line.length < ANSWER_MAX, `an answer of ${line.length} bytes`);
    const { errors } = JSON.parse(line);
    assert.ok(errors.length <= 101, `${errors.length} errors`);
    if (verdict !== 'either')
      assert.equal(
        errors.length === 0 ? 'good' : 'bad',
        verdict,
        line.slice(0, 500)
      );
    if (errors.length === 0) await execute(query);
  });
}

// What is valid is also executed, on data that ends at once.
async function execute(query) {
  const operationName = /^query (Q0)\b/.exec(query)?.[1];
  const start = performance.now();
  const [line] = await askEngine([{ do: 'execute', query, operationName }], {
    schema,
    fixture,
  });
  const seconds = (performance.now() - start) / 1000;
  assert.ok(
    seconds < SECONDS_MAX,
    `its execution took ${seconds.toFixed(1)} s`
  );
  assert.ok(JSON.parse(line));
}

const VARIABLES = [
  ['60 lists inside each other', JSON.parse(nested(60, '[', '1', ']'))],
  ['60 objects inside each other', JSON.parse(nested(60, '{"a":', '1', '}'))],
  ['a list of a million', times(1_000_000, () => 1)],
  [
    'an object of 100,000 members',
    Object.fromEntries(times(100_000, (i) => [`a${i}`, i])),
  ],
  ['a string of ten megabytes', 'é'.repeat(5 * MB)],
];

for (const [name, v] of VARIABLES) {
  for (const type of ['Any', 'Box', '[[Int]]', 'Choice']) {
    test(`a variable of type ${type} is ${name}`, async () => {
      const start = performance.now();
      const [line] = await askEngine(
        [
          {
            do: 'execute',
            query: `query($v: ${type}){any(value: [$v])}`,
            variables: { v },
          },
        ],
        { schema, fixture }
      );
      const seconds = (performance.now() - start) / 1000;
      assert.ok(seconds < SECONDS_MAX, `took ${seconds.toFixed(1)} s`);
      assert.ok(line.length < 16 * MB, `an answer of ${line.length} bytes`);
      JSON.parse(line);
    });
  }
}

test('variables deeper than any JSON may be are refused', async () => {
  const v = nested(10_000, '[', '1', ']');
  const line = `{"do":"execute","query":"{old}","variables":{"v":${v}}}\n`;
  const { code, err } = await runEngine(['batch', schema, fixture], line);
  assert.equal(code, 2);
  assert.match(err, /depth/);
});

const SCHEMAS = [
  [
    '20,000 types',
    `type Query {a: T0} ${many(9_000, (i) => `type T${i} {a: T${i + 1}}`)} type T9000 {a: Int}`,
    'good',
  ],
  [
    'one type 20,000 times',
    `type Query {a: Int} ${many(20_000, () => 'type T {a: Int}')}`,
    'bad',
  ],
  [
    '20,000 fields',
    `type Query {${many(20_000, (i) => `a${i}: Int`)}}`,
    'good',
  ],
  [
    'one field 20,000 times',
    `type Query {${many(20_000, () => 'a: Int')}}`,
    'bad',
  ],
  [
    '20,000 extensions',
    `type Query {a: Int} ${many(20_000, (i) => `extend type Query {a${i}: Int}`)}`,
    'good',
  ],
  [
    'a cycle of 5,000 inputs',
    `type Query {a(i: I0): Int} ${many(5_000, (i) => `input I${i} {a: I${(i + 1) % 5_000}!}`)}`,
    'bad',
  ],
  [
    'a chain of 5,000 inputs',
    `type Query {a(i: I0): Int} ${many(5_000, (i) => `input I${i} {a: I${i + 1}!}`)} input I5000 {a: Int}`,
    'good',
  ],
  [
    'a chain of 300 interfaces',
    `type Query {a: Int} ${many(300, (i) => `interface I${i}${i ? ` implements ${many(i, (j) => `I${j}`, ' & ')}` : ''} {a: Int}`)} type T implements ${many(300, (i) => `I${i}`, ' & ')} {a: Int}`,
    'good',
  ],
  [
    'a union of 9,000',
    `type Query {a: U} union U = ${many(9_000, (i) => `T${i}`, '|')} ${many(9_000, (i) => `type T${i} {a: Int}`)}`,
    'good',
  ],
  [
    'an enum of 20,000',
    `type Query {a: E} enum E {${many(20_000, (i) => `E${i}`)}}`,
    'good',
  ],
  [
    'a type of 10,000 lists',
    `type Query {a: ${nested(10_000, '[', 'Int', ']')}}`,
    'bad',
  ],
  [
    '10,000 unknown types',
    `type Query {${many(10_000, (i) => `a${i}: N${i}`)}}`,
    'bad',
  ],
];

for (const [name, sdl, verdict] of SCHEMAS) {
  test(`a schema with ${name}: ${verdict}`, async () => {
    const start = performance.now();
    const [line] = await askEngine([{ do: 'schema', query: sdl }]);
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds < SECONDS_MAX, `took ${seconds.toFixed(1)} s`);
    const { errors } = JSON.parse(line);
    assert.equal(
      errors.length === 0 ? 'good' : 'bad',
      verdict,
      line.slice(0, 500)
    );
  });
}
