#include "agents/collector/deadletter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"

#define DEADLETTER_MAX_BYTES (INT64_C(256) * 1024 * 1024)
#define DEDUP_NS             (120 * NS_PER_S)
#define SUBJECT_MAX          64

int deadletter_ensure(struct bus *bus, struct errmsg *err)
{
    const struct bus_stream_limits limits = {
        .max_bytes = DEADLETTER_MAX_BYTES,
        .dedup_ns = DEDUP_NS,
        .drop_oldest = true, /* a full one must not hold up the healthy */
    };
    return bus_ensure_stream(bus, BUS_DEADLETTER_STREAM, "deadletter.>",
                             &limits, err);
}

static natsStatus copy_header(natsMsg *to, natsMsg *from, const char *key)
{
    const char **values = NULL;
    int count = 0;
    natsStatus s = natsMsgHeader_Values(from, key, &values, &count);
    for (int i = 0; s == NATS_OK && i < count; i++)
        s = natsMsgHeader_Add(to, key, values[i]);
    free((void *)values);
    return s;
}

/* A message without headers has no keys: NATS_NOT_FOUND. */
static natsStatus copy_headers(natsMsg *to, natsMsg *from)
{
    const char **keys = NULL;
    int count = 0;
    natsStatus s = natsMsgHeader_Keys(from, &keys, &count);
    if (s == NATS_NOT_FOUND)
        return NATS_OK;
    for (int i = 0; s == NATS_OK && i < count; i++)
        s = copy_header(to, from, keys[i]);
    free((void *)keys);
    return s;
}

static natsStatus make_letter(natsMsg **out, natsMsg *msg, const char *reason,
                              const char *detail)
{
    char subject[SUBJECT_MAX];
    snprintf(subject, sizeof subject, "deadletter.%s", reason);
    natsStatus s = natsMsg_Create(out, subject, NULL, natsMsg_GetData(msg),
                                  natsMsg_GetDataLength(msg));
    if (s == NATS_OK)
        s = copy_headers(*out, msg);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(*out, "Nexus-Reason", reason);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(*out, "Nexus-Detail", detail);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(*out, "Nexus-Subject", natsMsg_GetSubject(msg));
    return s;
}

int deadletter_publish(struct bus *bus, natsMsg *msg, const char *reason,
                       const char *detail, struct errmsg *err)
{
    natsMsg *letter = NULL;
    jsErrCode code = 0;
    natsStatus s = make_letter(&letter, msg, reason, detail);
    if (s == NATS_OK)
        s = js_PublishMsg(NULL, bus_jetstream(bus), letter, NULL, &code);
    natsMsg_Destroy(letter);
    if (s == NATS_OK)
        return 0;
    return errmsg_set(err, -EIO, "deadletter.%s: %s (err_code %d)", reason,
                      natsStatus_GetText(s), (int)code);
}
