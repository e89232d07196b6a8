/* Removals that wait for the message that caused them (loop thread). A message
 * that was appended pushes others out: were that written down before the message
 * itself is durable, a crash between the two would cost both. So these
 * count at once for everybody who reads, and for the disk when what was
 * appended last by then is durable. One set waits, a second one gathers
 * behind it. */
#include "broker/store/store_file.h"

static bool next_of(const struct seqset *set, uint64_t seq,
                    struct store_range *run)
{
    bool some = seqset_next_run(set, seq, run);
    if (some && run->first_seq < seq)
        run->first_seq = seq;
    return some;
}

bool store_file_next_held(const struct store_file *s, uint64_t seq,
                          struct store_range *run)
{
    struct store_range other;
    if (seq < s->held_from)
        seq = s->held_from;
    bool some = next_of(&s->held[0].set, seq, run);
    if (next_of(&s->held[1].set, seq, &other) &&
        (!some || other.first_seq < run->first_seq)) {
        *run = other;
        some = true;
    }
    return some;
}

bool store_file_is_held(const struct store_file *s, uint64_t from,
                        uint64_t through)
{
    struct store_range run;
    return store_file_next_held(s, from, &run) && run.first_seq <= through;
}

bool store_file_hold(struct store_file *s, uint64_t from, uint64_t through)
{
    if (!s->store.making_room || s->appended_seq <= s->seen_seq)
        return false;
    bool first =
        s->held[0].set.count == 0 || s->held[0].after == s->appended_seq;
    struct held *held = &s->held[first ? 0 : 1];
    pthread_mutex_lock(&s->lock);
    seqset_add_range(&held->set, from, through);
    held->after = s->appended_seq;
    pthread_mutex_unlock(&s->lock);
    return true;
}

void store_file_give_up_held(struct store_file *s, uint64_t through)
{
    pthread_mutex_lock(&s->lock);
    s->held_from = through + 1;
    pthread_mutex_unlock(&s->lock);
}

/* The set whose turn it is; the one that gathered comes next. */
static struct seqset take_held(struct store_file *s)
{
    struct seqset set = s->held[0].set;
    s->held[0] = s->held[1];
    s->held[1] = (struct held){.after = 0};
    return set;
}

static void release(struct store_file *s, const struct seqset *set)
{
    uint64_t from =
        s->held_from > s->state.first_seq ? s->held_from : s->state.first_seq;
    struct store_range run = {.last_seq = from - 1};
    while (next_of(set, run.last_seq + 1, &run))
        for (uint64_t seq = run.first_seq; seq <= run.last_seq; seq++)
            store_file_note_settled(s, seq);
}

void store_file_release_held(struct store_file *s)
{
    if (s->held[0].set.count == 0 || s->held[0].after > s->seen_seq)
        return;
    while (s->held[0].set.count > 0 && s->held[0].after <= s->seen_seq) {
        pthread_mutex_lock(&s->lock);
        struct seqset set = take_held(s);
        pthread_mutex_unlock(&s->lock);
        release(s, &set);
        seqset_fini(&set);
    }
    pthread_mutex_lock(&s->lock);
    store_file_move_removed(s);
    pthread_mutex_unlock(&s->lock);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
}

void store_file_move_removed(struct store_file *s)
{
    struct store_range run;
    uint64_t through = s->state.first_seq - 1;
    if (store_file_next_held(s, s->removed_through + 1, &run) &&
        run.first_seq <= through)
        through = run.first_seq - 1;
    s->removed_through = through;
}
