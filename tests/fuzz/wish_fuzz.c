/* Any bytes as a client's message at /ws. One that is taken keeps to the
 * limits and makes a topic, which the same wish finds again and a copy of its
 * filter agrees with; one that is refused is told why in a message that may be
 * sent.
 * fuzz-links: api/live/wish.c api/live/topic.c api/live/event_log.c
 * fuzz-links: api/live/filter.c api/live/filter_feed.c api/live/pace.c
 * fuzz-links: api/live/message.c
 * fuzz-links: api/fleet/fleet.c api/fleet/fleet_listen.c
 * fuzz-links: api/fleet/fleet_sample.c api/fleet/fleet_status.c
 * fuzz-links: api/fleet/fleet_tree.c */
#include <assert.h>
#include <errno.h>

#include "api/fleet/fleet_private.h"
#include "api/live/wish.h"
#include "lib/utf8.h"

static struct arena arena;
static struct buf out;
static struct http_server *server;
static struct fleet *fleet;
static struct topics topics;

/* No database here. */
void loader_free(struct loader **loader)
{
    assert(*loader == NULL);
}

static void open_once(void)
{
    struct http_config http = {.host = "127.0.0.1"};
    struct fleet_config config = {0};
    struct errmsg err;
    if (server != NULL)
        return;
    server = http_server_new(&http, &err);
    fleet = fleet_new(server, &config);
    topics = (struct topics){
        .fleet = fleet, .server = server, .count_max = 4, .budget = {0, 1000}};
}

static void sample_send(struct str uuid, struct str host)
{
    struct sample s = {.ts_ns = clock_wall_ns(),
                       .cluster = str_of("local"),
                       .host = host,
                       .gpu = str_of("0"),
                       .uuid = uuid};
    sample_set(&s, METRIC_temperature, 40);
    fleet_sample(fleet, &s, fleet->sequence + 1);
}

static bool takes(const struct filter *filter)
{
    for (uint32_t i = 0; i < fleet->gpu_count; i++)
        if (filter_takes(filter, fleet->gpus[i]))
            return true;
    return false;
}

/* An update that the filter takes comes, one that it does not take does not. */
static void check_topic(const struct wish *wish)
{
    struct errmsg err;
    struct topic *topic = topic_get(&topics, wish->topic, &wish->filter, &err);
    assert(topic != NULL);
    struct topic *again = topic_get(&topics, wish->topic, topic->filter, &err);
    assert(again == topic && topics.count == 1);
    topic_put(&again);
    assert(takes(&wish->filter) == takes(topic->filter));
    uint64_t before = event_log_newest(topic->log);
    sample_send(str_of("GPU-1"), str_of("alpha"));
    bool heard = event_log_newest(topic->log) > before;
    if (wish->topic == TOPIC_TELEMETRY && wish->filter.metrics == 0 &&
        wish->filter.min_interval_ns == 0)
        assert(heard == takes(topic->filter));
    topic_put(&topic);
    assert(topics.count == 0 && topics.budget.bytes == 0);
}

static void check_wish(const struct wish *wish)
{
    const struct filter *filter = &wish->filter;
    assert(wish->id.p == NULL ||
           (wish->id.len > 0 && wish->id.len <= WISH_ID_MAX));
    if (wish->type != WISH_SUBSCRIBE)
        return;
    assert(wish->has_topic && wish->topic < TOPIC_KINDS);
    assert(filter->gpu_count <= FILTER_GPUS_MAX);
    assert(filter->metrics >> METRIC_COUNT == 0);
    assert(filter->min_interval_ns >= 0);
    assert(!(wish->resume && wish->snapshot));
    check_topic(wish);
}

static void check_answer(const struct errmsg *err)
{
    struct json_writer w = json_writer(&out);
    buf_reset(&out);
    json_put_text(&w, err->text);
    assert(err->text[0] != '\0');
    assert(utf8_valid(out.data, out.len) == out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wish wish;
    struct errmsg err = {""};
    open_once();
    if (fleet->gpu_count == 0)
        sample_send(str_of("GPU-1"), str_of("alpha"));
    int rc =
        wish_parse(&wish, str_make((const char *)data, size), &arena, &err);
    assert(rc == 0 || rc == -EINVAL);
    if (rc == 0)
        check_wish(&wish);
    else
        check_answer(&err);
    arena_reset(&arena);
    return 0;
}
