// Documents by the validation rule they are about, over one schema. `valid`
// ones break no rule, `invalid` ones at least that one. What graphql-js 16
// does not know yet stands in `beyond`, with the errors that are expected.

export const SCHEMA = `
directive @onQuery on QUERY
directive @onMutation on MUTATION
directive @onSubscription on SUBSCRIPTION
directive @onField(note: String) on FIELD
directive @onSpread on FRAGMENT_SPREAD
directive @onInline on INLINE_FRAGMENT
directive @onFragment on FRAGMENT_DEFINITION
directive @onVariable on VARIABLE_DEFINITION
directive @many(n: Int!, m: Int! = 3) repeatable on FIELD | QUERY | INLINE_FRAGMENT

interface Being { name(surname: Boolean): String }
interface Pet implements Being { name(surname: Boolean): String  owner: Human }
interface Canine implements Being { name(surname: Boolean): String  mother: Canine }
type Dog implements Being & Pet & Canine {
  name(surname: Boolean): String
  nickname: String
  barkVolume: Int
  barks: Boolean
  doesKnowCommand(command: Command): Boolean
  isHouseTrained(atOtherHomes: Boolean = true): Boolean
  isAtLocation(x: Int, y: Int): Boolean
  owner: Human
  mother: Canine
  weights: [Float!]
}
type Cat implements Being & Pet {
  name(surname: Boolean): String
  nickname: String
  meows: Boolean
  meowVolume: Int
  furColor: FurColor
  owner: Human
  weights: [Float]
}
union CatOrDog = Cat | Dog
type Human implements Being { name(surname: Boolean): String  pets: [Pet!]!  relatives: [Human]  iq: Int  pet: Pet }
type Alien implements Being { name(surname: Boolean): String  iq: Int  numEyes: Int }
union DogOrHuman = Dog | Human
union HumanOrAlien = Human | Alien
enum Command { SIT HEEL DOWN }
enum FurColor { BROWN BLACK TAN SPOTTED NO_FUR UNKNOWN }
scalar Any
scalar Stamp
input Complex {
  required: Boolean!
  nonNull: Boolean! = false
  int: Int
  string: String
  boolean: Boolean
  list: [String]
  nested: Complex
}
input One @oneOf { text: String  number: Int  more: Complex }
type Arguments {
  multipleReqs(req1: Int!, req2: Int!): Int
  multipleOpts(opt1: Int = 0, opt2: Int = 0): Int
  mixed(req1: Int!, req2: Int!, opt1: Int = 0, opt2: Int = 0): Int
  nonNullDefault(arg: Int! = 0): Int
  int(value: Int): Int
  nonNullInt(value: Int!): Int
  string(value: String): String
  boolean(value: Boolean): Boolean
  enumeration(value: FurColor): FurColor
  float(value: Float): Float
  id(value: ID): ID
  list(value: [String]): [String]
  nonNullList(value: [String!]!): [String]
  matrix(value: [[Int!]]): Int
  complex(value: Complex): String
  complexList(value: [Complex!]): String
  one(value: One): String
  must(value: One!): String
  any(value: Any): Any
  stamps(value: [Stamp]): Stamp
}
type Query {
  human(id: ID): Human
  alien: Alien
  dog: Dog
  cat: Cat
  pet: Pet
  being: Being
  catOrDog: CatOrDog
  dogOrHuman: DogOrHuman
  humanOrAlien: HumanOrAlien
  arguments: Arguments
  version: String
}
type Mutation { rename(name: String): Dog  version: String }
type Subscription { dogBarked: Dog  catMeowed(loud: Boolean): Cat  ticks: Int }
`;

const FRAGMENT = 'fragment F on Dog { name }';

