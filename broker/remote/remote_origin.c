/* remote_origin: see remote_origin.h. */
#include "broker/remote/remote_origin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/jetstream.h"
#include "broker/msg.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

/* Messages asked for at a time; when fewer are under way, as many again. */
#define BATCH 1000

#define EXPIRES_NS   (60 * NS_PER_S) /* of a request for messages */
#define HEARTBEAT_NS (2 * NS_PER_S)
#define SILENCE_NS   (7 * NS_PER_S)  /* no message and no heartbeat */
#define ANSWER_NS    (5 * NS_PER_S)  /* to a request of the API */
#define INACTIVE_NS  (30 * NS_PER_S) /* the consumer is deleted over there */
#define HOLD_NS      (5 * NS_PER_MS) /* until the disk is looked at again */

/* After an error, doubled at each further one. */
#define REST_MIN_NS ORIGIN_RETRY_NS
#define REST_MAX_NS (10 * NS_PER_S)

#define ERROR_SETUP (remote_origin->origin->mirror ? 10029 : 10045)

enum state {
    DOWN,     /* waits for the connection */
    RESTING,  /* waits before it begins again */
    MEETING,  /* waits for the origin's STREAM.INFO */
    CREATING, /* waits for the consumer */
    PULLING,
    HOLDING /* asks for no more until less waits for the disk here */
};

struct remote_origin {
    struct remote_user user;
    struct remote *remote;
    struct origin *origin;
    enum state state;
    struct timer timer;
    char *api;          /* prefix of subjects over there, without a '.' */
    uint64_t request;   /* number of the last one */
    char *consumer;     /* its name; NULL: none */
    uint64_t sequence;  /* the consumer's, of the last message */
    uint64_t under_way; /* messages asked for that have not come */
    int64_t rest_ns;
    int64_t heard_ns; /* mono */
};

static struct server *server_of(const struct remote_origin *remote_origin)
{
    return remote_origin->origin->stream->js->account->server;
}

static void set_state(struct remote_origin *remote_origin, enum state state,
                      int64_t wait_ns)
{
    struct server *server = server_of(remote_origin);
    remote_origin->state = state;
    timer_set(&server->timers, &remote_origin->timer,
              time_after(server->now_ns, wait_ns));
}

static void forget_consumer(struct remote_origin *remote_origin)
{
    free(remote_origin->consumer);
    remote_origin->consumer = NULL;
    remote_origin->sequence = remote_origin->under_way = 0;
}

/* Begins again after a while. */
static void rest(struct remote_origin *remote_origin)
{
    int64_t wait_ns = remote_origin->rest_ns;
    forget_consumer(remote_origin);
    set_state(remote_origin, RESTING, wait_ns);
    remote_origin->rest_ns =
        wait_ns * 2 < REST_MAX_NS ? wait_ns * 2 : REST_MAX_NS;
}

/* ---- asking ---- */

/* <api>.<what>.<stream>[.<more>] */
static void ask(struct remote_origin *remote_origin, const char *what,
                const char *more, struct str payload)
{
    struct buf subject = {0};
    buf_printf(&subject, "%s.%s.%s", remote_origin->api, what,
               remote_origin->origin->config->name);
    if (more != NULL)
        buf_printf(&subject, ".%s", more);
    remote_request(remote_origin->remote, &remote_origin->user,
                   ++remote_origin->request, buf_str(&subject), payload);
    buf_fini(&subject);
}

/* Over there the API is "$JS.API", whatever the operator calls that server;
 * only where it belongs to another domain does it pass the request on. */
static void choose_api(struct remote_origin *remote_origin)
{
    const char *domain = remote_its_domain(remote_origin->remote);
    bool own = domain[0] == '\0' ||
               strcmp(domain, remote_domain(remote_origin->remote)) == 0;
    free(remote_origin->api);
    remote_origin->api = mem_strdup(
        own ? "$JS.API" : remote_origin->origin->config->external_api);
}

static void meet(struct remote_origin *remote_origin)
{
    choose_api(remote_origin);
    set_state(remote_origin, MEETING, ANSWER_NS);
    ask(remote_origin, "STREAM.INFO", NULL, str_make("", 0));
}

