/* settings: see the header. */
#include "api/graphql/transport/settings.h"

struct gql_limits graphql_limits(const struct graphql_settings *settings)
{
    return (struct gql_limits){
        .tokens = (uint32_t)settings->tokens,
        .depth = (uint32_t)settings->depth,
        .aliases = (uint32_t)settings->aliases,
        .directives = (uint32_t)settings->directives,
        .root_fields = (uint32_t)settings->root_fields,
        .cost = (uint64_t)settings->cost,
        .list_size = (uint32_t)settings->list_size,
        .errors = (uint32_t)settings->errors,
        .response = (size_t)settings->response_bytes,
        .memory = (size_t)settings->memory_bytes,
        .time_ns = settings->time_ns,
        .introspection = settings->introspection,
        /* What may not be asked for is not told by the way, either. */
        .suggestions = settings->introspection,
    };
}

struct websocket_config graphql_websocket(const struct graphql_settings *s)
{
    return (struct websocket_config){
        .message_max = (size_t)s->message_bytes,
        .unsent_max = (size_t)s->unsent_bytes,
        .ping_ns = s->ping_ns,
        .pong_ns = s->pong_ns,
    };
}