export const RULES = {
  ExecutableDefinitions: {
    valid: ['{ dog { name } }', `query A { dog { name ...F } } ${FRAGMENT}`],
    invalid: [
      'query A { dog { name } } type Cow { name: String } extend type Dog { color: String }',
      'schema { query: Query } type Query { test: String } extend type Query { other: Int }',
      'directive @late on FIELD { dog { name } }',
    ],
  },
  KnownOperationTypes: {
    valid: ['query { version }', 'mutation { version }', 'subscription { ticks }'],
    // and in a schema of queries alone, see graphql_rules.test.js
  },
  UniqueOperationNames: {
    valid: [FRAGMENT + '{ dog { ...F } }', 'query A { version } query B { version }', 'query A { version } mutation B { version }',
      'query F { dog { ...F } } ' + FRAGMENT],
    invalid: ['query A { version } query A { dog { name } }', 'query A { version } mutation A { version } subscription A { ticks }'],
  },
  LoneAnonymousOperation: {
    valid: ['{ version }', 'query A { version } query B { version }', `{ dog { ...F } } ${FRAGMENT}`],
    invalid: ['{ version } { dog { name } }', '{ version } mutation A { version }', '{ version } subscription A { ticks }',
      '"described" query { version } query B { version }'],
  },
  SingleFieldSubscriptions: {
    valid: ['subscription A { ticks }', 'subscription A { ...S } fragment S on Subscription { dogBarked { name } }',
      'subscription A { dogBarked { name barks } dogBarked { nickname } }',
      'subscription A { ... on Subscription { ...S } } fragment S on Subscription { ticks ...T } fragment T on Subscription { ticks }',
      'query A { version dog { name } }'],
    invalid: ['subscription A { ticks dogBarked { name } }', 'subscription { ticks dogBarked { name } }',
      'subscription A { ticks __typename }', 'subscription A { __typename }', 'subscription { typename: __typename ticks }',
      'subscription A { ticks ...S } fragment S on Subscription { dogBarked { name } catMeowed { name } dogBarked { barks } }',
      'subscription A { ... { ticks a: ticks } ... on Subscription { b: ticks ...S } } fragment S on Subscription { c: ticks ...S }',
      'subscription A { ticks ...S } fragment S on Dog { name }'],
    beyond: [
      ['subscription A { ticks @skip(if: true) }',
        [['Subscription "A" must not use `@skip` or `@include` directives in the top level selection.', [[1, 24]]]]],
      ['subscription { ... @include(if: true) { ticks } ...S } fragment S on Subscription { ticks @skip(if: false) }',
        [['Anonymous Subscription must not use `@skip` or `@include` directives in the top level selection.', [[1, 20], [1, 91]]]]],
    ],
  },
  KnownTypeNames: {
    valid: ['query A($v: String, $w: [Complex!]!) { human(id: 4) { pets { ... on Pet { name } ...P ... { name } } } arguments { string(value: $v) complexList(value: $w) } } fragment P on Pet { name }'],
    invalid: ['query A($v: JumbledUpLetters) { version } ', '{ pet { name ... on Badger { name } ...P } } fragment P on Peat { name }',
      'query A($a: [Comple!], $b: Strin = "x", $c: int) { version }', 'fragment F on Dgo { name } { dog { ...F } }'],
  },
  FragmentsOnCompositeTypes: {
    valid: ['{ dog { ... on Dog { barks } ... on Pet { name } ... on CatOrDog { __typename } ... { name } } }',
      '{ pet { ...P } } fragment P on Pet { ... on Dog { barks } }', '{ catOrDog { ...U } } fragment U on CatOrDog { __typename }'],
    invalid: ['{ dog { ...F } } fragment F on FurColor { bad }', '{ dog { ...F } } fragment F on Boolean { bad }',
      '{ dog { ...F } } fragment F on Complex { string }', '{ dog { ... on String { barks } } }', '{ dog { ... on Complex { ... on FurColor { x } } } }'],
  },
  VariablesAreInputTypes: {
    valid: ['query A($a: String, $b: [String!]!, $c: Complex, $d: Any, $e: FurColor) { arguments { string(value: $a) nonNullList(value: $b) complex(value: $c) any(value: [$d]) enumeration(value: $e) } }'],
    invalid: ['query A($a: Dog, $b: [[CatOrDog!]]!, $c: Pet) { version }', 'query A($a: Dog! = {a: 1}) { arguments { any(value: $a) } }'],
  },
  ScalarLeafs: {
    valid: ['{ dog { barks name } version __typename }', '{ dog { weights } }'],
    invalid: ['{ human }', '{ human { pets } }', '{ dog { barks { sinceWhen } } }', '{ dog { name(surname: true) { a } weights { b } isAtLocation(x: 1) @onField { c } } }',
      '{ dog catOrDog pet { name { x y } } }', '{ __schema __type(name: "a") }'],
  },
  FieldsOnCorrectType: {
    valid: ['{ dog { __typename name nick: nickname } pet { __typename name } catOrDog { __typename ... on Dog { barks } } __schema { types { name } } __type(name: "Dog") { name } }',
      '{ unknown: version }'],
    invalid: ['{ dog { meowVolume } }', '{ dog { unknown { deeper { still } } } }', '{ pet { nickname } }', '{ pet { unknown { ... on Cat { unknownCat } } } }',
      '{ dog { volume: barkVolum } }', '{ catOrDog { name } }', '{ catOrDog { barks } being { barkVolume iq owner } }', '{ dog { __schema { types { name } } __type(name: "x") { name } } }',
      '{ humanOrAlien { iq nam } }', '{ dog { isHouseTrainedx(atOtherHomes: true) BARKS bakrs } }', '{ ... on Mutation { version } ver versio n v2ersion }',
      'mutation { dog { name } __schema { types { name } } }', '{ arguments { opt int2 in nonNullIn complexLis } }'],
  },
  UniqueFragmentNames: {
    valid: ['{ dog { ...A ...B ... on Dog { name } } } fragment A on Dog { name } fragment B on Dog { barks }', `query F { dog { ...F } } ${FRAGMENT}`],
    invalid: ['{ dog { ...A } } fragment A on Dog { name } fragment A on Dog { barks } fragment A on Dog { nickname }', 'fragment A on Dog { name } fragment A on Dog { name }'],
  },
  KnownFragmentNames: {
    valid: [`{ dog { ...F ... on Dog { ...G } ... { name } } } ${FRAGMENT} fragment G on Dog { barks }`],
    invalid: ['{ dog { ...Unknown ... on Dog { ...Other } } }', `{ dog { ...F } } fragment F on Dog { name ...Lost @onSpread }`],
  },
  NoUnusedFragments: {
    valid: [`{ dog { ...F } } ${FRAGMENT}`, 'query A { dog { ...X } } query B { dog { ...Y } } fragment X on Dog { ...Z } fragment Y on Dog { name } fragment Z on Dog { barks }'],
    invalid: [`{ dog { name } } ${FRAGMENT}`, 'fragment A on Dog { ...B } fragment B on Dog { name } { version }', 'fragment A on Dog { ...B } fragment B on Dog { ...A } { version }',
      '"why" fragment A on Dog { name } { version }'],
  },
  PossibleFragmentSpreads: {
    valid: ['{ dog { ...F ... on Pet { name } ... on CatOrDog { __typename } } } fragment F on Dog { barks }',
      '{ pet { ... on Dog { barks } ... on Canine { name } ... on CatOrDog { __typename } ... on DogOrHuman { __typename } } }',
      '{ catOrDog { ... on Pet { name } ... on Being { name } } }'],
    invalid: ['{ cat { ...F ... on Dog { barks } } } fragment F on Dog { barks }', '{ dog { ... on HumanOrAlien { __typename } } }', '{ pet { ... on Human { iq } ... on Alien { iq } } }',
      '{ catOrDog { ... on HumanOrAlien { __typename } ... on Human { iq } } }', '{ humanOrAlien { ... on Pet { name } ... on Canine { name } ...F } } fragment F on Pet { name }'],
  },
  NoFragmentCycles: {
    valid: ['{ dog { ...A ...A } } fragment A on Dog { ...B ...B } fragment B on Dog { name }', '{ pet { ...A } } fragment A on Pet { owner { pets { ... on Dog { name } } } }'],
    invalid: ['{ dog { ...A } } fragment A on Dog { ...A }', '{ dog { ...A } } fragment A on Dog { mother { ... on Dog { ...A } } }',
      '{ dog { ...A } } fragment A on Dog { ...B } fragment B on Dog { ...A }', '{ dog { ...A } } fragment B on Dog { ...A } fragment A on Dog { ...B }',
      'fragment A on Dog { ...B } fragment B on Dog { ...C } fragment C on Dog { ...O } fragment X on Dog { ...Y } fragment Y on Dog { ...Z } fragment Z on Dog { ...O } fragment O on Dog { ...P } fragment P on Dog { ...A ...X } { dog { ...A ...X } }',
      'fragment A on Dog { ...B ...C } fragment B on Dog { ...A } fragment C on Dog { ...A ...B } { dog { ...A } }',
      '{ dog { ...A } } fragment A on Dog { mother { name ... on Dog { ...B ...A } } ...B } fragment B on Dog { ...B mother { ... on Dog { ...A } } ...A }'],
  },
  UniqueVariableNames: {
    valid: ['query A($x: Int, $y: String) { arguments { int(value: $x) string(value: $y) } } query B($x: String) { arguments { string(value: $x) } }'],
    invalid: ['query A($x: Int, $x: Int, $y: Int, $x: String, $y: Int) { arguments { int(value: $x) i: int(value: $y) } }', 'query A("one" $x: Int, "two" $x: Int) { arguments { int(value: $x) } }'],
  },
  NoUndefinedVariables: {
    valid: ['query A($a: Int) { arguments { ...G } } fragment G on Arguments { int(value: $a) }', 'query ($a: Boolean!) { version @skip(if: $a) ... @include(if: $a) { version } }'],
    invalid: ['{ arguments { int(value: $a) any(value: [{b: $b}, $c]) } }', 'query A($a: Int) { arguments { int(value: $a) ...G } } fragment G on Arguments { string(value: $b) ...H } fragment H on Arguments { any(value: $c) }',
      'query A($a: Int) { arguments { ...G } } query B($b: Int) { arguments { ...G } } fragment G on Arguments { any(value: [$a, $b]) }',
      'query A { dog { name @skip(if: $x) ...F @onSpread ... @include(if: $y) { ...F } } arguments { ...Z int(value: $q) } } fragment F on Dog { name(surname: $z) mother { ... on Dog { ...F } } } fragment Z on Arguments { i: int(value: $w) ...Y } fragment Y on Arguments { any(value: {a: {b: [$v]}}) }',
      '{ unknown(a: $a) { deeper(b: $b) @nowhere(c: $c) } }'],
  },
  NoUnusedVariables: {
    valid: ['query A($a: Any, $b: Boolean!) { arguments { any(value: {deep: [{er: $a}]}) } version @include(if: $b) }'],
    invalid: ['query A($a: Int, $b: Int) { arguments { int(value: $b) } }', 'query ($a: Int, $b: Int = 4 @onVariable) { version }', 'query A($a: Int) { version } fragment G on Arguments { int(value: $a) }',
      'query A($b: Int) { arguments { ...G } } query B($a: Int) { arguments { ...G } } fragment G on Arguments { int(value: $a) }'],
  },
  KnownDirectives: {
    valid: ['query A($a: Int @onVariable) @onQuery { dog @onField { ...F @onSpread @include(if: true) ... @onInline { name @skip(if: false) } } arguments { int(value: $a) } } fragment F on Dog @onFragment { name }',
      'mutation @onMutation { version }', 'subscription @onSubscription { ticks }'],
    invalid: ['{ dog @unknown(directive: "value") { name @also } }', 'query ($a: Int @skip(if: true)) @include(if: true) { arguments { int(value: $a) } }',
      'query A @onMutation { dog @onQuery { ...F @onInline ... @onSpread { name @onFragment } } } fragment F on Dog @onField { name }',
      '{ version @deprecated @specifiedBy(url: "x") @oneOf }', 'mutation A @onQuery { version } subscription B @onMutation { ticks }'],
  },
  DirectiveLocations: {
    valid: ['query ($a: Boolean = true @onVariable) @onQuery { dog @onField @include(if: $a) { name } }'],
    invalid: ['query ($a: Boolean @onQuery) @onVariable { dog @onSpread { ... on Dog @onField { name } } version @skip(if: $a) @onInline }',
      '{ dog { ...F @onFragment } } fragment F on Dog @onSpread @skip(if: true) { name }', 'subscription A @onQuery { ticks @onSubscription }'],
  },
  UniqueDirectivesPerLocation: {
    valid: ['{ dog @onField { name @onField } version @many(n: 1) @many(n: 2) }', '{ version @onField @skip(if: false) @include(if: true) }'],
    invalid: ['{ version @onField @onField }', '{ version @onField @onField(note: "a") @onField(note: "b") }', 'query ($a: Boolean! @onVariable @onVariable) @onQuery @many(n: 1) @onQuery { ... @skip(if: $a) @include(if: $a) @skip(if: $a) { version } }',
      '{ version @nope @nope }', '{ dog { ...F @onSpread @onSpread } } fragment F on Dog @onFragment @onFragment { name }'],
  },
  KnownArgumentNames: {
    valid: ['{ dog { doesKnowCommand(command: SIT) name @onField(note: "x") } arguments { mixed(req1: 1, req2: 2, opt2: 3) } version @skip(if: false) }', '{ __type(name: "Dog") { name fields(includeDeprecated: true) { name } } }'],
    invalid: ['{ dog { doesKnowCommand(comand: SIT) name(last: true, surnam: true) } }', '{ dog { barks(loud: true) unknown(x: 1) } version @onField(not: "a", unless: 3) @skip(unless: true) }',
      '{ arguments { mixed(req1: 1, req2: 2, opt: 1, op1t: 2, a: 3, reqq1: 4) } __type(nam: "x") { name } }', '{ dog { name @unknown(a: 1) } }', '{ dog { ... on Dog @many(n: 1, k: 2) { name } } }'],
  },
  UniqueArgumentNames: {
    valid: ['{ arguments { mixed(req1: 1, req2: 2) int(value: 1) } version @onField(note: "a") @many(n: 1, m: 2) }'],
    invalid: ['{ arguments { int(value: 1, value: 2) } }', '{ arguments { mixed(req1: 1, req2: 1, req1: 2, req2: 2, req1: 3) } }', '{ version @onField(note: "a", note: "b") @skip(if: true, if: true) }',
      '{ dog { unknown(a: 1, a: 2) @unknown(b: 1, b: 1) } }'],
  },
  ValuesOfCorrectType: {
    valid: ['{ arguments { int(value: 1) nonNullInt(value: -2) string(value: "s") s: string(value: """block""") boolean(value: true) float(value: 1) f: float(value: 1.5e3) id(value: 1) i: id(value: "x") enumeration(value: BROWN) } }',
      '{ arguments { list(value: ["a", null, "b"]) l: list(value: "one") n: list(value: null) e: list(value: []) matrix(value: [[1, 2], [], null]) m: matrix(value: 1) complex(value: {required: true, nested: {required: false, list: "x"}}) complexList(value: {required: true}) } }',
      '{ arguments { any(value: {a: [1, "x", SIT, null, {b: 1.5}]}) b: any(value: "x") stamps(value: [1, {a: 2}]) t: stamps(value: "now") one(value: {text: "x"}) o: one(value: {number: 1}) } }',
      'query ($a: Int = 1, $b: [Complex!] = [{required: true}], $c: Any = {x: [1]}, $d: FurColor = TAN, $e: Int = null) { arguments { int(value: $a) complexList(value: $b) any(value: $c) enumeration(value: $d) i: int(value: $e) nonNullDefault } }'],
    invalid: ['{ arguments { int(value: "1") a: int(value: 1.0) b: int(value: 2147483648) c: int(value: TRUE) d: int(value: true) e: int(value: -2147483649) f: int(value: 829384293849283498239482938) } }',
      '{ arguments { string(value: 1) a: string(value: 1.0) b: string(value: true) c: string(value: BAR) boolean(value: 2) d: boolean(value: "true") e: boolean(value: TRUE) f: boolean(value: 1.0) } }',
      '{ arguments { float(value: "3.3") a: float(value: true) b: float(value: BAR) id(value: 1.0) c: id(value: true) d: id(value: SOMETHING) } }',
      '{ dog { doesKnowCommand(command: 2) a: doesKnowCommand(command: 1.0) b: doesKnowCommand(command: "SIT") c: doesKnowCommand(command: true) d: doesKnowCommand(command: JUGGLE) e: doesKnowCommand(command: sit) f: doesKnowCommand(command: "down") g: doesKnowCommand(command: [SIT]) h: doesKnowCommand(command: {a: SIT}) } }',
      '{ arguments { list(value: ["a", 2]) a: list(value: 1) nonNullList(value: null) b: nonNullList(value: ["a", null, 3]) matrix(value: [[1, null], "x", [[2]]]) c: matrix(value: {a: 1}) } }',
      '{ arguments { nonNullInt(value: null) nonNullDefault(arg: null) int(value: [1, 2]) string(value: {a: "b"}) float(value: [1.5]) boolean(value: [true]) id(value: {x: [1]}) } }',
      '{ arguments { complex(value: 1) a: complex(value: "x") b: complex(value: [{required: true}]) c: complex(value: {}) d: complex(value: {required: null}) e: complex(value: {required: true, int: "x", list: ["a", 2], nested: {int: 4, nested: {nonNull: null}}}) } }',
      '{ arguments { one(value: {}) a: one(value: {text: "x", number: 1}) b: one(value: {text: null}) c: one(value: {text: 1}) d: one(value: {more: {}}) e: one(value: null) f: one(value: {other: 1}) } }',
      '{ dog { name @skip(if: "yes") @onField(note: 4) } version @include(if: null) }',
      'query ($a: Int = "x", $b: [Complex!] = [{int: 1}, null], $c: FurColor = PINK, $d: Int! = null, $e: Complex = "no", $f: String = [["a"]]) { arguments { int(value: $a) complexList(value: $b) enumeration(value: $c) nonNullInt(value: $d) complex(value: $e) string(value: $f) } }',
      '{ arguments { enumeration(value: BLAK) a: enumeration(value: "BLACK") b: enumeration(value: brwn) } }',
      '{ arguments { string(value: [1, [2, {a: "q\\n\\u0007\\"", b: SIT, c: null, d: true, e: $v}]]) } }'],
  },
  InputObjectFieldNames: {
    valid: ['{ arguments { complex(value: {required: true, int: 1}) } }'],
    invalid: ['{ arguments { complex(value: {required: true, unknownField: "x", itn: 1, boolea: true}) complexList(value: [{required: true, x: {y: 1}}]) } }'],
  },
  InputObjectFieldUniqueness: {
    valid: ['{ arguments { complex(value: {required: true, nested: {required: true}}) any(value: {a: {a: 1}, b: {a: 1}}) } }'],
    invalid: ['{ arguments { complex(value: {required: true, int: 1, int: 2, int: 3}) any(value: {a: 1, a: 2, b: [{c: 1, c: 2}]}) } }', '{ version @unknown(x: {a: 1, a: 2}) }', 'query ($a: Complex = {required: true, required: false}) { arguments { complex(value: $a) one(value: {text: "a", text: "b"}) } }'],
  },
  InputObjectRequiredFields: {
    valid: ['{ arguments { complex(value: {required: true}) } }'],
    invalid: ['{ arguments { complex(value: {int: 4}) complexList(value: [{}, {required: true}, {nested: {}}]) } }'],
  },
  ProvidedRequiredArguments: {
    valid: ['{ arguments { multipleReqs(req1: 1, req2: 2) multipleOpts mixed(req1: 1, req2: 2) nonNullDefault } version @many(n: 1) }', 'query ($a: Int!) { arguments { nonNullInt(value: $a) } }'],
    invalid: ['{ arguments { multipleReqs a: multipleReqs(req2: 1) nonNullInt mixed(req1: "one") } }', '{ version @skip @include(unless: true) @many } ', '{ __type { name } dog @skip { name @many(m: 1) } }'],
  },
  VariablesInAllowedPosition: {
    valid: ['query ($a: Boolean, $b: Boolean!, $c: [String], $d: String!, $e: Int!, $f: [String!]!) { arguments { boolean(value: $a) b: boolean(value: $b) list(value: $c) l: list(value: [$d]) nonNullInt(value: $e) n: nonNullList(value: $f) m: list(value: $f) } version @include(if: $b) }',
      'query ($a: Int = 1, $b: Int, $c: Boolean = true, $d: Complex = {required: true}) { arguments { nonNullInt(value: $a) nonNullDefault(arg: $b) complex(value: {required: $c, nonNull: $c}) c: complex(value: $d) } }',
      'query ($a: String!, $b: Int!) { arguments { one(value: {text: $a}) o: one(value: {number: $b}) } }', 'query ($a: Int) { arguments { int(value: $a) } }'],
    beyond: [
      ['query ($a: String) { arguments { must(value: {text: $a}) } }',
        [['Variable "$a" is of type "String" but must be non-nullable to be used for OneOf Input Object "One".', [[1, 8], [1, 53]]]]],
    ],
    invalid: ['query ($a: Int, $b: String, $c: [String], $d: Boolean) { arguments { nonNullInt(value: $a) list(value: $b) string(value: $c) int(value: $d) } version @skip(if: $d) }',
      'query ($a: Int = null, $b: [Int], $c: [[Int]], $d: Complex) { arguments { nonNullInt(value: $a) matrix(value: $b) m: matrix(value: $c) complex(value: {required: true, nested: $d, list: $d, int: $b}) } }',
      'query A($a: Int) { ...G } query B($a: String) { ...G } fragment G on Query { arguments { nonNullInt(value: $a) ...H } } fragment H on Arguments { boolean(value: $a) complexList(value: [$a, {required: $a}]) }',
      'query ($a: String, $b: Int) { arguments { one(value: {text: $a}) o: one(value: {number: $b}) p: one(value: {number: $a}) } }', 'query ($a: Any, $b: Int) { arguments { any(value: [$b]) string(value: $a) stamps(value: [$a]) } }',
      'query ($a: Boolean) { dog { name @onField(note: $a) @unknown(x: $a) barks @skip(if: $a) isHouseTrained(atOtherHomes: $a) } }'],
  },
  OverlappingFieldsCanBeMerged: {
    valid: ['{ dog { name name other: nickname } dog { name } }', '{ dog { doesKnowCommand(command: SIT) doesKnowCommand(command: SIT) } }', '{ arguments { complex(value: {required: true, int: 1}) complex(value: {int: 1, required: true}) mixed(req1: 1, req2: 2) mixed(req2: 2, req1: 1) } }',
      '{ pet { ... on Dog { volume: barkVolume } ... on Cat { volume: meowVolume } } }', '{ pet { ... on Dog { name(surname: true) } ... on Cat { name } } }', '{ catOrDog { ... on Dog { o: owner { name } } ... on Cat { o: owner { n: name } } } }',
      '{ dog { ...A ...A } } fragment A on Dog { name ...B } fragment B on Dog { name }', '{ human { ...N relatives { ...N } } alien { ...M iq } being { ... on Human { iq } } } fragment N on Human { name iq } fragment M on Alien { name }',
      '{ a: dog { x: name } b: dog { x: nickname } ...Q } fragment Q on Query { b: dog { y: name } }', '{ dog { ...D x: name } cat { ...C x: nickname } } fragment D on Dog { ...P } fragment C on Cat { ...P } fragment P on Pet { owner { name } }'],
    invalid: ['{ dog { fido: name fido: nickname } }', '{ dog { name: nickname name } }', '{ dog { doesKnowCommand(command: SIT) doesKnowCommand(command: HEEL) } }', '{ dog { doesKnowCommand doesKnowCommand(command: HEEL) doesKnowCommand(command: SIT) } }',
      '{ dog { ...A ...B } } fragment A on Dog { x: name } fragment B on Dog { x: nickname }', '{ dog { ...A ...B } pet { ...A ...B ... on Dog { x: barks } } } fragment A on Dog { x: name } fragment B on Dog { x: nickname }',
      '{ f: dog { x: name } f: dog { x: nickname } }', '{ f: dog { x: name y: barks } f: dog { x: nickname y: barkVolume } }', '{ f: human { pet { x: name } } f: human { pet { x: owner { name } } } }',
      '{ f: human { relatives { x: name } } f: human { relatives { x: iq } relatives { y: name } } ...Q } fragment Q on Query { f: human { relatives { y: iq } } }',
      '{ pet { ... on Dog { v: barkVolume } ... on Cat { v: nickname } } }', '{ pet { ... on Dog { w: weights } ... on Cat { w: weights } } }', '{ catOrDog { ... on Dog { o: owner { name } } ... on Cat { o: owner { name: iq } } } }',
      '{ pet { ... on Dog { name } name: owner { name } ... on Pet { name(surname: true) } } }', '{ being { name ... on Human { name: iq } ... on Alien { name: numEyes } } }',
      '{ dog { ...A } cat { ...A2 } } fragment A on Dog { ...B name } fragment B on Dog { ...C barks } fragment C on Dog { name: nickname barks: barkVolume } fragment A2 on Cat { x: name x: nickname ...A3 } fragment A3 on Cat { x: meows }',
      '{ ...A ...B } fragment A on Query { human { ...C } } fragment B on Query { human { ...D } } fragment C on Human { x: name pets { ...E } } fragment D on Human { x: iq pets { ...G } } fragment E on Pet { y: name } fragment G on Pet { y: owner { name } }',
      '{ arguments { complex(value: {required: true, int: 1}) complex(value: {int: 2, required: true}) any(value: [1, {a: "x"}]) any(value: [1, {a: """x"""}]) a: any(value: $x) a: any(value: $y) b: any(value: 1) b: any(value: "1") c: any(value: 1) c: any(value: 1.0) d: any(value: A) d: any(value: "A") } }',
      '{ dog { ...A x: name } } fragment A on Dog { ...A x: nickname ...B } fragment B on Dog { ...A x: barks }', '{ dog { unknown other: unknown unknown: nope x: what x: name } }',
      '{ __schema { t: types { name } t: types { n: name n: kind } } __schema { t: directives { name } } }', '{ dog { name { x } name } version { a } version { b } }',
      '{ a: dog { x: name } a: cat { x: name } a: pet { x: name } }', '{ humanOrAlien { ... on Human { ... { x: iq } } ... on Alien { ... on Being { x: name } ... { x: numEyes } } } }'],
  },
  MaxIntrospectionDepth: {
    valid: ['{ __schema { types { fields { type { name fields { name } } } } } }'],
    invalid: ['{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }', '{ __type(name: "Dog") { ...T } } fragment T on __Type { fields { type { ...U } } interfaces { name } } fragment U on __Type { interfaces { possibleTypes { name } } }',
      '{ __schema { types { ...T } } } fragment T on __Type { ofType { ...T } fields { type { ...T } } }', '{ x: __schema { types { inputFields { name } } } version __type(name: "a") { possibleTypes { interfaces { inputFields { name } } } } }'],
  },
  Descriptions: {
    valid: ['"An operation" query A("a variable" $a: Int, """another""" $b: Int = 4) { arguments { int(value: $a) i: int(value: $b) } }', '{ dog { ...F } } "A fragment" fragment F on Dog { name }'],
    invalid: ['"An operation" query A("a variable" $a: Int) { version }', '"An operation" query A { arguments { int(value: $x) } }'],
  },
};
