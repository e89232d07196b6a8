/* account: a subject space of its own.
 *
 * What the clients of one account publish, clients of another never see; each
 * account has its own streams, or none. Who signs in without naming a user of
 * another account belongs to the default one, "$G". */
#ifndef NEXUS_BROKER_ACCOUNT_H
#define NEXUS_BROKER_ACCOUNT_H

#include <stdint.h>
#include <uthash.h>

#include "broker/mailbox.h"
#include "broker/sublist.h"
#include "lib/errmsg.h"

#define ACCOUNT_DEFAULT "$G"

struct jetstream;
struct server;

struct account {
    struct server *server;
    char *name; /* the key in server->accounts */
    struct sublist *subs;
    struct mailbox mailbox; /* for the broker's own listeners */
    struct jetstream *js;   /* NULL: off */
    uint32_t conn_count;
    UT_hash_handle hh; /* of server */
};

/* Without streams yet. */
struct account *account_new(struct server *server, const char *name);

/* Opens its streams in a folder. 0, or a negative errno with *err. */
int account_open_streams(struct account *account, const char *folder,
                         struct errmsg *err);

/* After its connections are freed. */
void account_free(struct account *account);

#endif
