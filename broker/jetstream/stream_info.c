/* stream_info: what a stream says of itself. */
#include "broker/jetstream/stream.h"

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_config.h"

#define DAMAGE_RANGES_MAX 64

/* Sequences named in "deleted" and "lost", so that an answer stays one that a
 * client takes. */
#define SEQS_MAX 100000u

static struct store_filter filter_of(const struct str *pattern)
{
    return (struct store_filter){.patterns = pattern,
                                 .count = pattern->len > 0};
}

/* ---- subjects ---- */

static bool count_one(void *arg, struct str subject,
                      const struct store_subject *found)
{
    uint64_t *count = arg;
    (void)subject;
    (void)found;
    ++*count;
    return true;
}

uint64_t stream_count_subjects(const struct stream *stream, struct str filter)
{
    const struct store_filter selects = filter_of(&filter);
    uint64_t count = 0;
    stream->store->ops->subjects(stream->store, &selects, count_one, &count);
    return count;
}

struct subject_page {
    struct json_writer *w;
    uint64_t skip, left;
};

static bool write_subject(void *arg, struct str subject,
                          const struct store_subject *found)
{
    struct subject_page *page = arg;
    if (page->skip > 0) {
        page->skip--;
        return true;
    }
    json_key_str(page->w, subject);
    json_put_u64(page->w, found->messages);
    return --page->left > 0;
}

static void write_subjects(const struct stream *stream,
                           const struct stream_details *details,
                           struct json_writer *w)
{
    struct subject_page page = {
        .w = w, .skip = details->offset, .left = STREAM_SUBJECTS_PAGE};
    const struct store_filter selects = filter_of(&details->subjects_filter);
    json_key(w, "subjects");
    json_begin_object(w);
    stream->store->ops->subjects(stream->store, &selects, write_subject, &page);
    json_end_object(w);
}

/* ---- what is not there ---- */

static void write_deleted(const struct stream *stream,
                          const struct store_state *state,
                          struct json_writer *w)
{
    struct store *store = stream->store;
    uint64_t left = state->deleted < SEQS_MAX ? state->deleted : SEQS_MAX;
    json_key(w, "deleted");
    json_begin_array(w);
    for (uint64_t seq = state->first_seq; seq <= state->last_seq && left > 0;
         seq++) {
        if (store->ops->has(store, seq))
            continue;
        json_put_u64(w, seq);
        left--;
    }
    json_end_array(w);
}

/* "lost":{"msgs":[7,8]}: what cannot be read any more. */
static void write_lost(const struct stream *stream, struct json_writer *w)
{
    struct store_range ranges[DAMAGE_RANGES_MAX];
    size_t count =
        stream->store->ops->damage(stream->store, ranges, DAMAGE_RANGES_MAX);
    uint64_t left = SEQS_MAX;
    if (count == 0)
        return;
    json_key(w, "lost");
    json_begin_object(w);
    json_key(w, "msgs");
    json_begin_array(w);
    for (size_t i = 0; i < count && i < DAMAGE_RANGES_MAX; i++) {
        for (uint64_t seq = ranges[i].first_seq;
             seq <= ranges[i].last_seq && left > 0; seq++, left--)
            json_put_u64(w, seq);
    }
    json_end_array(w);
    json_end_object(w);
}

/* ---- all of it ---- */

static void write_state(const struct stream *stream,
                        const struct stream_details *details,
                        struct json_writer *w)
{
    struct store_state state;
    stream_state(stream, &state);
    uint64_t subjects = stream->store->ops->subject_count(stream->store);
    json_key(w, "state");
    json_begin_object(w);
    json_member_u64(w, "messages", state.messages);
    json_member_u64(w, "bytes", state.bytes);
    json_member_u64(w, "first_seq", state.last_seq > 0 ? state.first_seq : 0);
    js_member_time(w, "first_ts", state.first_time_ns);
    json_member_u64(w, "last_seq", state.last_seq);
    js_member_time(w, "last_ts",
                   state.last_time_ns != 0 ? state.last_time_ns
                                           : stream->last_time_ns);
    if (subjects > 0)
        json_member_u64(w, "num_subjects", subjects);
    if (details->subjects_filter.len > 0 &&
        stream_count_subjects(stream, details->subjects_filter) > 0)
        write_subjects(stream, details, w);
    if (state.deleted > 0)
        json_member_u64(w, "num_deleted", state.deleted);
    if (state.deleted > 0 && details->deleted)
        write_deleted(stream, &state, w);
    write_lost(stream, w);
    json_member_u64(w, "consumer_count", stream->consumer_count);
    json_end_object(w);
}

void stream_describe_with(const struct stream *stream,
                          const struct stream_details *details,
                          struct json_writer *w)
{
    const char *domain = jetstream_domain(stream->js);
    json_key(w, "config");
    stream_config_write(&stream->config, w);
    js_member_time(w, "created", stream->created_ns);
    write_state(stream, details, w);
    if (domain[0] != '\0')
        json_member_text(w, "domain", domain);
    origins_describe(stream->origins, w);
}

void stream_describe(const struct stream *stream, struct json_writer *w)
{
    const struct stream_details usual = {0};
    stream_describe_with(stream, &usual, w);
}

void stream_describe_state(const struct stream *stream, struct json_writer *w)
{
    const struct stream_details usual = {0};
    write_state(stream, &usual, w);
}
