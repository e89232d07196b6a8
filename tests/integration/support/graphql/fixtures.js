// A root object for a schema: what its fields give. A dirty one has nulls where
// none may be, failing fields, values that suit no type.
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql';

const DEPTH_MAX = 4;
const TEXTS = [
  '',
  'text',
  'é 😀',
  'line\nline',
  '"quoted"',
  '\\',
  '\u0001\u001f\u007f',
  '</script>',
  '\u2028',
  '\b\f\t\r',
];
const FLOATS = [
  0, 1, -1, 0.5, -2.25, 1e21, 1e-7, 123456789.125, 5e-324,
  1.7976931348623157e308, 0.1, 100, 1e6,
];
const INTS = [0, 1, -1, 42, 2147483647, -2147483648];
const WRONG = {
  Int: ['wrong', 1.5, 3000000000, {}, -2147483649],
  Float: ['wrong', {}],
  String: [{}],
  Boolean: ['yes', {}],
  ID: [1.5, {}],
};

export function makeFixture(schema, random, { dirty = 0 } = {}) {
  const possible = (type) =>
    isAbstractType(type) ? random.oneOf(schema.getPossibleTypes(type)) : type;

  function object(abstract, depth) {
    const type = possible(abstract);
    const made = { __typename: type.name };
    if (isAbstractType(abstract) && random.below(100) < dirty)
      made.__typename = random.oneOf([
        'Nope',
        'Int',
        schema.getQueryType().name,
        abstract.name,
      ]);
    for (const field of Object.values(type.getFields())) {
      const given = value(field.type, depth, field);
      if (given !== undefined) made[field.name] = given;
    }
    return made;
  }

  function value(type, depth, field) {
    const trouble = random.below(100) < dirty ? random.below(3) : -1;
    if (trouble === 0) return null;
    if (trouble === 1)
      return { __error: random.oneOf(['it broke', 'é "quoted"', 'second']) };
    if (trouble === 2) return wrong(getNullableType(type));
    if (!isNonNullType(type) && (random.chance(6) || tooDeep(type, depth)))
      return random.chance(50) ? null : undefined;
    return present(getNullableType(type), depth, field);
  }

  // Beyond the fixture's depth there are no objects, where none have to be.
  const tooDeep = (type, depth) =>
    depth >= DEPTH_MAX && !isLeafType(getNamedType(type));

  function present(type, depth, field) {
    if (isListType(type)) {
      if (depth >= DEPTH_MAX && !isLeafType(getNamedType(type))) return [];
      return random.many(
        0,
        depth > 1 ? 2 : 3,
        () => value(type.ofType, depth, undefined) ?? null
      );
    }
    if (isLeafType(type)) return leaf(type, field);
    return depth > DEPTH_MAX + 2 ? null : object(type, depth + 1);
  }

  function leaf(type, field) {
    if (isEnumType(type)) return random.oneOf(type.getValues()).name;
    if (
      field?.args.length > 0 &&
      !/^(Int|Float|Boolean|ID)$/.test(type.name) &&
      random.chance(75)
    )
      return { __arguments: true };
    switch (type.name) {
      case 'Int':
        return random.oneOf(INTS);
      case 'Float':
        return random.oneOf(FLOATS);
      case 'Boolean':
        return random.chance(50);
      case 'ID':
        return random.chance(30) ? random.oneOf(INTS) : random.oneOf(TEXTS);
      case 'String':
        return random.oneOf(TEXTS);
      default:
        return random.oneOf([
          '2026-11-21',
          7,
          1.5,
          true,
          [1, null, { a: [] }],
          { a: { b: 'c' } },
        ]);
    }
  }

  function wrong(type) {
    if (isListType(type)) return random.oneOf(['no list', 7, { a: 1 }]);
    if (isEnumType(type)) return random.oneOf(['NOPE', 7]);
    return random.oneOf(WRONG[type.name] ?? [null]);
  }

  return Object.assign(
    {},
    ...[
      schema.getQueryType(),
      schema.getMutationType(),
      schema.getSubscriptionType(),
    ]
      .filter(Boolean)
      .map((type) => object(type, 0)),
    { __typename: undefined }
  );
}
