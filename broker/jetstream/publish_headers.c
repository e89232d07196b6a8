/* publish_headers: see publish_headers.h. */
#include "broker/jetstream/publish_headers.h"

#include "broker/msg.h"

#define PREFIX "Nats-"

static const struct {
    const char *name; /* behind the prefix */
    size_t at;
} known[] = {
    {"Msg-Id", offsetof(struct publish_headers, msg_id)},
    {"Expected-Stream", offsetof(struct publish_headers, expected_stream)},
    {"Expected-Last-Msg-Id",
     offsetof(struct publish_headers, expected_last_id)},
    {"Expected-Last-Sequence",
     offsetof(struct publish_headers, expected_last_seq)},
    {"Expected-Last-Subject-Sequence",
     offsetof(struct publish_headers, expected_subject_seq)},
    {"Expected-Last-Subject-Sequence-Subject",
     offsetof(struct publish_headers, expected_subject)},
    {"Rollup", offsetof(struct publish_headers, rollup)},
    {"TTL", offsetof(struct publish_headers, ttl)},
};

/* The first of a name counts. */
static void keep(struct publish_headers *out, struct str name, struct str value)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct str *at = (struct str *)(void *)((char *)out + known[i].at);
        if (at->len == 0 && str_is(name, known[i].name)) {
            *at = value;
            return;
        }
    }
}

void publish_headers_read(struct publish_headers *out, struct str block)
{
    static const struct str prefix = STR(PREFIX);
    struct str name, value;
    *out = (struct publish_headers){0};
    while (msg_header_next(&block, &name, &value)) {
        if (str_has_prefix(name, prefix))
            keep(out, str_make(name.p + prefix.len, name.len - prefix.len),
                 value);
    }
}
