/* usage: what the streams of an account, or of all, come to. */
#ifndef NEXUS_BROKER_USAGE_H
#define NEXUS_BROKER_USAGE_H

#include <stdint.h>

#include "lib/json.h"

struct account;
struct server;

struct usage {
    uint64_t accounts; /* that keep streams */
    uint64_t streams, consumers, ack_pending;
    uint64_t messages, bytes;
    uint64_t stored[2], reserved[2]; /* bytes by kind of storage */
    uint64_t lost;                   /* messages that cannot be read */
    uint64_t api_total, api_errors;
};

struct usage usage_of_account(const struct account *account);
struct usage usage_of_all(const struct server *server);

/* JetStreamStats: "memory" … "api". */
void usage_write(const struct usage *usage, struct json_writer *w);

#endif
