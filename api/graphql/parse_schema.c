/* parse_schema: definitions and extensions of types and directives (3). */
#include "api/graphql/parse_private.h"
#include "api/graphql/schema.h"

/* A description in front of a definition; p NULL: none. */
static struct str read_description(struct gql_parser *p)
{
    struct str text = p->lexer.token.text;
    if (!gql_at_string(p))
        return (struct str){0};
    gql_advance(p);
    return text;
}

/* ---- arguments and fields ---- */

static struct gql_input_def *read_input(struct gql_parser *p)
{
    struct gql_input_def *input = NEW_NODE(p, struct gql_input_def);
    input->description = read_description(p);
    input->at = gql_here(p);
    input->name = gql_expect_name(p);
    gql_expect(p, GQL_TOKEN_COLON);
    input->type = gql_read_type(p);
    if (gql_skip(p, GQL_TOKEN_EQUALS))
        input->initial = gql_read_value(p, true);
    input->directives = gql_read_directives(p, true);
    return input;
}

static struct gql_input_def *read_inputs(struct gql_parser *p,
                                         enum gql_token_kind open,
                                         enum gql_token_kind close)
{
    struct gql_input_def *first = NULL, **tail = &first;
    if (!gql_skip(p, open))
        return NULL;
    do {
        *tail = read_input(p);
        tail = &(*tail)->next;
    } while (gql_more(p, close));
    return first;
}

static struct gql_input_def *read_argument_defs(struct gql_parser *p)
{
    return read_inputs(p, GQL_TOKEN_PAREN_L, GQL_TOKEN_PAREN_R);
}

static struct gql_field_def *read_field(struct gql_parser *p)
{
    struct gql_field_def *field = NEW_NODE(p, struct gql_field_def);
    field->description = read_description(p);
    field->at = gql_here(p);
    field->name = gql_expect_name(p);
    field->arguments = read_argument_defs(p);
    gql_expect(p, GQL_TOKEN_COLON);
    field->type = gql_read_type(p);
    field->directives = gql_read_directives(p, true);
    return field;
}

static struct gql_field_def *read_fields(struct gql_parser *p)
{
    struct gql_field_def *first = NULL, **tail = &first;
    if (!gql_skip(p, GQL_TOKEN_BRACE_L))
        return NULL;
    do {
        *tail = read_field(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_BRACE_R));
    return first;
}

/* ---- names with something between them ---- */

static struct gql_name_node *read_name(struct gql_parser *p)
{
    struct gql_name_node *node = NEW_NODE(p, struct gql_name_node);
    node->at = gql_here(p);
    node->name = gql_expect_name(p);
    return node;
}

static struct gql_name_node *read_names(struct gql_parser *p,
                                        enum gql_token_kind between)
{
    struct gql_name_node *first = NULL, **tail = &first;
    gql_skip(p, between);
    do {
        *tail = read_name(p);
        tail = &(*tail)->next;
    } while (gql_skip(p, between));
    return first;
}

static struct gql_name_node *read_interfaces(struct gql_parser *p)
{
    return gql_skip_keyword(p, "implements") ? read_names(p, GQL_TOKEN_AMP)
                                             : NULL;
}

/* ---- bodies, behind the keyword ---- */

typedef void (*body_fn)(struct gql_parser *p, struct gql_type_def *type);

static struct gql_root_def *read_root(struct gql_parser *p)
{
    struct gql_root_def *root = NEW_NODE(p, struct gql_root_def);
    root->at = gql_here(p);
    root->operation = gql_read_operation_type(p);
    gql_expect(p, GQL_TOKEN_COLON);
    root->type = gql_expect_name(p);
    return root;
}

static void read_schema(struct gql_parser *p, struct gql_type_def *type)
{
    struct gql_root_def **tail = &type->roots;
    type->directives = gql_read_directives(p, true);
    if (!gql_skip(p, GQL_TOKEN_BRACE_L))
        return;
    do {
        *tail = read_root(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_BRACE_R));
}

static void read_type_name(struct gql_parser *p, struct gql_type_def *type)
{
    type->name_at = gql_here(p);
    type->name = gql_expect_name(p);
}

static void read_scalar(struct gql_parser *p, struct gql_type_def *type)
{
    read_type_name(p, type);
    type->directives = gql_read_directives(p, true);
}

static void read_object(struct gql_parser *p, struct gql_type_def *type)
{
    read_type_name(p, type);
    type->interfaces = read_interfaces(p);
    type->directives = gql_read_directives(p, true);
    type->fields = read_fields(p);
}

