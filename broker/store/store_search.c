/* Which messages, by filter, subject and time: what the indexes of the segments
 * say, read on the loop thread.
 *
 * A filter is tried on each distinct subject of a segment once; which of them
 * it selects is remembered (struct selection), so that going through a segment
 * costs a bit an entry. Where nearly every message has a subject of its own,
 * the messages are read instead. What is found by hash is compared by text
 * before it is handed out. */
#include "broker/store/store_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/store/store_filter.h"
#include "broker/subject.h"
#include "lib/mem.h"

/* Guesses at a hash's place before halving; a few do, hashes being even. */
#define GUESSES_MAX 6

static bool is_there(const struct store_file *s, uint64_t seq)
{
    return seq >= s->state.first_seq && !seqset_has(&s->removed, seq);
}

static bool is_gone(int rc)
{
    return rc == -ENOENT || rc == -EBADMSG;
}

/* ---- a subject in a segment ---- */

/* In an index in memory: the syncer adds to its table, so the entries are gone
 * through. */
static bool find_in_memory(const struct segment *segment, uint64_t hash,
                           uint32_t *place)
{
    const struct segment_index *index = segment->index;
    for (uint64_t n = 0; n < segment->extent.count; n++) {
        uint32_t at = index->entries[n].subject & SEGMENT_SUBJECT;
        if (at == SEGMENT_NOBODY || index->subjects[at].hash != hash)
            continue;
        *place = at;
        return true;
    }
    return false;
}

/* Between low and high, whose hashes are about so far apart. */
static uint32_t guess(uint32_t low, uint32_t high, uint64_t hash,
                      uint64_t hash_low, uint64_t hash_high)
{
    __uint128_t part = (__uint128_t)(hash - hash_low) * (high - low);
    uint32_t at = low + (uint32_t)(part / (hash_high - hash_low));
    return at < high ? at : high - 1;
}

static bool find_in_file(struct store_file *s, struct segment *segment,
                         uint64_t hash, uint32_t *place)
{
    uint32_t low = 0, high = reader_subject_count(segment);
    uint64_t hash_low = 0, hash_high = UINT64_MAX;
    for (int tries = 0; low < high; tries++) {
        struct segment_subject subject;
        bool close =
            tries < GUESSES_MAX && hash >= hash_low && hash < hash_high;
        uint32_t at = close ? guess(low, high, hash, hash_low, hash_high)
                            : low + (high - low) / 2;
        if (store_file_subject(s, segment, at, &subject) < 0)
            return false;
        if (subject.hash == hash) {
            *place = at;
            return true;
        }
        if (subject.hash < hash) {
            low = at + 1;
            hash_low = subject.hash;
        } else {
            high = at;
            hash_high = subject.hash;
        }
    }
    return false;
}

static bool find_subject(struct store_file *s, struct segment *segment,
                         uint64_t hash, uint32_t *place)
{
    if (store_file_make_searchable(s, segment) < 0)
        return false;
    return segment->index != NULL ? find_in_memory(segment, hash, place)
                                  : find_in_file(s, segment, hash, place);
}

/* The first entry at or behind n of n's subject that is there; or count. */
static uint64_t follow(struct store_file *s, struct segment *segment,
                       uint64_t n, uint64_t from)
{
    uint64_t count = segment->extent.count;
    while (n < count) {
        struct segment_entry entry;
        if (n >= from && is_there(s, segment->first_seq + n))
            return n;
        if (store_file_entry(s, segment, n, &entry) < 0 || entry.next <= n)
            return count;
        n = entry.next;
    }
    return count;
}

/* The first entry of the subject at or behind `from`, on a way that may begin
 * at `start`, an entry of the subject; or count. */
static uint64_t first_of(struct store_file *s, struct segment *segment,
                         uint64_t hash, uint64_t from)
{
    struct segment_entry entry;
    struct segment_subject subject;
    uint32_t place;
    if (from > 0 && store_file_entry(s, segment, from, &entry) == 0 &&
        (entry.subject & SEGMENT_SUBJECT) != SEGMENT_NOBODY &&
        store_file_subject(s, segment, entry.subject & SEGMENT_SUBJECT,
                           &subject) == 0 &&
        subject.hash == hash)
        return follow(s, segment, from, from);
    if (!find_subject(s, segment, hash, &place) ||
        store_file_subject(s, segment, place, &subject) < 0)
        return segment->extent.count;
    return follow(s, segment, subject.first, from);
}

