/* auth: who may come in, and as whom.
 *
 * The configuration names one token, or users: by name and password, or by
 * nkey. Each belongs to an account and may have permissions. All of this is
 * borrowed from the configuration (config/options.h) until the next one is in
 * force. */
#ifndef NEXUS_BROKER_AUTH_H
#define NEXUS_BROKER_AUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "broker/auth/nkey.h"
#include "broker/auth/permissions.h"
#include "lib/str.h"

/* Ways to connect, for users that are bound to some. */
enum auth_way { AUTH_TCP = 1, AUTH_WEBSOCKET = 2 };

struct auth_user {
    const char *name;     /* or the nkey's text */
    const char *password; /* a text or a bcrypt hash; NULL: none */
    bool by_nkey;         /* the key is what it has to show */
    unsigned char key[NKEY_BYTES];
    const char *account;                   /* NULL: the default one */
    const struct permissions *permissions; /* NULL: everything */
    unsigned ways;                         /* of enum auth_way; 0: all */
    UT_hash_handle hh;                     /* by name */
};

/* What one account is limited to; negative: not. */
struct account_limits {
    int64_t connections_max;
    int64_t subs_max; /* of one connection */
    int64_t payload_max;
    int64_t js_memory_max, js_file_max, js_streams_max, js_consumers_max;
};

extern const struct account_limits account_unlimited;

struct auth_account {
    const char *name;
    bool jetstream;
    struct account_limits limits;
};

/* Zeroed: everybody may come in. */
struct auth_config {
    const char *token;         /* a text or a bcrypt hash */
    struct auth_user *users;   /* by name */
    struct auth_user *anybody; /* who signs in with nothing is this; or NULL */
    struct auth_user *websocket_anybody; /* the same over WebSocket */
    bool has_nkeys;                      /* INFO needs a nonce */
    const struct auth_account *accounts;
    uint32_t account_count;
};

/* What CONNECT brought; empty where it brought nothing. */
struct auth_credentials {
    struct str user, pass, token, nkey, sig;
    struct str nonce;                  /* that INFO gave */
    bool by_certificate;               /* nothing but its certificate counts: */
    const struct auth_user *certified; /* whom it names; NULL: nobody */
    enum auth_way way;
};

enum auth_verdict {
    AUTH_REFUSED,
    AUTH_WELCOME,
    AUTH_CHECK_HASH /* welcome, if the password matches this hash */
};

struct auth_answer {
    enum auth_verdict verdict;
    const struct auth_user *user; /* NULL: a token, or nobody was asked */
    const char *hash;             /* AUTH_CHECK_HASH */
    struct str secret;            /* to be checked; of the credentials */
};

/* There is nothing to sign in with. */
bool auth_open(const struct auth_config *config);

/* Whom a client is that comes that way and brings nothing; NULL: refused, or
 * there is nothing to sign in with. */
const struct auth_user *auth_anybody(const struct auth_config *config,
                                     enum auth_way way);

/* Must a client sign in? False, too, where it may stay auth_anybody. */
bool auth_required(const struct auth_config *config, enum auth_way way);

struct auth_answer auth_check(const struct auth_config *config,
                              const struct auth_credentials *given);

const struct auth_user *auth_user(const struct auth_config *config,
                                  struct str name);

/* Do both let the same person in, to the same account? */
bool auth_user_same(const struct auth_user *a, const struct auth_user *b);

#endif
