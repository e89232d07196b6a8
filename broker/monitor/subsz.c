/* subsz: the subscriptions of all accounts. */
#include "broker/monitor/client_view.h"
#include "broker/monitor/pages.h"
#include "broker/server.h"
#include "broker/subject.h"

#define SUBSZ_LIMIT 1024

static void add_account(struct sublist_stats *sum,
                        const struct account *account)
{
    struct sublist_stats stats;
    sublist_stats(account->subs, &stats);
    sum->subs += stats.subs;
    sum->cached += stats.cached;
    sum->inserts += stats.inserts;
    sum->removes += stats.removes;
    sum->matches += stats.matches;
    sum->hits += stats.hits;
    sum->fanout_sum += stats.fanout_sum;
    if (stats.fanout_max > sum->fanout_max)
        sum->fanout_max = stats.fanout_max;
}

void subsz_write(const struct sublist_stats *stats, struct json_writer *w)
{
    double matches = stats->matches > 0 ? (double)stats->matches : 1;
    double cached = stats->cached > 0 ? (double)stats->cached : 1;
    json_member_u64(w, "num_subscriptions", stats->subs);
    json_member_u64(w, "num_cache", stats->cached);
    json_member_u64(w, "num_inserts", stats->inserts);
    json_member_u64(w, "num_removes", stats->removes);
    json_member_u64(w, "num_matches", stats->matches);
    json_member_double(w, "cache_hit_rate", (double)stats->hits / matches);
    json_member_u64(w, "max_fanout", stats->fanout_max);
    json_member_double(w, "avg_fanout", (double)stats->fanout_sum / cached);
}

struct listing {
    struct page_window window;
    struct str account, test; /* empty: all */
    int64_t found, shown;
};

static void list_subs(struct listing *listing, const struct conn *conn,
                      struct json_writer *w)
{
    for (const struct sub *sub = conn->subs; sub != NULL; sub = sub->hh.next) {
        if (listing->test.len > 0 &&
            !subject_matches(sub->subject, listing->test))
            continue;
        if (page_shows(&listing->window, listing->found++)) {
            listing->shown++;
            client_sub_write(sub, w, true);
        }
    }
}

/* The clients'; the broker's own are only counted. */
static void write_list(const struct server *server, struct listing *listing,
                       struct json_writer *w)
{
    struct buf list = {0};
    struct json_writer list_writer = json_writer(&list);
    json_begin_array(&list_writer);
    for (const struct conn *conn = server->conns; conn != NULL;
         conn = conn->next) {
        if (listing->account.len == 0 ||
            str_is(listing->account, conn->account->name))
            list_subs(listing, conn, &list_writer);
    }
    json_end_array(&list_writer);
    json_member_i64(w, "total", listing->shown);
    json_member_i64(w, "offset", listing->window.offset);
    json_member_i64(w, "limit", listing->window.limit);
    json_key(w, "subscriptions_list");
    json_put_raw(w, buf_str(&list));
    buf_fini(&list);
}

void page_subsz(struct server *server, struct page *page)
{
    struct sublist_stats sum = {0};
    struct listing listing = {.account = page_text(page, "acc"),
                              .test = page_text(page, "test")};
    if (!page_window(page, SUBSZ_LIMIT, &listing.window))
        return;
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        add_account(&sum, account);
    page_begin(server, page);
    subsz_write(&sum, &page->w);
    if (page_flag(page, "subs"))
        write_list(server, &listing, &page->w);
    json_end_object(&page->w);
}
