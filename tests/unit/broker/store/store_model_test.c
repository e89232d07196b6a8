/* Both stores against a plain array: whatever is done to them in whatever
 * order, they answer what the array answers. */
#include "store_fixture.h"

#include "broker/store/store_filter.h"

#define MODEL_MAX    4000
#define SUBJECTS_MAX 40

struct slot {
    bool there;
    int subject;
    size_t payload_len;
    int64_t expires_ns;
};

struct model {
    struct fixture *f; /* NULL: a memory store */
    struct store *store;
    struct slot slots[MODEL_MAX];
    uint64_t last, durable;
    uint64_t random;
    bool keeps_removals; /* over a crash of the process, for instance */
};

static uint64_t next_random(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005U + 1442695040888963407U;
    return (m->random >> 33) % below;
}

/* ---- what a message is ---- */

static struct str subject_name(int subject)
{
    static const char *const forms[][2] = {
        {"kv.", ""}, {"a.", ".b"}, {"a.b.", ""}, {"s", ""}};
    static char text[32];
    const char *const *form = forms[subject % 4];
    int len =
        snprintf(text, sizeof text, "%s%d%s", form[0], subject / 4, form[1]);
    return str_make(text, (size_t)len);
}

static struct store_msg model_message(const struct model *m, uint64_t seq)
{
    static char payload[2000];
    const struct slot *slot = &m->slots[seq];
    memset(payload, (int)(seq % 251), slot->payload_len);
    return (struct store_msg){
        .seq = seq,
        .time_ns = 1000 + (int64_t)seq,
        .subject = subject_name(slot->subject),
        .headers = str_of(seq % 5 == 0 ? "NATS/1.0\r\nx: y\r\n\r\n" : ""),
        .payload = str_make(payload, slot->payload_len),
        .expires_ns = slot->expires_ns,
    };
}

static uint64_t slot_bytes(const struct model *m, uint64_t seq)
{
    struct store_msg msg = model_message(m, seq);
    uint64_t text = msg.subject.len + msg.headers.len + msg.payload.len;
    uint64_t size =
        m->f == NULL ? 16 + text : 30 + (msg.headers.len > 0 ? 4 : 0) + text;
    assert_int_equal(m->store->ops->size(&msg), size);
    return size;
}

static void assert_message(const struct model *m, const struct store_msg *got,
                           uint64_t seq)
{
    struct store_msg want = model_message(m, seq);
    assert_int_equal(got->seq, seq);
    assert_int_equal(got->time_ns, want.time_ns);
    assert_int_equal(got->expires_ns, want.expires_ns);
    assert_str(got->subject, want.subject);
    assert_str(got->headers, want.headers);
    assert_str(got->payload, want.payload);
}

/* ---- what is checked ---- */

static uint64_t model_first(const struct model *m)
{
    for (uint64_t seq = 1; seq <= m->last; seq++)
        if (m->slots[seq].there)
            return seq;
    return m->last + 1;
}

static void check_state(struct model *m)
{
    struct store_state got;
    uint64_t first = model_first(m), messages = 0, bytes = 0;
    for (uint64_t seq = first; seq <= m->last; seq++) {
        messages += m->slots[seq].there;
        bytes += m->slots[seq].there ? slot_bytes(m, seq) : 0;
    }
    m->store->ops->state(m->store, &got);
    assert_int_equal(got.first_seq, first);
    assert_int_equal(got.last_seq, m->last);
    assert_int_equal(got.messages, messages);
    assert_int_equal(got.bytes, bytes);
    assert_int_equal(got.deleted, m->last + 1 - first - messages);
    if (messages > 0)
        assert_int_equal(got.first_time_ns, 1000 + (int64_t)first);
}

static void check_reads(struct model *m)
{
    for (int i = 0; i < 20; i++) {
        uint64_t seq = next_random(m, m->last + 2);
        struct store_msg got;
        bool there = seq <= m->last && m->slots[seq].there;
        assert_int_equal(m->store->ops->has(m->store, seq), there);
        int rc = m->store->ops->read(m->store, seq, &got);
        if (there && seq <= m->durable) {
            assert_int_equal(rc, 0);
            assert_message(m, &got, seq);
        } else if (!there) {
            assert_int_equal(rc, -ENOENT);
        }
    }
}

static struct store_filter random_filter(struct model *m)
{
    static struct str patterns[2];
    static char texts[2][32];
    static const char *const wild[] = {"kv.*", "a.>",     "a.*.b",
                                       ">",    "nothing", "a.b.3"};
    unsigned count = (unsigned)next_random(m, 3);
    for (unsigned i = 0; i < count; i++) {
        if (next_random(m, 2) == 0) {
            patterns[i] = str_of(wild[next_random(m, 6)]);
            continue;
        }
        struct str name = subject_name((int)next_random(m, SUBJECTS_MAX));
        memcpy(texts[i], name.p, name.len);
        patterns[i] = str_make(texts[i], name.len);
    }
    return (struct store_filter){.patterns = patterns, .count = count};
}

static bool selected(const struct model *m, const struct store_filter *filter,
                     uint64_t seq)
{
    return m->slots[seq].there &&
           store_filter_selects(filter, subject_name(m->slots[seq].subject));
}

