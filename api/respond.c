/* respond: see the header. */
#include "api/respond.h"

#include <utlist.h>

#include "api/gateway.h"
#include "lib/clock.h"

/* Seconds after which a client may try again. */
#define RETRY_AFTER "1"
/* Since the start of the gateway: so long the fleet may be loading … */
#define FLEET_START_NS (10 * NS_PER_S)
/* … and so long a list waits for it. */
#define FLEET_WAIT_NS (2 * NS_PER_S)

struct json_writer respond_begin(struct buf *out, int64_t count)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_bool(&w, "success", true);
    json_member_i64(&w, "count", count);
    json_key(&w, "data");
    json_begin_array(&w);
    return w;
}

void respond_end(struct api_call *call, struct json_writer *w)
{
    json_end_array(w);
    json_end_object(w);
    http_reply(call->req, 200, HTTP_JSON, w->out);
}

/* ---- lists of the fleet ---- */

/* A call that waits for the fleet to be loaded; in the request's arena. */
struct fleet_waiter {
    struct fleet_waiter *prev, *next;
    struct api_call *call;
    const struct fleet_list *list;
    struct http_timer *timer;
};

static void fleet_reply(struct api_call *call, const struct fleet_list *list)
{
    const void **items;
    uint32_t count =
        list->gather(call->gateway->fleet, http_arena(call->req), &items);
    struct buf body = {0};
    struct json_writer w = respond_begin(&body, count);
    for (uint32_t i = 0; i < count; i++)
        list->append(&w, items[i]);
    respond_end(call, &w);
}

static void fleet_unknown(struct api_call *call)
{
    http_reply_header(call->req, "Retry-After", RETRY_AFTER);
    http_reply_problem(call->req, 503, NULL,
                       "the fleet is not known yet: the database has not been "
                       "read, and the broker is not heard");
}

/* The waiter's memory ends with the request. */
static void waiter_leave(struct fleet_waiter *waiter)
{
    DL_DELETE(waiter->call->gateway->waiters, waiter);
    http_timer_free(&waiter->timer);
}

static void waited_long_enough(void *arg)
{
    struct fleet_waiter *waiter = arg;
    struct api_call *call = waiter->call;
    waiter_leave(waiter);
    if (call->gateway->fleet->following)
        fleet_reply(call, waiter->list);
    else
        fleet_unknown(call);
}

static void fleet_wait(struct api_call *call, const struct fleet_list *list)
{
    struct gateway *gateway = call->gateway;
    struct fleet_waiter *waiter =
        arena_alloc(http_arena(call->req), sizeof *waiter);
    *waiter = (struct fleet_waiter){.call = call, .list = list};
    waiter->timer = http_timer_new(gateway->server, waited_long_enough, waiter);
    DL_APPEND(gateway->waiters, waiter);
    http_timer_set(waiter->timer, FLEET_WAIT_NS);
}

/* Only the first ones after a start wait: whoever asks when that has been in
 * vain is told at once. */
void respond_fleet(struct api_call *call, const struct fleet_list *list)
{
    struct gateway *gateway = call->gateway;
    int64_t up_ns = clock_mono_ns() - gateway->started_ns;
    if (!gateway->fleet->loaded && up_ns < FLEET_START_NS)
        fleet_wait(call, list);
    else if (gateway->fleet->loaded || gateway->fleet->following)
        fleet_reply(call, list);
    else
        fleet_unknown(call);
}

void respond_fleet_loaded(struct gateway *gateway)
{
    while (gateway->waiters != NULL) {
        struct fleet_waiter *waiter = gateway->waiters;
        waiter_leave(waiter);
        fleet_reply(waiter->call, waiter->list);
    }
}

void respond_fleet_stop(struct gateway *gateway)
{
    while (gateway->waiters != NULL) {
        struct fleet_waiter *waiter = gateway->waiters;
        waiter_leave(waiter);
        fleet_unknown(waiter->call);
    }
}

/* ---- what the database did not do ---- */

void respond_db_problem(struct api_call *call, enum db_outcome outcome)
{
    static const char *const detail[DB_OUTCOMES] = {
        [DB_TIMEOUT] = "the database did not answer in time",
        [DB_FULL] = "too many requests wait for the database",
        [DB_ABSENT] = "the database has no tables yet: a collector makes them",
        [DB_FAILED] = "the database could not answer",
    };
    if (outcome == DB_FAILED) {
        http_reply_problem(call->req, 500, NULL, "%s", detail[outcome]);
        return;
    }
    http_reply_header(call->req, "Retry-After", RETRY_AFTER);
    http_reply_problem(call->req, 503, NULL, "%s", detail[outcome]);
}
