// Documents made wrong on purpose: most break one rule, some break none.
import { Kind, parse, print } from 'graphql';

import { damage, layOut } from './tokens.js';
import { Values } from './values.js';

// Every node below `root`, with where it hangs.
export function nodesOf(root, kinds) {
  const found = [];
  const walk = (node, list, index, holder, key) => {
    if (!node?.kind) return;
    if (!kinds || kinds.includes(node.kind))
      found.push({ node, list, index, holder, key });
    for (const [name, value] of Object.entries(node)) {
      if (name === 'loc') continue;
      if (Array.isArray(value))
        value.forEach((item, i) => walk(item, value, i, node, name));
      else if (value && typeof value === 'object')
        walk(value, undefined, 0, node, name);
    }
  };
  walk(root);
  return found;
}

const LITERALS = [
  '1',
  '-7',
  '1.5',
  '"text"',
  'true',
  'null',
  'WORD',
  '[]',
  '[1, "a"]',
  '{}',
  '{a: 1}',
  '{name: "x", id: 1}',
  '{top: 1}',
  '$v0',
  '$nope',
  '[null]',
  '2147483648',
  '"""b"""',
  '[[1]]',
  '{top: 1, top: 2}',
  '[$v0]',
  '{top: $v1}',
  '{id: null}',
  '{name: $v0}',
  '99999999999999999999',
];
const TYPES = [
  'Int',
  'String!',
  '[Int!]',
  'Nope',
  'Boolean',
  'Boolean!',
  '[[Int]]',
  'Query',
  'Film',
  'Choice',
  'Box',
  '[Box!]!',
  'Node',
  'Found',
  'ID!',
  '__Type',
];
const USES = [
  '@skip(if: true)',
  '@include(if: false)',
  '@skip',
  '@include(if: "x")',
  '@nope',
  '@deprecated',
  '@skip(if: $v0)',
  '@once(level: 1)',
  '@once',
  '@many @many(n: 2)',
  '@bare',
  '@bare(a: 1)',
  '@skip(if: true) @skip(if: true)',
  '@include(if: null)',
  '@specifiedBy(url: "x")',
  '@oneOf',
  '@about',
];

const literal = (text) =>
  parse(`{a(b:${text})}`).definitions[0].selectionSet.selections[0].arguments[0]
    .value;
const typeOf = (text) =>
  parse(`query($a:${text}){a}`).definitions[0].variableDefinitions[0].type;
const usesOf = (text) =>
  parse(`{a ${text}}`).definitions[0].selectionSet.selections[0].directives;
const selection = (text) =>
  parse(`{${text}}`).definitions[0].selectionSet.selections[0];
export const copy = (node) => JSON.parse(JSON.stringify(node));

export class Mutator {
  constructor(schema, random) {
    this.random = random;
    const types = Object.values(schema.getTypeMap()).filter(
      (type) => !type.name.startsWith('__')
    );
    this.fields = types.flatMap((type) =>
      Object.keys(type.getFields?.() ?? {})
    );
    this.names = [
      ...new Set([
        ...types.map((type) => type.name),
        ...this.fields,
        ...types.flatMap((t) =>
          Object.values(t.getFields?.() ?? {}).flatMap((f) =>
            (f.args ?? []).map((a) => a.name)
          )
        ),
        ...schema.getDirectives().map((d) => d.name),
        ...[
          'nope',
          'v0',
          'v1',
          'Op0',
          'F0',
          '__typename',
          '__schema',
          '__type',
        ],
      ]),
    ];
    this.values = new Values(random);
    this.ways = [
      ...Array(5).fill('rename'),
      ...[
        'remove',
        'remove',
        'repeat',
        'repeat',
        'value',
        'value',
        'value',
        'type',
        'type',
      ],
      ...[
        'directive',
        'directive',
        'cycle',
        'conflict',
        'conflict',
        'operation',
        'leaf',
        'condition',
        'graft',
        'moreVariables',
        'subscribe',
      ],
    ];
  }

  // A wrong document; damaged: one that most often is no document at all.
  mutant(query) {
    const document = copy(parse(query, { noLocation: true }));
    for (let n = this.random.chance(20) ? 2 : 1; n > 0; n--)
      this[this.random.oneOf(this.ways)](document);
    try {
      return layOut(print(document), this.random);
    } catch {
      return query; // a mutation that left nothing to print
    }
  }

  damaged(query) {
    return damage(query, this.random);
  }

