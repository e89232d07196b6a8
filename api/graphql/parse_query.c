/* parse_query: operations, fragments and their selections (2.3 to 2.12), and
 * the values, types and directives that schemas have, too. */
#include "api/graphql/parse_private.h"

/* ---- values ---- */

static void read_list(struct gql_parser *p, struct gql_value *value,
                      bool constant)
{
    struct gql_value **tail = &value->items;
    value->kind = GQL_LIST;
    gql_advance(p);
    for (; gql_more(p, GQL_TOKEN_BRACKET_R); tail = &(*tail)->next) {
        *tail = gql_read_value(p, constant);
        value->count++;
    }
}

static struct gql_object_field *read_object_field(struct gql_parser *p,
                                                  bool constant)
{
    struct gql_object_field *field = NEW_NODE(p, struct gql_object_field);
    field->at = gql_here(p);
    field->name = gql_expect_name(p);
    gql_expect(p, GQL_TOKEN_COLON);
    field->value = gql_read_value(p, constant);
    return field;
}

static void read_object(struct gql_parser *p, struct gql_value *value,
                        bool constant)
{
    struct gql_object_field **tail = &value->fields;
    value->kind = GQL_OBJECT;
    gql_advance(p);
    for (; gql_more(p, GQL_TOKEN_BRACE_R); tail = &(*tail)->next) {
        *tail = read_object_field(p, constant);
        value->count++;
    }
}

static void read_text(struct gql_parser *p, struct gql_value *value,
                      enum gql_value_kind kind)
{
    value->kind = kind;
    value->text = p->lexer.token.text;
    value->block = gql_at(p, GQL_TOKEN_BLOCK_STRING);
    gql_advance(p);
}

static void read_name(struct gql_parser *p, struct gql_value *value)
{
    read_text(p, value, GQL_ENUM);
    bool is_true = str_is(value->text, "true");
    if (is_true || str_is(value->text, "false")) {
        value->kind = GQL_BOOLEAN;
        value->boolean = is_true;
    } else if (str_is(value->text, "null")) {
        value->kind = GQL_NULL;
    }
}

static void read_variable(struct gql_parser *p, struct gql_value *value,
                          bool constant)
{
    value->kind = GQL_VARIABLE;
    gql_advance(p);
    if (constant && gql_at(p, GQL_TOKEN_NAME))
        gql_parse_fail(p, value->at,
                       "Unexpected variable \"$%.*s\" in constant value.",
                       STR_ARG(p->lexer.token.text));
    else if (constant)
        gql_parse_fail(p, value->at, "Unexpected \"$\".");
    value->text = gql_expect_name(p);
}

static void read_value_of(struct gql_parser *p, struct gql_value *value,
                          bool constant)
{
    switch (p->lexer.token.kind) {
    case GQL_TOKEN_BRACKET_L:
        read_list(p, value, constant);
        break;
    case GQL_TOKEN_BRACE_L:
        read_object(p, value, constant);
        break;
    case GQL_TOKEN_INT:
        read_text(p, value, GQL_INT);
        break;
    case GQL_TOKEN_FLOAT:
        read_text(p, value, GQL_FLOAT);
        break;
    case GQL_TOKEN_STRING:
    case GQL_TOKEN_BLOCK_STRING:
        read_text(p, value, GQL_STRING);
        break;
    case GQL_TOKEN_NAME:
        read_name(p, value);
        break;
    case GQL_TOKEN_DOLLAR:
        read_variable(p, value, constant);
        break;
    default:
        gql_parse_unexpected(p);
    }
}

struct gql_value *gql_read_value(struct gql_parser *p, bool constant)
{
    struct gql_value *value = NEW_NODE(p, struct gql_value);
    value->at = gql_here(p);
    if (gql_enter(p))
        read_value_of(p, value, constant);
    gql_leave(p);
    return value;
}

/* ---- arguments, directives, types ---- */

