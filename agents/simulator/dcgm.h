/* dcgm: a fleet's scrapes, as dcgm-exporter's metrics come out of Prometheus.
 *
 * long  a row a metric, all fields quoted, ordered by metric within a scrape,
 *       whose ten metrics carry four times, one second apart
 * wide  a row a GPU, one time a scrape, nothing quoted */
#ifndef NEXUS_SIMULATOR_DCGM_H
#define NEXUS_SIMULATOR_DCGM_H

#include <stdint.h>

#include "agents/simulator/fleet.h"
#include "lib/buf.h"

enum dcgm_format { DCGM_LONG, DCGM_WIDE };

/* Takes what has been written so far, and empties it. 0 or a negative errno. */
typedef int (*dcgm_flush)(void *arg, struct buf *out);

struct dcgm;

struct dcgm *dcgm_new(const struct fleet *fleet, enum dcgm_format format,
                      dcgm_flush flush, void *arg);
void dcgm_free(struct dcgm **dcgm);

void dcgm_header(struct dcgm *dcgm);

/* One scrape, and what is left at the end: 0, or what flush returned. */
int dcgm_scrape(struct dcgm *dcgm, int64_t ts_ns);
int dcgm_end(struct dcgm *dcgm);

#endif
