/* world: a small API to execute things on: three hosts, two GPUs each.
 *
 * Its resolvers count their batches, and some finish only when the test says
 * so (world_finish). */
#ifndef NEXUS_TEST_WORLD_H
#define NEXUS_TEST_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/graphql/graphql.h"
#include "api/graphql/scalar.h"

#define WORLD_WAITING_MAX 16

static const char world_sdl[] =
    "type Query {"
    "  hosts: [Host!]! host: Host nodes: [Node] matrix: [[Host]]"
    "  later(n: Int!): Host failing: Host broken: [Host] stranger: Node"
    "  selecting: Host tags: [String] empty: Query must: Int!"
    "  echo(n: Int = 7, list: [Int], in: In, one: One, word: Word): String"
    "}"
    "type Mutation { add(n: Int!): Sum! must: Int! }"
    "type Sum { value: Int! }"
    "type Subscription { renamed(n: Int!): Host }"
    "interface Node { id: ID! }"
    "type Host implements Node {"
    "  id: ID! name: String gpus: [Gpu!]! self: Host boom: Int must: Int!"
    "  mustB: Int! tag: String later: Host"
    "}"
    "type Gpu implements Node { id: ID! load: Float host: Host! }"
    "input In { a: Int!, b: String = \"x\" }"
    "input One @oneOf { a: Int, b: String }"
    "input Word { a: Int, letter: Letter } enum Letter { A B }";

struct world_host {
    const char *type;
    const char *id, *name;
};

struct world_gpu {
    const char *type;
    const char *id;
    double load;
    const struct world_host *host;
};

static const struct world_host world_hosts[] = {
    {"Host", "1", "a"}, {"Host", "2", "b"}, {"Host", "3", "c"}};
static const struct world_gpu world_gpus[] = {
    {"Gpu", "10", 0.5, &world_hosts[0]}, {"Gpu", "11", 1, &world_hosts[0]},
    {"Gpu", "20", 2, &world_hosts[1]},   {"Gpu", "21", 3, &world_hosts[1]},
    {"Gpu", "30", 4, &world_hosts[2]},   {"Gpu", "31", 5, &world_hosts[2]}};

struct world {
    struct gql_schema *schema;
    struct gql_cache *cache;
    struct arena arena;
    const char *operation;
    char *response; /* the last; NULL: none yet */
    bool failed;
    int host_batches, gpus_batches, owner_batches;
    uint32_t gpus_parents, owner_parents;
    bool selected_name, selected_id;
    struct gql_batch *batches[WORLD_WAITING_MAX];
    int waiting;
    int64_t sum;
    int64_t subscribed_to;
    struct gql_source source;
    gql_event_fn on_event;
    void *event_arg;
    int events;
    const void *event;
};

/* ---- resolvers ---- */

static struct world *world_of(const struct gql_batch *batch)
{
    return batch->call.context;
}

static void world_give_hosts(struct gql_batch *batch)
{
    const void *list[] = {&world_hosts[0], &world_hosts[1], &world_hosts[2]};
    gql_batch_list(batch, 0, list, 3);
    gql_batch_done(batch);
}

static void world_give_host(struct gql_batch *batch)
{
    world_of(batch)->host_batches++;
    gql_batch_object(batch, 0, &world_hosts[0]);
    gql_batch_done(batch);
}

static void world_give_nodes(struct gql_batch *batch)
{
    const void *list[] = {&world_hosts[0], &world_gpus[0], NULL,
                          &world_hosts[1]};
    gql_batch_list(batch, 0, list, 4);
    gql_batch_done(batch);
}

static void world_give_matrix(struct gql_batch *batch)
{
    static const void *const first[] = {&world_hosts[0], NULL};
    static const void *const last[] = {&world_hosts[1], &world_hosts[2]};
    static const struct gql_list lists[] = {
        {first, 2, NULL}, {NULL, 0, NULL}, {last, 2, NULL}};
    const void *list[] = {&lists[0], NULL, &lists[1], &lists[2]};
    gql_batch_list(batch, 0, list, 4);
    gql_batch_done(batch);
}

static void world_wait(struct gql_batch *batch)
{
    struct world *w = world_of(batch);
    w->batches[w->waiting++] = batch;
}

static void world_fail(struct gql_batch *batch)
{
    gql_batch_fail(batch, NULL, "no");
    gql_batch_done(batch);
}

static void world_give_broken(struct gql_batch *batch)
{
    const void *list[] = {&world_hosts[0],
                          gql_batch_item_error(batch, NULL, "%s", "second"),
                          &world_hosts[1]};
    gql_batch_list(batch, 0, list, 3);
    gql_batch_done(batch);
}

static void world_give_stranger(struct gql_batch *batch)
{
    static const struct world_host nobody = {"Nobody", "0", "n"};
    gql_batch_object(batch, 0, &nobody);
    gql_batch_done(batch);
}

