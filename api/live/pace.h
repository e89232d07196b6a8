/* pace: no GPU's updates more often than once an interval. What comes too soon
 * is held, newer values over older ones, and given when the interval is over.
 *
 * Time is told, so that it may be the stream's: it must not go back. */
#ifndef NEXUS_API_PACE_H
#define NEXUS_API_PACE_H

#include "api/live/filter.h"

struct pace;

/* update is good during the call. resume: all up to this sequence has been
 * given, what is held begins behind it. */
typedef void (*pace_fn)(const struct fleet_update *update, uint64_t resume,
                        void *arg);

struct pace *pace_new(int64_t interval_ns, pace_fn fn, void *arg);
void pace_free(struct pace **pace); /* from within fn, too */

/* Gives the update at once, or holds it. */
void pace_take(struct pace *pace, const struct fleet_update *update,
               int64_t now_ns);
/* Gives what is due. False: it was freed meanwhile. */
bool pace_tick(struct pace *pace, int64_t now_ns);
/* When something may be due; 0: nothing will be. */
int64_t pace_due(const struct pace *pace);
/* Gives all that is held. */
void pace_flush(struct pace *pace);

#endif
