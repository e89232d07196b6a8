/* jsapi: see jsapi.h. */
#include "broker/jetstream/jsapi.h"

#include "broker/jetstream/advisory.h"
#include "broker/jetstream/direct.h"
#include "broker/jetstream/js_config.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/log.h"

#define API_PREFIX     "$JS.API."
#define API_TOKENS_MAX 5 /* before a filter */
#define TYPE_PREFIX    "io.nats.jetstream.api.v1."

/* What a row's subject names, besides the kind of request. */
enum api_names {
    NAMES_NONE,
    NAMES_NEW_STREAM, /* a stream that need not be there */
    NAMES_STREAM,
    NAMES_CONSUMER /* a stream and a consumer of it */
};

static const struct api_row {
    const char *subject; /* behind the prefix */
    enum api_names names;
    unsigned at; /* which token is the stream's name */
    const char *type;
    api_handler handle;
} rows[] = {
    {"INFO", NAMES_NONE, 0, "account_info_response", api_info},
    {"STREAM.CREATE.*", NAMES_NEW_STREAM, 2, "stream_create_response",
     api_stream_create},
    {"STREAM.UPDATE.*", NAMES_STREAM, 2, "stream_update_response",
     api_stream_update},
    {"STREAM.INFO.*", NAMES_STREAM, 2, "stream_info_response", api_stream_info},
    {"STREAM.NAMES", NAMES_NONE, 0, "stream_names_response", api_stream_names},
    {"STREAM.LIST", NAMES_NONE, 0, "stream_list_response", api_stream_list},
    {"STREAM.DELETE.*", NAMES_STREAM, 2, "stream_delete_response",
     api_stream_delete},
    {"STREAM.PURGE.*", NAMES_STREAM, 2, "stream_purge_response",
     api_stream_purge},
    {"STREAM.MSG.GET.*", NAMES_STREAM, 3, "stream_msg_get_response",
     api_msg_get},
    {"STREAM.MSG.DELETE.*", NAMES_STREAM, 3, "stream_msg_delete_response",
     api_msg_delete},
    {"CONSUMER.CREATE.*", NAMES_STREAM, 2, "consumer_create_response",
     api_consumer_create},
    {"CONSUMER.CREATE.*.>", NAMES_CONSUMER, 2, "consumer_create_response",
     api_consumer_create},
    {"CONSUMER.DURABLE.CREATE.*.*", NAMES_CONSUMER, 3,
     "consumer_create_response", api_durable_create},
    {"CONSUMER.INFO.*.*", NAMES_CONSUMER, 2, "consumer_info_response",
     api_consumer_info},
    {"CONSUMER.NAMES.*", NAMES_STREAM, 2, "consumer_names_response",
     api_consumer_names},
    {"CONSUMER.LIST.*", NAMES_STREAM, 2, "consumer_list_response",
     api_consumer_list},
    {"CONSUMER.DELETE.*.*", NAMES_CONSUMER, 2, "consumer_delete_response",
     api_consumer_delete},
    {"CONSUMER.PAUSE.*.*", NAMES_CONSUMER, 2, "consumer_pause_response",
     api_consumer_pause},
    {"CONSUMER.UNPIN.*.*", NAMES_CONSUMER, 2, "consumer_unpin_response",
     api_consumer_unpin},
    {"CONSUMER.RESET.*.*", NAMES_CONSUMER, 2, "consumer_reset_response",
     api_consumer_reset},
};

static const struct api_row *row_of(struct str subject)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (subject_matches(str_of(rows[i].subject), subject))
            return &rows[i];
    }
    return NULL;
}

/* ---- lists ---- */

struct api_page api_page(struct api_call *call, uint64_t total, uint64_t limit)
{
    int64_t offset = 0;
    json_i64(json_get(call->body, "offset"), &offset);
    if (offset < 0)
        offset = 0;
    if ((uint64_t)offset > total)
        offset = (int64_t)total;
    json_member_u64(&call->w, "total", total);
    json_member_i64(&call->w, "offset", offset);
    json_member_u64(&call->w, "limit", limit);
    return (struct api_page){.offset = (uint64_t)offset, .limit = limit};
}

/* ---- a request ---- */

static void split_subject(struct api_call *call, const struct api_row *row,
                          struct str subject)
{
    struct str token;
    for (unsigned i = 0; subject_next(&subject, &token); i++) {
        if (row->names != NAMES_NONE && i == row->at)
            call->stream = token;
        if (row->names == NAMES_CONSUMER && i == row->at + 1) {
            call->consumer = token;
            if (subject.p != NULL)
                call->filter = subject;
            return;
        }
    }
}

