/* announce: says to the broker's other clients that this program is running.
 *
 * Every instance has a key of its own in the key-value bucket nexus_services,
 * and writes it anew every two seconds; a key that is not goes by itself after
 * SERVICES_TTL_NS. Any client of the broker may write there, so who reads the
 * bucket trusts nothing in it (api/pipeline/services.c). The value:
 *
 *     {"v":1,"service":"nexus-collector","id":"collector-7","host":"dgx-01",
 *      "pid":4711,"version":"0.1.0","started":"2025-07-18T20:42:34Z",
 *      "figures":{"rows":1200,"seconds_since_commit":null,…}}
 *
 * It is told on a thread of its own, and nothing waits for it: where the bucket
 * cannot be made or written the program does its job as ever. */
#ifndef NEXUS_ANNOUNCE_H
#define NEXUS_ANNOUNCE_H

#include "lib/bus.h"
#include "lib/clock.h"
#include "lib/json.h"

#define SERVICES_BUCKET  "nexus_services"
#define SERVICES_BEAT_NS (2 * NS_PER_S)
#define SERVICES_TTL_NS  (10 * NS_PER_S)

/* Of a value, and of all that the bucket holds. */
#define SERVICES_VALUE_MAX 4096
#define SERVICES_BYTES_MAX (4 << 20)

struct announce_config {
    const char *service; /* the program's name */
    const char *id;      /* of this instance, as its settings name it */
    /* Writes members, each a number or null. On the announcement's thread. */
    void (*figures)(struct json_writer *w, void *arg);
    void *arg;
};

struct announce;

/* Borrows the bus and the texts. NULL, and logged, where there is no thread to
 * be had. */
struct announce *announce_start(struct bus *bus,
                                const struct announce_config *config);

/* Takes the key back, where the broker answers: waits for it a second at most,
 * and for one that has not been answering not at all. NULL is none. */
void announce_stop(struct announce **announce);

/* The value as above; for tests. */
struct announce_instance {
    const char *host;
    int64_t pid, started_ns;
};
void announce_write(struct buf *out, const struct announce_config *config,
                    const struct announce_instance *instance);

#endif
