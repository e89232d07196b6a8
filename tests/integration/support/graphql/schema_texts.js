// Schemas by hand: section 3 of the specification, rule by rule.

const QUERY = 'type Query {a: Int}';
const with_ = (text) => `${QUERY} ${text}`;

export const GOOD = [
  QUERY,
  'schema {query: Q} type Q {a: Int}',
  'schema {query: Q mutation: M} type Q {a: Int} type M {a: Q} type Subscription {a: Int}',
  'extend type Query {b: Int} type Query {a: Int}',
  '"d" schema {query: Q} "d" type Q {"d" a("d" b: Int = 1): Int}',
  'schema {query: Q} type Q {a: Int} type Mutation {a: Int} extend schema {mutation: Mutation}',
  with_('scalar S @specifiedBy(url: "x")'),
  with_('scalar S extend scalar S @specifiedBy(url: "x")'),
  with_('interface I {a: Int} type T implements I {a: Int}'),
  with_('interface I {a: Int} type T implements I {a: Int! b: Int}'),
  with_('interface I {a: [I]} type T implements I {a: [T!]!}'),
  with_(
    'interface I {a: U} union U = T | V type T implements I {a: V} type V {b: Int}'
  ),
  with_(
    'interface I {a(b: Int): Int} type T implements I {a(b: Int, c: Int): Int}'
  ),
  with_(
    'interface I {a: I} interface J implements I {a: J} type T implements J & I {a: T}'
  ),
  with_('union U = | Query | Query2 type Query2 {a: Int}'),
  with_('enum E {A B @deprecated(reason: "x") C @deprecated}'),
  with_('enum E {type query on fragment _ __A}'.replace('__A', 'A')),
  with_('input I {a: Int = 1 b: [I!] c: I d: [I!]!}'),
  with_('input I {a: I b: J!} input J {a: [J!]! b: I}'),
  with_('input I @oneOf {a: Int b: [Int!] c: I}'),
  with_('input A {b: B!} input B {a: [A!]!}'),
  with_('directive @d on FIELD'),
  with_(
    'directive @d(a: Int! = 1, b: [E!] = [A]) repeatable on | FIELD | ENUM enum E {A}'
  ),
  with_('directive @d on OBJECT type T @d {a: Int}'),
  with_(
    'directive @d repeatable on OBJECT type T @d @d {a: Int} extend type T @d'
  ),
  with_(
    'type T {a(b: Int @deprecated): Int @deprecated(reason: "x")} input I {a: Int! = 1 @deprecated b: Int @deprecated}'
  ),
  with_(
    'type T {a(b: Float = 1, c: ID = 2, d: ID = "x", e: [Int] = 3, f: [[Int]] = [1, [2]], g: Int = null): Int}'
  ),
  with_('type T {a(b: I = {}): Int} input I {a: Int! = 3 b: String}'),
  with_(
    'scalar Any type T {a(b: Any = {a: [1, B, "c", 1.5, null, true]}): Int}'
  ),
  with_(
    'type on {fragment: on query(type: Int): input} type input {true: Int}'
  ),
  with_('"""\n  block\n    of lines\n""" type T {"""x""" a: Int}'),
  with_(
    'type T {a: Query} extend type T @deprecatedd directive @deprecatedd on OBJECT'
  ),
  'type Query {a: __Type b: __TypeKind}',
  with_('directive @skip(if: Boolean!) on FIELD'),
  with_(
    'directive @deprecated(reason: String) on FIELD_DEFINITION | ENUM_VALUE'
  ),
];

