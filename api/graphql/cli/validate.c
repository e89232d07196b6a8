/* validate: the commands that execute nothing. */
#include "api/graphql/cli/cli.h"
#include "api/graphql/parse.h"
#include "api/graphql/validate.h"

/* Writes {"errors":[…]} and gives the arena back. */
static bool answer(struct gql_errors *errors, struct buf *out)
{
    bool good = errors->count == 0;
    buf_append_text(out, "{\"errors\":");
    gql_errors_append(errors, out);
    buf_append_byte(out, '}');
    arena_fini(errors->arena);
    return good;
}

static int parse(const struct cli *cli, const struct cli_request *request,
                 struct gql_document *doc, struct gql_errors *errors)
{
    struct gql_parse_limits limits = {cli->limits.tokens,
                                      cli->limits.directives};
    errors->max = cli->limits.errors;
    return gql_parse(doc, request->query, &limits, errors);
}

bool cli_parse(struct cli *cli, const struct cli_request *request,
               struct buf *out)
{
    struct arena arena = {0};
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena};
    parse(cli, request, &doc, &errors);
    return answer(&errors, out);
}

bool cli_schema(struct cli *cli, const struct cli_request *request,
                struct buf *out)
{
    struct arena arena = {0};
    struct gql_errors errors = {.arena = &arena, .max = cli->limits.errors};
    struct gql_schema *schema =
        gql_schema_new(request->query, "schema", &errors, NULL);
    gql_schema_free(&schema);
    return answer(&errors, out);
}

bool cli_validate(struct cli *cli, const struct cli_request *request,
                  struct buf *out)
{
    struct arena arena = {0};
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena};
    if (parse(cli, request, &doc, &errors) == 0)
        gql_validate(cli->schema, &doc, &cli->limits, &errors);
    return answer(&errors, out);
}
