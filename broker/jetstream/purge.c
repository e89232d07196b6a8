/* purge: see purge.h. */
#include "broker/jetstream/purge.h"

#include <stdlib.h>

#include "broker/jetstream/subject_list.h"
#include "lib/mem.h"

#define HEAP_START 64

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

/* The oldest message of a subject, in a heap: the lowest sequence first. */
struct oldest {
    uint64_t seq;
    struct str subject;
};

static void sift_down(struct oldest *heap, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].seq < heap[child].seq)
            child++;
        if (heap[at].seq <= heap[child].seq)
            return;
        struct oldest moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

/* False: nothing of the subject is left. */
static bool find_oldest(const struct stream *stream, struct oldest *oldest)
{
    struct store *store = stream->store;
    struct store_subject there;
    if (!store->ops->subject(store, oldest->subject, &there))
        return false;
    oldest->seq = there.first_seq;
    return true;
}

/* As many as the list is long, at most; *heap is the caller's. */
static size_t gather_oldest(const struct stream *stream, const struct buf *list,
                            struct oldest **heap)
{
    struct oldest one;
    size_t count = 0, size = 0, at = 0;
    *heap = NULL;
    while (subject_list_next(list, &at, &one.subject)) {
        if (!find_oldest(stream, &one))
            continue;
        if (count == size) {
            size = size > 0 ? size * 2 : HEAP_START;
            *heap = mem_grow(*heap, size, sizeof(**heap));
        }
        (*heap)[count++] = one;
    }
    for (size_t i = count / 2; i-- > 0;)
        sift_down(*heap, count, i);
    return count;
}

/* And those that wait for the disk: only by subject is it known where they
 * are. */
static uint64_t drop_appended(struct stream *stream,
                              const struct selection *selection, uint64_t end,
                              uint64_t most)
{
    struct oldest *heap;
    size_t count = gather_oldest(stream, &selection->subjects, &heap);
    uint64_t dropped = 0;
    while (count > 0 && dropped < most && heap[0].seq < end) {
        bool there =
            stream_drop(stream, heap[0].seq, heap[0].subject, false) == 0;
        dropped += there;
        if (!there || !find_oldest(stream, &heap[0]))
            heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    free(heap);
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
