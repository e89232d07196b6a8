/* account: see account.h. */
#include "broker/account.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/jsapi_off.h"
#include "broker/server.h"
#include "lib/buf.h"
#include "lib/mem.h"

struct account *account_new(struct server *server, const char *name)
{
    struct account *account = mem_zalloc(sizeof(*account));
    account->server = server;
    account->name = mem_strdup(name);
    account->subs = sublist_new();
    account->limits = account_unlimited;
    return account;
}

static void stop_saying_off(struct account *account)
{
    if (account->js_off != NULL)
        sublist_remove(account->subs, account->js_off);
    account->js_off = NULL;
}

int account_open_streams(struct account *account, const char *folder,
                         struct errmsg *err)
{
    account->js = jetstream_open(account, folder, err);
    if (account->js == NULL)
        return -EINVAL;
    stop_saying_off(account);
    return 0;
}

/* ---- those the configuration names ---- */

/* A name from outside as one of a folder. */
static void append_folder_name(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (isalnum(c) || c == '-' || c == '_')
            buf_append_byte(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

/* The default account's streams stand in the folder itself. */
static int open_named_streams(struct account *account, const char *store_dir,
                              struct errmsg *err)
{
    struct buf folder = {0};
    buf_printf(&folder, "%s/accounts/", store_dir);
    append_folder_name(&folder, account->name);
    int rc = account_open_streams(account, buf_text(&folder), err);
    buf_fini(&folder);
    return rc;
}

static void say_off(struct account *account)
{
    if (account->js_off == NULL)
        account->js_off = jsapi_off_listen(account);
}

int accounts_open(struct server *server, const struct server_config *config,
                  struct errmsg *err)
{
    for (uint32_t i = 0; i < config->auth.account_count; i++) {
        const struct auth_account *wanted = &config->auth.accounts[i];
        struct account *account = server_account(server, wanted->name);
        if (!config->jetstream || account->js != NULL)
            continue;
        if (!wanted->jetstream)
            say_off(account);
        else if (open_named_streams(account, config->js.store_dir, err) != 0)
            return -EINVAL;
    }
    return 0;
}

void accounts_limit(struct server *server)
{
    const struct auth_config *auth = &server->config.auth;
    for (struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        account->limits = account_unlimited;
    for (uint32_t i = 0; i < auth->account_count; i++)
        server_account(server, auth->accounts[i].name)->limits =
            auth->accounts[i].limits;
}

void account_free(struct account *account)
{
    jetstream_close(&account->js);
    stop_saying_off(account);
    sublist_free(&account->subs);
    mailbox_fini(&account->mailbox);
    free(account->name);
    free(account);
}