static const struct record *pending_of(const struct store_file *s,
                                       struct pending_walk *walk, uint64_t hash)
{
    const struct record *record;
    while ((record = pending_next(&s->pending, walk)) != NULL)
        if (record->seq > s->seen_seq && is_there(s, record->seq) &&
            record_subject_hash(s->salt, record_subject(record)) == hash)
            return record;
    return NULL;
}

/* The first message on the subject at or behind seq; 0: none. */
static uint64_t search_first(struct store_file *s, uint64_t hash, uint64_t seq)
{
    size_t place = store_file_place(s, seq);
    for (size_t i = place > 0 ? place - 1 : 0; i < s->segments_count; i++) {
        struct segment *segment = s->segments[i];
        uint64_t from = seq > segment->first_seq ? seq - segment->first_seq : 0;
        if (from >= segment->extent.count)
            continue;
        uint64_t n = first_of(s, segment, hash, from);
        if (n < segment->extent.count)
            return segment->first_seq + n;
    }
    struct pending_walk walk = {.begun = false};
    const struct record *record = pending_of(s, &walk, hash);
    while (record != NULL && record->seq < seq)
        record = pending_of(s, &walk, hash);
    return record != NULL ? record->seq : 0;
}

/* The last message on the subject at or before seq in the segment; 0: none. */
static uint64_t last_of(struct store_file *s, struct segment *segment,
                        uint64_t hash, uint64_t seq)
{
    uint64_t found = 0, n = first_of(s, segment, hash, 0);
    while (n < segment->extent.count && segment->first_seq + n <= seq) {
        struct segment_entry entry;
        found = segment->first_seq + n;
        if (store_file_entry(s, segment, n, &entry) < 0 || entry.next <= n)
            break;
        n = follow(s, segment, entry.next, entry.next);
    }
    return found;
}

static uint64_t search_last(struct store_file *s, uint64_t hash, uint64_t seq)
{
    struct pending_walk walk = {.begun = false};
    const struct record *record;
    uint64_t found = 0;
    while ((record = pending_of(s, &walk, hash)) != NULL && record->seq <= seq)
        found = record->seq;
    for (size_t i = store_file_place(s, seq); found == 0 && i > 0; i--)
        found = last_of(s, s->segments[i - 1], hash, seq);
    return found;
}

/* ---- all subjects, in memory ---- */

static void too_many(struct store_file *s)
{
    subjects_fini(&s->subjects);
    s->subjects_are = SUBJECTS_TOO_MANY;
}

/* A segment nothing was removed from: from its table. */
static void learn_table(struct store_file *s, struct segment *segment)
{
    struct segment_subject subject;
    for (uint32_t i = 0; i < reader_subject_count(segment); i++)
        if (store_file_subject(s, segment, i, &subject) == 0)
            subjects_add(&s->subjects, subject.hash,
                         segment->first_seq + subject.first,
                         segment->first_seq + subject.last, subject.count);
}

/* Any other one: entry by entry. */
static void learn_entries(struct store_file *s, struct segment *segment)
{
    uint32_t count = reader_subject_count(segment);
    uint64_t *hashes = mem_grow(NULL, count + UINT64_C(1), sizeof *hashes);
    struct segment_subject subject = {.hash = 0};
    for (uint32_t i = 0; i < count; i++) {
        store_file_subject(s, segment, i, &subject);
        hashes[i] = subject.hash;
    }
    for (uint64_t n = 0; n < segment->extent.count; n++) {
        struct segment_entry entry;
        uint64_t seq = segment->first_seq + n;
        if (!is_there(s, seq) || store_file_entry(s, segment, n, &entry) < 0)
            continue;
        uint32_t place = entry.subject & SEGMENT_SUBJECT;
        if (place < count)
            subjects_add(&s->subjects, hashes[place], seq, seq, 1);
    }
    free(hashes);
}

