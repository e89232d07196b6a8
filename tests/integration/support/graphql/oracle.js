// What graphql-js says: the verdict on a document, the response to a request.
import { readFileSync } from 'node:fs';
import {
  GraphQLError,
  GraphQLNonNull,
  SingleFieldSubscriptionsRule,
  buildASTSchema,
  buildSchema,
  execute,
  getNamedType,
  getNullableType,
  introspectionTypes,
  isAbstractType,
  isExecutableDefinitionNode,
  isInputObjectType,
  isListType,
  isNonNullType,
  parse,
  isTypeDefinitionNode,
  specifiedRules,
  typeFromAST,
  validate,
  validateSchema,
  valueFromAST,
  visit,
} from 'graphql';

// New in the September 2025 edition (5.2.1.1): graphql-js 16 finds it out when
// it executes.
function OperationTypeExistence(context) {
  return {
    OperationDefinition(node) {
      if (context.getSchema().getRootType(node.operation)) return;
      const message = `The ${node.operation} operation is not supported by the schema.`;
      context.reportError(new GraphQLError(message, { nodes: node }));
    },
  };
}

// The same edition's 5.2.4.1: no @skip or @include at a subscription's root,
// where graphql-js 16 follows them.
function SingleRootField(context) {
  const report = (operation, what, nodes) => {
    const name = operation.name;
    const who = name
      ? `Subscription "${name.value}"`
      : 'Anonymous Subscription';
    context.reportError(new GraphQLError(`${who} must ${what}`, { nodes }));
  };
  return {
    OperationDefinition(node) {
      const type = context.getSchema().getSubscriptionType();
      if (node.operation !== 'subscription' || !type) return false;
      const { groups, conditions } = rootFields(context, type, node);
      const [, ...more] = groups.values();
      if (conditions.length > 0) return report(node, NO_CONDITIONS, conditions);
      if (more.length > 0)
        report(node, 'select only one top level field.', more.flat());
      for (const fields of groups.values())
        if (fields[0].name.value.startsWith('__'))
          report(node, 'not select an introspection top level field.', fields);
      return false;
    },
  };
}

const NO_CONDITIONS =
  'not use `@skip` or `@include` directives in the top level selection.';

// graphql-js looks for nullable variables in a OneOf object (5.8.5), but not
// where that object stands at a non-null place.
function OneOfVariables(context) {
  return {
    OperationDefinition(operation) {
      for (const { node, parentType } of context.getRecursiveVariableUsages(
        operation
      )) {
        const place = isNonNullType(parentType) ? parentType.ofType : undefined;
        const definition = operation.variableDefinitions.find(
          (d) => d.variable.name.value === node.name.value
        );
        const type =
          definition && typeFromAST(context.getSchema(), definition.type);
        if (
          !isInputObjectType(place) ||
          !place.isOneOf ||
          !type ||
          isNonNullType(type)
        )
          continue;
        const message = `Variable "$${node.name.value}" is of type "${type}" but must be non-nullable to be used for OneOf Input Object "${place}".`;
        context.reportError(
          new GraphQLError(message, { nodes: [definition, node] })
        );
      }
    },
  };
}

// graphql-js also looks into a list that stands where a OneOf object must, and
// is refused for that.
const isAboutAnItem = ({ message, nodes }, items) =>
  / must be non-nullable to be used for OneOf /.test(message) &&
  items.includes(nodes[1]);

function itemsOf(document) {
  const items = [];
  visit(document, { ListValue: (list) => void items.push(...list.values) });
  return items;
}

