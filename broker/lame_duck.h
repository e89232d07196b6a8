/* lame_duck: an end that clients are told of, so that they go to another server
 * one after the other.
 *
 * No client is taken any more; those there get INFO with "ldm":true; after the
 * grace period they are closed, spread over the duration; with the last one
 * the broker stops. */
#ifndef NEXUS_BROKER_LAME_DUCK_H
#define NEXUS_BROKER_LAME_DUCK_H

struct server;

/* A second call changes nothing. */
void lame_duck_begin(struct server *server);

#endif