static void learn_pending(struct store_file *s)
{
    struct pending_walk walk = {.begun = false};
    const struct record *record;
    while ((record = pending_next(&s->pending, &walk)) != NULL)
        if (record->seq > s->seen_seq && is_there(s, record->seq))
            subjects_add(&s->subjects,
                         record_subject_hash(s->salt, record_subject(record)),
                         record->seq, record->seq, 1);
}

static void learn_subjects(struct store_file *s)
{
    s->subjects_are = SUBJECTS_KNOWN;
    for (size_t i = 0; i < s->segments_count; i++) {
        struct segment *segment = s->segments[i];
        uint64_t last = segment_last_seq(segment);
        if (last < s->state.first_seq ||
            store_file_make_searchable(s, segment) < 0)
            continue;
        if (segment->index == NULL &&
            segment->first_seq >= s->state.first_seq &&
            seqset_members(&s->removed, segment->first_seq, last) == 0)
            learn_table(s, segment);
        else
            learn_entries(s, segment);
        if (subjects_memory(&s->subjects) > s->index_bytes_max) {
            too_many(s);
            return;
        }
    }
    learn_pending(s);
}

/* True: all subjects are in memory. */
static bool know_subjects(struct store_file *s)
{
    if (s->subjects_are == SUBJECTS_KNOWN &&
        subjects_memory(&s->subjects) > s->index_bytes_max)
        too_many(s);
    if (s->subjects_are == SUBJECTS_UNKNOWN)
        learn_subjects(s);
    return s->subjects_are == SUBJECTS_KNOWN;
}

/* ---- one subject ---- */

/* Looks the ends of a range up that are open. */
static void settle(struct store_file *s, uint64_t hash,
                   struct subjects_range *range)
{
    if (!range->first_open && !range->last_open)
        return;
    if (range->first_open)
        range->first_seq = search_first(s, hash, range->first_seq);
    if (range->last_open)
        range->last_seq = search_last(s, hash, range->last_seq);
    range->first_open = range->last_open = false;
    if (range->first_seq > 0 && range->last_seq > 0)
        subjects_settle(&s->subjects, hash, range->first_seq, range->last_seq);
}

static uint64_t count_in(struct store_file *s, struct segment *segment,
                         uint64_t hash)
{
    uint64_t count = 0, n = first_of(s, segment, hash, 0);
    for (; n < segment->extent.count; count++) {
        struct segment_entry entry;
        if (store_file_entry(s, segment, n, &entry) < 0 || entry.next <= n)
            return count + 1;
        n = follow(s, segment, entry.next, entry.next);
    }
    return count;
}

/* Without an index of all subjects. */
static bool find_anew(struct store_file *s, uint64_t hash,
                      struct subjects_range *found)
{
    struct pending_walk walk = {.begun = false};
    *found = (struct subjects_range){
        .first_seq = search_first(s, hash, s->state.first_seq)};
    if (found->first_seq == 0)
        return false;
    found->last_seq = search_last(s, hash, s->state.last_seq);
    for (size_t i = 0; i < s->segments_count; i++)
        found->messages += count_in(s, s->segments[i], hash);
    while (pending_of(s, &walk, hash) != NULL)
        found->messages++;
    return true;
}

static bool find_hash(struct store_file *s, uint64_t hash,
                      struct store_subject *out)
{
    struct subjects_range range;
    bool there = know_subjects(s) ? subjects_find(&s->subjects, hash, &range)
                                  : find_anew(s, hash, &range);
    if (!there)
        return false;
    settle(s, hash, &range);
    *out = (struct store_subject){.first_seq = range.first_seq,
                                  .last_seq = range.last_seq,
                                  .messages = range.messages};
    return range.first_seq > 0;
}

/* ---- two subjects of one hash ----
 *
 * The salt is no secret from who may list subjects, and with it such subjects
 * are easily made. By what is found here messages are removed and publishes
 * refused, so the messages at both ends are compared by text. A hash that was
 * found to be shared is from then on gone through message by message. (Which
 * ones are is not known after a restart until one of the others is asked for:
 * of a subject whose messages are at both ends, those between them count, too.)
 */

/* Message seq is on the subject, or cannot be read. */
static bool is_on(struct store_file *s, uint64_t seq, struct str subject)
{
    struct store_msg msg;
    if (seq > s->seen_seq)
        return str_eq(record_subject(pending_find(&s->pending, seq)), subject);
    return store_file_read_at(s, seq, &msg) != 0 ||
           str_eq(msg.subject, subject);
}

