// Values at random for any input type, as literals and as JSON.
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql';

const INTS = [0, 1, -1, 7, 42, 2147483647, -2147483648];
const FLOATS = [
  '0.5',
  '-1.25',
  '1e3',
  '6.02E23',
  '1e-7',
  '123456789.125',
  '3',
  '-0.0',
  '1E+2',
  '5e-324',
  '0.1',
];
const TEXTS = [
  '',
  'a',
  'two words',
  'é',
  '日本',
  '😀',
  '\t\n',
  '"',
  '\\',
  '/',
  '\u007f',
  '\u0001',
  '{',
  '#',
  '\u2028',
];
const ESCAPES = [
  '\\n',
  '\\"',
  '\\\\',
  '\\/',
  '\\b\\f\\r\\t',
  '\\u0041',
  '\\u00e9',
  '\\uD83D\\uDE00',
  '\\u{1F600}',
  '\\u{41}',
  '\\u{10FFFF}',
];
const LINES = [
  'one',
  '  two',
  '\t three',
  '',
  '    ',
  'é 😀',
  '\\"""',
  '\\u0041',
  '" "" " x',
  '      deep',
];

export class Values {
  // variable(type, initial): the name of a variable for that place, or none.
  constructor(random, variable = () => undefined) {
    this.random = random;
    this.variable = variable;
  }

  // ---- literals ----

  literal(type, { depth = 0, variables = true, initial } = {}) {
    const { random } = this;
    if (variables && random.chance(depth > 0 ? 15 : 30)) {
      const name = this.variable(type, initial);
      if (name) return `$${name}`;
    }
    if (isNonNullType(type))
      return this.#present(type.ofType, depth, variables);
    if (random.chance(8)) return 'null';
    return this.#present(type, depth, variables);
  }

  #present(type, depth, variables) {
    const inside = { depth: depth + 1, variables };
    if (isListType(type)) {
      if (this.random.chance(15)) return this.#bare(type, inside);
      const item = () => this.literal(type.ofType, inside);
      return `[${this.random.many(0, 3, item).join(', ')}]`;
    }
    if (isInputObjectType(type)) return this.#object(type, inside);
    if (isEnumType(type)) return this.random.oneOf(type.getValues()).name;
    return this.#scalar(type.name, depth);
  }

  // One item instead of a list; null would be no list at all.
  #bare(type, inside) {
    let item = type;
    while (isNonNullType(item) || isListType(item)) item = item.ofType;
    return this.#present(item, inside.depth, false);
  }

  #object(type, inside) {
    const fields = Object.values(type.getFields());
    const put = (field) =>
      `${field.name}: ${this.literal(field.type, { ...inside, initial: field.defaultValue })}`;
    if (type.isOneOf) {
      const field = this.random.oneOf(
        fields.filter(
          (f) => inside.depth < 4 || !isInputObjectType(getNamedType(f.type))
        )
      );
      return `{${field.name}: ${this.#present(field.type, inside.depth, false)}}`;
    }
    return `{${this.random.shuffled(this.#chosen(fields, inside.depth)).map(put).join(', ')}}`;
  }

  #chosen(fields, depth) {
    return fields.filter((field) => {
      if (isRequiredInputField(field)) return true;
      if (depth > 3 && isInputObjectType(getNamedType(field.type)))
        return false;
      return this.random.chance(35);
    });
  }

  #scalar(name, depth) {
    const { random } = this;
    switch (name) {
      case 'Int':
        return `${random.oneOf(INTS)}`;
      case 'Float':
        return random.chance(30)
          ? `${random.oneOf(INTS)}`
          : random.oneOf(FLOATS);
      case 'Boolean':
        return random.oneOf(['true', 'false']);
      case 'ID':
        return random.chance(40) ? `${random.oneOf(INTS)}` : this.string();
      case 'String':
        return this.string();
      default:
        return this.#anything(depth);
    }
  }

  // What a scalar of its own may be written as.
  #anything(depth) {
    const { random } = this;
    if (random.chance(depth < 4 ? 20 : 0))
      return `[${random.many(0, 2, () => this.#anything(depth + 1)).join(' ')}]`;
    if (random.chance(depth < 4 ? 20 : 0))
      return `{${['a', 'b'].slice(random.below(2)).map((k) => `${k}: ${this.#anything(depth + 1)}`)}}`;
    return random.oneOf([
      this.string(),
      `${random.oneOf(INTS)}`,
      random.oneOf(FLOATS),
      'true',
      'WORD',
      '9007199254740991',
    ]);
  }

  string() {
    const { random } = this;
    if (random.chance(20)) return this.block();
    const piece = () =>
      random.chance(40)
        ? random.oneOf(ESCAPES)
        : random.oneOf(TEXTS.filter((text) => !/["\\\n\r]/.test(text)));
    return `"${random.many(0, 4, piece).join('')}"`;
  }

  block() {
    const { random } = this;
    const end = random.oneOf(['\n', '\n', '\r\n', '\r']);
    const line = () => ' '.repeat(random.below(5)) + random.oneOf(LINES);
    return `"""${random.many(1, 5, line).join(end)}${random.oneOf(['', end, ' '])}"""`;
  }

  // ---- JSON ----

  json(type, depth = 0) {
    const { random } = this;
    if (isNonNullType(type)) return this.#jsonPresent(type.ofType, depth);
    return random.chance(8) ? null : this.#jsonPresent(type, depth);
  }

  #jsonPresent(type, depth) {
    const { random } = this;
    if (random.chance(2)) return this.wrong();
    if (isListType(type)) {
      if (random.chance(15)) return this.json(getNamedType(type), depth + 1);
      return random.many(0, 3, () => this.json(type.ofType, depth + 1));
    }
    if (isInputObjectType(type)) return this.#jsonObject(type, depth + 1);
    if (isEnumType(type)) return random.oneOf(type.getValues()).name;
    return this.#jsonScalar(type.name);
  }

  #jsonObject(type, depth) {
    const { random } = this;
    const fields = Object.values(type.getFields());
    if (type.isOneOf) {
      const field = random.oneOf(
        fields.filter(
          (f) => depth < 4 || !isInputObjectType(getNamedType(f.type))
        )
      );
      return { [field.name]: this.#jsonPresent(field.type, depth) };
    }
    const object = {};
    for (const field of random.shuffled(this.#chosen(fields, depth)))
      object[field.name] = this.json(field.type, depth);
    if (random.chance(2)) object.nope = 1;
    return object;
  }

  #jsonScalar(name) {
    const { random } = this;
    switch (name) {
      case 'Int':
        return random.oneOf(INTS);
      case 'Float':
        return random.chance(50)
          ? random.oneOf(INTS)
          : Number(random.oneOf(FLOATS));
      case 'Boolean':
        return random.chance(50);
      case 'ID':
        return random.chance(40) ? random.oneOf(INTS) : random.oneOf(TEXTS);
      case 'String':
        return random.oneOf(TEXTS);
      default:
        return random.oneOf([
          random.oneOf(TEXTS),
          random.oneOf(INTS),
          1.5,
          true,
          [1, 'a'],
          { b: { c: null }, a: [] },
        ]);
    }
  }

  // What suits few types.
  wrong() {
    return this.random.oneOf([
      1.5,
      'wrong',
      true,
      [],
      {},
      [null],
      { a: 1 },
      1e10,
      '',
      '12',
      null,
      -0.5,
      [[1]],
      2 ** 53,
    ]);
  }
}
