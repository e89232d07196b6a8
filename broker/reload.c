/* reload: see reload.h. */
#include "broker/reload.h"

#include <errno.h>
#include <string.h>

#include "broker/net/net.h"
#include "broker/server.h"
#include "broker/sign_in.h"
#include "lib/log.h"

/* ---- what cannot change ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_streams(const struct jetstream_config *a,
                         const struct jetstream_config *b)
{
    return a->max_memory == b->max_memory && a->max_storage == b->max_storage &&
           a->sync == b->sync && a->sync_interval_ns == b->sync_interval_ns &&
           a->dedup_ids_max == b->dedup_ids_max &&
           a->index_bytes_max == b->index_bytes_max;
}

static bool same_remotes(const struct jetstream_config *a,
                         const struct jetstream_config *b)
{
    if (a->remote_count != b->remote_count ||
        !same_text(a->remote_list, b->remote_list))
        return false;
    for (size_t i = 0; i < a->remote_count; i++) {
        if (!remote_config_same(&a->remotes[i], &b->remotes[i]))
            return false;
    }
    return true;
}

/* The first setting that differs; NULL: none does. */
static const char *find_fixed(const struct server *server,
                              const struct server_config *is)
{
    const struct server_config *was = &server->config;
    const char *name = is->name != NULL ? is->name : server->id;
    const struct {
        bool same;
        const char *setting;
    } fixed[] = {
        {same_text(was->addr, is->addr), "host"},
        {was->port == is->port, "port"},
        {same_text(was->name, name), "server_name"},
        {was->jetstream == is->jetstream, "jetstream"},
        {same_text(was->js.store_dir, is->js.store_dir), "store_dir"},
        {same_text(was->js.domain, is->js.domain), "domain"},
        {same_streams(&was->js, &is->js), "a limit of jetstream"},
        {same_remotes(&was->js, &is->js), "jetstream's remotes"},
        {was->tls.on == is->tls.on, "tls"},
        {was->websocket.on == is->websocket.on, "websocket"},
        {was->websocket.port == is->websocket.port, "websocket's port"},
        {same_text(was->websocket.addr, is->websocket.addr),
         "websocket's host"},
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (!fixed[i].same)
            return fixed[i].setting;
    }
    return NULL;
}

static bool names_account(const struct server_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->auth.account_count; i++) {
        const struct auth_account *account = &config->auth.accounts[i];
        if (strcmp(account->name, name) == 0)
            return account->jetstream;
    }
    return false;
}

/* The streams of an account are closed only with the broker. */
static const char *find_orphan(const struct server *server,
                               const struct server_config *is)
{
    for (const struct account *a = server->accounts; a != NULL;
         a = a->hh.next) {
        if (a->js != NULL && a != server->account &&
            !names_account(is, a->name))
            return a->name;
    }
    return NULL;
}

static int check(const struct server *server, const struct server_config *is,
                 struct errmsg *err)
{
    const char *fixed = find_fixed(server, is);
    if (fixed != NULL)
        return errmsg_set(err, -EINVAL, "%s cannot change without a restart",
                          fixed);
    const char *orphan = find_orphan(server, is);
    if (orphan != NULL)
        return errmsg_set(err, -EINVAL,
                          "the account %s has streams, which it cannot lose "
                          "without a restart",
                          orphan);
    return 0;
}

/* ---- what can ---- */

/* Others hold on to these texts; they say the same. */
static void keep_texts(struct server_config *is,
                       const struct server_config *was)
{
    is->addr = was->addr;
    is->name = was->name;
    is->js = was->js;
    is->websocket.addr = was->websocket.addr;
}

static void review_conns(struct server *server, const struct auth_config *was)
{
    struct conn *next;
    for (struct conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        sign_in_again(conn, was);
    }
}

int server_reload(struct server *server, const struct server_config *config,
                  struct errmsg *err)
{
    struct server_config was = server->config;
    if (check(server, config, err) != 0 ||
        accounts_open(server, config, err) != 0 ||
        net_reload(server, config, err) != 0)
        return -EINVAL;
    server->config = *config;
    keep_texts(&server->config, &was);
    accounts_limit(server);
    review_conns(server, &was.auth);
    return 0;
}