static bool is_shared(const struct store_file *s, uint64_t hash)
{
    for (size_t i = 0; i < s->shared_count; i++)
        if (s->shared[i] == hash)
            return true;
    return s->shared_count == STORE_SHARED_MAX;
}

/* Those of the messages with its hash that are on the subject. */
static bool find_text(struct store_file *s, uint64_t hash, struct str subject,
                      struct store_subject *found)
{
    uint64_t seq = found->first_seq, last = found->last_seq;
    *found = (struct store_subject){.messages = 0};
    for (; seq != 0 && seq <= last; seq = search_first(s, hash, seq + 1)) {
        if (!is_on(s, seq, subject))
            continue;
        if (found->messages++ == 0)
            found->first_seq = seq;
        found->last_seq = seq;
    }
    return found->messages > 0;
}

bool store_file_subject_of(struct store *store, struct str subject,
                           struct store_subject *out)
{
    struct store_file *s = store_file_of(store);
    uint64_t hash = record_subject_hash(s->salt, subject);
    store_file_harvest(s);
    if (!find_hash(s, hash, out))
        return false;
    if (!is_shared(s, hash)) {
        if (is_on(s, out->first_seq, subject) &&
            (out->last_seq == out->first_seq ||
             is_on(s, out->last_seq, subject)))
            return true;
        s->shared[s->shared_count++] = hash;
    }
    return find_text(s, hash, subject, out);
}

/* ---- many subjects ---- */

/* The text of message seq's subject, in s->scratch; false: it cannot be
 * read. */
static bool subject_text(struct store_file *s, uint64_t seq, struct str *text)
{
    struct store_msg msg;
    if (seq > s->seen_seq)
        msg.subject = record_subject(pending_find(&s->pending, seq));
    else if (store_file_read_at(s, seq, &msg) != 0)
        return false;
    buf_reset(&s->scratch);
    buf_append_str(&s->scratch, msg.subject);
    *text = buf_str(&s->scratch);
    return true;
}

struct visit {
    const struct store_filter *filter;
    bool (*fn)(void *arg, struct str subject,
               const struct store_subject *found);
    void *arg;
};

static bool visit_hash(struct store_file *s, uint64_t hash,
                       const struct visit *visit)
{
    struct store_subject found;
    struct str text;
    if (!find_hash(s, hash, &found) ||
        (!subject_text(s, found.last_seq, &text) &&
         !subject_text(s, found.first_seq, &text)) ||
        !store_filter_selects(visit->filter, text))
        return true;
    return visit->fn(visit->arg, text, &found);
}

/* Those whose first message stands in the segment. */
static bool visit_segment(struct store_file *s, struct segment *segment,
                          const struct visit *visit)
{
    struct segment_subject subject;
    struct store_subject found;
    if (store_file_make_searchable(s, segment) < 0)
        return true;
    for (uint32_t i = 0; i < reader_subject_count(segment); i++) {
        if (store_file_subject(s, segment, i, &subject) < 0 ||
            !find_hash(s, subject.hash, &found) ||
            found.first_seq < segment->first_seq ||
            found.first_seq > segment_last_seq(segment))
            continue;
        if (!visit_hash(s, subject.hash, visit))
            return false;
    }
    return true;
}

static void visit_pending(struct store_file *s, const struct visit *visit)
{
    struct pending_walk walk = {.begun = false};
    const struct record *record;
    struct store_subject found;
    while ((record = pending_next(&s->pending, &walk)) != NULL) {
        uint64_t hash = record_subject_hash(s->salt, record_subject(record));
        if (record->seq > s->seen_seq && is_there(s, record->seq) &&
            find_hash(s, hash, &found) && found.first_seq == record->seq &&
            !visit_hash(s, hash, visit))
            return;
    }
}

static void visit_all(struct store_file *s, const struct visit *visit)
{
    struct subjects_range range;
    uint64_t hash;
    if (know_subjects(s)) {
        for (size_t i = 0; i < s->subjects.size; i++)
            if (subjects_slot(&s->subjects, i, &hash, &range) &&
                !visit_hash(s, hash, visit))
                return;
        return;
    }
    for (size_t i = 0; i < s->segments_count; i++)
        if (!visit_segment(s, s->segments[i], visit))
            return;
    visit_pending(s, visit);
}

