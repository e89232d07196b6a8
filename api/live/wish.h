/* wish: what a client's message to /ws asks for. */
#ifndef NEXUS_API_WISH_H
#define NEXUS_API_WISH_H

#include "api/live/topic.h"
#include "lib/json.h"

#define WISH_ID_MAX          64 /* bytes of a subscription's id */
#define WISH_INTERVAL_MAX_MS 3600000

struct wish {
    enum { WISH_PING, WISH_SUBSCRIBE, WISH_UNSUBSCRIBE } type;
    struct str id;  /* p NULL: none given */
    bool has_topic; /* always true for WISH_SUBSCRIBE */
    enum topic_kind topic;
    struct filter filter; /* WISH_SUBSCRIBE */
    bool snapshot;
    bool resume;
    uint64_t since;
    int64_t stream; /* that since is of; 0: not said */
};

/* Reads a message. Texts are in the arena or borrowed. 0, or -EINVAL with *err
 * that names what is wrong and what was expected; id is set where it could be
 * read. */
int wish_parse(struct wish *wish, struct str text, struct arena *arena,
               struct errmsg *err);

#endif
