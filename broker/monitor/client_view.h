/* client_view: what /connz says of a connection, open or closed. */
#ifndef NEXUS_BROKER_CLIENT_VIEW_H
#define NEXUS_BROKER_CLIENT_VIEW_H

#include "broker/conn.h"
#include "lib/json.h"

#define CLIENT_TEXT_MAX 64u /* bytes kept of names that are not the client's */

/* A copy of what can be told; only `conn` is borrowed. */
struct client_view {
    const struct conn *conn; /* NULL once it is closed */
    uint64_t cid;
    const char *type; /* "nats", "websocket" */
    char host[48];
    int port;
    int64_t started_ns, active_ns; /* wall */
    int64_t stopped_ns;            /* wall; 0: it is open */
    const char *reason;            /* why it was closed */
    int64_t rtt_ns;                /* 0: not known */
    size_t pending;
    struct conn_traffic traffic;
    uint32_t subs;
    char name[CONN_TEXT_MAX], lang[CONN_TEXT_MAX], version[CONN_TEXT_MAX];
    const char *tls_version, *tls_cipher; /* NULL: in clear */
    char user[CLIENT_TEXT_MAX];           /* "": none */
    char account[CLIENT_TEXT_MAX];
};

struct client_view client_view(const struct conn *conn);

enum client_subs { CLIENT_SUBS_NONE, CLIENT_SUBS_NAMES, CLIENT_SUBS_DETAIL };

/* The member of /connz; auth: with its user and account. */
void client_view_write(const struct client_view *view, struct json_writer *w,
                       bool auth, enum client_subs subs);

/* One subscription, as both /connz and /subsz show it. */
void client_sub_write(const struct sub *sub, struct json_writer *w,
                      bool account);

#endif