static void write_start(const struct origin *origin, struct json_writer *w)
{
    uint64_t next = origin_next(origin);
    int64_t time_ns = origin->config->start_time_ns;
    if (next > 0) {
        json_member_text(w, "deliver_policy", "by_start_sequence");
        json_member_u64(w, "opt_start_seq", next);
    } else if (time_ns != 0) {
        json_member_text(w, "deliver_policy", "by_start_time");
        js_member_time(w, "opt_start_time", time_ns);
    } else {
        json_member_text(w, "deliver_policy", "all");
    }
}

/* One filter goes along; several (2.10) are looked at here. */
static void write_filter(const struct origin *origin, struct json_writer *w)
{
    if (origin->filter.count == 1)
        json_member_str(w, "filter_subject", origin->filter.patterns[0]);
}

static void create(struct remote_origin *remote_origin)
{
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_text(&w, "stream_name", remote_origin->origin->config->name);
    json_key(&w, "config");
    json_begin_object(&w);
    write_start(remote_origin->origin, &w);
    write_filter(remote_origin->origin, &w);
    json_member_text(&w, "ack_policy", "none");
    json_member_text(&w, "replay_policy", "instant");
    json_member_i64(&w, "inactive_threshold", INACTIVE_NS);
    json_member_bool(&w, "mem_storage", true);
    json_member_i64(&w, "num_replicas", 1);
    json_end_object(&w);
    json_end_object(&w);
    set_state(remote_origin, CREATING, ANSWER_NS);
    ask(remote_origin, "CONSUMER.CREATE", NULL, buf_str(&body));
    buf_fini(&body);
}

static void pull(struct remote_origin *remote_origin)
{
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_i64(&w, "batch", BATCH);
    json_member_i64(&w, "expires", EXPIRES_NS);
    json_member_i64(&w, "idle_heartbeat", HEARTBEAT_NS);
    json_end_object(&w);
    remote_origin->under_way += BATCH;
    ask(remote_origin, "CONSUMER.MSG.NEXT", remote_origin->consumer,
        buf_str(&body));
    buf_fini(&body);
}

/* Keeps enough under way, unless the disk lags. */
static void pull_more(struct remote_origin *remote_origin)
{
    if (stream_congested(remote_origin->origin->stream)) {
        set_state(remote_origin, HOLDING, HOLD_NS);
        return;
    }
    if (remote_origin->state == HOLDING)
        set_state(remote_origin, PULLING, SILENCE_NS);
    while (remote_origin->consumer != NULL && remote_origin->under_way <= BATCH)
        pull(remote_origin);
}

/* ---- answers of the API ---- */

static void refused(struct remote_origin *remote_origin, struct json error,
                    struct arena *arena)
{
    struct str text = STR("it refuses");
    int64_t code = 500, err_code = ERROR_SETUP;
    json_i64(json_get(error, "code"), &code);
    json_i64(json_get(error, "err_code"), &err_code);
    json_string(json_get(error, "description"), arena, &text);
    origin_fail(remote_origin->origin, (int)code, (int)err_code, "%.*s",
                STR_ARG(text));
    rest(remote_origin);
}

/* Others remove what they have delivered, before it is on disk here. */
static bool keeps_by_limits(struct json root, struct arena *arena)
{
    struct str retention;
    struct json value = json_get(json_get(root, "config"), "retention");
    return json_string(value, arena, &retention) != 0 ||
           str_is(retention, "limits");
}

static void met(struct remote_origin *remote_origin, struct json root,
                struct arena *arena)
{
    struct origin_state state = {.last_seq = 0};
    struct json there = json_get(root, "state");
    if (js_read_time(root, "created", arena, &state.created_ns) != 0 ||
        json_u64(json_get(there, "first_seq"), &state.first_seq) != 0 ||
        json_u64(json_get(there, "last_seq"), &state.last_seq) != 0) {
        origin_fail(remote_origin->origin, 500, ERROR_SETUP,
                    "it does not say what the stream is");
        rest(remote_origin);
        return;
    }
    if (!keeps_by_limits(root, arena)) {
        origin_fail(remote_origin->origin, 500, ERROR_SETUP,
                    "the origin's retention is not \"limits\": of another "
                    "server only such streams are copied");
        rest(remote_origin);
        return;
    }
    origin_meet(remote_origin->origin, &state);
    create(remote_origin);
}