  #pick(document, ...kinds) {
    const nodes = nodesOf(document, kinds);
    return nodes.length > 0 ? this.random.oneOf(nodes) : undefined;
  }

  rename(document) {
    const { node } = this.#pick(document, Kind.NAME);
    node.value = this.random.oneOf(this.names);
  }

  remove(document) {
    const inLists = nodesOf(document).filter(
      (n) =>
        n.list &&
        n.list.length >
          (n.key === 'selections' || n.key === 'definitions' ? 1 : 0)
    );
    if (inLists.length === 0) return;
    const { list, index } = this.random.oneOf(inLists);
    list.splice(index, 1);
  }

  repeat(document) {
    const inLists = nodesOf(document).filter((n) => n.list);
    const { list, index, node } = this.random.oneOf(inLists);
    list.splice(this.random.below(list.length + 1), 0, copy(node));
    void index;
  }

  value(document) {
    const kinds = [
      Kind.INT,
      Kind.FLOAT,
      Kind.STRING,
      Kind.BOOLEAN,
      Kind.NULL,
      Kind.ENUM,
      Kind.LIST,
      Kind.OBJECT,
      Kind.VARIABLE,
    ];
    const values = nodesOf(document, kinds).filter((n) => n.key !== 'variable');
    if (values.length === 0) return;
    this.#replace(
      this.random.oneOf(values),
      literal(this.random.oneOf(LITERALS))
    );
  }

  #replace({ list, index, holder, key }, node) {
    if (list) list[index] = node;
    else holder[key] = node;
  }

  type(document) {
    const definition = this.#pick(document, Kind.VARIABLE_DEFINITION);
    if (definition) definition.node.type = typeOf(this.random.oneOf(TYPES));
  }

  directive(document) {
    const place = this.#pick(
      document,
      Kind.FIELD,
      Kind.FRAGMENT_SPREAD,
      Kind.INLINE_FRAGMENT,
      Kind.OPERATION_DEFINITION,
      Kind.FRAGMENT_DEFINITION,
      Kind.VARIABLE_DEFINITION
    );
    place.node.directives.push(
      ...copy(
        usesOf(
          this.random
            .oneOf(USES)
            .replace(
              place.node.kind === Kind.VARIABLE_DEFINITION ? /\$v0/ : /^$/,
              'true'
            )
        )
      )
    );
  }

  cycle(document) {
    const fragment = this.#pick(document, Kind.FRAGMENT_DEFINITION);
    if (!fragment) return;
    const set = this.random.oneOf(
      nodesOf(this.random.chance(60) ? fragment.node : document, [
        Kind.SELECTION_SET,
      ])
    );
    set.node.selections.push(selection(`...${fragment.node.name.value}`));
  }

  // Another field under a response name that is taken.
  conflict(document) {
    const field = this.#pick(document, Kind.FIELD);
    const other = this.random.chance(50)
      ? copy(this.#pick(document, Kind.FIELD).node)
      : selection(this.random.oneOf(this.fields));
    other.alias = copy(field.node.alias ?? field.node.name);
    const sets = nodesOf(document, [Kind.SELECTION_SET]);
    const set = this.random.chance(70)
      ? field.list
      : this.random.oneOf(sets).node.selections;
    set.splice(this.random.below(set.length + 1), 0, other);
  }

  operation(document) {
    const { random } = this;
    const { node } = this.#pick(document, Kind.OPERATION_DEFINITION) ?? {};
    if (!node) return;
    if (random.chance(40))
      node.operation = random.oneOf(['query', 'mutation', 'subscription']);
    else if (random.chance(50)) node.name = undefined;
    else
      document.definitions.push(
        ...parse(
          random.oneOf([
            '{a}',
            'query Op0 {a}',
            'type A {a: Int}',
            'fragment F0 on Query {a}',
            'fragment Z on Nope {a}',
            'fragment Z on Int {a}',
            'extend schema @a',
            'mutation Op1 {a}',
          ])
        ).definitions
      );
  }

  leaf(document) {
    const { node } = this.#pick(document, Kind.FIELD);
    node.selectionSet = node.selectionSet
      ? undefined
      : {
          kind: Kind.SELECTION_SET,
          selections: [selection(this.random.oneOf(this.fields))],
        };
  }

  condition(document) {
    const place = this.#pick(
      document,
      Kind.INLINE_FRAGMENT,
      Kind.FRAGMENT_DEFINITION
    );
    if (place?.node.typeCondition)
      place.node.typeCondition.name.value = this.random.oneOf(this.names);
  }

  // A selection set in another's place.
  graft(document) {
    const into = this.#pick(document, Kind.SELECTION_SET);
    const from = this.#pick(document, Kind.SELECTION_SET);
    into.node.selections.push(...copy(from.node.selections));
  }

  moreVariables(document) {
    const { node } = this.#pick(document, Kind.OPERATION_DEFINITION) ?? {};
    if (!node) return;
    const text = this.random.oneOf([
      '$unused: Int',
      '$v0: String',
      '$bad: Query',
      '$bad: Nope',
      '$d: Int! = null',
      '$d: Int = "x"',
      '$d: [Int!] = [1, null]',
      '$d: Box = {top: "x"}',
      '$o: Choice = {}',
      '$o: Choice = {id: 1, name: "x"}',
      '$l: Film',
      '$d: Int = 1.0',
      '$e: Genre = "DRAMA"',
    ]);
    node.variableDefinitions.push(
      ...parse(`query(${text}){a}`).definitions[0].variableDefinitions
    );
  }

  // More than one root field, or one under a condition.
  subscribe(document) {
    const { node } = this.#pick(document, Kind.OPERATION_DEFINITION) ?? {};
    if (!node) return;
    if (node.operation !== 'subscription') return this.conflict(document);
    node.selectionSet.selections.push(
      selection(
        this.random.oneOf([
          '__typename',
          'counted',
          '... on Subscription {counted}',
          'a: __typename',
          'ticked',
          '... {ticked}',
        ])
      )
    );
  }
}
