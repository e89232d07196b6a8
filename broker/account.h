/* account: a subject space of its own.
 *
 * What the clients of one account publish, clients of another never see; each
 * account has its own streams, or none. Who signs in without naming a user of
 * another account belongs to the default one, "$G". */
#ifndef NEXUS_BROKER_ACCOUNT_H
#define NEXUS_BROKER_ACCOUNT_H

#include <stdint.h>
#include <uthash.h>

#include "broker/auth/auth.h"
#include "broker/mailbox.h"
#include "broker/sublist.h"
#include "lib/errmsg.h"

#define ACCOUNT_DEFAULT "$G"

struct jetstream;
struct server;
struct server_config;

struct account {
    struct server *server;
    char *name; /* the key in server->accounts */
    struct sublist *subs;
    struct mailbox mailbox; /* for the broker's own listeners */
    struct jetstream *js;   /* NULL: off */
    struct sub *js_off;     /* says so, where other accounts have it; or NULL */
    struct account_limits limits;
    uint32_t conn_count;
    UT_hash_handle hh; /* of server */
};

/* Without streams yet. */
struct account *account_new(struct server *server, const char *name);

/* Opens its streams in a folder. 0, or a negative errno with *err. */
int account_open_streams(struct account *account, const char *folder,
                         struct errmsg *err);

/* Makes and changes accounts as the configuration wants them: their limits, and
 * streams for those that have none yet. 0, or a negative errno with *err; what
 * is done then changes nothing for anybody. */
int accounts_open(struct server *server, const struct server_config *config,
                  struct errmsg *err);

/* The limits of a configuration that is in force. */
void accounts_limit(struct server *server);

/* After its connections are freed. */
void account_free(struct account *account);

#endif