/* All is durable. */
static void check_search(struct model *m)
{
    struct store_filter filter = random_filter(m);
    uint64_t from = next_random(m, m->last + 3), next = from, last = from;
    uint64_t count = 0;
    struct store_msg got;
    while (next <= m->last && !selected(m, &filter, next))
        next++;
    if (last > m->last)
        last = m->last;
    while (last > 0 && !selected(m, &filter, last))
        last--;
    for (uint64_t seq = from; seq <= m->last; seq++)
        count += selected(m, &filter, seq);
    int rc = m->store->ops->next(m->store, &filter, from, &got);
    assert_int_equal(rc, next <= m->last ? 0 : -ENOENT);
    if (rc == 0)
        assert_message(m, &got, next);
    rc = m->store->ops->last(m->store, &filter, from, &got);
    assert_int_equal(rc, last > 0 ? 0 : -ENOENT);
    if (rc == 0)
        assert_message(m, &got, last);
    assert_int_equal(m->store->ops->count(m->store, &filter, from), count);
    assert_int_equal(m->store->ops->next(m->store, NULL, from, &got) == 0,
                     m->store->ops->count(m->store, NULL, from) > 0);
}

static void check_walk(struct model *m)
{
    struct store_filter filter = random_filter(m);
    struct store_msg got;
    uint64_t at = 1;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        if (!selected(m, &filter, seq))
            continue;
        assert_int_equal(m->store->ops->next(m->store, &filter, at, &got), 0);
        assert_message(m, &got, seq);
        at = seq + 1;
    }
    assert_int_equal(m->store->ops->next(m->store, &filter, at, &got), -ENOENT);
}

static struct store_subject model_subject(const struct model *m, int subject)
{
    struct store_subject found = {.messages = 0};
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        if (!m->slots[seq].there || m->slots[seq].subject != subject)
            continue;
        if (found.messages++ == 0)
            found.first_seq = seq;
        found.last_seq = seq;
    }
    return found;
}

static void check_subject(struct model *m, int subject)
{
    struct store_subject got, want = model_subject(m, subject);
    bool there = m->store->ops->subject(m->store, subject_name(subject), &got);
    assert_int_equal(there, want.messages > 0);
    if (!there)
        return;
    assert_int_equal(got.first_seq, want.first_seq);
    assert_int_equal(got.last_seq, want.last_seq);
    assert_int_equal(got.messages, want.messages);
}

struct seen_subjects {
    const struct model *m;
    const struct store_filter *filter;
    int count;
};

static bool see_subject(void *arg, struct str subject,
                        const struct store_subject *found)
{
    struct seen_subjects *seen = arg;
    assert_true(store_filter_selects(seen->filter, subject));
    for (int i = 0; i < SUBJECTS_MAX; i++) {
        struct str name = subject_name(i);
        if (!str_eq(name, subject))
            continue;
        struct store_subject want = model_subject(seen->m, i);
        assert_int_equal(found->messages, want.messages);
        assert_int_equal(found->first_seq, want.first_seq);
        assert_int_equal(found->last_seq, want.last_seq);
        seen->count++;
    }
    return true;
}

static void check_subjects(struct model *m)
{
    struct store_filter filter = random_filter(m);
    struct seen_subjects seen = {.m = m, .filter = &filter};
    int want = 0, all = 0;
    for (int i = 0; i < SUBJECTS_MAX; i++) {
        bool there = model_subject(m, i).messages > 0;
        all += there;
        want += there && store_filter_selects(&filter, subject_name(i));
    }
    m->store->ops->subjects(m->store, &filter, see_subject, &seen);
    assert_int_equal(seen.count, want);
    assert_int_equal(m->store->ops->subject_count(m->store), all);
}

/* ---- what is done ---- */

static void append_some(struct model *m, uint64_t n)
{
    for (; n > 0 && m->last + 1 < MODEL_MAX; n--) {
        uint64_t seq = m->last + 1;
        m->slots[seq] = (struct slot){
            .there = true,
            .subject = (int)next_random(m, SUBJECTS_MAX),
            .payload_len = next_random(m, 10) == 0 ? next_random(m, 2000)
                                                   : next_random(m, 100),
            .expires_ns = next_random(m, 20) == 0
                              ? 5000 + (int64_t)next_random(m, 5000)
                              : 0,
        };
        struct store_msg msg = model_message(m, seq);
        assert_int_equal(m->store->ops->append(m->store, &msg), 0);
        m->last = seq;
    }
}

static void make_durable(struct model *m)
{
    m->store->ops->commit(m->store);
    if (m->f != NULL)
        wait_durable(m->f, m->last);
    m->durable = m->last;
    assert_int_equal(m->store->ops->durable(m->store), m->last);
}

/* As a stream with a limit of one message a subject does. */
static void overwrite(struct model *m)
{
    for (int i = 0; i < 20 && m->last + 1 < MODEL_MAX; i++) {
        struct store_subject before;
        append_some(m, 1);
        int subject = m->slots[m->last].subject;
        assert_true(
            m->store->ops->subject(m->store, subject_name(subject), &before));
        if (before.messages < 2)
            continue;
        assert_true(m->slots[before.first_seq].there);
        m->slots[before.first_seq].there = false;
        assert_int_equal(
            m->store->ops->remove(m->store, before.first_seq, false), 0);
        check_subject(m, subject);
    }
}