// The fields of a root by their response names, through fragments; and the
// directives that would leave some out.
function rootFields(context, type, operation) {
  const groups = new Map();
  const conditions = [];
  const seen = new Set();
  const walk = (set) => {
    for (const selection of set.selections) {
      conditions.push(
        ...selection.directives.filter((d) =>
          /^(skip|include)$/.test(d.name.value)
        )
      );
      if (selection.kind === 'Field') {
        const name = (selection.alias ?? selection.name).value;
        groups.set(name, [...(groups.get(name) ?? []), selection]);
      } else enter(selection);
    }
  };
  const enter = (selection) => {
    const spread = selection.kind === 'FragmentSpread';
    if (spread && seen.has(selection.name.value)) return;
    if (spread) seen.add(selection.name.value);
    const fragment = spread
      ? context.getFragment(selection.name.value)
      : selection;
    const on =
      fragment?.typeCondition &&
      context.getSchema().getType(fragment.typeCondition.name.value);
    const applies =
      fragment &&
      (!fragment.typeCondition ||
        on === type ||
        (isAbstractType(on) && context.getSchema().isSubType(on, type)));
    if (applies) walk(fragment.selectionSet);
  };
  walk(operation.selectionSet);
  return { groups, conditions };
}

const RULES = [
  ...specifiedRules.filter((rule) => rule !== SingleFieldSubscriptionsRule),
  OperationTypeExistence,
  SingleRootField,
  OneOfVariables,
];

const ERRORS_MAX = 100;

// includeDeprecated is never null in that edition. Changes the types that all
// schemas of this process share.
export function includeDeprecatedIsNeverNull() {
  const fields = introspectionTypes.flatMap((type) =>
    Object.values(type.getFields?.() ?? {})
  );
  for (const arg of fields.flatMap((field) => field.args))
    if (arg.name === 'includeDeprecated' && !isNonNullType(arg.type))
      arg.type = new GraphQLNonNull(arg.type);
}

// One of schemas/.
export const sdlOf = (name) =>
  readFileSync(new URL(`schemas/${name}.graphql`, import.meta.url), 'utf8');

export class Oracle {
  constructor(sdl) {
    this.schema = buildSchema(sdl);
    this.lenient = buildASTSchema(withoutNonNull(parse(sdl)), {
      assumeValid: true,
    });
  }

  // The errors of a text: none when it may be executed.
  check(query) {
    try {
      const document = parse(query);
      const items = itemsOf(document);
      return validate(this.schema, document, RULES, {
        maxErrors: ERRORS_MAX,
      }).filter((error) => !isAboutAnItem(error, items));
    } catch (error) {
      return [error];
    }
  }

  execute({ query, variables, operationName }, rootValue) {
    return this.#execute(
      this.schema,
      query,
      variables,
      operationName,
      rootValue,
      resolve
    );
  }

  // Every error that any order of execution could find: nothing is left out
  // because a null elsewhere has climbed above it.
  everyError({ query, variables, operationName }, rootValue) {
    const strict = (source, args, context, info) => {
      const { type } = this.schema.getType(info.parentType.name).getFields()[
        info.fieldName
      ];
      return refuseNulls(
        resolve(source, args, context, info),
        type,
        `${info.parentType}.${info.fieldName}`
      );
    };
    return (
      this.#execute(
        this.lenient,
        query,
        variables,
        operationName,
        rootValue,
        strict
      ).errors ?? []
    );
  }

  #execute(
    schema,
    query,
    variableValues,
    operationName,
    rootValue,
    fieldResolver
  ) {
    const document = parse(query);
    return execute({
      schema,
      document,
      rootValue,
      variableValues,
      operationName,
      fieldResolver,
      typeResolver: (object) => object.__typename,
    });
  }
}

const withoutNonNull = (sdl) =>
  visit(sdl, {
    FieldDefinition: {
      leave: (node) => ({ ...node, type: nullable(node.type) }),
    },
  });

function nullable(type) {
  if (type.kind === 'NonNullType') return nullable(type.type);
  return type.kind === 'ListType'
    ? { ...type, type: nullable(type.type) }
    : type;
}

// A fixture's member, and the two that stand for something (see the command
// line's README).
function resolve(source, args, context, info) {
  const value = source?.[info.fieldName];
  if (value?.__arguments) return JSON.stringify(args);
  const broken = failed(value);
  if (broken instanceof Error) throw broken;
  return broken;
}

function failed(value) {
  if (Array.isArray(value)) return value.map(failed);
  return value && Object.hasOwn(value, '__error')
    ? new Error(value.__error)
    : value;
}

