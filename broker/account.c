/* account: see account.h. */
#include "broker/account.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "lib/mem.h"

struct account *account_new(struct server *server, const char *name)
{
    struct account *account = mem_zalloc(sizeof(*account));
    account->server = server;
    account->name = mem_strdup(name);
    account->subs = sublist_new();
    return account;
}

int account_open_streams(struct account *account, const char *folder,
                         struct errmsg *err)
{
    account->js = jetstream_open(account, folder, err);
    return account->js != NULL ? 0 : -EINVAL;
}

void account_free(struct account *account)
{
    jetstream_close(&account->js);
    sublist_free(&account->subs);
    mailbox_fini(&account->mailbox);
    free(account->name);
    free(account);
}