static void remove_some(struct model *m)
{
    for (uint64_t n = next_random(m, 30); n > 0; n--) {
        uint64_t seq = next_random(m, m->last + 2);
        bool there = seq <= m->last && m->slots[seq].there;
        assert_int_equal(
            m->store->ops->remove(m->store, seq, next_random(m, 8) == 0),
            there ? 0 : -ENOENT);
        if (there)
            m->slots[seq].there = false;
    }
}

static void remove_front(struct model *m)
{
    uint64_t seq = next_random(m, m->last + 1);
    if (next_random(m, 3) > 0)
        seq = seq / 4;
    assert_int_equal(m->store->ops->remove_through(m->store, seq), 0);
    for (; seq > 0; seq--)
        m->slots[seq].there = false;
}

static void skip_some(struct model *m)
{
    uint64_t through = m->last + 1 + next_random(m, 30);
    if (through + 1 >= MODEL_MAX)
        return;
    assert_int_equal((m->store->ops->skip)(m->store, m->last), -EINVAL);
    assert_int_equal((m->store->ops->skip)(m->store, through), 0);
    for (uint64_t seq = m->last + 1; seq <= through; seq++)
        m->slots[seq].there = false;
    m->last = through;
}

static void take_expired(void *arg, const struct store_msg *msg)
{
    struct model *m = arg;
    assert_message(m, msg, msg->seq);
    uint64_t seq = msg->seq;
    assert_int_equal(m->store->ops->remove(m->store, seq, false), 0);
    m->slots[seq].there = false;
}

static void expire_some(struct model *m)
{
    int64_t now_ns = 5000 + (int64_t)next_random(m, 3000);
    int64_t earliest_ns = INT64_MAX;
    for (uint64_t seq = 1; seq <= m->last; seq++)
        if (m->slots[seq].there && m->slots[seq].expires_ns != 0 &&
            m->slots[seq].expires_ns < earliest_ns)
            earliest_ns = m->slots[seq].expires_ns;
    assert_true(m->store->ops->next_expiry(m->store) <= earliest_ns);
    while (m->store->ops->expired(m->store, now_ns, 3, take_expired, m) > 0)
        continue;
    for (uint64_t seq = 1; seq <= m->last; seq++)
        assert_false(m->slots[seq].there && m->slots[seq].expires_ns != 0 &&
                     m->slots[seq].expires_ns <= now_ns);
}

static void reopen(struct model *m)
{
    static const uint64_t sizes[] = {4096, 6000, 50000, 0};
    if (m->f == NULL)
        return;
    fixture_reopen(m->f, sizes[next_random(m, 4)]);
    m->store = m->f->store;
    m->durable = m->last;
}

static void step(struct model *m)
{
    switch (next_random(m, 16)) {
    case 0:
        remove_front(m);
        break;
    case 1:
    case 2:
        remove_some(m);
        break;
    case 3:
        skip_some(m);
        break;
    case 4:
        make_durable(m);
        expire_some(m);
        break;
    case 5:
        reopen(m);
        break;
    case 6:
    case 7:
        make_durable(m);
        check_search(m);
        break;
    case 8:
        make_durable(m);
        check_walk(m);
        break;
    case 9:
        check_subjects(m);
        break;
    case 10:
        check_subject(m, (int)next_random(m, SUBJECTS_MAX));
        break;
    case 11:
        overwrite(m);
        break;
    case 12:
        check_reads(m);
        break;
    default:
        append_some(m, next_random(m, 60));
    }
    check_state(m);
}

static void run(struct fixture *f, uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    m->f = f;
    m->store = f != NULL ? f->store : store_mem_open();
    m->random = seed;
    while (m->last + 100 < MODEL_MAX)
        step(m);
    make_durable(m);
    check_subjects(m);
    check_walk(m);
    m->store->ops->destroy(m->store);
    free(m);
}

static void in_files(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run(f, seed);
        f->segment_bytes = seed % 2 == 0 ? SEGMENT_BYTES_MIN : 20000;
        fixture_open(f);
    }
}

/* With no room for an index of subjects. */
static void in_files_without_an_index(void **state)
{
    struct fixture *f = *state;
    f->index_bytes_max = 1;
    fixture_reopen(f, 0);
    for (uint64_t seed = 101; seed <= 103; seed++) {
        run(f, seed);
        f->segment_bytes = seed % 2 == 0 ? SEGMENT_BYTES_MIN : 20000;
        fixture_open(f);
    }
}

static void relaxed(void **state)
{
    struct fixture *f = *state;
    f->sync = STORE_SYNC_RELAXED;
    fixture_reopen(f, 20000);
    run(f, 201);
    fixture_open(f);
}

static void in_memory(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++)
        run(NULL, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
        cmocka_unit_test_setup_teardown(in_files, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(in_files_without_an_index,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(relaxed, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