function refuseNulls(value, type, place) {
  const filled = refuseNull(value, type, place);
  if (filled instanceof Error) throw filled;
  return filled;
}

function refuseNull(value, type, place) {
  if (value === null || value === undefined)
    return isNonNullType(type)
      ? new Error(`Cannot return null for non-nullable field ${place}.`)
      : null;
  const bare = getNullableType(type);
  if (!isListType(bare) || !Array.isArray(value)) return value;
  return value.map((item) => refuseNull(item, bare.ofType, place));
}

// The errors of a schema's text.
export function checkSchema(sdl) {
  try {
    const document = parse(sdl);
    const schema = buildASTSchema(document);
    const errors = validateSchema(schema);
    return errors.length > 0
      ? errors
      : [
          ...strangers(document),
          ...redefined(document),
          ...sharedRoots(schema),
          ...deprecatedAlone(schema),
          ...wrongDefaults(schema),
        ];
  } catch (error) {
    return [error];
  }
}

// Section 3.1: a schema's document defines nothing to execute. graphql-js 16
// passes over it.
const strangers = ({ definitions }) =>
  definitions
    .filter(isExecutableDefinitionNode)
    .map(
      (nodes) => new GraphQLError('Not a definition of a schema.', { nodes })
    );

// Section 3.5: the standard scalars are not defined.
const redefined = ({ definitions }) =>
  definitions
    .filter(
      (d) =>
        /^(Int|Float|String|Boolean|ID)$/.test(d.name?.value) &&
        isTypeDefinitionNode(d)
    )
    .map(
      (nodes) =>
        new GraphQLError('A standard scalar is not to be defined.', { nodes })
    );

// Section 3.3.1: one type cannot be two roots. graphql-js 16 does not look.
function sharedRoots(schema) {
  const roots = ['query', 'mutation', 'subscription']
    .map((kind) => schema.getRootType(kind))
    .filter(Boolean);
  return new Set(roots).size < roots.length
    ? [new GraphQLError('All root types must be different.')]
    : [];
}

// New in the September 2025 edition: what an interface does not deprecate its
// implementations cannot.
function deprecatedAlone(schema) {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => type.getInterfaces
  );
  return types.flatMap((type) =>
    Object.values(type.getFields())
      .filter((field) => field.deprecationReason != null)
      .filter(({ name }) =>
        type
          .getInterfaces()
          .some(
            (face) =>
              name in face.getFields() &&
              face.getFields()[name].deprecationReason == null
          )
      )
      .map(
        ({ name, astNode }) =>
          new GraphQLError(
            `${type.name}.${name} is not deprecated in its interface.`,
            { nodes: astNode }
          )
      )
  );
}

// New in the September 2025 edition: a default has to suit its type.
function wrongDefaults(schema) {
  const types = Object.values(schema.getTypeMap());
  const args = [
    ...types.flatMap((type) => Object.values(type.getFields?.() ?? {})),
    ...schema.getDirectives(),
  ].flatMap((holder) => holder.args ?? []);
  const inputs = [
    ...args,
    ...types
      .filter(isInputObjectType)
      .flatMap((type) => Object.values(type.getFields())),
  ];
  return inputs
    .filter(
      ({ astNode, type }) =>
        astNode?.defaultValue && !suits(astNode.defaultValue, type)
    )
    .map(
      ({ name, astNode }) =>
        new GraphQLError(`The default of ${name} does not suit its type.`, {
          nodes: astNode.defaultValue,
        })
    );
}

const suits = (node, type) =>
  valueFromAST(node, type) !== undefined && knowsFields(node, type);

// valueFromAST takes members that an input object does not have.
function knowsFields(node, type) {
  if (node.kind === 'ListValue')
    return node.values.every((item) => knowsFields(item, type));
  const named = getNamedType(type);
  if (node.kind !== 'ObjectValue' || !isInputObjectType(named)) return true;
  const fields = named.getFields();
  return node.fields.every(
    ({ name, value }) =>
      fields[name.value] && knowsFields(value, fields[name.value].type)
  );
}
