/* status: the streamer over HTTP: /health, /ready, /metrics, and
 *
 *     GET /api/v1/status
 *     {"success":true,"data":{"state":"streaming","file":"fleet.csv",
 *      "loop":true,"timestamps":"processing","pass":3,"percent":41,
 *      "rows":…,"bad_rows":{"total":…,"malformed":…,…},"deadletters":…,
 *      "samples":…,"values":…,"published":…,"acknowledged":…,"duplicates":…,
 *      "retries":…,"in_flight":…}} */
#ifndef NEXUS_STREAMER_STATUS_H
#define NEXUS_STREAMER_STATUS_H

#include <stdbool.h>

#include "lib/bus.h"
#include "lib/errmsg.h"

/* What the streamer is at. */
enum status_state {
    STATUS_CONNECTING, /* waits for the broker */
    STATUS_STREAMING,
    STATUS_FLUSHING /* waits for the last acknowledgements */
};

struct status_config {
    const char *host; /* address to listen on */
    int port;         /* 0: any free one */
    const char *file;
    bool loop, source_times;
};

struct status;

/* Serves in a thread of its own. NULL with *err. Borrows the texts. */
struct status *status_start(const struct status_config *config,
                            struct errmsg *err);
void status_stop(struct status **status);

/* From when there is a connection until there is none (NULL). */
void status_set_broker(struct status *status, struct bus *bus,
                       struct bus_publisher *publisher);
void status_set_state(struct status *status, enum status_state state);

#endif
