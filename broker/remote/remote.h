/* remote: a connection to another server, as one of its clients.
 *
 * It exists while somebody uses it: the first user makes it connect, and when
 * the other server goes away it tries again, at growing intervals, until the
 * last user leaves. Each user has an inbox, where the answers to all its
 * requests come. All is called from the loop, and calls back from the loop. */
#ifndef NEXUS_BROKER_REMOTE_H
#define NEXUS_BROKER_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/remote/remote_config.h"
#include "broker/remote/remote_parser.h"
#include "broker/timer.h"
#include "broker/watch.h"
#include "lib/buf.h"
#include "lib/errmsg.h"

/* Bytes read from it in one turn of the loop. */
#define REMOTE_READ_BYTES (256u << 10)

/* Of requests that wait to be written; more means that it does not read. */
#define REMOTE_OUT_MAX (1u << 20)

struct remote;
struct server;

/* One who asks, part of what is served. Zeroed but for the functions, it is
 * ready to join. */
struct remote_user {
    /* Requests can be made from now on. */
    void (*up)(struct remote_user *user);

    /* The connection is gone, or was not made: answers under way will not
     * come. */
    void (*down)(struct remote_user *user);

    /* An answer to the request of that number; 0: a message of a stream, which
     * comes under its own subject. op is borrowed. */
    void (*answer)(struct remote_user *user, uint64_t request,
                   const struct remote_op *op);
    uint64_t id;
    struct remote_user *next;
};

enum remote_state {
    REMOTE_IDLE,       /* nobody needs it */
    REMOTE_RESTING,    /* waits for the next attempt */
    REMOTE_RESOLVING,  /* waits for the host's address */
    REMOTE_CONNECTING, /* waits for the connection */
    REMOTE_GREETING,   /* waits for INFO */
    REMOTE_SECURING,   /* waits for the end of the TLS handshake */
    REMOTE_SIGNING,    /* waits for the answer to CONNECT and PING */
    REMOTE_UP
};

/* Connects to nobody yet. Copies the configuration. NULL with *err. */
struct remote *remote_new(struct server *server,
                          const struct remote_config *config,
                          struct errmsg *err);

/* After its users have left. */
void remote_free(struct remote **remote);

const char *remote_domain(const struct remote *remote);
enum remote_state remote_state(const struct remote *remote);

/* Why it is not up, for people; "" when it is. */
const char *remote_error(const struct remote *remote);

/* The JetStream domain the other server says it has; "": none. */
const char *remote_its_domain(const struct remote *remote);

/* Borrows user until it leaves. `up` is called when it is up, which may be
 * within this call. */
void remote_join(struct remote *remote, struct remote_user *user);
void remote_leave(struct remote *remote, struct remote_user *user);

/* Publishes a request whose answers come with that number. Dropped while it is
 * not up. */
void remote_request(struct remote *remote, const struct remote_user *user,
                    uint64_t request, struct str subject, struct str payload);

#endif