static int read_body(struct api_call *call)
{
    struct str text = str_trim(call->payload);
    if (text.len == 0)
        return 0;
    struct json_doc *doc = arena_alloc(call->arena, sizeof(*doc));
    if (json_parse(doc, text, call->arena, NULL) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    call->body = json_root(doc);
    return 0;
}

int api_expect_empty(struct api_call *call)
{
    struct json_iter members = json_iter(call->body);
    bool object = json_type(call->body) == JSON_OBJECT;
    if (str_trim(call->payload).len == 0 || (object && !json_next(&members)))
        return 0;
    return js_refuse(&call->error, 400, 10038,
                     "expected an empty request payload");
}

static int run(struct api_call *call, const struct api_row *row)
{
    if (read_body(call) != 0)
        return -1;
    call->target = jetstream_stream(call->js, call->stream);
    if (row->names >= NAMES_STREAM && call->target == NULL)
        return js_refuse(&call->error, JS_STREAM_NOT_FOUND);
    return row->handle(call);
}

static void write_reply(struct api_call *call, const struct api_row *row,
                        struct buf *out)
{
    struct buf type = {0};
    buf_printf(&type, TYPE_PREFIX "%s", row->type);
    call->w = json_writer(out);
    json_begin_object(&call->w);
    json_member_str(&call->w, "type", buf_str(&type));
    buf_fini(&type);
    size_t members = out->len;
    if (run(call, row) != 0) {
        out->len = members;
        call->w.comma = true;
        js_error_write(&call->error, &call->w);
        call->js->api_errors++;
    }
    json_end_object(&call->w);
}

/* ---- who asked what ---- */

struct api_audit {
    const struct conn *from; /* NULL: the broker itself */
    struct str subject, request, response;
};

static void write_client(struct json_writer *w, const struct conn *from)
{
    json_key(w, "client");
    json_begin_object(w);
    json_member_u64(w, "id", from->id);
    json_member_text(w, "acc", from->account->name);
    if (from->options.name[0] != '\0')
        json_member_text(w, "name", from->options.name);
    json_end_object(w);
}

static void write_audit(struct json_writer *w, const void *arg)
{
    const struct api_audit *audit = arg;
    if (audit->from != NULL)
        write_client(w, audit->from);
    json_member_str(w, "subject", audit->subject);
    if (audit->request.len > 0)
        json_member_str(w, "request", audit->request);
    json_member_str(w, "response", audit->response);
}

static void answer(struct jetstream *js, const struct api_row *row,
                   struct str subject, const struct msg *msg,
                   const struct conn *from)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct api_call call = {.js = js, .arena = &arena, .payload = msg->payload};
    split_subject(&call, row, subject);
    write_reply(&call, row, &out);
    const struct api_audit audit = {.from = from,
                                    .subject = msg->to,
                                    .request = msg->payload,
                                    .response = buf_str(&out)};
    advisory_send(js, ADVISORY_TYPE "api_audit", str_of(ADVISORY_SUBJECT "API"),
                  write_audit, &audit);
    route_text(js->account, msg->reply, str_make(NULL, 0), buf_str(&out));
    buf_fini(&out);
    arena_fini(&arena);
}

static void answer_unknown(struct jetstream *js, struct str reply)
{
    struct js_error error;
    struct buf out = {0};
    struct json_writer w = json_writer(&out);
    js_refuse(&error, JS_BAD_REQUEST);
    json_begin_object(&w);
    json_member_text(&w, "type", TYPE_PREFIX "system_response");
    js_error_write(&error, &w);
    json_end_object(&w);
    js->api_errors++;
    route_text(js->account, reply, str_make(NULL, 0), buf_str(&out));
    buf_fini(&out);
}

/* CONSUMER.MSG.NEXT.<stream>.<consumer>: the messages are the answer. One that
 * is not there stays silent, as JSON in the inbox would pass for a message. */
static void next_messages(struct jetstream *js, struct str names,
                          const struct msg *msg)
{
    struct str stream_name, consumer_name;
    if (!subject_next(&names, &stream_name) ||
        !subject_next(&names, &consumer_name) || names.p != NULL)
        return;
    const struct stream *stream = jetstream_stream(js, stream_name);
    struct consumer *consumer =
        stream != NULL ? stream_consumer(stream, consumer_name) : NULL;
    if (consumer != NULL)
        consumer_request(consumer, msg->reply, msg->payload);
}

static struct str without(struct str s, size_t prefix)
{
    return str_make(s.p + prefix, s.len - prefix);
}

/* $JS.<domain>.API.$KV.<bucket>.<key>: clients that name a domain publish to
 * buckets so. It goes on at once, in the order of what the client sends:
 * nobody is in the midst of a stream's work here. */
static bool is_bucket(struct str subject)
{
    static const struct str keys = STR("$KV."), objects = STR("$OBJ.");
    return str_has_prefix(subject, keys) || str_has_prefix(subject, objects);
}

static void publish_to_bucket(struct jetstream *js, struct conn *from,
                              struct str subject, const struct msg *msg)
{
    struct msg moved = *msg;
    moved.to = moved.subject = subject;
    if (route(js->account, from, &moved) == 0 && from != NULL &&
        msg->reply.len > 0)
        route_no_responders(from, msg->reply);
}

static void request(struct sub *sub, struct conn *from, const struct msg *msg)
{
    static const struct str next = STR("CONSUMER.MSG.NEXT.");
    static const struct str direct = STR("DIRECT.GET.");
    struct jetstream *js = sub->arg;
    struct str subject = without(msg->to, sub->subject.len - 1); /* of ">" */
    if (sub == js->api_subs[1] && is_bucket(subject)) {
        publish_to_bucket(js, from, subject, msg);
        return;
    }
    if (msg->reply.len == 0)
        return;
    if (str_has_prefix(subject, next)) {
        next_messages(js, without(subject, next.len), msg);
        return;
    }
    if (str_has_prefix(subject, direct)) {
        direct_get(js, without(subject, direct.len), msg);
        return;
    }
    const struct api_row *row = row_of(subject);
    if (row != NULL)
        answer(js, row, subject, msg, from);
    else
        answer_unknown(js, msg->reply);
    js->api_total++;
}

static struct sub *listen_to(struct jetstream *js, const char *subject)
{
    struct str none = {0};
    struct sub *sub = sub_new(NULL, str_of(subject), none, none);
    sub->handle = request;
    sub->arg = js;
    sublist_insert(js->account->subs, sub);
    return sub;
}

void jsapi_listen(struct jetstream *js)
{
    const char *domain = jetstream_domain(js);
    js->api_subs[0] = listen_to(js, API_PREFIX ">");
    if (domain[0] == '\0')
        return;
    struct buf subject = {0};
    buf_printf(&subject, "$JS.%s.API.>", domain);
    js->api_subs[1] = listen_to(js, buf_text(&subject));
    buf_fini(&subject);
}
