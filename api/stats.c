/* stats: one table, laid out when the program starts, because its lines follow
 * the routes: a counter for each route and class of status, a histogram for
 * each route, then the database's, then GraphQL's. Requests to no route of the API (health,
 * unknown paths) count as "other". */
#include "api/stats.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/mem.h"

static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
#define CLASS_COUNT (sizeof classes / sizeof *classes)

static const char *const outcomes[DB_OUTCOMES] = {
    [DB_OK] = "ok",         [DB_TIMEOUT] = "timeout", [DB_FULL] = "refused",
    [DB_ABSENT] = "absent", [DB_FAILED] = "failed",
};

static const double seconds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01,
                                 0.025,  0.05,  0.1,    0.25,  0.5,
                                 1,      2.5,   5,      10,    0};

struct gateway_stats {
    struct arena arena; /* of the labels */
    size_t route_count; /* "other" is one more */
    struct statistic *requests;
    struct statistic *latency;
    struct db_stats db;
    struct graphql_stats graphql;
    struct feed_stats feed;
    struct ws_stats ws;
    struct statistic *gpus[FLEET_STATUS_COUNT];
    struct statistic *left_out, *following, *as_of;
    size_t used, size;
    struct statistic table[];
};

static struct statistic *line_add(struct gateway_stats *stats, const char *name,
                                  const char *help, enum stat_type type,
                                  const char *labels)
{
    assert(stats->used + 1 < stats->size); /* the last one ends the table */
    struct statistic *line = &stats->table[stats->used++];
    line->name = name;
    line->help = help;
    line->type = type;
    line->labels = labels;
    if (type == STAT_HISTOGRAM)
        line->buckets = seconds;
    return line;
}

static const char *route_name(const struct gateway_stats *stats, size_t i)
{
    return i < stats->route_count ? api_routes[i]->name : "other";
}

static void requests_add(struct gateway_stats *stats)
{
    stats->requests = &stats->table[stats->used];
    for (size_t r = 0; r <= stats->route_count; r++)
        for (size_t c = 0; c < CLASS_COUNT; c++)
            line_add(stats, "nexus_gateway_requests_total",
                     "Requests answered.", STAT_COUNTER,
                     arena_printf(&stats->arena, "route=\"%s\",status=\"%s\"",
                                  route_name(stats, r), classes[c]));
    stats->latency = &stats->table[stats->used];
    for (size_t r = 0; r <= stats->route_count; r++)
        line_add(
            stats, "nexus_gateway_request_seconds",
            "Time from a request's head to its reply.", STAT_HISTOGRAM,
            arena_printf(&stats->arena, "route=\"%s\"", route_name(stats, r)));
}

static void db_add(struct gateway_stats *stats)
{
    for (int i = 0; i < DB_OUTCOMES; i++)
        stats->db.outcomes[i] = line_add(
            stats, "nexus_gateway_db_queries_total",
            "Database queries by how they ended.", STAT_COUNTER,
            arena_printf(&stats->arena, "outcome=\"%s\"", outcomes[i]));
    stats->db.seconds = line_add(stats, "nexus_gateway_db_query_seconds",
                                 "Time of a database query, its wait included.",
                                 STAT_HISTOGRAM, NULL);
    stats->db.ready =
        line_add(stats, "nexus_gateway_db_connections", "Database connections.",
                 STAT_GAUGE, "state=\"ready\"");
    stats->db.connecting =
        line_add(stats, "nexus_gateway_db_connections", "Database connections.",
                 STAT_GAUGE, "state=\"connecting\"");
    stats->db.queued =
        line_add(stats, "nexus_gateway_db_queue",
                 "Queries that wait for a connection.", STAT_GAUGE, NULL);
    stats->db.in_flight =
        line_add(stats, "nexus_gateway_db_in_flight",
                 "Queries sent and not answered.", STAT_GAUGE, NULL);
}

