/* accountz: the accounts, and one of them more closely; accstatz: the traffic
 * of each. */
#include <errno.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_limits.h"
#include "broker/monitor/pages.h"
#include "broker/server.h"

#define SYSTEM_ACCOUNT "$SYS" /* named for tools; nobody is in it */

static const struct account *account_named(const struct server *server,
                                           struct str name)
{
    const struct account *account = server->accounts;
    while (account != NULL && !str_is(name, account->name))
        account = account->hh.next;
    return account;
}

static void write_detail(const struct account *account, struct json_writer *w)
{
    struct sublist_stats stats;
    sublist_stats(account->subs, &stats);
    json_key(w, "account_detail");
    json_begin_object(w);
    json_member_text(w, "account_name", account->name);
    js_member_time(w, "update_time", account->server->started_ns);
    json_member_bool(w, "expired", false);
    json_member_bool(w, "complete", true);
    json_member_bool(w, "jetstream_enabled", account->js != NULL);
    if (account->js != NULL)
        js_limits_write(account, w);
    json_member_i64(w, "leafnode_connections", 0);
    json_member_u64(w, "client_connections", account->conn_count);
    json_member_u64(w, "subscriptions", stats.subs);
    json_key(w, "sublist_stats");
    json_begin_object(w);
    subsz_write(&stats, w);
    json_end_object(w);
    json_end_object(w);
}

static void write_names(const struct server *server, struct json_writer *w)
{
    json_key(w, "accounts");
    json_begin_array(w);
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        json_put_text(w, account->name);
    if (account_named(server, str_of(SYSTEM_ACCOUNT)) == NULL)
        json_put_text(w, SYSTEM_ACCOUNT);
    json_end_array(w);
}

void page_accountz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    struct str name = page_text(page, "acc");
    const struct account *account = account_named(server, name);
    if (name.len > 0 && account == NULL) {
        errmsg_set(&page->refused, -ENOENT, "Account %.*s does not exist",
                   STR_ARG(name));
        return;
    }
    page_begin(server, page);
    json_member_text(w, "system_account", SYSTEM_ACCOUNT);
    if (account != NULL)
        write_detail(account, w);
    else
        write_names(server, w);
    json_end_object(w);
}

/* ---- traffic ---- */

static void write_direction(struct json_writer *w, const char *key,
                            uint64_t msgs, uint64_t bytes)
{
    json_key(w, key);
    json_begin_object(w);
    json_member_u64(w, "msgs", msgs);
    json_member_u64(w, "bytes", bytes);
    json_end_object(w);
}

/* Of the connections that are there. */
static struct conn_traffic traffic_of(const struct account *account)
{
    struct conn_traffic sum = {0};
    for (const struct conn *conn = account->server->conns; conn != NULL;
         conn = conn->next) {
        if (conn->account != account)
            continue;
        sum.in_msgs += conn->traffic.in_msgs;
        sum.in_bytes += conn->traffic.in_bytes;
        sum.out_msgs += conn->traffic.out_msgs;
        sum.out_bytes += conn->traffic.out_bytes;
    }
    return sum;
}

static void write_stats(const struct account *account, struct json_writer *w)
{
    struct conn_traffic traffic = traffic_of(account);
    json_begin_object(w);
    json_member_text(w, "acc", account->name);
    json_member_u64(w, "conns", account->conn_count);
    json_member_i64(w, "leafnodes", 0);
    json_member_u64(w, "total_conns", account->conn_count);
    write_direction(w, "sent", traffic.out_msgs, traffic.out_bytes);
    write_direction(w, "received", traffic.in_msgs, traffic.in_bytes);
    json_member_i64(w, "slow_consumers", 0);
    json_end_object(w);
}

void page_accstatz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    bool unused = page_flag(page, "unused");
    page_begin(server, page);
    json_key(w, "account_statz");
    json_begin_array(w);
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (unused || account->conn_count > 0)
            write_stats(account, w);
    }
    json_end_array(w);
    json_end_object(w);
}
