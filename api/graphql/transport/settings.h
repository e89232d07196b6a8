/* settings: what may be set about the GraphQL API: one table, with the engine's
 * limits in it (api/graphql/limits.h). */
#ifndef NEXUS_GRAPHQL_SETTINGS_H
#define NEXUS_GRAPHQL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/graphql/limits.h"
#include "lib/clock.h"
#include "lib/opts.h"
#include "lib/websocket.h"

struct graphql_settings {
    bool enabled;
    bool introspection;
    const char *allow_list; /* a file or folder of documents; NULL: any */
    int64_t cache_entries, cache_bytes;
    int64_t tokens, depth, aliases, directives, root_fields, cost, list_size;
    int64_t errors, response_bytes, memory_bytes, time_ns;

    int64_t sockets;      /* WebSocket connections */
    int64_t operations;   /* of one connection, at the same time */
    int64_t streams;      /* server-sent events */
    int64_t topics;       /* distinct subscriptions */
    int64_t unsent_bytes; /* answers a client has not taken */
    int64_t message_bytes;
    int64_t init_timeout_ns, ping_ns, pong_ns;
};

/* The engine's limits as they are set. */
struct gql_limits graphql_limits(const struct graphql_settings *settings);

/* How its WebSockets are kept. */
struct websocket_config graphql_websocket(const struct graphql_settings *s);

#define GRAPHQL_COUNT_OPTION(name, target, standard, most, text)       \
    {                                                                  \
        .flag = (name), .type = OPT_INT, .value = &(target),           \
        .initial = (standard), .min = 0, .max = (most), .help = (text) \
    }
#define GRAPHQL_SIZE_OPTION(name, target, standard, least, most, text)       \
    {                                                                        \
        .flag = (name), .type = OPT_SIZE, .value = &(target),                \
        .initial = (standard), .min = (least), .max = (most), .help = (text) \
    }
#define GRAPHQL_TIME_OPTION(name, target, standard, text)                      \
    {                                                                          \
        .flag = (name), .type = OPT_DURATION, .value = &(target),              \
        .initial = (standard), .min = 100 * NS_PER_MS, .max = 3600 * NS_PER_S, \
        .help = (text)                                                         \
    }

/* For a program's table. */
#define GRAPHQL_OPTIONS(s)                                                     \
    {.flag = "enable-graphql",                                                 \
     .type = OPT_BOOL,                                                         \
     .value = &(s).enabled,                                                    \
     .initial = "true",                                                        \
     .help = "serve GraphQL at /graphql"},                                     \
        {.flag = "graphql-introspection",                                      \
         .type = OPT_BOOL,                                                     \
         .value = &(s).introspection,                                          \
         .initial = "true",                                                    \
         .help = "let clients ask for the schema; GraphiQL needs it"},         \
        {.flag = "graphql-allow-list",                                         \
         .type = OPT_TEXT,                                                     \
         .value = &(s).allow_list,                                             \
         .help = "a document, or a folder of *.graphql: only these are "       \
                 "executed (any)"},                                            \
        GRAPHQL_COUNT_OPTION("graphql-cache-documents", (s).cache_entries,     \
                             "1000", 1000000, "documents kept parsed"),        \
        GRAPHQL_SIZE_OPTION("graphql-cache-size", (s).cache_bytes, "16MiB", 0, \
                            INT64_C(1) << 32, "text of documents kept"),       \
        GRAPHQL_COUNT_OPTION("graphql-tokens", (s).tokens, "10000", 1000000,   \
                             "tokens a document may have; 0: any"),            \
        GRAPHQL_COUNT_OPTION("graphql-depth", (s).depth, "15", 1000,           \
                             "fields inside fields; 0: any"),                  \
        GRAPHQL_COUNT_OPTION("graphql-aliases", (s).aliases, "100", 1000000,   \
                             "aliases of a document; 0: any"),                 \
        GRAPHQL_COUNT_OPTION("graphql-directives", (s).directives, "100",      \
                             1000000, "directives of a document; 0: any"),     \
        GRAPHQL_COUNT_OPTION("graphql-root-fields", (s).root_fields, "50",     \
                             1000000, "fields of an operation; 0: any"),       \
        GRAPHQL_COUNT_OPTION("graphql-cost", (s).cost, "1000000",              \
                             INT64_C(1) << 53,                                 \
                             "cost of an operation, lists multiply; 0: any"),  \
        GRAPHQL_COUNT_OPTION("graphql-list-size", (s).list_size, "10",         \
                             1000000,                                          \
                             "what a list without a limit counts as"),         \
        GRAPHQL_COUNT_OPTION("graphql-errors", (s).errors, "100", 100000,      \
                             "errors told of one request"),                    \
        GRAPHQL_SIZE_OPTION("graphql-response-size", (s).response_bytes,       \
                            "64MiB", 0, INT64_C(1) << 32,                      \
                            "bytes of a response; 0: any"),                    \
        GRAPHQL_SIZE_OPTION("graphql-memory", (s).memory_bytes, "128MiB", 0,   \
                            INT64_C(1) << 40,                                  \
                            "bytes an operation may need; 0: any"),            \
        GRAPHQL_TIME_OPTION("graphql-timeout", (s).time_ns, "10s",             \
                            "time an operation may take"),                     \
        GRAPHQL_COUNT_OPTION("graphql-connections", (s).sockets, "10000",      \
                             1000000, "WebSocket connections to /graphql"),    \
        GRAPHQL_COUNT_OPTION("graphql-operations", (s).operations, "100",      \
                             100000, "operations of a WebSocket connection"),  \
        GRAPHQL_COUNT_OPTION("graphql-streams", (s).streams, "1000", 1000000,  \
                             "server-sent event streams"),                     \
        GRAPHQL_COUNT_OPTION("graphql-topics", (s).topics, "1000", 100000,     \
                             "subscriptions that differ"),                     \
        GRAPHQL_SIZE_OPTION(                                                   \
            "graphql-unsent", (s).unsent_bytes, "16MiB", 4096,                 \
            INT64_C(1) << 32,                                                  \
            "answers unread by a WebSocket client that gets another"),         \
        GRAPHQL_SIZE_OPTION("graphql-message-size", (s).message_bytes,         \
                            "256KiB", 1024, INT64_C(1) << 30,                  \
                            "bytes of a WebSocket client's message"),          \
        GRAPHQL_TIME_OPTION("graphql-init-timeout", (s).init_timeout_ns, "3s", \
                            "time for a connection_init"),                     \
        GRAPHQL_TIME_OPTION("graphql-ping", (s).ping_ns, "12s",                \
                            "time between pings to a client"),                 \
        GRAPHQL_TIME_OPTION("graphql-pong", (s).pong_ns, "10s",                \
                            "time for their answer")

#endif
