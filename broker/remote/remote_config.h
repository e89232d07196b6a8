/* remote_config: another server whose streams may be copied, as the operator
 * names it. */
#ifndef NEXUS_BROKER_REMOTE_CONFIG_H
#define NEXUS_BROKER_REMOTE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/errmsg.h"

#define REMOTES_MAX 32

struct remote_config {
    const char *domain; /* a stream names the server by it:
                                 {"external": {"api": "$JS.<domain>.API"}} */
    const char *url;    /* nats:// or tls://[user:pass@ | token@]host[:port] */
    const char *user, *pass; /* NULL: those of the URL */
    const char *token;       /* the same */
    const char *nkey; /* file of a user's seed "SU…", instead; NULL: none */

    /* With TLS: who signs its certificate (NULL: whom the system trusts), and
     * the one it is shown (NULL: none). */
    const char *ca_file, *cert_file, *key_file;
};

/* Do they say the same? */
bool remote_config_same(const struct remote_config *a,
                        const struct remote_config *b);

/* Where a URL leads. Owns its texts. */
struct remote_url {
    char *host;
    char port[8];
    bool tls;          /* tls://: never in clear */
    char *user, *pass; /* NULL: none; %XX resolved. A user alone is a token */
};

/* 0, or -EINVAL with *err, which never repeats the URL: it may hold a
 * password. fini in both cases. */
int remote_url_parse(struct remote_url *url, const char *text,
                     struct errmsg *err);
void remote_url_fini(struct remote_url *url);

/* Remotes as a flag names them: "HUB=nats://a,EAST=nats://b". Fills at most
 * REMOTES_MAX; they point into a copy of the text that stays for good. 0 with
 * *count, or -EINVAL with *err. */
int remote_list_parse(const char *text, struct remote_config *remotes,
                      size_t *count, struct errmsg *err);

#endif