void store_file_subjects(struct store *store, const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    s->walking++;
    visit_all(s, &(struct visit){filter, fn, arg});
    s->walking--;
}

static bool count_one(void *arg, struct str subject,
                      const struct store_subject *found)
{
    (void)subject, (void)found;
    ++*(uint64_t *)arg;
    return true;
}

uint64_t store_file_subject_count(struct store *store)
{
    struct store_file *s = store_file_of(store);
    uint64_t count = 0;
    store_file_harvest(s);
    if (know_subjects(s))
        return s->subjects.count;
    store_file_subjects(store, NULL, count_one, &count);
    return count;
}

/* ---- a filter on a segment ---- */

static bool selects_all(const struct store_filter *filter)
{
    return filter == NULL || filter->count == 0;
}

static uint64_t filter_hash(const struct store_file *s,
                            const struct store_filter *filter)
{
    uint64_t hash = filter->count;
    for (unsigned i = 0; i < filter->count; i++)
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) +
               record_subject_hash(s->salt, filter->patterns[i]);
    return hash;
}

static bool has_wildcards(const struct store_filter *filter)
{
    for (unsigned i = 0; i < filter->count; i++)
        if (subject_has_wildcard(filter->patterns[i]))
            return true;
    return false;
}

void store_file_forget_selections(struct store_file *s,
                                  const struct segment *segment)
{
    for (int i = 0; i < STORE_SELECTIONS; i++)
        if (s->selections[i].segment == segment || segment == NULL)
            s->selections[i].segment = NULL;
}

static void choose(struct selection *selection, uint32_t place)
{
    selection->chosen[place / 64] |= UINT64_C(1) << place % 64;
}

static void make_words(struct selection *selection, uint32_t places)
{
    size_t words = places / 64 + 1;
    if (words <= selection->words)
        return;
    selection->chosen =
        mem_grow(selection->chosen, words * 2, sizeof(uint64_t));
    memset(selection->chosen + selection->words, 0,
           (words * 2 - selection->words) * sizeof(uint64_t));
    selection->words = words * 2;
}

/* Literal patterns: what each selects is found by its hash. */
static void choose_literals(struct store_file *s, struct selection *selection,
                            struct segment *segment,
                            const struct store_filter *filter)
{
    uint32_t place;
    for (unsigned i = 0; i < filter->count; i++)
        if (find_subject(s, segment,
                         record_subject_hash(s->salt, filter->patterns[i]),
                         &place))
            choose(selection, place);
    selection->known = reader_subject_count(segment);
}

/* The filter is tried on the subject at `place` of the segment. Where its text
 * cannot be read, all messages are looked at. */
static void try_subject(struct store_file *s, struct selection *selection,
                        struct segment *segment, uint32_t place,
                        const struct store_filter *filter)
{
    struct segment_subject subject;
    struct reader_place where;
    struct store_msg msg = {.subject = {.p = NULL}};
    int rc = store_file_subject(s, segment, place, &subject);
    if (rc == 0)
        rc = reader_read(&s->reader, segment,
                         segment->first_seq + subject.first, &msg, &where);
    make_words(selection, place);
    if ((rc < 0 && rc != -ENOENT) || msg.subject.p == NULL)
        selection->by_text = true;
    else if (store_filter_selects(filter, msg.subject))
        choose(selection, place);
}

static struct selection *oldest_selection(struct store_file *s)
{
    struct selection *oldest = s->selections;
    for (int i = 0; i < STORE_SELECTIONS; i++) {
        if (s->selections[i].segment == NULL)
            return &s->selections[i];
        if (s->selections[i].used < oldest->used)
            oldest = &s->selections[i];
    }
    return oldest;
}