export const BAD = [
  '',
  '# nothing',
  '{a}',
  'query A {a}',
  'type Mutation {a: Int}',
  'type Q {a: Int}',
  'schema {query: Q}',
  'schema {mutation: M} type M {a: Int}',
  'schema {query: Q query: Q} type Q {a: Int}',
  'schema {query: Q} schema {query: Q} type Q {a: Int}',
  'schema {query: Q mutation: Q} type Q {a: Int}',
  'schema {query: I} input I {a: Int}',
  'schema {query: I} interface I {a: Int}',
  'scalar Query',
  'type Query',
  'type Query {a: Int a: Int}',
  'type Query {a: Nope}',
  'type Query {a(b: Nope): Int}',
  'type Query {a(b: Int b: Int): Int}',
  'type Query {a(b: Query): Int}',
  'type Query {a: I} input I {a: Int}',
  'type Query {__a: Int}',
  'type Query {a(__b: Int): Int}',
  with_('type Query {b: Int}'),
  with_('type T'),
  with_('type __T {a: Int}'),
  with_('type Int {a: Int} type Int {b: Int}'),
  with_('enum E'),
  with_('enum E {A A}'),
  with_('enum __E {A}'),
  with_('enum E {__A}'),
  with_('union U'),
  with_('union U = Query | Query'),
  with_('union U = Int'),
  with_('union U = Nope'),
  with_('union U = V union V = Query'),
  with_('interface I {a: Int} union U = I'),
  with_('input I'),
  with_('input I {a: Int a: Int}'),
  with_('input I {a: Query}'),
  with_('input I {__a: Int}'),
  with_('input I {a: I!}'),
  with_('input I {a: J!} input J {b: K!} input K {c: I!}'),
  with_('input I @oneOf {a: Int!}'),
  with_('input I @oneOf {a: Int = 1}'),
  with_('input I {a: Int! @deprecated}'),
  with_('type T {a(b: Int! @deprecated): Int}'),
  with_('type T implements Nope {a: Int}'),
  with_('type T implements Query {a: Int}'),
  with_('type T implements T {a: Int}'),
  with_('interface I implements I {a: Int}'),
  with_('interface I implements J {a: Int} interface J implements I {a: Int}'),
  with_('interface I {a: Int} type T implements I & I {a: Int}'),
  with_('interface I {a: Int} type T implements I {b: Int}'),
  with_('interface I {a: Int} type T implements I {a: String}'),
  with_('interface I {a: Int!} type T implements I {a: Int}'),
  with_('interface I {a: [Int]} type T implements I {a: Int}'),
  with_('interface I {a: [Int!]} type T implements I {a: [Int]}'),
  with_('interface I {a(b: Int): Int} type T implements I {a: Int}'),
  with_('interface I {a(b: Int): Int} type T implements I {a(b: String): Int}'),
  with_('interface I {a(b: Int): Int} type T implements I {a(b: Int!): Int}'),
  with_('interface I {a: Int} type T implements I {a(b: Int!): Int}'),
  with_(
    'interface I {a: Int} interface J implements I {a: Int} type T implements J {a: Int}'
  ),
  with_('interface I {a: Int} interface J implements I {b: Int}'),
  with_('interface I'),
  with_('extend type Nope {a: Int}'),
  with_('extend input Query {a: Int}'),
  with_('extend type Query {a: Int}'),
  with_('extend union U = Query'),
  with_('enum E {A} extend enum E {A}'),
  with_('union U = Query extend union U = Query'),
  with_('directive @d on FIELD directive @d on FIELD'),
  with_('directive @__d on FIELD'),
  with_('directive @d(a: Int a: Int) on FIELD'),
  with_('directive @d(a: Query) on FIELD'),
  with_('directive @d(a: Nope) on FIELD'),
  with_('directive @d(__a: Int) on FIELD'),
  with_('directive @d(a: Int! @deprecated) on FIELD'),
  with_('type T @nope {a: Int}'),
  with_('directive @d on FIELD type T @d {a: Int}'),
  with_('directive @d on OBJECT type T @d @d {a: Int}'),
  with_('directive @d on OBJECT type T @d {a: Int} extend type T @d'),
  with_('directive @d(a: Int!) on OBJECT type T @d {a: Int}'),
  with_('directive @d(a: Int) on OBJECT type T @d(b: 1) {a: Int}'),
  with_('directive @d(a: Int) on OBJECT type T @d(a: 1 a: 2) {a: Int}'),
  with_('scalar S @specifiedBy'),
  with_('scalar S @specifiedBy(url: null)'),
  with_('type T {a: Int @deprecated(reason: 1)}'),
  with_('type T {a: Int @deprecated @deprecated}'),
  with_('type T @deprecated {a: Int}'),
  with_('type T @oneOf {a: Int}'),
  with_('type T {a(b: Int = "x"): Int}'),
  with_('type T {a(b: Int! = null): Int}'),
  with_('type T {a(b: [Int!] = [1, null]): Int}'),
  with_('type T {a(b: E = "A"): Int} enum E {A}'),
  with_('type T {a(b: E = B): Int} enum E {A}'),
  with_('type T {a(b: I = {}): Int} input I {a: Int!}'),
  with_('type T {a(b: I = {c: 1}): Int} input I {a: Int}'),
  with_('type T {a(b: I = {a: 1, b: 2}): Int} input I @oneOf {a: Int b: Int}'),
  with_('type T {a(b: Int = 2147483648): Int}'),
  with_('{a}'),
  with_('fragment F on Query {a}'),
];
