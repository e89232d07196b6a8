/* graphql_bench: how long the GraphQL engine takes for a document, step by step.
 *
 *     graphql_bench SCHEMA [seconds] < requests
 *
 * A request a line: {"name":…,"query":…,"variables":{…}}. For each a line:
 * {"name":…,"parse":ns,"validate":ns,"plan":ns,"execute":ns,"cached":ns,
 * "response":"…"}; cached is all that a repeated request costs, from its text
 * to its response. Every step is repeated for so many seconds (0.3).
 *
 * Resolvers are made from the schema and cost next to nothing: an object is
 * always the same, a list has LIST_LENGTH members, a leaf is a constant of its
 * type. What is measured is the engine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/graphql/graphql.h"
#include "api/graphql/parse.h"
#include "api/graphql/validate.h"
#include "lib/clock.h"

#define LIST_LENGTH 10

struct bench {
    struct gql_schema *schema;
    struct gql_cache *cache;
    int64_t least_ns;
    struct arena arena; /* of what is measured, reset each time */
    struct json_doc input;
    struct str query;
    struct gql_query *prepared;
    struct gql_plan *plan;
    size_t bytes;
    struct buf response;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "graphql_bench: %s: %s\n", what, why);
    exit(1);
}

/* ---- resolvers for any schema ---- */

static const struct gql_type_ref *nullable(const struct gql_type_ref *type)
{
    return type->wrap == GQL_NON_NULL ? type->of : type;
}

static bool is_list(const struct gql_field *field)
{
    return nullable(field->type)->wrap == GQL_LIST_OF;
}

static void resolve(struct gql_batch *batch)
{
    static const char object[] = "object";
    const void *list[LIST_LENGTH];
    for (size_t i = 0; i < LIST_LENGTH; i++)
        list[i] = object;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (is_list(batch->call.field))
            gql_batch_list(batch, i, list, LIST_LENGTH);
        else
            gql_batch_object(batch, i, object);
    }
    gql_batch_done(batch);
}

static void put_leaf(struct json_writer *json, const struct gql_type *type)
{
    if (type->kind == GQL_TYPE_ENUM)
        json_put_str(json, type->values[0].name);
    else if (str_is(type->name, "Int"))
        json_put_i64(json, 42);
    else if (str_is(type->name, "Float"))
        json_put_double(json, 85.5);
    else if (str_is(type->name, "Boolean"))
        json_put_bool(json, true);
    else
        json_put_text(json, "GPU-5fd4f087-86f3-7a43-b711-4771313afc50");
}

static void write_leaf(struct gql_out *out, const void *object)
{
    (void)object;
    const struct gql_field *field = out->call.field;
    if (!is_list(field)) {
        put_leaf(&out->json, field->type->named);
        return;
    }
    json_begin_array(&out->json);
    for (int i = 0; i < LIST_LENGTH; i++)
        put_leaf(&out->json, field->type->named);
    json_end_array(&out->json);
}

static const char *type_of(const void *object, void *context)
{
    (void)object;
    return context;
}

static struct gql_source *subscribe(const struct gql_call *call,
                                    gql_event_fn on_event, void *arg,
                                    struct errmsg *err)
{
    (void)call, (void)on_event, (void)arg;
    errmsg_set(err, -EINVAL, "nothing happens here");
    return NULL;
}

static struct gql_binding field_binding(struct bench *b,
                                        const struct gql_type *type,
                                        const struct gql_field *field)
{
    struct arena *arena = &b->schema->arena;
    struct gql_binding binding = {
        .name = arena_printf(arena, "%.*s.%.*s", STR_ARG(type->name),
                             STR_ARG(field->name)),
        .subscribe = type == b->schema->subscription ? subscribe : NULL,
    };
    if (gql_is_leaf(field->type->named))
        binding.write = write_leaf;
    else
        binding.resolve = resolve;
    return binding;
}

static void bind_all(struct bench *b)
{
    size_t count = 0, max = 1;
    for (uint32_t i = 0; i < b->schema->type_count; i++)
        max += b->schema->types[i]->field_count + 1;
    struct gql_binding *table =
        arena_zalloc(&b->schema->arena, max * sizeof *table);
    for (uint32_t i = 0; i < b->schema->type_count; i++) {
        const struct gql_type *type = b->schema->types[i];
        if (type->builtin || type->kind == GQL_TYPE_INPUT)
            continue;
        if (type->possible_count > 0 && type->kind != GQL_TYPE_OBJECT)
            table[count++] = (struct gql_binding){
                .name = arena_printf(&b->schema->arena, "%.*s",
                                     STR_ARG(type->name)),
                .type_of = type_of};
        if (type->kind != GQL_TYPE_OBJECT)
            continue;
        for (uint32_t f = 0; f < type->field_count; f++)
            table[count++] = field_binding(b, type, &type->fields[f]);
    }
    struct errmsg err;
    const struct gql_binding *const tables[] = {table, NULL};
    if (gql_bind(b->schema, tables, &err) < 0)
        fail("bind", err.text);
}

/* ---- the steps ---- */