static void begin_selection(struct store_file *s, struct selection *selection,
                            struct segment *segment,
                            const struct store_filter *filter)
{
    uint32_t subjects = reader_subject_count(segment);
    bool wild = has_wildcards(filter);
    if (selection->words > 0)
        memset(selection->chosen, 0, selection->words * sizeof(uint64_t));
    selection->segment = segment;
    selection->filter = filter_hash(s, filter);
    selection->known = 0;
    selection->by_text = store_file_make_searchable(s, segment) < 0;
    if (segment->index == NULL) {
        selection->by_text |= wild && subjects > segment->extent.count / 4;
        make_words(selection, subjects);
        if (!wild)
            choose_literals(s, selection, segment, filter);
    }
}

static struct selection *select_in(struct store_file *s,
                                   struct segment *segment,
                                   const struct store_filter *filter)
{
    uint64_t hash = filter_hash(s, filter);
    struct selection *selection = NULL;
    for (int i = 0; i < STORE_SELECTIONS && selection == NULL; i++)
        if (s->selections[i].segment == segment &&
            s->selections[i].filter == hash)
            selection = &s->selections[i];
    if (selection == NULL) {
        selection = oldest_selection(s);
        begin_selection(s, selection, segment, filter);
    }
    selection->used = ++s->selections_used;
    return selection;
}

/* May the filter select the entry? Subjects are tried when they are met. */
static bool may_select(struct store_file *s, struct selection *selection,
                       struct segment *segment,
                       const struct store_filter *filter,
                       const struct segment_entry *entry)
{
    uint32_t place = entry->subject & SEGMENT_SUBJECT;
    if (selection->by_text || place >= reader_subject_count(segment))
        return true; /* not known, or damaged */
    for (; selection->known <= place; selection->known++)
        try_subject(s, selection, segment, selection->known, filter);
    if (selection->by_text)
        return true;
    return selection->chosen[place / 64] >> place % 64 & 1;
}

/* ---- by the index of all subjects ---- */

/* Reads the message when the filter selects it. 1: it does not, or is not to be
 * had; 0; or the errno of a failed read. */
static int take(struct store_file *s, const struct store_filter *filter,
                uint64_t seq, struct store_msg *msg)
{
    int rc = store_file_read_at(s, seq, msg);
    if (is_gone(rc))
        return 1;
    return rc == 0 && !store_filter_selects(filter, msg->subject) ? 1 : rc;
}

static bool is_literal(const struct store_filter *filter)
{
    return filter != NULL && filter->count == 1 && !has_wildcards(filter);
}

/* Both return as take does, 1 also where the index does not say: the general
 * way goes through the segments then. */
static int next_literal(struct store_file *s, const struct store_filter *filter,
                        uint64_t seq, struct store_msg *msg)
{
    struct store_subject found;
    uint64_t hash = record_subject_hash(s->salt, filter->patterns[0]);
    if (s->subjects_are != SUBJECTS_KNOWN || !know_subjects(s))
        return 1;
    if (!find_hash(s, hash, &found) || seq > found.last_seq ||
        found.first_seq > s->seen_seq)
        return -ENOENT;
    return found.first_seq >= seq ? take(s, filter, found.first_seq, msg) : 1;
}

static int last_literal(struct store_file *s, const struct store_filter *filter,
                        uint64_t seq, struct store_msg *msg)
{
    struct store_subject found;
    uint64_t hash = record_subject_hash(s->salt, filter->patterns[0]);
    if (!know_subjects(s))
        return 1;
    if (!find_hash(s, hash, &found) || found.first_seq > seq)
        return -ENOENT;
    if (found.last_seq <= seq && found.last_seq <= s->seen_seq)
        return take(s, filter, found.last_seq, msg);
    return 1;
}

/* ---- forwards ---- */

/* As take, for an entry that the index may rule out. */
static int consider(struct store_file *s, struct selection *selection,
                    struct segment *segment, const struct store_filter *filter,
                    uint64_t n, struct store_msg *msg)
{
    struct segment_entry entry;
    if (selection != NULL) {
        int rc = store_file_entry(s, segment, n, &entry);
        if (rc < 0)
            return rc;
        if (!may_select(s, selection, segment, filter, &entry))
            return 1;
    }
    return take(s, filter, segment->first_seq + n, msg);
}

