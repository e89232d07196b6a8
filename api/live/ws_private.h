/* ws_private: what ws.c (connections, what they say) and subscription.c (what
 * they are sent) share. */
#ifndef NEXUS_API_WS_PRIVATE_H
#define NEXUS_API_WS_PRIVATE_H

#include "api/live/pace.h"
#include "api/live/topic.h"
#include "api/live/wish.h"
#include "api/live/ws.h"
#include "lib/websocket.h"

enum subscription_state {
    SUBSCRIPTION_WAIT,     /* to resume, for the broker */
    SUBSCRIPTION_REPLAY,   /* reads the stream again */
    SUBSCRIPTION_SNAPSHOT, /* tells what is known now */
    SUBSCRIPTION_LIVE
};

struct subscription {
    struct event_reader reader; /* first: found from it. log NULL: waits */
    struct ws_client *client;
    struct subscription *prev, *next; /* the client's list */
    struct topic *topic;
    enum subscription_state state;
    struct str id;     /* quoted, as JSON */
    struct str prefix; /* {"type":"telemetry_update","id":…, */
    uint64_t last;     /* sequence of the update before the next one */
    uint64_t after;    /* what is not newer has been sent already */
    uint64_t streams;  /* feed_streams when it was last told of that */
    uint32_t snapshot_at;
    struct feed_replay *replay;
    struct feed_place place; /* how far the stream has been read again */
    uint64_t until;          /* sequence at which the replay ends */
    int tries;               /* to read on, in a row */
    struct pace *pace;       /* of the replay; NULL: every update is told */
    bool gap_told;
    struct buf queue; /* rendered by the replay: length, text, … */
    size_t queue_at;
};

struct ws_client {
    struct ws *ws;
    struct websocket *socket;
    struct ws_client *prev, *next;
    struct subscription *subscriptions, *turn; /* turn: who is next */
    uint32_t count;
    uint64_t next_id;
};

struct ws {
    struct http_server *server;
    struct feed *feed;
    struct ws_config config;
    struct websocket_config socket_config;
    struct topics topics;
    struct ws_client *clients;
    uint64_t client_count, subscription_count;
    struct http_timer *retry; /* for those that wait */
    bool retrying;
    bool gone;          /* freed with its last client */
    struct arena arena; /* of the message being read */
    struct buf scratch;
};

/* Makes it and starts what it asked for. id: as JSON, copied. NULL with *err. */
struct subscription *subscription_new(struct ws_client *client,
                                      const struct wish *wish, struct str id,
                                      struct errmsg *err);
void subscription_free(struct subscription **subscription);

/* Appends one frame; false when there is nothing to send. */
bool subscription_fill(struct subscription *s, struct buf *out);

/* One that waits tries again; false: it still waits. */
bool subscription_retry(struct subscription *s);

#endif
