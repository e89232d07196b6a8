/* cli: what the commands of nexus-graphql share; README.md has their use.
 *
 *     main.c       arguments and files, one answer and the exit code
 *     action.c     the commands by name
 *     batch.c      many requests, one a line
 *     validate.c   parse, schema, validate
 *     execute.c    execute, with fixture.c for the data */
#ifndef NEXUS_GRAPHQL_CLI_H
#define NEXUS_GRAPHQL_CLI_H

#include "api/graphql/limits.h"
#include "api/graphql/schema.h"
#include "lib/json.h"

struct cli {
    struct gql_schema *schema; /* NULL: none was given */
    struct gql_limits limits;
    struct arena arena;  /* lives as long as the program */
    struct json fixture; /* JSON_NONE: none was given */
    void *execution;     /* execute.c's own */
};

struct cli_request {
    struct str query;
    struct json variables; /* JSON_NONE: none */
    struct str operation_name;
};

/* Answers a request: one JSON value, to out. True where it has no errors. */
typedef bool (*cli_action_fn)(struct cli *cli,
                              const struct cli_request *request,
                              struct buf *out);

struct cli_action {
    const char *name;
    bool needs_schema;
    cli_action_fn run;
};

/* NULL where there is none of that name. */
const struct cli_action *cli_action(struct str name);

/* Reads requests until standard input ends. 0, or -EINVAL with *err. */
int cli_batch(struct cli *cli, struct errmsg *err);

bool cli_parse(struct cli *cli, const struct cli_request *request,
               struct buf *out);
bool cli_schema(struct cli *cli, const struct cli_request *request,
                struct buf *out);
bool cli_validate(struct cli *cli, const struct cli_request *request,
                  struct buf *out);
bool cli_execute(struct cli *cli, const struct cli_request *request,
                 struct buf *out);
void cli_execution_end(struct cli *cli);

#endif
