/* direct: see direct.h. */
#include "broker/jetstream/direct.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_headers.h"
#include "broker/jetstream/jsapi.h"
#include "broker/jetstream/msg_query.h"
#include "broker/jetstream/subject_list.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"

/* Of what may wait for a client, a batch takes this part at most. */
#define BATCH_PENDING_PART 4

struct request {
    struct stream *stream;
    struct str reply;
    struct arena arena;
    struct msg_query query;
    int64_t batch, max_bytes; /* 0: none */
    struct str *patterns;     /* multi_last */
    unsigned pattern_count;
    uint64_t up_to_seq;
    int64_t up_to_ns;

    /* of a batch */
    uint64_t last_sent, pending;
    int64_t bytes;
};

/* ---- answers ---- */

static void tell(const struct request *request, const char *status)
{
    struct buf headers = {0};
    buf_printf(&headers, "NATS/1.0 %s\r\n\r\n", status);
    route_status(request->stream->js->account, request->reply,
                 buf_str(&headers));
    buf_fini(&headers);
}

static void tell_end(const struct request *request)
{
    struct buf headers = {0};
    buf_append_text(&headers, "NATS/1.0 204 EOB\r\n");
    js_headers_u64(&headers, "Nats-Num-Pending", request->pending);
    js_headers_u64(&headers, "Nats-Last-Sequence", request->last_sent);
    if (request->pattern_count > 0)
        js_headers_u64(&headers, "Nats-UpTo-Sequence", request->up_to_seq);
    js_headers_end(&headers);
    route_status(request->stream->js->account, request->reply,
                 buf_str(&headers));
    buf_fini(&headers);
}

static bool is_batch(const struct request *request)
{
    return request->batch > 0 || request->pattern_count > 0;
}

static void send_msg(struct request *request, const struct store_msg *msg)
{
    struct buf headers = {0};
    js_headers_begin(&headers, msg->headers);
    js_headers_text(&headers, "Nats-Stream", str_of(request->stream->name));
    js_headers_text(&headers, "Nats-Subject", msg->subject);
    js_headers_u64(&headers, "Nats-Sequence", msg->seq);
    js_headers_time(&headers, "Nats-Time-Stamp", msg->time_ns);
    if (is_batch(request)) {
        request->pending -= request->pending > 0;
        js_headers_u64(&headers, "Nats-Num-Pending", request->pending);
        js_headers_u64(&headers, "Nats-Last-Sequence", request->last_sent);
    }
    js_headers_end(&headers);
    request->last_sent = msg->seq;
    request->bytes += (int64_t)(headers.len + msg->payload.len);
    const struct msg out = {.to = request->reply,
                            .subject = request->reply,
                            .headers = buf_str(&headers),
                            .payload = msg->payload};
    route_own(request->stream->js->account, &out);
    buf_fini(&headers);
}

/* ---- one message, or those that follow ---- */

static void answer_one(struct request *request)
{
    struct store_msg msg;
    if (msg_query_find(request->stream, &request->query, &msg) != 0)
        tell(request, "404 Message Not Found");
    else
        send_msg(request, &msg);
}

static int64_t bytes_max(const struct request *request)
{
    int64_t most = request->stream->js->account->server->config.pending_max /
                   BATCH_PENDING_PART;
    return request->max_bytes > 0 && request->max_bytes < most
               ? request->max_bytes
               : most;
}

static void answer_batch(struct request *request)
{
    struct store *store = request->stream->store;
    struct msg_query *query = &request->query;
    struct store_msg msg;
    const struct store_filter filter = {.patterns = &query->next_by,
                                        .count = query->next_by.len > 0};
    uint64_t seq = query->start_ns != 0
                       ? stream_seq_at(request->stream, query->start_ns)
                       : query->seq;
    int64_t most = bytes_max(request), sent = 0;
    request->pending = store->ops->count(store, &filter, seq);
    for (; sent < request->batch && request->bytes < most; sent++) {
        if (store->ops->next(store, &filter, seq, &msg) != 0)
            break;
        seq = msg.seq + 1;
        send_msg(request, &msg);
    }
    if (sent == 0)
        tell(request, "404 Message Not Found");
    else
        tell_end(request);
}

/* ---- the last ones of many subjects ---- */

struct multi {
    struct request *request;
    uint64_t seqs[DIRECT_MULTI_MAX];
    unsigned count;
    bool too_many;
    struct buf later; /* subjects whose last message is beyond (subject_list) */
};

static void add_seq(struct multi *multi, uint64_t seq)
{
    if (multi->count == DIRECT_MULTI_MAX)
        multi->too_many = true;
    else if (seq >= multi->request->query.seq)
        multi->seqs[multi->count++] = seq;
}

static bool note_last(void *arg, struct str subject,
                      const struct store_subject *found)
{
    struct multi *multi = arg;
    uint64_t end = multi->request->up_to_seq;
    if (found->last_seq <= end) {
        add_seq(multi, found->last_seq);
    } else if (found->first_seq <= end) {
        subject_list_add(&multi->later, subject);
    }
    return !multi->too_many;
}

