/* consumer_config: what a consumer is asked to be.
 *
 * Reading and writing are in consumer_config.c, what is refused in
 * consumer_check.c. */
#ifndef NEXUS_BROKER_CONSUMER_CONFIG_H
#define NEXUS_BROKER_CONSUMER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/js_members.h"
#include "broker/jetstream/stream_config.h"
#include "lib/json.h"

#define CONSUMER_BACKOFF_MAX 64
#define CONSUMER_FILTERS_MAX 1024

enum deliver_policy {
    DELIVER_ALL,
    DELIVER_LAST,
    DELIVER_NEW,
    DELIVER_BY_START_SEQUENCE,
    DELIVER_BY_START_TIME,
    DELIVER_LAST_PER_SUBJECT
};

enum ack_policy { ACK_NONE, ACK_ALL, ACK_EXPLICIT };
enum replay_policy { REPLAY_INSTANT, REPLAY_ORIGINAL };

/* Which request is served next: see priority.h. */
enum priority_policy {
    PRIORITY_NONE,
    PRIORITY_OVERFLOW,
    PRIORITY_PINNED_CLIENT,
    PRIORITY_PRIORITIZED
};

struct consumer_config {
    char *durable_name; /* NULL: ephemeral */
    char *name, *description;
    struct js_texts filters; /* patterns; none: everything */
    bool filters_listed;     /* given as filter_subjects */
    enum deliver_policy deliver_policy;
    uint64_t start_seq;    /* BY_START_SEQUENCE */
    int64_t start_time_ns; /* BY_START_TIME */
    enum ack_policy ack_policy;
    enum replay_policy replay_policy;
    int64_t ack_wait_ns, max_deliver; /* max_deliver <= 0: no limit */
    int64_t *backoff_ns;
    unsigned backoff_count;
    int64_t max_waiting;     /* pull */
    int64_t max_ack_pending; /* <= 0: no limit */
    bool ack_pending_open;   /* nothing was said about it */
    int64_t max_batch, max_expires_ns, max_bytes; /* of a request; 0: none */
    int64_t inactive_threshold_ns;                /* 0: stays */
    char *sample_freq;                            /* as given: "30%" */
    int64_t sample_percent;                       /* what that means */
    bool headers_only, mem_storage;
    int64_t replicas;
    int64_t pause_until_ns; /* wall; 0: not paused */
    struct js_metadata metadata;
    enum priority_policy priority_policy; /* pull */
    struct js_texts priority_groups;      /* one, with a policy; else none */
    int64_t priority_timeout_ns;          /* of PINNED_CLIENT */

    char *deliver_subject; /* NULL: a pull consumer */
    char *deliver_group;   /* push; NULL: none */
    bool flow_control;     /* push */
    int64_t heartbeat_ns;  /* push; 0: none */
    uint64_t rate_bps;     /* push: bits a second; 0: no limit */
};

static inline bool consumer_config_is_push(const struct consumer_config *config)
{
    return config->deliver_subject != NULL;
}

/* Reads JSON, puts defaults in, and refuses what is wrong or not supported. 0,
 * or -1 with *error; fini in both cases. */
int consumer_config_read(struct consumer_config *config, struct json json,
                         struct arena *arena, struct js_error *error);
void consumer_config_fini(struct consumer_config *config);

void consumer_config_write(const struct consumer_config *config,
                           struct json_writer *w);

/* What was left open follows the stream's consumer_limits. */
void consumer_config_adopt(struct consumer_config *config,
                           const struct stream_config *stream);

bool consumer_config_equal(const struct consumer_config *a,
                           const struct consumer_config *b);

/* Do both treat the requests of the same priority group alike? */
bool consumer_config_same_group(const struct consumer_config *a,
                                const struct consumer_config *b);

/* Is there a subject that both select? */
bool consumer_config_overlap(const struct consumer_config *a,
                             const struct consumer_config *b);

/* ---- consumer_check.c ---- */

/* What is wrong with it by itself: 0, or -1 with *error. */
int consumer_config_check(const struct consumer_config *config,
                          struct js_error *error);

/* It fits the stream: its filters select something that the stream may hold,
 * and it does not feed what it delivers. */
int consumer_config_fits(const struct consumer_config *config,
                         const struct stream_config *stream,
                         struct js_error *error);

/* May a consumer change from one to the other? bound: somebody listens to the
 * first one's deliver subject. 0, or -1 with *error. */
int consumer_config_may_become(const struct consumer_config *from,
                               const struct consumer_config *to, bool bound,
                               struct js_error *error);

#endif
