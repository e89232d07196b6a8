/* execute: the command of that name, over a fixture. */
#include <stdlib.h>

#include "api/graphql/cli/cli.h"
#include "api/graphql/cli/fixture.h"
#include "api/graphql/graphql.h"
#include "lib/mem.h"

/* Made for the first request, kept for the others. */
struct cli_execution {
    struct gql_cache *cache;
    struct arena arena;
    const void *root;
};

static struct cli_execution *begin(struct cli *cli, struct errmsg *err)
{
    struct cli_execution *e = cli->execution;
    if (e != NULL)
        return e;
    if (fixture_bind(cli->schema, &cli->arena, err) < 0)
        return NULL;
    e = mem_zalloc(sizeof *e);
    e->cache = gql_cache_new(cli->schema, &cli->limits, NULL);
    if (json_type(cli->fixture) == JSON_OBJECT)
        e->root = fixture_root(cli->fixture, &e->arena);
    return cli->execution = e;
}

void cli_execution_end(struct cli *cli)
{
    struct cli_execution *e = cli->execution;
    if (e == NULL)
        return;
    gql_cache_free(&e->cache);
    arena_fini(&e->arena);
    free(e);
    cli->execution = NULL;
}

struct answer {
    struct buf *out;
    bool good;
};

static void take(struct buf *out, bool failed, void *arg)
{
    struct answer *answer = arg;
    answer->good = !failed;
    buf_append_str(answer->out, buf_str(out));
}

static bool execute(struct cli_execution *e, const struct cli_request *request,
                    struct gql_query *query, struct buf *out)
{
    struct arena arena = {0};
    struct gql_errors errors = {.arena = &arena};
    struct answer answer = {.out = out};
    struct gql_plan *plan = NULL;
    if (query->errors.count > 0)
        gql_response_errors(&query->errors, out);
    else if ((plan = gql_plan_new(e->cache, query, request->operation_name,
                                  request->variables, &errors)) == NULL)
        gql_response_errors(&errors, out);
    else
        gql_execute(plan, e->root, NULL, take, &answer);
    gql_plan_free(&plan);
    arena_fini(&arena);
    return answer.good;
}

bool cli_execute(struct cli *cli, const struct cli_request *request,
                 struct buf *out)
{
    struct errmsg err = {0};
    struct cli_execution *e = begin(cli, &err);
    struct gql_query *query;
    if (e == NULL) {
        struct json_writer w = json_writer(out);
        json_put_text(&w, err.text);
        return false;
    }
    gql_prepare(e->cache, request->query, str_make(NULL, 0), &query);
    bool good = execute(e, request, query, out);
    gql_query_unref(&query);
    return good;
}
