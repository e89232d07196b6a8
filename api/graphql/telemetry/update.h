/* update: what the events of subscriptions look like.
 *
 * An event is good only while its source tells of it, and a field below it may
 * have to wait for the database: so what it brings is copied into the arena of
 * the execution. */
#ifndef NEXUS_API_TELEMETRY_UPDATE_H
#define NEXUS_API_TELEMETRY_UPDATE_H

#include "api/graphql/telemetry/shared.h"

/* Their parents: struct fleet_update, struct fleet_change, struct fleet. */
void resolve_telemetry_update(struct gql_batch *batch);
void resolve_status_change(struct gql_batch *batch);
void resolve_fleet_summary(struct gql_batch *batch);
/* What its parents are does not matter: in pipeline.c, of the gateway's one. */
void resolve_pipeline(struct gql_batch *batch);

#endif
