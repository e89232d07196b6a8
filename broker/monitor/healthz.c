/* healthz: does the broker do its work?
 *
 * 503 while it does not: a stream's disk refuses what is published, or a stream
 * could not be opened. Messages that cannot be read any more are reported with
 * their sequences, and with strict=1 they are a 503, too; else they are not: the
 * broker serves all others, and who restarts it for a 503 would not bring them
 * back. */
#include <string.h>

#include "broker/jetstream/jetstream.h"
#include "broker/monitor/pages.h"
#include "broker/monitor/usage.h"
#include "broker/server.h"

#define RANGES_MAX 64 /* shown of one stream */

/* ---- what is wrong ---- */

static void look_at_streams(const struct jetstream *js, struct errmsg *why)
{
    if (js->damaged > 0)
        errmsg_set(why, 0, "%u streams could not be opened", js->damaged);
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        int rc = stream->store->ops->error(stream->store);
        if (rc != 0)
            errmsg_set(why, rc, "stream %s: %s", stream->name, strerror(-rc));
    }
}

void health_look(const struct server *server, struct errmsg *why)
{
    why->text[0] = '\0';
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js != NULL)
            look_at_streams(account->js, why);
    }
}

/* ---- what is lost ---- */

static void write_ranges(const struct store_range *ranges, size_t count,
                         struct json_writer *w)
{
    json_key(w, "sequences");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(w);
        json_member_u64(w, "first_seq", ranges[i].first_seq);
        json_member_u64(w, "last_seq", ranges[i].last_seq);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_damage_of(const struct stream *stream, struct json_writer *w)
{
    struct store_range ranges[RANGES_MAX];
    size_t count =
        stream->store->ops->damage(stream->store, ranges, RANGES_MAX);
    if (count == 0)
        return;
    json_begin_object(w);
    json_member_text(w, "account", stream->js->account->name);
    json_member_text(w, "stream", stream->name);
    write_ranges(ranges, count < RANGES_MAX ? count : RANGES_MAX, w);
    json_end_object(w);
}

static void write_damage(const struct server *server, struct json_writer *w)
{
    json_key(w, "damaged");
    json_begin_array(w);
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js == NULL)
            continue;
        for (const struct stream *stream = account->js->streams; stream != NULL;
             stream = stream->hh.next)
            write_damage_of(stream, w);
    }
    json_end_array(w);
}

/* ---- the page ---- */

static bool asks_for_streams(const struct page *page)
{
    return page_flag(page, "js-enabled-only") || page_flag(page, "js-enabled");
}

void page_healthz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    struct errmsg why = {""};
    struct usage usage = usage_of_all(server);
    if (asks_for_streams(page) && usage.accounts == 0)
        errmsg_set(&why, 0, "JetStream not enabled");
    else if (!asks_for_streams(page) && !page_flag(page, "js-server-only"))
        health_look(server, &why);
    if (why.text[0] == '\0' && usage.lost > 0 && page_flag(page, "strict"))
        errmsg_set(&why, 0, "%llu messages cannot be read",
                   (unsigned long long)usage.lost);
    bool well = why.text[0] == '\0';
    page->status = well ? 200 : 503;
    json_begin_object(w);
    json_member_text(w, "status", well ? "ok" : "unavailable");
    if (!well)
        json_member_text(w, "error", why.text);
    if (usage.lost > 0)
        write_damage(server, w);
    json_end_object(w);
}