static struct gql_argument *read_argument(struct gql_parser *p, bool constant)
{
    struct gql_argument *argument = NEW_NODE(p, struct gql_argument);
    argument->at = gql_here(p);
    argument->name = gql_expect_name(p);
    gql_expect(p, GQL_TOKEN_COLON);
    argument->value = gql_read_value(p, constant);
    return argument;
}

static struct gql_argument *read_arguments(struct gql_parser *p, bool constant)
{
    struct gql_argument *first = NULL, **tail = &first;
    if (!gql_skip(p, GQL_TOKEN_PAREN_L))
        return NULL;
    do {
        *tail = read_argument(p, constant);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_PAREN_R));
    return first;
}

static struct gql_directive_use *read_directive(struct gql_parser *p,
                                                bool constant)
{
    struct gql_directive_use *use = NEW_NODE(p, struct gql_directive_use);
    use->at = gql_here(p);
    if (p->limits.directives > 0 && ++p->directives > p->limits.directives)
        gql_parse_fail_limit(p, use->at, "directives", p->limits.directives);
    gql_advance(p);
    use->name = gql_expect_name(p);
    use->arguments = read_arguments(p, constant);
    return use;
}

struct gql_directive_use *gql_read_directives(struct gql_parser *p,
                                              bool constant)
{
    struct gql_directive_use *first = NULL, **tail = &first;
    for (; gql_at(p, GQL_TOKEN_AT); tail = &(*tail)->next)
        *tail = read_directive(p, constant);
    return first;
}

static struct gql_type_node *read_list_type(struct gql_parser *p)
{
    struct gql_type_node *type = NEW_NODE(p, struct gql_type_node);
    type->wrap = GQL_LIST_OF;
    type->at = gql_here(p);
    gql_advance(p);
    type->of = gql_read_type(p);
    gql_expect(p, GQL_TOKEN_BRACKET_R);
    return type;
}

static struct gql_type_node *read_named_type(struct gql_parser *p)
{
    struct gql_type_node *type = NEW_NODE(p, struct gql_type_node);
    type->at = gql_here(p);
    type->name = gql_expect_name(p);
    return type;
}

static struct gql_type_node *read_nullable_type(struct gql_parser *p)
{
    bool list = gql_at(p, GQL_TOKEN_BRACKET_L) && gql_enter(p);
    if (!list)
        return read_named_type(p);
    struct gql_type_node *type = read_list_type(p);
    gql_leave(p);
    return type;
}

struct gql_type_node *gql_read_type(struct gql_parser *p)
{
    struct gql_type_node *type = read_nullable_type(p);
    if (!gql_skip(p, GQL_TOKEN_BANG))
        return type;
    struct gql_type_node *non_null = NEW_NODE(p, struct gql_type_node);
    non_null->wrap = GQL_NON_NULL;
    non_null->at = type->at;
    non_null->of = type;
    return non_null;
}

/* ---- selections ---- */

static struct gql_selection_set *read_set(struct gql_parser *p);

static void read_field(struct gql_parser *p, struct gql_selection *field)
{
    field->kind = GQL_FIELD;
    field->name_at = gql_here(p);
    field->name = field->alias = gql_expect_name(p);
    if (gql_skip(p, GQL_TOKEN_COLON)) {
        field->aliased = true;
        field->name_at = gql_here(p);
        field->name = gql_expect_name(p);
    }
    field->arguments = read_arguments(p, false);
    field->directives = gql_read_directives(p, false);
    if (gql_at(p, GQL_TOKEN_BRACE_L))
        field->set = read_set(p);
}

static void read_inline(struct gql_parser *p, struct gql_selection *fragment,
                        bool condition)
{
    fragment->kind = GQL_INLINE;
    if (condition) {
        fragment->on_at = gql_here(p);
        fragment->on = gql_expect_name(p);
    }
    fragment->directives = gql_read_directives(p, false);
    fragment->set = read_set(p);
}

