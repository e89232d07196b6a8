// Documents at random over any schema: nearly all of them valid, with variables
// to go with them, laid out with every kind of ignored text.
import {
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  doTypesOverlap,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isUnionType,
} from 'graphql';

import { layOut } from './tokens.js';
import { Values } from './values.js';

const DEPTH_MAX = 5;
// What introspection says otherwise than graphql-js: graphql_introspection.test.js
const META_OFF =
  /^__(Schema\.(directives|types)|Type\.ofType|\w+\.description)$/;

export class DocumentMaker {
  constructor(schema, random) {
    this.schema = schema;
    this.random = random;
    this.values = new Values(random, (type, initial) =>
      this.#variable(type, initial)
    );
    this.composites = Object.values(schema.getTypeMap()).filter(
      (type) =>
        !type.name.startsWith('__') &&
        (type.getFields || isUnionType(type)) &&
        !isInputObjectType(type)
    );
    const roots = [
      schema.getQueryType(),
      schema.getMutationType(),
      schema.getSubscriptionType(),
    ];
    this.roots = ['query', 'mutation', 'subscription']
      .map((kind, i) => ({ kind, type: roots[i] }))
      .filter(({ type }) => type);
  }

  // { query, variables, operationName }
  make() {
    this.fragments = []; // { name, on, text, operation: whose variables it has }
    this.number = 0;
    this.texts = [];
    this.variables = {};
    const count = this.random.chance(80) ? 1 : 2 + this.random.below(2);
    const names = Array.from({ length: count }, (_, i) =>
      this.#operation(i, count)
    );
    const definitions = [...this.texts, ...this.fragments.map((f) => f.text)];
    const query = layOut(
      this.random.shuffled(definitions).join('\n'),
      this.random
    );
    const operationName =
      count > 1 || this.random.chance(20)
        ? this.random.oneOf(names)
        : undefined;
    return { query, variables: this.variables, operationName };
  }