static void created(struct remote_origin *remote_origin, struct json root,
                    struct arena *arena)
{
    struct str name;
    uint64_t pending = 0;
    if (json_string(json_get(root, "name"), arena, &name) != 0 ||
        !js_name_valid(name)) {
        origin_fail(remote_origin->origin, 500, ERROR_SETUP,
                    "it does not say what the consumer is");
        rest(remote_origin);
        return;
    }
    json_u64(json_get(root, "num_pending"), &pending);
    forget_consumer(remote_origin);
    remote_origin->consumer = mem_strndup(name);
    remote_origin->rest_ns = REST_MIN_NS;
    origin_contact(remote_origin->origin, pending);
    set_state(remote_origin, PULLING, SILENCE_NS);
    pull_more(remote_origin);
}

static void hear_api(struct remote_origin *remote_origin, struct str text)
{
    struct arena arena = {0};
    struct json_doc doc;
    if (json_parse(&doc, text, &arena, NULL) != 0) {
        origin_fail(remote_origin->origin, 500, ERROR_SETUP,
                    "its answer is not JSON");
        rest(remote_origin);
    } else {
        struct json root = json_root(&doc);
        struct json error = json_get(root, "error");
        if (json_type(error) == JSON_OBJECT)
            refused(remote_origin, error, &arena);
        else if (remote_origin->state == MEETING)
            met(remote_origin, root, &arena);
        else
            created(remote_origin, root, &arena);
    }
    arena_fini(&arena);
}

/* ---- messages ---- */

#define ACK_TOKENS_MIN \
    9 /* $JS.ACK.<stream>.<consumer>.<count>.<stream seq>.
                             <consumer seq>.<time>.<pending> */
#define ACK_TOKENS_LONG \
    11 /* with <domain>.<account> before the stream, and
                              maybe more behind */

struct ack_subject {
    struct str consumer;
    uint64_t stream_seq, consumer_seq, time_ns, pending;
};

static bool token_u64(struct str token, uint64_t *out)
{
    int64_t value;
    if (str_to_i64(token, &value) != 0 || value < 0)
        return false;
    *out = (uint64_t)value;
    return true;
}

static bool read_ack(struct str subject, struct ack_subject *ack)
{
    struct str tokens[ACK_TOKENS_LONG];
    unsigned count = 0;
    while (count < ACK_TOKENS_LONG && subject_next(&subject, &tokens[count]))
        count++;
    if (count < ACK_TOKENS_MIN || !str_is(tokens[0], "$JS") ||
        !str_is(tokens[1], "ACK"))
        return false;
    const struct str *at = tokens + (count == ACK_TOKENS_LONG ? 4 : 2);
    ack->consumer = at[1];
    return token_u64(at[3], &ack->stream_seq) &&
           token_u64(at[4], &ack->consumer_seq) &&
           token_u64(at[5], &ack->time_ns) && token_u64(at[6], &ack->pending);
}

static void take(struct remote_origin *remote_origin,
                 const struct ack_subject *ack, const struct remote_op *op)
{
    struct origin *origin = remote_origin->origin;
    const struct store_msg msg = {.seq = ack->stream_seq,
                                  .time_ns = (int64_t)ack->time_ns,
                                  .subject = op->subject,
                                  .headers = op->headers,
                                  .payload = op->payload};
    if (ack->consumer_seq != remote_origin->sequence + 1) {
        rest(remote_origin);
        return;
    }
    remote_origin->sequence++;
    if (remote_origin->under_way > 0)
        remote_origin->under_way--;
    if (origin_take(origin, &msg) != 0) {
        rest(remote_origin);
        return;
    }
    origin_contact(origin, ack->pending);
    if (remote_origin->under_way <= BATCH && remote_origin->state == PULLING)
        pull_more(remote_origin);
}

/* ---- what comes instead of messages ---- */

static unsigned status_of(struct str headers)
{
    static const struct str line = STR("NATS/1.0 ");
    unsigned status = 0;
    if (!str_has_prefix(headers, line))
        return 0;
    for (size_t i = line.len; i < headers.len && i < line.len + 3; i++)
        status = status * 10 + ((unsigned char)headers.p[i] - '0') % 10;
    return status;
}

/* A heartbeat says what was sent; all of it must have come. */
static void check_sequence(struct remote_origin *remote_origin,
                           struct str headers)
{
    struct str value;
    uint64_t last;
    if (msg_header(headers, "Nats-Last-Consumer", &value) &&
        token_u64(value, &last) && last != remote_origin->sequence)
        rest(remote_origin);
    else
        origin_contact(remote_origin->origin, remote_origin->origin->lag);
}

