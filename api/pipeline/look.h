/* look: what the broker says at one time of the stream, of the collectors'
 * place in it, of the dead letters, and of who is running. It is asked for on a
 * thread, a question behind the other; what was not answered is not known. */
#ifndef NEXUS_API_LOOK_H
#define NEXUS_API_LOOK_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/bus.h"
#include "lib/clock.h"
#include "lib/str.h"

#define LOOK_SERVICES_MAX 1000
#define LOOK_FIGURES_MAX  32 /* of a service */

/* A broker that answers, but slowly, is not asked about services for longer. */
#define LOOK_SERVICES_NS (2 * NS_PER_S)

struct look_figure {
    struct str name;
    bool known;
    double value;
};

/* A key of the bucket nexus_services, see lib/announce.h. */
struct look_service {
    struct str key, name, id, host, version;
    int64_t pid; /* 0: not told */
    int64_t started_ns, seen_ns;
    struct look_figure *figures;
    uint32_t figure_count;
};

struct look_stream {
    bool known;
    uint64_t messages, bytes;
    int64_t bytes_max; /* 0: none */
    uint64_t first, last;
    int64_t created_ns;
};

/* The place of the collectors, which share one consumer. */
struct look_queue {
    bool known, lag_known;
    uint64_t pending; /* not delivered to any of them yet */
    uint64_t acknowledged;
    int64_t unacknowledged, redelivered;
    int64_t lag_ns; /* age of the oldest sample that is not acknowledged */
};

struct look {
    struct arena arena; /* of the services' texts */
    int64_t at_ns;      /* wall clock */
    int64_t mono_ns;
    bool connected;
    char server[256];
    struct look_stream stream;
    struct look_queue queue;
    bool dead_letters_known;
    uint64_t dead_letters;
    bool services_known;
    struct look_service *services; /* by name, id, host, key */
    uint32_t service_count;
};

/* js is of that bus, with a wait of its own. */
struct look *look_new(struct bus *bus, jsCtx *js);
struct look *look_unconnected(void);
void look_free(struct look **look);

/* NULL: it has told none of that name. */
const struct look_figure *look_figure(const struct look_service *service,
                                      const char *name);

/* services.c: reads the bucket, LOOK_SERVICES_MAX of its keys at most. */
void look_services(struct look *look, jsCtx *js);

/* One value of it, written by anybody; false when it is none that is
 * understood. */
bool look_service_read(struct look_service *service, struct str value,
                       struct arena *arena);

#endif
