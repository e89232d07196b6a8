// Schema texts made wrong on purpose: most break one rule, some none.
import { Kind, parse, print } from 'graphql';

import { copy, nodesOf } from './mutants.js';
import { damage, layOut } from './tokens.js';

const TYPES = [
  'Int',
  'Int!',
  '[Int!]!',
  'String',
  'Query',
  'Root',
  '[Shape]',
  'Box!',
  'Choice',
  'Nope',
  '[[Colour!]]',
  'Drawn',
  'Object1!',
  'Enum0',
  'Input1!',
];
const USES = [
  '@deprecated',
  '@deprecated(reason: "x")',
  '@oneOf',
  '@specifiedBy(url: "u")',
  '@specifiedBy',
  '@about',
  '@about(text: "x") @about',
  '@nope',
  '@once(level: 1)',
  '@skip(if: true)',
  '@about(texts: 1)',
];
const MORE = [
  'scalar More',
  'type More {a: Int}',
  'extend type More {b: Int}',
  'extend type Query {more: Int}',
  'extend type Root {more: More}',
  'type Query {a: Int}',
  'enum Kind {X}',
  'extend enum Lang {X}',
  'extend enum Lang {EN}',
  'union More = Query | Root',
  'input More @oneOf {a: Int}',
  'input More {a: Int! = 1 b: More}',
  'directive @more on FIELD',
  'schema {query: Query}',
  'extend schema {mutation: Root}',
  'extend interface Thing {more: Int}',
  'extend union Drawn = Text',
  'extend scalar Int @specifiedBy(url: "x")',
  '{a}',
  'extend input Box {more: Int!}',
  'interface More implements Thing {id: ID!}',
  'type More implements Node {id: ID!}',
];

const typeOf = (text) =>
  parse(`type A {a: ${text}}`).definitions[0].fields[0].type;
const usesOf = (text) => parse(`scalar A ${text}`).definitions[0].directives;

export class SchemaMutator {
  constructor(sdl, random) {
    this.sdl = sdl;
    this.document = parse(sdl, { noLocation: true });
    this.random = random;
    this.names = [
      ...new Set([
        ...nodesOf(this.document, [Kind.NAME]).map((n) => n.node.value),
        'nope',
        '__nope',
        'Int',
        'Query',
        'More',
      ]),
    ];
  }

  mutant() {
    if (this.random.chance(15)) return damage(this.sdl, this.random);
    const document = copy(this.document);
    for (let n = 1 + this.random.below(2); n > 0; n--) this.#mutate(document);
    return layOut(print(document), this.random);
  }

  #mutate(document) {
    const { random } = this;
    const pick = (...kinds) => random.oneOf(nodesOf(document, kinds));
    switch (random.below(8)) {
      case 0:
      case 1:
        pick(Kind.NAME).node.value = random.oneOf(this.names);
        break;
      case 2: {
        const { list, index } = random.oneOf(
          nodesOf(document).filter((n) => n.list && n.key !== 'definitions')
        );
        list.splice(index, 1);
        break;
      }
      case 3: {
        const { list, node } = random.oneOf(
          nodesOf(document).filter((n) => n.list)
        );
        list.splice(random.below(list.length + 1), 0, copy(node));
        break;
      }
      case 4:
      case 5:
        pick(Kind.FIELD_DEFINITION, Kind.INPUT_VALUE_DEFINITION).node.type =
          typeOf(random.oneOf(TYPES));
        break;
      case 6:
        random
          .oneOf(nodesOf(document).filter((n) => n.node.directives))
          ?.node.directives.push(...copy(usesOf(random.oneOf(USES))));
        break;
      default:
        document.definitions.splice(
          random.below(document.definitions.length),
          0,
          copy(parse(random.oneOf(MORE), { noLocation: true }).definitions[0])
        );
    }
  }
}
