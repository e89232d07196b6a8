/* advisory: see advisory.h. */
#include "broker/jetstream/advisory.h"

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/jetstream.h"
#include "broker/route.h"
#include "broker/server.h"
#include "lib/clock.h"
#include "lib/ulid.h"

static void write_head(struct json_writer *w, const char *type)
{
    char id[ULID_LEN + 1];
    ulid_make(id);
    json_member_text(w, "type", type);
    json_member_text(w, "id", id);
    js_member_time(w, "timestamp", clock_wall_ns());
}

void advisory_send(struct jetstream *js, const char *type, struct str subject,
                   advisory_writer write, const void *arg)
{
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    const char *domain = jetstream_domain(js);
    if (!sublist_has_interest(js->account->subs, subject))
        return;
    json_begin_object(&w);
    write_head(&w, type);
    write(&w, arg);
    if (domain[0] != '\0')
        json_member_text(&w, "domain", domain);
    json_end_object(&w);
    route_text(js->account, subject, str_make(NULL, 0), buf_str(&body));
    buf_fini(&body);
}

/* ---- of streams ---- */

static const struct {
    const char *token, *name;
} actions[] = {
    [STREAM_CREATED] = {"CREATED", "create"},
    [STREAM_UPDATED] = {"UPDATED", "modify"},
    [STREAM_DELETED] = {"DELETED", "delete"},
};

struct stream_event {
    const struct stream *stream;
    enum stream_action action;
};

static void write_stream_event(struct json_writer *w, const void *arg)
{
    const struct stream_event *event = arg;
    json_member_text(w, "stream", event->stream->name);
    json_member_text(w, "action", actions[event->action].name);
}

void advisory_stream_action(const struct stream *stream,
                            enum stream_action action)
{
    const struct stream_event event = {.stream = stream, .action = action};
    struct buf subject = {0};
    buf_printf(&subject, ADVISORY_SUBJECT "STREAM.%s.%s", actions[action].token,
               stream->name);
    advisory_send(stream->js, ADVISORY_TYPE "stream_action", buf_str(&subject),
                  write_stream_event, &event);
    buf_fini(&subject);
}
