/* ending: why a connection ends, in the words that /connz has for it, and as a
 * WebSocket's close frame puts it. */
#ifndef NEXUS_BROKER_ENDING_H
#define NEXUS_BROKER_ENDING_H

struct ending {
    const char *said;   /* to conn_close or conn_fail */
    const char *reason; /* nats-server's words */
    int status;         /* enum ws_status */
};

/* What was said to conn_close or conn_fail; NULL: an end as any other. */
const struct ending *ending_of(const char *said);

#endif
