/* closed_clients: the last connections that ended, for /connz?state=closed. */
#ifndef NEXUS_BROKER_CLOSED_CLIENTS_H
#define NEXUS_BROKER_CLOSED_CLIENTS_H

#include <stdint.h>

#include "broker/monitor/client_view.h"

#define CLOSED_CLIENTS_MAX 1000u

/* A ring; entry n % CLOSED_CLIENTS_MAX is the n-th that ended. Each is made
 * when it is first needed. */
struct closed_clients {
    uint64_t count; /* all that ended */
    struct client_view *views[CLOSED_CLIENTS_MAX];
};

struct closed_clients *closed_clients_new(void);
void closed_clients_free(struct closed_clients **clients);

/* One whose reason is known, and whose texts are still there. */
void closed_clients_add(struct closed_clients *clients,
                        const struct conn *conn);

/* How many are there. */
static inline uint64_t closed_clients_kept(const struct closed_clients *clients)
{
    return clients->count < CLOSED_CLIENTS_MAX ? clients->count
                                               : CLOSED_CLIENTS_MAX;
}

#endif