/* Those that have newer messages than are asked for. */
static void find_earlier(struct multi *multi)
{
    struct store *store = multi->request->stream->store;
    struct str subject;
    size_t at = 0;
    while (!multi->too_many &&
           subject_list_next(&multi->later, &at, &subject)) {
        const struct store_filter filter = {.patterns = &subject, .count = 1};
        struct store_msg msg;
        if (store->ops->last(store, &filter, multi->request->up_to_seq, &msg) ==
            0)
            add_seq(multi, msg.seq);
    }
    buf_fini(&multi->later);
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void send_multi(struct multi *multi)
{
    struct request *request = multi->request;
    struct store *store = request->stream->store;
    int64_t most = bytes_max(request), sent = 0;
    request->pending = multi->count;
    for (unsigned i = 0; i < multi->count && request->bytes < most; i++) {
        struct store_msg msg;
        if (request->batch > 0 && sent == request->batch)
            break;
        if (store->ops->read(store, multi->seqs[i], &msg) != 0) {
            request->pending--;
            continue;
        }
        send_msg(request, &msg);
        sent++;
    }
    tell_end(request);
}

static void answer_multi(struct request *request)
{
    struct store *store = request->stream->store;
    const struct store_filter filter = {.patterns = request->patterns,
                                        .count = request->pattern_count};
    struct multi multi = {.request = request};
    uint64_t durable = stream_durable(request->stream);
    if (request->up_to_ns != 0)
        request->up_to_seq =
            stream_seq_at(request->stream, request->up_to_ns + 1) - 1;
    if (request->up_to_seq == 0 || request->up_to_seq > durable)
        request->up_to_seq = durable;
    store->ops->subjects(store, &filter, note_last, &multi);
    find_earlier(&multi);
    if (multi.too_many) {
        tell(request, "413 Too Many Results");
    } else if (multi.count == 0) {
        tell(request, "404 No Results");
    } else {
        qsort(multi.seqs, multi.count, sizeof(multi.seqs[0]), compare_seqs);
        send_multi(&multi);
    }
}

/* ---- requests ---- */

static int read_patterns(struct request *request, struct json body)
{
    struct json list = json_get(body, "multi_last");
    enum json_type type = json_type(list);
    if (type == JSON_NONE || type == JSON_NULL)
        return 0;
    int count = type == JSON_ARRAY ? json_count(list) : -1;
    if (count < 0 || count > DIRECT_PATTERNS_MAX)
        return -1;
    request->patterns = arena_alloc(
        &request->arena, sizeof(*request->patterns) * ((size_t)count + 1));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct str *pattern = &request->patterns[request->pattern_count++];
        if (json_string(it.value, &request->arena, pattern) != 0 ||
            !subject_valid(*pattern))
            return -1;
    }
    return 0;
}

static int read_request(struct request *request, struct str text)
{
    struct arena *arena = &request->arena;
    struct json_doc *doc = arena_alloc(arena, sizeof(*doc));
    if (json_parse(doc, text, arena, NULL) != 0)
        return -1;
    struct json body = json_root(doc);
    return json_type(body) != JSON_OBJECT ||
                   msg_query_read(&request->query, body, arena) != 0 ||
                   js_read_i64(body, "batch", &request->batch) != 0 ||
                   js_read_i64(body, "max_bytes", &request->max_bytes) != 0 ||
                   js_read_u64(body, "up_to_seq", &request->up_to_seq) != 0 ||
                   js_read_time(body, "up_to_time", arena,
                                &request->up_to_ns) != 0 ||
                   read_patterns(request, body) != 0
               ? -1
               : 0;
}

static bool contradicts(const struct request *request)
{
    const struct msg_query *query = &request->query;
    bool multi = request->pattern_count > 0;
    return msg_query_contradicts(query) ||
           (multi && (query->last_by.len > 0 || query->next_by.len > 0 ||
                      query->start_ns != 0)) ||
           (request->batch > 0 && query->last_by.len > 0) ||
           (request->up_to_seq > 0 && request->up_to_ns != 0);
}

/* What is wrong with the request; NULL: nothing. */
static const char *refusal(struct request *request, struct str body)
{
    if (body.len == 0)
        return "408 Empty Request";
    if (read_request(request, body) != 0)
        return "408 Malformed Request";
    if (contradicts(request))
        return "408 Bad Request";
    if (request->pattern_count == 0 && msg_query_is_empty(&request->query))
        return "408 Empty Request";
    return NULL;
}

static void answer(struct request *request, struct str body)
{
    const char *status = refusal(request, str_trim(body));
    if (status != NULL)
        tell(request, status);
    else if (request->pattern_count > 0)
        answer_multi(request);
    else if (request->batch > 0)
        answer_batch(request);
    else
        answer_one(request);
}

/* A mirror answers for an origin that is elsewhere. */
static struct stream *mirror_of(const struct jetstream *js, struct str origin)
{
    struct stream *stream = js->streams;
    while (stream != NULL &&
           (!stream->config.mirror_direct || stream->config.mirror == NULL ||
            !str_is(origin, stream->config.mirror->name)))
        stream = stream->hh.next;
    return stream;
}

/* NULL: nobody is to answer. */
static struct stream *stream_for(const struct jetstream *js, struct str name)
{
    struct stream *stream = jetstream_stream(js, name);
    if (stream == NULL)
        return mirror_of(js, name);
    return stream->config.allow_direct ? stream : NULL;
}

void direct_get(struct jetstream *js, struct str names, const struct msg *msg)
{
    struct str name;
    struct request request = {.reply = msg->reply};
    if (!subject_next(&names, &name))
        return;
    request.stream = stream_for(js, name);
    if (request.stream == NULL)
        return;
    if (names.len > 0) {
        request.query.last_by = names;
        answer_one(&request);
    } else {
        answer(&request, msg->payload);
    }
    arena_fini(&request.arena);
}
