/* remotes: see remotes.h. */
#include "broker/remote/remotes.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/server.h"
#include "lib/mem.h"

struct remotes {
    struct remote *list[REMOTES_MAX];
    size_t count;
};

static int add(struct remotes *remotes, struct server *server,
               const struct remote_config *config, struct errmsg *err)
{
    struct errmsg why;
    if (remotes->count == REMOTES_MAX)
        return errmsg_set(err, -EINVAL, "more than %d remotes", REMOTES_MAX);
    if (remotes_find(remotes, str_of(config->domain)) != NULL)
        return errmsg_set(err, -EINVAL, "two remotes have the domain %s",
                          config->domain);
    struct remote *remote = remote_new(server, config, &why);
    if (remote == NULL)
        return errmsg_set(err, -EINVAL, "the remote %s: %s", config->domain,
                          why.text);
    remotes->list[remotes->count++] = remote;
    return 0;
}

int remotes_open(struct server *server, struct remotes **out,
                 struct errmsg *err)
{
    const struct jetstream_config *config = &server->config.js;
    struct remote_config listed[REMOTES_MAX];
    size_t listed_count = 0;
    *out = NULL;
    int rc = remote_list_parse(config->remote_list, listed, &listed_count, err);
    if (rc != 0 || (listed_count == 0 && config->remote_count == 0))
        return rc;
    *out = mem_zalloc(sizeof(**out));
    for (size_t i = 0; rc == 0 && i < config->remote_count; i++)
        rc = add(*out, server, &config->remotes[i], err);
    for (size_t i = 0; rc == 0 && i < listed_count; i++)
        rc = add(*out, server, &listed[i], err);
    if (rc != 0)
        remotes_free(out);
    return rc;
}

void remotes_free(struct remotes **remotesp)
{
    struct remotes *remotes = *remotesp;
    if (remotes == NULL)
        return;
    for (size_t i = 0; i < remotes->count; i++)
        remote_free(&remotes->list[i]);
    free(remotes);
    *remotesp = NULL;
}

struct remote *remotes_find(const struct remotes *remotes, struct str domain)
{
    for (size_t i = 0; remotes != NULL && i < remotes->count; i++) {
        if (str_is(domain, remote_domain(remotes->list[i])))
            return remotes->list[i];
    }
    return NULL;
}
