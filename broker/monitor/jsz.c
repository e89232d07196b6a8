/* jsz: the streams and consumers of all accounts. */
#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_limits.h"
#include "broker/monitor/pages.h"
#include "broker/monitor/usage.h"
#include "broker/server.h"

#define JSZ_LIMIT 1024

struct query {
    bool accounts, streams, consumers, config;
    struct str account; /* empty: all */
    struct page_window window;
};

static bool read_query(struct page *page, struct query *query)
{
    *query = (struct query){.accounts = page_flag(page, "accounts"),
                            .streams = page_flag(page, "streams"),
                            .consumers = page_flag(page, "consumers"),
                            .config = page_flag(page, "config"),
                            .account = page_text(page, "acc")};
    query->streams = query->streams || query->consumers;
    query->accounts =
        query->accounts || query->streams || query->account.len > 0;
    return page_window(page, JSZ_LIMIT, &query->window);
}

void jsz_write_config(const struct server *server, struct json_writer *w)
{
    const struct jetstream_config *config = &server->config.js;
    json_key(w, "config");
    json_begin_object(w);
    json_member_i64(w, "max_memory",
                    config->max_memory > 0 ? config->max_memory : -1);
    json_member_i64(w, "max_storage",
                    config->max_storage > 0 ? config->max_storage : -1);
    json_member_text(w, "store_dir", config->store_dir);
    if (config->domain != NULL && config->domain[0] != '\0')
        json_member_text(w, "domain", config->domain);
    json_end_object(w);
}

/* ---- one stream ---- */

static void write_consumers(const struct stream *stream,
                            const struct query *query, struct json_writer *w)
{
    json_key(w, "consumer_detail");
    json_begin_array(w);
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next) {
        json_begin_object(w);
        consumer_describe_with(consumer, query->config, w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_stream(const struct stream *stream, const struct query *query,
                         struct json_writer *w)
{
    json_begin_object(w);
    json_member_text(w, "name", stream->name);
    js_member_time(w, "created", stream->created_ns);
    json_key(w, "cluster");
    json_begin_object(w);
    json_member_text(w, "leader", stream->js->account->server->config.name);
    json_end_object(w);
    if (query->config) {
        json_key(w, "config");
        stream_config_write(&stream->config, w);
    }
    stream_describe_state(stream, w);
    if (query->consumers)
        write_consumers(stream, query, w);
    json_end_object(w);
}

/* ---- one account ---- */

static void write_account(const struct account *account,
                          const struct query *query, struct json_writer *w)
{
    struct usage usage = usage_of_account(account);
    usage.accounts = 0;
    json_begin_object(w);
    json_member_text(w, "name", account->name);
    json_member_text(w, "id", account->name);
    usage_write(&usage, w);
    js_limits_write(account, w);
    if (query->streams) {
        json_key(w, "stream_detail");
        json_begin_array(w);
        for (const struct stream *stream = account->js->streams; stream != NULL;
             stream = stream->hh.next)
            write_stream(stream, query, w);
        json_end_array(w);
    }
    json_end_object(w);
}

static void write_accounts(const struct server *server,
                           const struct query *query, struct json_writer *w)
{
    int64_t index = 0;
    json_key(w, "account_details");
    json_begin_array(w);
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js == NULL ||
            (query->account.len > 0 && !str_is(query->account, account->name)))
            continue;
        if (page_shows(&query->window, index++))
            write_account(account, query, w);
    }
    json_end_array(w);
}

void page_jsz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    struct query query;
    struct usage usage = usage_of_all(server);
    if (!read_query(page, &query))
        return;
    page_begin(server, page);
    if (usage.accounts == 0)
        json_member_bool(w, "disabled", true);
    jsz_write_config(server, w);
    usage_write(&usage, w);
    json_member_u64(w, "streams", usage.streams);
    json_member_u64(w, "consumers", usage.consumers);
    json_member_u64(w, "messages", usage.messages);
    json_member_u64(w, "bytes", usage.bytes);
    if (query.accounts)
        write_accounts(server, &query, w);
    json_end_object(w);
}