static int next_in(struct store_file *s, struct segment *segment,
                   const struct store_filter *filter, uint64_t seq,
                   struct store_msg *msg)
{
    struct selection *selection =
        selects_all(filter) ? NULL : select_in(s, segment, filter);
    uint64_t last = segment_last_seq(segment);
    for (seq = seqset_next_absent(&s->removed, seq); seq <= last;
         seq = seqset_next_absent(&s->removed, seq + 1)) {
        int rc = consider(s, selection, segment, filter,
                          seq - segment->first_seq, msg);
        if (rc != 1)
            return rc;
    }
    return 1;
}

int store_file_next(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    if (seq < s->state.first_seq)
        seq = s->state.first_seq;
    int known = is_literal(filter) ? next_literal(s, filter, seq, msg) : 1;
    if (known != 1)
        return known;
    size_t place = store_file_place(s, seq);
    for (size_t i = place > 0 ? place - 1 : 0; i < s->segments_count; i++) {
        struct segment *segment = s->segments[i];
        uint64_t from = seq > segment->first_seq ? seq : segment->first_seq;
        int rc = next_in(s, segment, filter, from, msg);
        if (rc != 1)
            return rc;
    }
    return -ENOENT;
}

/* ---- backwards ---- */

static int last_in(struct store_file *s, struct segment *segment,
                   const struct store_filter *filter, uint64_t seq,
                   struct store_msg *msg)
{
    struct selection *selection =
        selects_all(filter) ? NULL : select_in(s, segment, filter);
    uint64_t first = segment->first_seq > s->state.first_seq
                         ? segment->first_seq
                         : s->state.first_seq;
    for (seq = seqset_prev_absent(&s->removed, seq); seq >= first;
         seq = seqset_prev_absent(&s->removed, seq - 1)) {
        int rc = consider(s, selection, segment, filter,
                          seq - segment->first_seq, msg);
        if (rc != 1)
            return rc;
    }
    return 1;
}

int store_file_last(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    int known = is_literal(filter) ? last_literal(s, filter, seq, msg) : 1;
    if (known != 1)
        return known;
    for (size_t i = store_file_place(s, seq); i > 0; i--) {
        struct segment *segment = s->segments[i - 1];
        uint64_t from = segment_last_seq(segment);
        int rc = last_in(s, segment, filter, seq < from ? seq : from, msg);
        if (rc != 1)
            return rc;
    }
    return -ENOENT;
}

/* ---- counting ---- */

static uint64_t count_entries(struct store_file *s, struct selection *selection,
                              struct segment *segment,
                              const struct store_filter *filter, uint64_t seq)
{
    struct segment_entry entry;
    struct store_msg msg;
    uint64_t count = 0;
    for (seq = seqset_next_absent(&s->removed, seq);
         seq <= segment_last_seq(segment);
         seq = seqset_next_absent(&s->removed, seq + 1)) {
        if (store_file_entry(s, segment, seq - segment->first_seq, &entry) < 0)
            break;
        if (!may_select(s, selection, segment, filter, &entry))
            continue;
        bool sure = !selection->by_text && (entry.subject & SEGMENT_SUBJECT) <
                                               reader_subject_count(segment);
        count += sure || take(s, filter, seq, &msg) == 0;
    }
    return count;
}

/* Nothing of a sealed segment was removed and all of it counts: what its
 * table says of the subjects that are chosen. */
static uint64_t count_table(struct store_file *s, struct selection *selection,
                            struct segment *segment,
                            const struct store_filter *filter)
{
    struct segment_subject subject;
    uint64_t count = 0;
    for (uint32_t i = 0; i < reader_subject_count(segment); i++) {
        struct segment_entry entry = {.subject = i};
        if (may_select(s, selection, segment, filter, &entry) &&
            store_file_subject(s, segment, i, &subject) == 0)
            count += subject.count;
    }
    return selection->by_text ? count_entries(s, selection, segment, filter,
                                              segment->first_seq)
                              : count;
}

static uint64_t count_from(struct store_file *s, struct segment *segment,
                           const struct store_filter *filter, uint64_t seq)
{
    uint64_t last = segment_last_seq(segment);
    if (selects_all(filter))
        return last + 1 - seq - seqset_members(&s->removed, seq, last);
    struct selection *selection = select_in(s, segment, filter);
    if (seq == segment->first_seq && segment->index == NULL &&
        !selection->by_text && seqset_members(&s->removed, seq, last) == 0)
        return count_table(s, selection, segment, filter);
    return count_entries(s, selection, segment, filter, seq);
}

