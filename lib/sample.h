/* sample: what one GPU reported at one time, and how it travels.
 *
 * A sample is published on telemetry.<cluster>.<host>.<uuid> as JSON
 * (schema/telemetry.schema.json), with the headers Nats-Msg-Id (a ULID, kept
 * over retries) and Nexus-Schema. A metric that was not reported is absent:
 * never zero. */
#ifndef NEXUS_SAMPLE_H
#define NEXUS_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/errmsg.h"
#include "lib/metric.h"
#include "lib/str.h"

#define SAMPLE_VERSION       1
#define SAMPLE_SCHEMA_HEADER "Nexus-Schema"
#define SAMPLE_SCHEMA        "telemetry.v1"
#define SAMPLE_SUBJECTS      "telemetry.>"

/* Longest cluster, host, uuid, device, model, pod … name, in bytes. */
#define SAMPLE_NAME_MAX 255
/* Metrics outside the catalogue that one sample may carry. */
#define SAMPLE_EXTRA_MAX 256

/* Times a sample may have: from 2000-01-01 to 2200-01-01 (exclusive). */
#define SAMPLE_TS_MIN INT64_C(946684800000000000)
#define SAMPLE_TS_MAX INT64_C(7258118400000000000)

struct sample_extra {
    struct str name; /* as the source names it, e.g. "DCGM_FI_DEV_NEW_THING" */
    double value;
};

struct sample {
    int64_t ts_ns;
    struct str cluster, host, gpu, uuid; /* gpu: the index on its host, "0" */
    struct str device, model;
    struct str pod, namespace, container;
    uint64_t present; /* bit m set: metrics[m] was reported */
    double metrics[METRIC_COUNT];
    struct sample_extra *extra;
    size_t extra_count;
};

static inline bool sample_has(const struct sample *s, enum metric m)
{
    return (s->present >> m & 1) != 0;
}

static inline void sample_set(struct sample *s, enum metric m, double value)
{
    s->metrics[m] = value;
    s->present |= UINT64_C(1) << m;
}

/* Appends the JSON text. */
void sample_encode(const struct sample *s, struct buf *out);

/* Reads JSON text. Strings borrow from text or arena. 0; -EINVAL malformed or
 * out of bounds (no uuid, a name too long, a time out of range …); -ENOTSUP a
 * newer version: *err says what and where. Unknown members are skipped. */
int sample_decode(struct str text, struct arena *arena, struct sample *s,
                  struct errmsg *err);

/* Appends telemetry.<cluster>.<host>.<uuid>. */
void sample_append_subject(const struct sample *s, struct buf *out);

/* Appends name as one subject token: bytes outside A-Za-z0-9_- as %XX; the
 * empty name as "%". */
void subject_append_token(struct buf *out, struct str name);

#endif
