/* consumer_config: what a consumer is asked to be. */
#ifndef NEXUS_BROKER_CONSUMER_CONFIG_H
#define NEXUS_BROKER_CONSUMER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/stream_config.h"
#include "lib/json.h"

#define CONSUMER_BACKOFF_MAX 64

enum deliver_policy {
    DELIVER_ALL,
    DELIVER_LAST,
    DELIVER_NEW,
    DELIVER_BY_START_SEQUENCE,
    DELIVER_BY_START_TIME,
    DELIVER_LAST_PER_SUBJECT /* refused as not supported */
};

enum ack_policy { ACK_NONE, ACK_ALL, ACK_EXPLICIT };

struct consumer_config {
    char *durable_name; /* NULL: ephemeral */
    char *name, *description, *sample_freq;
    char *filter_subject; /* NULL: everything */
    enum deliver_policy deliver_policy;
    uint64_t start_seq;    /* BY_START_SEQUENCE */
    int64_t start_time_ns; /* BY_START_TIME */
    enum ack_policy ack_policy;
    int64_t ack_wait_ns, max_deliver; /* max_deliver -1: none */
    int64_t *backoff_ns;
    unsigned backoff_count;
    int64_t max_waiting, max_ack_pending;         /* max_ack_pending -1: none */
    int64_t max_batch, max_expires_ns, max_bytes; /* of a request; 0: none */
    int64_t inactive_threshold_ns;                /* 0: stays */
    bool mem_storage;
};

/* Reads JSON, puts defaults in, and refuses what is wrong or not supported. 0,
 * or -1 with *error; fini in both cases. */
int consumer_config_read(struct consumer_config *config, struct json json,
                         struct arena *arena, struct js_error *error);
void consumer_config_fini(struct consumer_config *config);

void consumer_config_write(const struct consumer_config *config,
                           struct json_writer *w);

/* The filter selects something that the stream may hold. */
int consumer_config_fits(const struct consumer_config *config,
                         const struct stream_config *stream,
                         struct js_error *error);

/* May a consumer change from one to the other? 0, or -1 with *error. */
int consumer_config_may_become(const struct consumer_config *from,
                               const struct consumer_config *to,
                               struct js_error *error);

#endif