uint64_t store_file_count(struct store *store,
                          const struct store_filter *filter, uint64_t seq)
{
    struct store_file *s = store_file_of(store);
    uint64_t count = 0;
    store_file_harvest(s);
    if (seq < s->state.first_seq)
        seq = s->state.first_seq;
    size_t place = store_file_place(s, seq);
    for (size_t i = place > 0 ? place - 1 : 0; i < s->segments_count; i++) {
        struct segment *segment = s->segments[i];
        uint64_t from = seq > segment->first_seq ? seq : segment->first_seq;
        if (from <= segment_last_seq(segment))
            count += count_from(s, segment, filter, from);
    }
    return count;
}

/* ---- lifetimes ---- */

int64_t store_file_next_expiry(struct store *store)
{
    struct store_file *s = store_file_of(store);
    int64_t earliest_ns = s->fresh_expiry_ns;
    store_file_harvest(s);
    for (size_t i = 0; i < s->segments_count; i++)
        if (s->segments[i]->expiry_ns < earliest_ns)
            earliest_ns = s->segments[i]->expiry_ns;
    return earliest_ns;
}

/* Message n of the segment is there, and has a time of its own. */
static bool is_expiring(struct store_file *s, struct segment *segment,
                        uint64_t n)
{
    struct segment_entry entry;
    return is_there(s, segment->first_seq + n) &&
           store_file_entry(s, segment, n, &entry) == 0 &&
           (entry.subject & SEGMENT_EXPIRING);
}

/* Brings the segment's agenda up to date, in steps. */
static void note_expiring(struct store_file *s, struct segment *segment,
                          size_t *steps)
{
    struct store_msg msg;
    for (; segment->agenda_through<segment->extent.count && * steps> 0;
         segment->agenda_through++) {
        uint64_t n = segment->agenda_through;
        size_t cost = 1;
        if (is_expiring(s, segment, n)) {
            cost = STORE_EXPIRY_READ;
            if (store_file_read_at(s, segment->first_seq + n, &msg) == 0)
                agenda_add(&segment->agenda, msg.expires_ns, (uint32_t)n);
        }
        *steps -= cost < *steps ? cost : *steps;
    }
}

/* The segment whose messages are over. */
struct expiring {
    struct store_file *s;
    uint64_t first_seq;
};

static bool look_expiring(void *owner, uint32_t n, struct store_msg *msg)
{
    const struct expiring *e = owner;
    return store_file_read_at(e->s, e->first_seq + n, msg) == 0;
}

/* Segment i is due: its expiry_ns becomes that of what is left. False: it is
 * gone with the last of its messages. */
static bool expire_in(struct store_file *s, size_t i, struct agenda_run *run)
{
    struct segment *segment = s->segments[i];
    note_expiring(s, segment, &run->steps);
    struct agenda agenda = segment->agenda;
    bool complete = segment->agenda_through == segment->extent.count;
    struct expiring *e = run->owner;
    e->first_seq = segment->first_seq;
    segment->agenda = (struct agenda){.keys = NULL};
    int64_t next_ns = agenda_run(&agenda, run);
    if (i >= s->segments_count || s->segments[i] != segment) {
        agenda_fini(&agenda);
        return false;
    }
    segment->agenda = agenda;
    if (complete)
        segment->expiry_ns = next_ns;
    return true;
}

size_t store_file_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg)
{
    struct store_file *s = store_file_of(store);
    struct expiring expiring = {.s = s};
    struct agenda_run run = {.now_ns = now_ns,
                             .max = max,
                             .steps = STORE_EXPIRY_STEPS,
                             .owner = &expiring,
                             .look = look_expiring,
                             .fn = fn,
                             .arg = arg};
    store_file_harvest(s);
    s->walking++; /* a segment that goes leaves no other in its place */
    for (size_t i = 0; i < s->segments_count && run.max > 0 && run.steps > 0;) {
        struct segment *segment = s->segments[i];
        bool due = segment->expiry_ns <= now_ns && segment->extent.count > 0 &&
                   store_file_make_searchable(s, segment) == 0;
        if (!due || expire_in(s, i, &run))
            i++;
    }
    s->walking--;
    return run.count;
}
