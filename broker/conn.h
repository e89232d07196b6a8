/* conn: one client connection.
 *
 * Input: the server's one read buffer is filled from whichever connection is
 * readable and parsed in place; only an operation that is cut off at its end
 * is kept in `in` until the rest arrives. So an idle connection holds no
 * buffer. Output: a list of chunks, borrowed from the server, written at the
 * end of the turn or when a large chunk is full.
 *
 * A connection may come to its end while others walk through a result that
 * names it: conn_close unlinks it, conn_free comes after the turn. */
#ifndef NEXUS_BROKER_CONN_H
#define NEXUS_BROKER_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/auth/nkey.h"
#include "broker/chunk.h"
#include "broker/net/transport.h"
#include "broker/parser.h"
#include "broker/sublist.h"
#include "broker/timer.h"
#include "broker/watch.h"
#include "lib/buf.h"
#include "lib/str.h"

#define CONN_SUBJECT_MEMO 256u /* longest subject whose answer is kept */
#define CONN_TEXT_MAX     128u /* bytes kept of a client's name, lang, version */

struct account;
struct auth_user;
struct grants;
struct server;
struct waiting;

enum conn_state {
    CONN_OPEN,      /* reads and writes */
    CONN_HELD,      /* writes; reads on when its password has been checked */
    CONN_LINGERING, /* told why it ends; waits for the client to hang up */
    CONN_CLOSED     /* waits to be freed after the turn */
};

/* What the client asked for with CONNECT; as it is without one. */
struct conn_options {
    bool verbose, pedantic, echo, headers, no_responders;
    int protocol;
    char name[CONN_TEXT_MAX], lang[CONN_TEXT_MAX], version[CONN_TEXT_MAX];
};

struct conn_traffic {
    uint64_t in_msgs, in_bytes, out_msgs, out_bytes;
};

struct conn {
    struct watch watch; /* first */
    struct server *server;
    struct account *account; /* which one: known when it has signed in */
    int fd;
    struct transport *transport; /* owned; NULL: bytes go as they are */
    uint64_t id;
    enum conn_state state;
    const char *reason; /* why it ends; NULL: it does not */
    bool websocket;     /* came through that door */
    bool greeted;       /* INFO was sent */
    bool carried;       /* the transport's handshake is done */
    bool authorized;
    const struct auth_user *user; /* NULL: none is asked for, or the token's */
    struct grants *grants;        /* NULL: may do everything */
    struct waiting *waiting;      /* for its password's check; or NULL */
    int64_t subs_max;             /* negative: any number */
    bool info_due; /* its limits are not what INFO said; told after a PONG */
    char nonce[NKEY_NONCE_LEN + 1]; /* of INFO; "": none */
    struct conn_options options;
    char host[48]; /* the client's address */
    int port;

    struct parser parser;
    struct buf in; /* an operation that is not whole yet */

    struct chunk *out_first, *out_last;
    size_t out_pending; /* bytes in the chunks not yet written */
    bool out_blocked;   /* the socket is full; waits to be writable */
    uint32_t events;    /* what the loop waits for */
    bool out_dirty;     /* in server->dirty */
    struct conn *next_dirty;

    bool paused;               /* in server->paused, does not read */
    struct timer resume_timer; /* set while paused, or while the transport
                                  holds what could not be read in this turn */
    struct conn *next_paused;

    struct sub *subs; /* by sid */
    uint32_t sub_count;

    /* The last subject published to, parser.known, and who wanted it. */
    char *memo_subject; /* CONN_SUBJECT_MEMO bytes; NULL before the first */
    uint64_t memo_generation;
    const struct sub_result *memo; /* in the sublist's cache */

    struct timer timer;   /* the next of all that has a time limit */
    int64_t next_ping_ns; /* mono */
    unsigned pings_out;   /* not answered yet */
    int64_t ping_sent_ns; /* mono */
    int64_t rtt_ns;
    int64_t started_ns; /* wall */
    int64_t active_ns;  /* mono: last operation received */
    int64_t blocked_ns; /* mono: since when the socket takes nothing */
    struct conn_traffic traffic;

    struct conn *prev, *next; /* server->conns */
    struct conn *next_closed;
};

/* A connection for an accepted, non-blocking socket, which it takes. It is not
 * told anything yet. */
struct conn *conn_new(struct server *server, int fd);
void conn_free(struct conn *conn);

/* Sends INFO, and gives it its time to sign in. */
void conn_greet(struct conn *conn);

/* Sends INFO again: something in it has changed. */
void conn_inform(struct conn *conn);

/* Its bytes go through transport, which it takes. Until that is ready no INFO
 * is sent, unless it was sent before; handshake_ns is the time it has for that.
 * Behind an INFO in clear, only when that has left (conn_flush). */
void conn_carry(struct conn *conn, struct transport *transport,
                int64_t handshake_ns);

/* Room for n bytes in one piece at the end of the output; add them with
 * conn_wrote. */
char *conn_reserve_slow(struct conn *conn, size_t n);

static inline char *conn_reserve(struct conn *conn, size_t n)
{
    struct chunk *last = conn->out_last;
    if (last != NULL && last->cap - last->len >= n)
        return last->bytes + last->len;
    return conn_reserve_slow(conn, n);
}

void conn_mark_dirty(struct conn *conn);

static inline void conn_wrote(struct conn *conn, size_t n)
{
    conn->out_last->len += (uint32_t)n;
    conn->out_pending += n;
    if (!conn->out_dirty)
        conn_mark_dirty(conn);
}

void conn_send(struct conn *conn, struct str bytes);
void conn_send_text(struct conn *conn, const char *text);

/* -ERR 'text'; the connection goes on. */
void conn_error(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* -ERR 'text' (a constant) and the end: what the client sent on is read and
 * dropped until it hangs up, so that the text reaches it. */
void conn_fail(struct conn *conn, const char *text);

/* Ends the connection without a word; reason, a constant, is for the log and
 * the monitor. */
void conn_close(struct conn *conn, const char *reason);

/* Writes what it can. */
void conn_flush(struct conn *conn);

/* Between these two it reads nothing; then conn_go_on carries out what it has
 * sent meanwhile. */
void conn_hold(struct conn *conn);
void conn_release(struct conn *conn);
void conn_go_on(struct conn *conn);

/* Into another account, where it has no subscriptions yet. */
void conn_move(struct conn *conn, struct account *account);

/* Do its permissions allow that? queue empty: none. */
bool conn_may_subscribe(const struct conn *conn, struct str subject,
                        struct str queue);

/* Stops reading from it for delay_ns, or until a blocked connection has room
 * again: what it publishes comes faster than it can leave. */
void conn_pause(struct conn *conn, int64_t delay_ns);
void conn_resume(struct conn *conn);

struct sub *conn_sub_find(struct conn *conn, struct str sid);
void conn_sub_add(struct conn *conn, struct sub *sub);
void conn_sub_remove(struct conn *conn, struct sub *sub);

#endif