static void world_give_selecting(struct gql_batch *batch)
{
    struct world *w = world_of(batch);
    w->selected_name = gql_selects(&batch->call, "name");
    w->selected_id = gql_selects(&batch->call, "id");
    gql_batch_object(batch, 0, &world_hosts[0]);
    gql_batch_done(batch);
}

static void world_give_tags(struct gql_batch *batch)
{
    const void *list[] = {"x", NULL, "z"};
    gql_batch_list(batch, 0, list, 3);
    gql_batch_done(batch);
}

static void world_give_tag(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count && i < 2; i++)
        gql_batch_object(batch, i,
                         ((const struct world_host *)batch->parents[i])->name);
    gql_batch_done(batch);
}

static void world_give_gpus(struct gql_batch *batch)
{
    struct world *w = world_of(batch);
    w->gpus_batches++;
    w->gpus_parents += batch->count;
    for (uint32_t i = 0; i < batch->count; i++) {
        const void *list[2];
        uint32_t count = 0;
        for (size_t k = 0; k < sizeof world_gpus / sizeof *world_gpus; k++)
            if (world_gpus[k].host == batch->parents[i])
                list[count++] = &world_gpus[k];
        gql_batch_list(batch, i, list, count);
    }
    gql_batch_done(batch);
}

static void world_give_owner(struct gql_batch *batch)
{
    struct world *w = world_of(batch);
    w->owner_batches++;
    w->owner_parents += batch->count;
    for (uint32_t i = batch->count; i-- > 0;)
        gql_batch_object(batch, i,
                         ((const struct world_gpu *)batch->parents[i])->host);
    gql_batch_done(batch);
}

/* ---- leaves ---- */

static void world_put_id(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, ((const struct world_host *)object)->id);
}

static void world_put_name(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, ((const struct world_host *)object)->name);
}

static void world_put_load(struct gql_out *out, const void *object)
{
    json_put_double(&out->json, ((const struct world_gpu *)object)->load);
}

static void world_put_text(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, object);
}

static void world_put_bang(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_i64(&out->json, 1); /* a value that the error stands for */
    gql_out_error(out, "BANG", "%s", "bang");
}

static void world_put_null(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_null(&out->json);
}

static void world_put_unless_b(struct gql_out *out, const void *object)
{
    if (object != &world_hosts[1])
        json_put_i64(&out->json, 1);
}

static void world_put_sum(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_i64(&out->json, ((struct world *)out->call.context)->sum);
}

/* The arguments that were given, as one literal. */
static void world_put_echo(struct gql_out *out, const void *object)
{
    struct buf text = {0};
    (void)object;
    for (uint32_t i = 0; i < out->call.field->argument_count; i++) {
        if (out->call.arguments[i] == NULL)
            continue;
        buf_append_text(&text, text.len > 0 ? ", " : "{");
        buf_append_str(&text, out->call.field->arguments[i].name);
        buf_append_text(&text, ": ");
        gql_value_append(out->call.arguments[i], &text);
    }
    buf_append_byte(&text, '}');
    json_put_str(&out->json, buf_str(&text));
    buf_fini(&text);
}

static const char *world_type_of(const void *object, void *context)
{
    (void)context;
    return *(const char *const *)object;
}

/* ---- subscriptions ---- */

static void world_stop(struct gql_source *source)
{
    struct world *w =
        (struct world *)((char *)source - offsetof(struct world, source));
    w->on_event = NULL;
}

static struct gql_source *world_subscribe(const struct gql_call *call,
                                          gql_event_fn on_event, void *arg,
                                          struct errmsg *err)
{
    struct world *w = call->context;
    w->subscribed_to = gql_argument_i64(call, "n", 0);
    if (w->subscribed_to < 0) {
        errmsg_set(err, 0, "no such host");
        return NULL;
    }
    w->source.stop = world_stop;
    w->on_event = on_event;
    w->event_arg = arg;
    return &w->source;
}

static inline void world_event(const void *event, uint64_t key, void *arg)
{
    struct world *w = arg;
    (void)key;
    w->events++;
    w->event = event;
}

static inline void world_emit(struct world *w, int host)
{
    w->on_event(&world_hosts[host], 0, w->event_arg);
}