static void graphql_operations_add(struct gateway_stats *stats)
{
    static const char name[] = "nexus_gateway_graphql_operations_total";
    static const char help[] = "GraphQL operations by how they ended; "
                               "subscriptions by how they began.";
    struct graphql_stats *g = &stats->graphql;
    for (int t = 0; t < GRAPHQL_TYPES; t++)
        for (int o = 0; o < GRAPHQL_OUTCOMES; o++)
            g->operations[t][o] = line_add(
                stats, name, help, STAT_COUNTER,
                arena_printf(&stats->arena, "type=\"%s\",outcome=\"%s\"",
                             graphql_type_names[t], graphql_outcome_names[o]));
    g->unread = line_add(stats, name, help, STAT_COUNTER,
                         "type=\"unknown\",outcome=\"refused\"");
}

static void graphql_live_add(struct gateway_stats *stats)
{
    struct graphql_stats *g = &stats->graphql;
    for (int t = 0; t < GRAPHQL_TRANSPORTS; t++)
        g->connections[t] =
            line_add(stats, "nexus_gateway_graphql_connections",
                     "GraphQL connections that stay open.", STAT_GAUGE,
                     arena_printf(&stats->arena, "protocol=\"%s\"",
                                  graphql_transport_names[t]));
    g->subscriptions =
        line_add(stats, "nexus_gateway_graphql_subscriptions",
                 "Subscriptions that are followed.", STAT_GAUGE, NULL);
    g->topics = line_add(stats, "nexus_gateway_graphql_topics",
                         "Subscriptions that differ.", STAT_GAUGE, NULL);
    g->events =
        line_add(stats, "nexus_gateway_graphql_events_total",
                 "Events executed, once for all subscribers of a topic.",
                 STAT_COUNTER, NULL);
    g->sent = line_add(stats, "nexus_gateway_graphql_events_sent_total",
                       "Events sent to subscribers.", STAT_COUNTER, NULL);
    g->missed =
        line_add(stats, "nexus_gateway_graphql_events_missed_total",
                 "Events left out for slow subscribers.", STAT_COUNTER, NULL);
    g->dropped =
        line_add(stats, "nexus_gateway_graphql_events_dropped_total",
                 "Events not executed because too many were under way.",
                 STAT_COUNTER, NULL);
}

#define GRAPHQL_LINES \
    (GRAPHQL_TYPES * GRAPHQL_OUTCOMES + GRAPHQL_TRANSPORTS + 7)

#define FLEET_LINES (FLEET_STATUS_COUNT + 3)
#define FEED_LINES  4
#define WS_LINES    7

static void fleet_add(struct gateway_stats *stats)
{
    for (int i = 0; i < FLEET_STATUS_COUNT; i++)
        stats->gpus[i] =
            line_add(stats, "nexus_gateway_gpus",
                     "GPUs of the live model by status.", STAT_GAUGE,
                     arena_printf(&stats->arena, "status=\"%s\"",
                                  fleet_status_names[i]));
    stats->left_out =
        line_add(stats, "nexus_gateway_gpus_left_out",
                 "Samples of GPUs beyond the limit of the live model.",
                 STAT_GAUGE, NULL);
    stats->following = line_add(stats, "nexus_gateway_following",
                                "1 while the stream is followed without a gap.",
                                STAT_GAUGE, NULL);
    stats->as_of = line_add(stats, "nexus_gateway_fleet_as_of_seconds",
                            "Time up to which the live model has everything.",
                            STAT_GAUGE, NULL);
}

static void feed_add(struct gateway_stats *stats)
{
    stats->feed.samples =
        line_add(stats, "nexus_gateway_feed_samples_total",
                 "Samples that came from the stream.", STAT_COUNTER, NULL);
    stats->feed.malformed = line_add(
        stats, "nexus_gateway_feed_malformed_total",
        "Messages of the stream that are no samples.", STAT_COUNTER, NULL);
    stats->feed.restarts =
        line_add(stats, "nexus_gateway_feed_consumers_total",
                 "Consumers of the stream made: one, and one more whenever the "
                 "stream had to be read again.",
                 STAT_COUNTER, NULL);
    stats->feed.replays = line_add(stats, "nexus_gateway_replays",
                                   "Clients that read the stream again to "
                                   "catch up.",
                                   STAT_GAUGE, NULL);
}

