/* purge: see purge.h. */
#include "broker/jetstream/purge.h"

#include "broker/jetstream/subject_list.h"

/* ---- of all subjects ---- */

static uint64_t purge_all(struct stream *stream, const struct purge *purge)
{
    struct store_state state;
    stream_state(stream, &state);
    uint64_t through = state.last_seq;
    if (purge->seq > 0)
        through = purge->seq - 1;
    else if (purge->keep > 0)
        through =
            purge->keep < state.messages ? state.last_seq - purge->keep : 0;
    uint64_t purged = stream_remove_through(stream, through);
    if (through > state.last_seq &&
        stream->store->ops->skip(stream->store, through) == 0)
        stream_mark_dirty(stream);
    return purged;
}

/* ---- of some ---- */

/* What a filter selects, appended messages included. */
struct selection {
    uint64_t messages;
    struct buf subjects; /* subject_list */
};

static bool select_subject(void *arg, struct str subject,
                           const struct store_subject *found)
{
    struct selection *selection = arg;
    selection->messages += found->messages;
    subject_list_add(&selection->subjects, subject);
    return true;
}

/* From the oldest on, those that can be read. */
static uint64_t drop_durable(struct stream *stream,
                             const struct store_filter *filter, uint64_t end,
                             uint64_t most)
{
    struct store_msg msg;
    struct buf subject = {0};
    uint64_t dropped = 0, seq = 1;
    while (dropped < most &&
           stream->store->ops->next(stream->store, filter, seq, &msg) == 0 &&
           msg.seq < end) {
        seq = msg.seq + 1;
        buf_reset(&subject);
        buf_append_str(&subject, msg.subject);
        dropped += stream_drop(stream, msg.seq, buf_str(&subject), false) == 0;
    }
    buf_fini(&subject);
    return dropped;
}

/* And those that wait for the disk. */
static uint64_t drop_appended(struct stream *stream,
                              const struct selection *selection, uint64_t end,
                              uint64_t most)
{
    struct store_subject there;
    struct str subject;
    uint64_t dropped = 0;
    size_t at = 0;
    while (subject_list_next(&selection->subjects, &at, &subject)) {
        while (dropped < most &&
               stream->store->ops->subject(stream->store, subject, &there) &&
               there.first_seq < end &&
               stream_drop(stream, there.first_seq, subject, false) == 0)
            dropped++;
    }
    return dropped;
}

static uint64_t purge_some(struct stream *stream, const struct purge *purge)
{
    const struct store_filter filter = {.patterns = &purge->filter, .count = 1};
    struct selection selection = {0};
    uint64_t end = purge->seq > 0 ? purge->seq : UINT64_MAX, purged = 0;
    stream->store->ops->subjects(stream->store, &filter, select_subject,
                                 &selection);
    if (selection.messages > purge->keep) {
        uint64_t most = selection.messages - purge->keep;
        purged = drop_durable(stream, &filter, end, most);
        if (purged < most)
            purged += drop_appended(stream, &selection, end, most - purged);
    }
    buf_fini(&selection.subjects);
    return purged;
}

uint64_t stream_purge(struct stream *stream, const struct purge *purge)
{
    if (purge->filter.len == 0 || str_is(purge->filter, ">"))
        return purge_all(stream, purge);
    return purge_some(stream, purge);
}
