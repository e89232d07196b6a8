/* stats: the gateway's own figures for /metrics. */
#ifndef NEXUS_API_STATS_H
#define NEXUS_API_STATS_H

#include "api/db.h"
#include "api/graphql/transport/stats.h"
#include "api/fleet/fleet.h"
#include "api/live/feed.h"
#include "api/live/ws.h"
#include "api/route.h"
#include "lib/stats.h"

struct gateway_stats;

struct gateway_stats *gateway_stats_new(void);
void gateway_stats_free(struct gateway_stats **stats);

/* The table for struct health. */
struct statistic *gateway_stats_table(struct gateway_stats *stats);
struct db_stats gateway_stats_db(struct gateway_stats *stats);
struct graphql_stats gateway_stats_graphql(struct gateway_stats *stats);
struct feed_stats gateway_stats_feed(struct gateway_stats *stats);
struct ws_stats gateway_stats_ws(struct gateway_stats *stats);

/* Sets the gauges of the live model. */
void gateway_stats_fleet(struct gateway_stats *stats, const struct fleet *f);

/* Counts a reply. operation is NULL where none of api_routes was called. */
void gateway_stats_reply(struct gateway_stats *stats,
                         const struct api_route *operation, int status,
                         int64_t elapsed_ns);

#endif