static void read_union(struct gql_parser *p, struct gql_type_def *type)
{
    read_type_name(p, type);
    type->directives = gql_read_directives(p, true);
    if (gql_skip(p, GQL_TOKEN_EQUALS))
        type->members = read_names(p, GQL_TOKEN_PIPE);
}

static bool is_reserved(struct str name)
{
    return str_is(name, "true") || str_is(name, "false") ||
           str_is(name, "null");
}

static struct gql_enum_def *read_enum_value(struct gql_parser *p)
{
    struct gql_enum_def *value = NEW_NODE(p, struct gql_enum_def);
    value->description = read_description(p);
    value->at = gql_here(p);
    if (gql_at(p, GQL_TOKEN_NAME) && is_reserved(p->lexer.token.text))
        gql_parse_fail(p, value->at,
                       "Name \"%.*s\" is reserved and cannot be used for an "
                       "enum value.",
                       STR_ARG(p->lexer.token.text));
    value->name = gql_expect_name(p);
    value->directives = gql_read_directives(p, true);
    return value;
}

static void read_enum(struct gql_parser *p, struct gql_type_def *type)
{
    struct gql_enum_def **tail = &type->values;
    read_type_name(p, type);
    type->directives = gql_read_directives(p, true);
    if (!gql_skip(p, GQL_TOKEN_BRACE_L))
        return;
    do {
        *tail = read_enum_value(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_BRACE_R));
}

static void read_input_object(struct gql_parser *p, struct gql_type_def *type)
{
    read_type_name(p, type);
    type->directives = gql_read_directives(p, true);
    type->inputs = read_inputs(p, GQL_TOKEN_BRACE_L, GQL_TOKEN_BRACE_R);
}

static void check_locations(struct gql_parser *p,
                            const struct gql_name_node *name)
{
    for (; name != NULL; name = name->next)
        if (gql_location_find(name->name) < 0)
            gql_parse_fail(p, name->at, "Unexpected Name \"%.*s\".",
                           STR_ARG(name->name));
}

static void read_directive(struct gql_parser *p, struct gql_type_def *type)
{
    gql_expect(p, GQL_TOKEN_AT);
    read_type_name(p, type);
    type->inputs = read_argument_defs(p);
    type->repeatable = gql_skip_keyword(p, "repeatable");
    gql_expect_keyword(p, "on");
    type->members = read_names(p, GQL_TOKEN_PIPE);
    check_locations(p, type->members);
}

/* ---- definitions and extensions ---- */

static const struct {
    const char *keyword;
    enum gql_def_kind kind;
    body_fn read;
} kinds[] = {
    {"type", GQL_DEF_OBJECT, read_object},
    {"interface", GQL_DEF_INTERFACE, read_object},
    {"enum", GQL_DEF_ENUM, read_enum},
    {"input", GQL_DEF_INPUT, read_input_object},
    {"union", GQL_DEF_UNION, read_union},
    {"scalar", GQL_DEF_SCALAR, read_scalar},
    {"schema", GQL_DEF_SCHEMA, read_schema},
    {"directive", GQL_DEF_DIRECTIVE, read_directive},
};

/* At a keyword: reads what follows it. False where none is there. */
static bool read_kind(struct gql_parser *p, struct gql_definition *def)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!gql_skip_keyword(p, kinds[i].keyword))
            continue;
        def->kind = kinds[i].kind;
        kinds[i].read(p, &def->type);
        return true;
    }
    return false;
}

bool gql_read_type_system(struct gql_parser *p, struct gql_definition *def,
                          struct str description)
{
    def->type.description = description;
    if (!read_kind(p, def))
        return false;
    if (def->kind == GQL_DEF_SCHEMA && def->type.roots == NULL)
        gql_expect(p, GQL_TOKEN_BRACE_L);
    return true;
}

/* Behind "extend": it must add something. */
void gql_read_extension(struct gql_parser *p, struct gql_definition *def)
{
    const struct gql_type_def *t = &def->type;
    def->extension = true;
    if (gql_at_keyword(p, "directive") || !read_kind(p, def)) {
        gql_parse_unexpected(p);
        return;
    }
    bool adds = t->directives != NULL || t->roots != NULL ||
                t->interfaces != NULL || t->fields != NULL ||
                t->members != NULL || t->values != NULL || t->inputs != NULL;
    if (!adds)
        gql_parse_unexpected(p);
}
