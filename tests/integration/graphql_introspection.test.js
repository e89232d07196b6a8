// What the engine says about its schema is what graphql-js says, given the same
// text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  introspectionFromSchema,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';

import { bigSchema } from './support/graphql/big_schema.js';
import { askEngine, fileOf } from './support/graphql/engine.js';
import { sdlOf } from './support/graphql/oracle.js';
import { Random } from './support/graphql/random.js';
import { ROOT } from './support/program.js';

const ALL = {
  descriptions: true,
  oneOf: true,
  specifiedByUrl: true,
  inputValueDeprecation: true,
  schemaDescription: true,
  directiveIsRepeatable: true,
};

const SCHEMAS = {
  films: sdlOf('films'),
  shapes: sdlOf('shapes'),
  tiny: sdlOf('tiny'),
  big: bigSchema(new Random(7), 150),
  telemetry: readFileSync(join(ROOT, 'schema/telemetry.graphql'), 'utf8'),
};

// What graphql-js 16.15 has before the September 2025 edition does, or has
// otherwise. Each is done to graphql-js's answer.
const DIFFERENCES = [
  {
    what: 'directives cannot be deprecated yet',
    edit: ({ types, directives }) => {
      for (const directive of directives) {
        delete directive.isDeprecated;
        delete directive.deprecationReason;
      }
      fieldOf(types, '__Schema', 'directives').args = [];
      const directive = typeOf(types, '__Directive');
      directive.fields = directive.fields.filter(
        (f) => !/^(isDeprecated|deprecationReason)$/.test(f.name)
      );
    },
  },
  {
    what: 'directive definitions are no place for directives yet',
    edit: ({ types, directives }) => {
      const locations = typeOf(types, '__DirectiveLocation');
      locations.enumValues = locations.enumValues.filter(
        (v) => v.name !== 'DIRECTIVE_DEFINITION'
      );
      const deprecated = directives.find((d) => d.name === 'deprecated');
      deprecated.locations = deprecated.locations.filter(
        (l) => l !== 'DIRECTIVE_DEFINITION'
      );
    },
  },
  {
    what: 'includeDeprecated is never null',
    edit: ({ types }) => {
      for (const type of types.filter((t) => t.name.startsWith('__')))
        for (const arg of (type.fields ?? []).flatMap((f) => f.args))
          if (arg.name === 'includeDeprecated' && arg.type.kind !== 'NON_NULL')
            arg.type = { kind: 'NON_NULL', name: null, ofType: arg.type };
    },
  },
  {
    what: 'a deprecation always has a reason',
    edit: ({ directives }) => {
      const [reason] = directives.find((d) => d.name === 'deprecated').args;
      reason.type = { kind: 'NON_NULL', name: null, ofType: reason.type };
    },
  },
];

const introspectionOf = (sdl) =>
  JSON.parse(JSON.stringify(introspectionFromSchema(buildSchema(sdl), ALL)));
const typeOf = (types, name) => types.find((t) => t.name === name);
const fieldOf = (types, type, field) =>
  typeOf(types, type).fields.find((f) => f.name === field);

async function introspect(sdl, options = ALL) {
  const [line] = await askEngine(
    [{ do: 'execute', query: getIntrospectionQuery(options) }],
    { schema: fileOf(sdl) }
  );
  const { data, errors } = JSON.parse(line);
  assert.equal(errors, undefined);
  return data;
}

const STANDARD =
  /^(__.*|Int|Float|String|Boolean|ID|skip|include|deprecated|specifiedBy|oneOf)$/;

// Types, what an abstract one can be, and places have no order; what the standard ones
// are described as is not fixed.
function canonical({ __schema: schema }) {
  const named = (list) => list?.sort((a, b) => (a.name < b.name ? -1 : 1));
  named(schema.types);
  named(schema.directives);
  for (const directive of schema.directives) directive.locations.sort();
  for (const type of schema.types) named(type.possibleTypes);
  for (const part of [...schema.types, ...schema.directives])
    if (STANDARD.test(part.name)) undescribed(part);
  return schema;
}

function undescribed(holder) {
  if (!holder || typeof holder !== 'object') return;
  if ('description' in holder) holder.description = null;
  for (const value of Object.values(holder)) undescribed(value);
}

for (const [name, sdl] of Object.entries(SCHEMAS)) {
  test(`${name}: a client builds the same schema`, async () => {
    const printed = (schema) => printSchema(lexicographicSortSchema(schema));
    assert.equal(
      printed(buildClientSchema(await introspect(sdl))),
      printed(buildSchema(sdl))
    );
  });

  test(`${name}: introspection is equal, but for ${DIFFERENCES.length} listed differences`, async () => {
    const expected = introspectionOf(sdl);
    for (const { edit } of DIFFERENCES) edit(expected.__schema);
    assert.deepEqual(canonical(await introspect(sdl)), canonical(expected));
  });
}

test('the differences are there', () => {
  const said = () => introspectionOf(SCHEMAS.shapes).__schema;
  for (const { what, edit } of DIFFERENCES) {
    const edited = said();
    edit(edited);
    assert.notDeepEqual(edited, said(), what);
  }
});

test('an old client without the newer flags is answered, too', async () => {
  const none = Object.fromEntries(
    Object.keys(ALL).map((flag) => [flag, false])
  );
  const schema = buildClientSchema(await introspect(SCHEMAS.shapes, none));
  assert.ok(schema.getType('Circle'));
});

test('types and fields come in the order of the text', async () => {
  const { __schema: schema } = await introspect(SCHEMAS.films);
  const own = schema.types
    .filter((t) => !STANDARD.test(t.name))
    .map((t) => t.name);
  const inText = [
    ...SCHEMAS.films.matchAll(
      /^(?:type|interface|enum|scalar|input|union) (\w+)/gm
    ),
  ].map((m) => m[1]);
  assert.deepEqual(own, inText);
});
