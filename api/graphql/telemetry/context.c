/* context: what all resolvers share. */
#include <stdlib.h>

#include "api/graphql/telemetry/bindings.h"
#include "lib/mem.h"

struct api_context *api_context_new(struct http_server *server,
                                    struct fleet *fleet, struct db *db)
{
    struct api_context *context = mem_zalloc(sizeof *context);
    context->fleet = fleet;
    context->db = db;
    context->server = server;
    return context;
}

void api_context_free(struct api_context **context)
{
    free(*context);
    *context = NULL;
}