static void parse(struct bench *b, struct gql_document *doc,
                  struct gql_errors *errors)
{
    arena_reset(&b->arena);
    *errors = (struct gql_errors){.arena = &b->arena, .source = b->query};
    *doc = (struct gql_document){.arena = &b->arena};
    const struct gql_limits *limits = gql_cache_limits(b->cache);
    const struct gql_parse_limits most = {limits->tokens, limits->directives};
    if (gql_parse(doc, b->query, &most, errors) < 0)
        fail("parse", "the document is none");
}

static void step_parse(struct bench *b)
{
    struct gql_document doc;
    struct gql_errors errors;
    parse(b, &doc, &errors);
}

static void step_parse_and_validate(struct bench *b)
{
    struct gql_document doc;
    struct gql_errors errors;
    parse(b, &doc, &errors);
    gql_validate(b->schema, &doc, gql_cache_limits(b->cache), &errors);
    if (errors.count > 0)
        fail("validate", arena_text(&b->arena, errors.first->message));
}

static struct gql_plan *plan(struct bench *b, struct gql_query *query)
{
    arena_reset(&b->arena);
    struct gql_errors errors = {.arena = &b->arena, .source = b->query};
    struct json variables = json_get(json_root(&b->input), "variables");
    struct gql_plan *made =
        gql_plan_new(b->cache, query, (struct str){0}, variables, &errors);
    if (made == NULL)
        fail("plan", arena_text(&b->arena, errors.first->message));
    return made;
}

static void step_plan(struct bench *b)
{
    struct gql_plan *made = plan(b, b->prepared);
    gql_plan_free(&made);
}

static void take_response(struct buf *out, bool failed, void *arg)
{
    struct bench *b = arg;
    if (failed)
        fail("execute", buf_text(out));
    b->bytes = out->len;
    buf_reset(&b->response);
    buf_append(&b->response, out->data, out->len);
}

static void step_execute(struct bench *b)
{
    static char first_type[] = "GPU"; /* what stands for every abstract type */
    gql_execute(b->plan, NULL, first_type, take_response, b);
}

static struct gql_query *prepare(struct bench *b)
{
    struct gql_query *query;
    if (gql_prepare(b->cache, b->query, (struct str){0}, &query) !=
        GQL_PREPARED)
        fail("prepare", "refused");
    return query;
}

static void step_cached(struct bench *b)
{
    struct gql_query *query = prepare(b);
    b->plan = plan(b, query);
    step_execute(b);
    gql_plan_free(&b->plan);
    gql_query_unref(&query);
}

/* ---- measuring ---- */

static double measure(struct bench *b, void (*step)(struct bench *b))
{
    int64_t spent = 0;
    uint64_t rounds = 0;
    for (uint64_t more = 1; spent < b->least_ns; more *= 2) {
        int64_t start = clock_mono_ns();
        for (uint64_t i = 0; i < more; i++)
            step(b);
        spent += clock_mono_ns() - start;
        rounds += more;
    }
    return (double)spent / (double)rounds;
}

static void measure_request(struct bench *b, struct buf *out)
{
    step_cached(b); /* seen once: the next is from the cache */
    double parsed = measure(b, step_parse);
    double validated = measure(b, step_parse_and_validate) - parsed;
    b->prepared = prepare(b);
    double planned = measure(b, step_plan);
    b->plan = plan(b, b->prepared);
    double executed = measure(b, step_execute);
    gql_plan_free(&b->plan);
    gql_query_unref(&b->prepared);
    double cached = measure(b, step_cached);

    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_double(&w, "parse", parsed);
    json_member_double(&w, "validate", validated);
    json_member_double(&w, "plan", planned);
    json_member_double(&w, "execute", executed);
    json_member_double(&w, "cached", cached);
    json_member_str(&w, "response", buf_str(&b->response));
    json_end_object(&w);
    buf_append_byte(out, '\n');
}

static void read_schema(struct bench *b, const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail(path, "cannot be read");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    struct errmsg err;
    b->schema = gql_schema_new(str_make(text, len), path, NULL, &err);
    if (b->schema == NULL)
        fail("schema", err.text);
    static const struct gql_cache_config config = {1000, 16 << 20, false};
    bind_all(b);
    b->cache = gql_cache_new(b->schema, &gql_limits_default, &config);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        fail("usage", "graphql_bench SCHEMA [seconds] < requests");
    struct bench b = {.least_ns = (int64_t)(1e9 * 0.3)};
    if (argc > 2)
        b.least_ns = (int64_t)(1e9 * atof(argv[2]));
    read_schema(&b, argv[1]);
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        struct arena arena = {0};
        struct errmsg err;
        struct buf out = {0};
        if (json_parse(&b.input, str_make(line, (size_t)len), &arena, &err) < 0)
            fail("request", err.text);
        if (json_string(json_get(json_root(&b.input), "query"), &arena,
                        &b.query) < 0)
            fail("request", "has no query");
        measure_request(&b, &out);
        fwrite(out.data, 1, out.len, stdout);
        buf_fini(&out);
        arena_fini(&arena);
    }
    return 0;
}