  #operation(index, count) {
    const { random } = this;
    const { kind, type } = random.chance(75)
      ? this.roots[0]
      : random.oneOf(this.roots);
    this.operation = { index, defined: new Map() };
    const name = count > 1 || random.chance(50) ? `Op${index}` : undefined;
    const set =
      kind === 'subscription' ? this.#single(type) : this.#set(type, 0);
    const directives = this.#directives(kind.toUpperCase());
    const definitions = [...this.operation.defined.values()].map((v) => v.text);
    const head = definitions.length > 0 ? `(${definitions.join(' ')})` : '';
    const short =
      kind === 'query' && !name && !head && !directives && random.chance(70);
    this.texts.push(
      short
        ? set
        : `${this.#description()}${kind} ${name ?? ''}${head}${directives}${set}`
    );
    return name;
  }

  #description() {
    return this.random.chance(4) ? `${this.values.string()} ` : '';
  }

  #single(type) {
    return `{${this.#field(type, this.random.oneOf(Object.values(type.getFields())), 0, false)}}`;
  }

  // ---- selections ----

  #set(type, depth) {
    const { random } = this;
    const width = depth === 0 ? 3 : random.chance(20) ? 4 : 2;
    const selections = random.many(1, width, () =>
      this.#selection(type, depth)
    );
    if (random.chance(3)) selections.push(...selections.slice(0, 1)); // the same again is no conflict
    return `{${selections.join(' ')}}`;
  }

  #selection(type, depth) {
    const { random } = this;
    const what = random.below(100);
    if (depth < DEPTH_MAX && what < (isAbstractType(type) ? 35 : 12))
      return this.#inline(type, depth);
    if (depth < DEPTH_MAX && what < (isAbstractType(type) ? 60 : 22))
      return this.#spread(type, depth);
    const field = this.#pickField(type, depth);
    return this.#field(type, field ?? TypeNameMetaFieldDef, depth);
  }

  #pickField(type, depth) {
    const { random } = this;
    if (isUnionType(type) || random.chance(6)) return undefined;
    const fields = Object.values(type.getFields()).filter(
      (f) => !META_OFF.test(`${type.name}.${f.name}`)
    );
    if (type === this.schema.getQueryType() && random.chance(3))
      return random.oneOf([SchemaMetaFieldDef, TypeMetaFieldDef]);
    const meta = type.name.startsWith('__');
    const shallow = fields.filter((f) => isLeafType(getNamedType(f.type)));
    if (depth >= (meta ? 4 : DEPTH_MAX))
      return random.oneOf(shallow.length > 0 ? shallow : [undefined]);
    return random.oneOf(fields);
  }

  #field(parent, field, depth, skippable = true) {
    const { random } = this;
    const meta = parent.name.startsWith('__') || field === TypeMetaFieldDef;
    const args = meta
      ? this.#metaArguments(field)
      : this.#arguments(field.args);
    const directives = this.#directives('FIELD', skippable);
    const type = getNamedType(field.type);
    const set = isLeafType(type) ? '' : this.#set(type, depth + 1);
    const plain = args === '' && isLeafType(type) && !directives;
    const alias =
      plain && random.chance(75)
        ? ''
        : random.chance(plain ? 100 : 93)
          ? `${random.oneOf(['a', 'b', '_', 'x1', field.name])}${this.number++}: `
          : '';
    return `${alias}${field.name}${args}${directives}${set}`;
  }

  #arguments(definitions) {
    const { random } = this;
    const given = definitions.filter(
      (arg) => isRequiredArgument(arg) || random.chance(45)
    );
    if (given.length === 0) return '';
    const put = (arg) =>
      `${arg.name}: ${this.values.literal(arg.type, { initial: arg.defaultValue })}`;
    return `(${random.shuffled(given).map(put).join(', ')})`;
  }

  #metaArguments(field) {
    if (field === TypeMetaFieldDef)
      return `(name: "${this.random.oneOf([...Object.keys(this.schema.getTypeMap()).filter((n) => !n.startsWith('__')), 'Nope'])}")`;
    return field.args.length > 0 && this.random.chance(50)
      ? `(includeDeprecated: ${this.random.chance(70)})`
      : '';
  }

  #inline(type, depth) {
    const on = this.random.chance(85) ? this.#overlapping(type) : undefined;
    const directives = this.#directives('INLINE_FRAGMENT');
    return `...${on ? ` on ${on.name}` : ''}${directives}${this.#set(on ?? type, depth + 1)}`;
  }

  #spread(type, depth) {
    const { random, operation } = this;
    const usable = this.fragments.filter(
      (f) =>
        doTypesOverlap(this.schema, f.on, type) &&
        (f.operation === undefined || f.operation === operation.index)
    );
    const fragment =
      usable.length > 0 && random.chance(40)
        ? random.oneOf(usable)
        : this.#fragment(type, depth);
    return `...${fragment.name}${this.#directives('FRAGMENT_SPREAD')}`;
  }

  #fragment(type, depth) {
    const on = this.#overlapping(type);
    const used = this.used;
    this.used = 0;
    const name = `${this.random.oneOf(['F', 'fragments', 'query', '_f'])}${this.number++}`;
    const directives = this.#directives('FRAGMENT_DEFINITION');
    const set = this.#set(on, depth + 1);
    const fragment = {
      name,
      on,
      text: `${this.#description()}fragment ${name} on ${on.name}${directives}${set}`,
      operation: this.used > 0 ? this.operation.index : undefined,
    };
    // A fragment that spreads one with variables has them, too.
    this.used += used ?? 0;
    if (
      this.fragments.some(
        (f) => f.operation !== undefined && set.includes(`...${f.name}`)
      )
    )
      fragment.operation = this.operation.index;
    this.fragments.push(fragment);
    return fragment;
  }

  #overlapping(type) {
    const { random } = this;
    if (type.name.startsWith('__') || random.chance(25)) return type;
    return random.oneOf(
      this.composites.filter((other) =>
        doTypesOverlap(this.schema, type, other)
      )
    );
  }

  // ---- directives and variables ----

  #directives(location, skippable = true) {
    const { random } = this;
    if (random.chance(82)) return '';
    const known = this.schema
      .getDirectives()
      .filter(
        (d) =>
          d.locations.includes(location) &&
          (skippable || !/^(skip|include)$/.test(d.name))
      );
    if (known.length === 0) return '';
    const first = random.oneOf(known);
    const more = random.chance(25)
      ? [random.oneOf(known)].filter((d) => d !== first || d.isRepeatable)
      : [];
    return [first, ...more]
      .map((d) => ` @${d.name}${this.#arguments(d.args)}`)
      .join('');
  }

  #variable(type, initial) {
    const { random, operation } = this;
    const known = [...operation.defined.values()].filter(
      (v) => v.type === `${type}`
    );
    this.used = (this.used ?? 0) + 1;
    if (known.length > 0 && random.chance(30)) return random.oneOf(known).name;
    const name = `${random.oneOf(['v', 'on', 'type', 'V_'])}${operation.defined.size}`;
    const declared = this.#declared(type, initial);
    operation.defined.set(name, {
      name,
      type: `${type}`,
      text: this.#definition(name, declared),
    });
    const has = Object.hasOwn(this.variables, name);
    if (!has && (declared.required || random.chance(65)))
      this.#provide(name, declared.type);
    return name;
  }

  // The variable's own type: what it is used as, or stricter, or nullable with
  // a default.
  #declared(type, initial) {
    const { random } = this;
    const bare = getNullableType(type);
    const literal = () =>
      new Values(random).literal(bare, { variables: false });
    if (isNonNullType(type)) {
      if (random.chance(25)) return { type: bare, initial: literal() };
      if (initial !== undefined && random.chance(30)) return { type: bare };
      if (random.chance(10)) return { type, initial: literal() };
      return { type, required: !random.chance(3) };
    }
    if (random.chance(20) && !isListType(bare))
      return { type, strict: true, required: !random.chance(3) };
    return random.chance(30) ? { type, initial: literal() } : { type };
  }

  #definition(name, { type, strict, initial }) {
    const directives = this.random.chance(10) ? this.#constDirectives() : '';
    const described = this.#description();
    return `${described}$${name}: ${type}${strict ? '!' : ''}${initial ? ` = ${initial}` : ''}${directives}`;
  }

  #constDirectives() {
    const known = this.schema
      .getDirectives()
      .filter((d) => d.locations.includes('VARIABLE_DEFINITION'));
    if (known.length === 0) return '';
    const directive = this.random.oneOf(known);
    const values = new Values(this.random);
    const put = (arg) =>
      `${arg.name}: ${values.literal(arg.type, { variables: false })}`;
    const args = directive.args
      .filter((arg) => isRequiredArgument(arg))
      .map(put);
    return ` @${directive.name}${args.length > 0 ? `(${args})` : ''}`;
  }

  #provide(name, type) {
    const value = this.random.chance(3)
      ? this.values.wrong()
      : this.values.json(type);
    this.variables[name] = value;
  }
}
