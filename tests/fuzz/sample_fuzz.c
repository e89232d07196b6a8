/* Any bytes as a telemetry message. One that is taken keeps to the limits, is
 * written as a message that reads back the same, and has a subject that a
 * broker takes. */
#include <assert.h>
#include <errno.h>
#include <math.h>

#include "lib/sample.h"

static struct arena arena;
static struct buf out;

static void check_names(const struct sample *s)
{
    const struct str names[] = {s->cluster, s->host,      s->gpu,
                                s->uuid,    s->device,    s->model,
                                s->pod,     s->namespace, s->container};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert(names[i].len <= SAMPLE_NAME_MAX);
        assert(names[i].len == 0 ||
               memchr(names[i].p, '\0', names[i].len) == NULL);
    }
    assert(s->cluster.len > 0 && s->host.len > 0 && s->uuid.len > 0);
}

static void check_values(const struct sample *s)
{
    assert(s->ts_ns >= SAMPLE_TS_MIN && s->ts_ns < SAMPLE_TS_MAX);
    assert(s->present >> METRIC_COUNT == 0);
    for (int m = 0; m < METRIC_COUNT; m++)
        assert(isfinite(s->metrics[m]));
    assert(s->extra_count <= SAMPLE_EXTRA_MAX);
    for (size_t i = 0; i < s->extra_count; i++) {
        assert(s->extra[i].name.len > 0);
        assert(s->extra[i].name.len <= SAMPLE_NAME_MAX);
        assert(isfinite(s->extra[i].value));
    }
}

static void assert_same(const struct sample *a, const struct sample *b)
{
    assert(a->ts_ns == b->ts_ns && a->present == b->present);
    assert(str_eq(a->cluster, b->cluster) && str_eq(a->host, b->host));
    assert(str_eq(a->gpu, b->gpu) && str_eq(a->uuid, b->uuid));
    assert(str_eq(a->device, b->device) && str_eq(a->model, b->model));
    assert(str_eq(a->pod, b->pod) && str_eq(a->namespace, b->namespace));
    assert(str_eq(a->container, b->container));
    assert(memcmp(a->metrics, b->metrics, sizeof a->metrics) == 0);
    assert(a->extra_count == b->extra_count);
    for (size_t i = 0; i < a->extra_count; i++)
        assert(str_eq(a->extra[i].name, b->extra[i].name) &&
               memcmp(&a->extra[i].value, &b->extra[i].value, sizeof(double)) ==
                   0);
}

static void check_round_trip(const struct sample *s)
{
    struct sample back;
    struct errmsg err;
    buf_reset(&out);
    sample_encode(s, &out);
    assert(sample_decode(buf_str(&out), &arena, &back, &err) == 0);
    assert_same(s, &back);
}

static void check_subject(const struct sample *s)
{
    int dots = 0;
    buf_reset(&out);
    sample_append_subject(s, &out);
    for (size_t i = 0; i < out.len; i++) {
        assert(out.data[i] > ' ' && out.data[i] < 0x7f);
        assert(out.data[i] != '*' && out.data[i] != '>');
        dots += out.data[i] == '.';
    }
    assert(dots == 3 && out.data[out.len - 1] != '.');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample s;
    struct errmsg err = {""};
    int rc =
        sample_decode(str_make((const char *)data, size), &arena, &s, &err);
    assert(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
    assert((rc == 0) == (err.text[0] == '\0'));
    if (rc == 0) {
        check_names(&s);
        check_values(&s);
        check_round_trip(&s);
        check_subject(&s);
    }
    arena_reset(&arena);
    return 0;
}