/* A request for messages is over; it says how many did not come. */
static void request_over(struct remote_origin *remote_origin,
                         struct str headers)
{
    struct str value;
    uint64_t left = 0;
    if (!msg_header(headers, "Nats-Pending-Messages", &value) ||
        !token_u64(value, &left) || left > remote_origin->under_way) {
        rest(remote_origin);
        return;
    }
    remote_origin->under_way -= left;
    if (remote_origin->state == PULLING)
        pull_more(remote_origin);
}

static void hear_status(struct remote_origin *remote_origin, struct str headers)
{
    unsigned status = status_of(headers);
    if (status == 100) {
        check_sequence(remote_origin, headers);
    } else if (status == 408) {
        request_over(remote_origin, headers);
    } else if (status != 0) {
        const char *end = memchr(headers.p, '\r', headers.len);
        size_t skip = sizeof("NATS/1.0 ") - 1;
        origin_fail(remote_origin->origin, (int)status, ERROR_SETUP,
                    "it says %.*s", (int)((size_t)(end - headers.p) - skip),
                    headers.p + skip);
        rest(remote_origin);
    }
}

/* ---- as a user of the connection ---- */

static void answer(struct remote_user *user, uint64_t request,
                   const struct remote_op *op)
{
    struct remote_origin *remote_origin = (struct remote_origin *)user;
    struct ack_subject ack;
    remote_origin->heard_ns = server_of(remote_origin)->now_ns;
    bool pulls =
        remote_origin->state == PULLING || remote_origin->state == HOLDING;
    if (pulls && read_ack(op->reply, &ack)) {
        if (str_is(ack.consumer, remote_origin->consumer))
            take(remote_origin, &ack, op);
        return;
    }
    bool asks =
        remote_origin->state == MEETING || remote_origin->state == CREATING;
    if (asks && request == remote_origin->request && op->payload.len > 0)
        hear_api(remote_origin, op->payload);
    else if ((asks && request == remote_origin->request) ||
             (pulls && request != 0))
        hear_status(remote_origin, op->headers);
}

static void up(struct remote_user *user)
{
    meet((struct remote_origin *)user);
}

static void wait_for_connection(struct remote_origin *remote_origin)
{
    const char *error = remote_error(remote_origin->remote);
    forget_consumer(remote_origin);
    remote_origin->state = DOWN;
    timer_stop(&server_of(remote_origin)->timers, &remote_origin->timer);
    origin_fail(remote_origin->origin, 503, ERROR_SETUP,
                "no connection to %s: %s", remote_domain(remote_origin->remote),
                error[0] != '\0' ? error : "it is being made");
}

static void down(struct remote_user *user)
{
    wait_for_connection((struct remote_origin *)user);
}

static void timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct remote_origin, timer);
    struct remote_origin *remote_origin = (struct remote_origin *)start;
    int64_t now_ns = server_of(remote_origin)->now_ns;
    int64_t silent_ns = now_ns - remote_origin->heard_ns;
    switch (remote_origin->state) {
    case DOWN:
        break;
    case RESTING:
        meet(remote_origin);
        break;
    case HOLDING:
        pull_more(remote_origin);
        break;
    case PULLING:
        if (silent_ns < SILENCE_NS) {
            set_state(remote_origin, PULLING, SILENCE_NS - silent_ns);
            break;
        }
        /* fall through */
    case MEETING:
    case CREATING:
        origin_fail(remote_origin->origin, 503, ERROR_SETUP,
                    "it does not answer");
        rest(remote_origin);
        break;
    }
}

struct remote_origin *remote_origin_new(struct origin *origin,
                                        struct remote *remote)
{
    struct remote_origin *remote_origin = mem_zalloc(sizeof(*remote_origin));
    remote_origin->user.up = up;
    remote_origin->user.down = down;
    remote_origin->user.answer = answer;
    remote_origin->origin = origin;
    remote_origin->remote = remote;
    remote_origin->timer.fire = timeout;
    remote_origin->rest_ns = REST_MIN_NS;
    remote_origin->state = DOWN;
    remote_join(remote, &remote_origin->user);
    return remote_origin;
}

void remote_origin_free(struct remote_origin **remote_originp)
{
    struct remote_origin *remote_origin = *remote_originp;
    if (remote_origin == NULL)
        return;
    timer_stop(&server_of(remote_origin)->timers, &remote_origin->timer);
    remote_leave(remote_origin->remote, &remote_origin->user);
    forget_consumer(remote_origin);
    free(remote_origin->api);
    free(remote_origin);
    *remote_originp = NULL;
}