static void ws_add(struct gateway_stats *stats)
{
    struct ws_stats *ws = &stats->ws;
    ws->connections = line_add(stats, "nexus_gateway_ws_connections",
                               "WebSockets at /ws.", STAT_GAUGE, NULL);
    ws->subscriptions =
        line_add(stats, "nexus_gateway_ws_subscriptions",
                 "Subscriptions of all WebSockets at /ws.", STAT_GAUGE, NULL);
    ws->topics =
        line_add(stats, "nexus_gateway_ws_topics",
                 "Different subscriptions among them.", STAT_GAUGE, NULL);
    ws->kept_bytes =
        line_add(stats, "nexus_gateway_ws_kept_bytes",
                 "Updates kept for those who read slowly.", STAT_GAUGE, NULL);
    ws->updates = line_add(stats, "nexus_gateway_ws_updates_total",
                           "Updates sent to clients.", STAT_COUNTER, NULL);
    ws->missed = line_add(stats, "nexus_gateway_ws_missed_total",
                          "Updates left out for clients that read slowly.",
                          STAT_COUNTER, NULL);
    ws->refused = line_add(stats, "nexus_gateway_ws_refused_total",
                           "Messages of clients answered with an error.",
                           STAT_COUNTER, NULL);
}

struct gateway_stats *gateway_stats_new(void)
{
    size_t routes = 0;
    while (api_routes[routes] != NULL)
        routes++;
    size_t size = (routes + 1) * (CLASS_COUNT + 1) + DB_OUTCOMES + 5 +
                  FLEET_LINES + FEED_LINES + WS_LINES + GRAPHQL_LINES + 1;
    struct gateway_stats *stats =
        mem_zalloc(sizeof *stats + size * sizeof stats->table[0]);
    stats->route_count = routes;
    stats->size = size;
    requests_add(stats);
    db_add(stats);
    fleet_add(stats);
    feed_add(stats);
    ws_add(stats);
    graphql_operations_add(stats);
    graphql_live_add(stats);
    return stats;
}

void gateway_stats_free(struct gateway_stats **stats)
{
    if (*stats != NULL)
        arena_fini(&(*stats)->arena);
    free(*stats);
    *stats = NULL;
}

struct statistic *gateway_stats_table(struct gateway_stats *stats)
{
    return stats->table;
}

struct db_stats gateway_stats_db(struct gateway_stats *stats)
{
    return stats->db;
}

struct graphql_stats gateway_stats_graphql(struct gateway_stats *stats)
{
    return stats->graphql;
}

struct feed_stats gateway_stats_feed(struct gateway_stats *stats)
{
    return stats->feed;
}

struct ws_stats gateway_stats_ws(struct gateway_stats *stats)
{
    return stats->ws;
}

void gateway_stats_fleet(struct gateway_stats *stats, const struct fleet *f)
{
    for (int i = 0; i < FLEET_STATUS_COUNT; i++)
        stat_set(stats->gpus[i], f->counts[i]);
    stat_set(stats->left_out, (int64_t)f->left_out);
    stat_set(stats->following, f->following);
    stat_set(stats->as_of, f->as_of_ns / NS_PER_S);
}

static size_t route_index(const struct gateway_stats *stats,
                          const struct api_route *route)
{
    size_t i = 0;
    while (i < stats->route_count && api_routes[i] != route)
        i++;
    return i;
}

void gateway_stats_reply(struct gateway_stats *stats,
                         const struct api_route *operation, int status,
                         int64_t elapsed_ns)
{
    size_t index = route_index(stats, operation);
    size_t class = (size_t)(status / 100 - 1);
    assert(class < CLASS_COUNT);
    stat_add(&stats->requests[index * CLASS_COUNT + class], 1);
    stat_observe_ns(&stats->latency[index], elapsed_ns);
}