static const struct gql_binding world_bindings[] = {
    {.name = "Query.hosts", .resolve = world_give_hosts},
    {.name = "Query.host", .resolve = world_give_host},
    {.name = "Query.nodes", .resolve = world_give_nodes},
    {.name = "Query.matrix", .resolve = world_give_matrix},
    {.name = "Query.later", .resolve = world_wait},
    {.name = "Query.failing", .resolve = world_fail},
    {.name = "Query.broken", .resolve = world_give_broken},
    {.name = "Query.stranger", .resolve = world_give_stranger},
    {.name = "Query.selecting", .resolve = world_give_selecting},
    {.name = "Query.tags", .resolve = world_give_tags, .write = world_put_text},
    {.name = "Query.empty"},
    {.name = "Query.must", .write = world_put_null},
    {.name = "Query.echo", .write = world_put_echo},
    {.name = "Mutation.add", .resolve = world_wait},
    {.name = "Mutation.must", .write = world_put_null},
    {.name = "Sum.value", .write = world_put_sum},
    {.name = "Subscription.renamed", .subscribe = world_subscribe},
    {.name = "Host.id", .write = world_put_id},
    {.name = "Host.name", .write = world_put_name},
    {.name = "Host.gpus", .resolve = world_give_gpus},
    {.name = "Host.self"},
    {.name = "Host.boom", .write = world_put_bang},
    {.name = "Host.must", .write = world_put_null},
    {.name = "Host.mustB", .write = world_put_unless_b},
    {.name = "Host.tag", .resolve = world_give_tag, .write = world_put_text},
    {.name = "Host.later", .resolve = world_wait},
    {.name = "Gpu.id", .write = world_put_id},
    {.name = "Gpu.load", .write = world_put_load},
    {.name = "Gpu.host", .resolve = world_give_owner},
    {.name = "Node", .type_of = world_type_of},
    {0},
};

/* ---- the world itself ---- */

static inline struct world *
world_new_with(const struct gql_limits *limits,
               const struct gql_cache_config *config)
{
    struct world *w = calloc(1, sizeof *w);
    const struct gql_binding *const tables[] = {world_bindings, NULL};
    struct errmsg err = {0};
    w->schema = gql_schema_new(str_of(world_sdl), "world", NULL, &err);
    if (w->schema == NULL || gql_bind(w->schema, tables, &err) < 0) {
        fprintf(stderr, "world: %s\n", err.text);
        abort();
    }
    w->cache = gql_cache_new(
        w->schema, limits != NULL ? limits : &gql_limits_default, config);
    return w;
}

static inline struct world *world_new(const struct gql_limits *limits)
{
    return world_new_with(limits, NULL);
}

static inline void world_forget(struct world *w)
{
    free(w->response);
    w->response = NULL;
}

static inline void world_free(struct world **at)
{
    struct world *w = *at;
    world_forget(w);
    gql_cache_free(&w->cache);
    gql_schema_free(&w->schema);
    arena_fini(&w->arena);
    free(w);
    *at = NULL;
}

static inline void world_answer(struct buf *out, bool failed, void *arg)
{
    struct world *w = arg;
    world_forget(w);
    w->response = strdup(buf_text(out));
    w->failed = failed;
}

static inline struct gql_errors world_errors(struct world *w)
{
    return (struct gql_errors){.arena = &w->arena};
}

static inline const char *world_response_errors(struct world *w,
                                                const struct gql_errors *errors)
{
    struct buf out = {0};
    gql_response_errors(errors, &out);
    world_answer(&out, true, w);
    buf_fini(&out);
    return w->response;
}

/* NULL with the errors in the response. */
static inline struct gql_plan *world_plan(struct world *w, const char *query,
                                          const char *variables)
{
    struct gql_errors errors = world_errors(w);
    struct gql_query *prepared;
    struct json_doc doc = {0};
    struct errmsg err;
    struct json given = {0};
    world_forget(w);
    if (variables != NULL &&
        json_parse(&doc, str_of(variables), &w->arena, &err) == 0)
        given = json_root(&doc);
    if (gql_prepare(w->cache, str_of(query), str_make(NULL, 0), &prepared) !=
        GQL_PREPARED)
        return NULL;
    struct gql_plan *plan = NULL;
    if (prepared->errors.count > 0)
        world_response_errors(w, &prepared->errors);
    else if ((plan = gql_plan_new(w->cache, prepared, str_of(w->operation),
                                  given, &errors)) == NULL)
        world_response_errors(w, &errors);
    gql_query_unref(&prepared);
    return plan;
}

/* NULL: it was answered at once. */
static inline struct gql_execution *
world_start(struct world *w, const char *query, const char *variables)
{
    struct gql_plan *plan = world_plan(w, query, variables);
    if (plan == NULL)
        return NULL;
    struct gql_execution *x = gql_execute(plan, NULL, w, world_answer, w);
    gql_plan_free(&plan);
    return x;
}

static inline const char *world_run(struct world *w, const char *query,
                                    const char *variables)
{
    world_start(w, query, variables);
    return w->response != NULL ? w->response : "(no response)";
}

/* Ends the i-th waiting batch: of hosts, and of a mutation. */
static inline void world_finish(struct world *w, int i)
{
    struct gql_batch *batch = w->batches[i];
    memmove(w->batches + i, w->batches + i + 1,
            (size_t)(--w->waiting - i) * sizeof *w->batches);
    int64_t n = gql_argument_i64(&batch->call, "n", 0);
    bool sum = str_is(batch->call.field->name, "add");
    if (sum)
        w->sum += n;
    for (uint32_t k = 0; k < batch->count; k++)
        gql_batch_object(
            batch, k, n > 0 && !sum ? &world_hosts[n - 1] : batch->parents[k]);
    gql_batch_done(batch);
}

#endif
