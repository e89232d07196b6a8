/* history: what GPUs reported, from PostgreSQL.
 *
 * All GPUs of a level are asked for by one statement, of the columns that the
 * query selects. The answer is copied out of libpq's result at once, in a form
 * that writes fast. */
#ifndef NEXUS_API_TELEMETRY_HISTORY_H
#define NEXUS_API_TELEMETRY_HISTORY_H

#include <stdint.h>

/* What is known of how far back one must look for the latest samples: from
 * answers before. */
struct history;

struct history *history_new(void);
void history_free(struct history **history);

#endif