/* Behind the "...". */
static void read_spread(struct gql_parser *p, struct gql_selection *spread)
{
    bool condition = gql_skip_keyword(p, "on");
    if (condition || !gql_at(p, GQL_TOKEN_NAME)) {
        read_inline(p, spread, condition);
        return;
    }
    spread->kind = GQL_SPREAD;
    spread->name_at = gql_here(p);
    spread->name = gql_expect_name(p);
    spread->directives = gql_read_directives(p, false);
}

static struct gql_selection *read_selection(struct gql_parser *p)
{
    struct gql_selection *selection = NEW_NODE(p, struct gql_selection);
    selection->at = gql_here(p);
    if (gql_skip(p, GQL_TOKEN_SPREAD))
        read_spread(p, selection);
    else
        read_field(p, selection);
    return selection;
}

static void read_selections(struct gql_parser *p, struct gql_selection_set *set)
{
    struct gql_selection **tail = &set->first;
    gql_expect(p, GQL_TOKEN_BRACE_L);
    do {
        *tail = read_selection(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_BRACE_R));
}

static struct gql_selection_set *read_set(struct gql_parser *p)
{
    struct gql_selection_set *set = NEW_NODE(p, struct gql_selection_set);
    set->at = gql_here(p);
    if (gql_enter(p))
        read_selections(p, set);
    gql_leave(p);
    return set;
}

/* ---- operations and fragments ---- */

static struct gql_variable_def *read_variable_def(struct gql_parser *p)
{
    struct gql_variable_def *def = NEW_NODE(p, struct gql_variable_def);
    def->at = gql_here(p);
    if (gql_at_string(p))
        gql_advance(p);
    gql_expect(p, GQL_TOKEN_DOLLAR);
    def->name_at = gql_here(p);
    def->name = gql_expect_name(p);
    gql_expect(p, GQL_TOKEN_COLON);
    def->type = gql_read_type(p);
    if (gql_skip(p, GQL_TOKEN_EQUALS))
        def->initial = gql_read_value(p, true);
    def->directives = gql_read_directives(p, true);
    return def;
}

static struct gql_variable_def *read_variable_defs(struct gql_parser *p)
{
    struct gql_variable_def *first = NULL, **tail = &first;
    if (!gql_skip(p, GQL_TOKEN_PAREN_L))
        return NULL;
    do {
        *tail = read_variable_def(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_PAREN_R));
    return first;
}

enum gql_operation_type gql_read_operation_type(struct gql_parser *p)
{
    static const char *const names[] = {
        [GQL_QUERY] = "query",
        [GQL_MUTATION] = "mutation",
        [GQL_SUBSCRIPTION] = "subscription",
    };
    struct gql_token token = p->lexer.token;
    gql_expect(p, GQL_TOKEN_NAME);
    for (int i = GQL_QUERY; i <= GQL_SUBSCRIPTION; i++)
        if (str_is(token.text, names[i]))
            return (enum gql_operation_type)i;
    gql_parse_fail(p, token.at, "Unexpected Name \"%.*s\".",
                   STR_ARG(token.text));
    return GQL_QUERY;
}

void gql_read_operation(struct gql_parser *p, struct gql_operation *operation)
{
    if (!gql_at(p, GQL_TOKEN_BRACE_L)) {
        operation->type = gql_read_operation_type(p);
        operation->name_at = gql_here(p);
        if (gql_at(p, GQL_TOKEN_NAME))
            operation->name = gql_expect_name(p);
        operation->variables = read_variable_defs(p);
        operation->directives = gql_read_directives(p, false);
    }
    operation->set = read_set(p);
}

void gql_read_fragment(struct gql_parser *p, struct gql_fragment *fragment)
{
    gql_expect_keyword(p, "fragment");
    if (gql_at_keyword(p, "on"))
        gql_parse_unexpected(p);
    fragment->name_at = gql_here(p);
    fragment->name = gql_expect_name(p);
    gql_expect_keyword(p, "on");
    fragment->on_at = gql_here(p);
    fragment->on = gql_expect_name(p);
    fragment->directives = gql_read_directives(p, false);
    fragment->set = read_set(p);
}
