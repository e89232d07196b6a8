/* consumer_flow: flow control and heartbeats of push consumers.
 *
 * What was sent and not answered for is `out`. At half a window the receiver
 * is asked; its answer comes behind all that was sent before the question
 * (`covered`). With more than a window out, the consumer waits. */
#include "broker/jetstream/consumer_parts.h"

#include "broker/route.h"

#define FLOW_TOKEN_LETTERS 8

static const struct str flow_request =
    STR("NATS/1.0 100 FlowControl Request\r\n\r\n");

/* ---- flow control ---- */

static void answered(struct sub *sub, struct conn *from, const struct msg *msg)
{
    struct consumer *consumer = sub->arg;
    struct flow *flow = &consumer->push->flow;
    (void)from;
    if (!str_eq(msg->to, buf_str(&flow->asked)))
        return;
    flow->out -= flow->covered;
    flow->covered = 0;
    buf_reset(&flow->asked);
    if (flow->window < FLOW_WINDOW_MAX)
        flow->window *= 2;
    consumer_wake(consumer);
}

void consumer_flow_start(struct consumer *consumer)
{
    struct flow *flow = &consumer->push->flow;
    struct buf subject = {0};
    struct str none = {0};
    consumer->push->beat_timer.fire = consumer_beat_timeout;
    if (!consumer->config.flow_control)
        return;
    buf_printf(&subject, "$JS.FC.%s.%s.>", consumer->stream->name,
               consumer->name);
    flow->sub = sub_new(NULL, buf_str(&subject), none, none);
    flow->sub->handle = answered;
    flow->sub->arg = consumer;
    sublist_insert(consumer_account(consumer)->subs, flow->sub);
    buf_fini(&subject);
    consumer_flow_reset(consumer);
}

void consumer_flow_stop(struct consumer *consumer)
{
    struct flow *flow = &consumer->push->flow;
    timer_stop(consumer_timers(consumer), &consumer->push->beat_timer);
    if (flow->sub != NULL)
        sublist_remove(consumer_account(consumer)->subs, flow->sub);
    buf_fini(&flow->asked);
}

void consumer_flow_reset(struct consumer *consumer)
{
    struct flow *flow = &consumer->push->flow;
    flow->window = FLOW_WINDOW_MIN;
    flow->out = flow->covered = 0;
    buf_reset(&flow->asked);
}

bool consumer_flow_allows(const struct consumer *consumer)
{
    const struct flow *flow = &consumer->push->flow;
    return flow->sub == NULL || flow->out <= flow->window;
}

static void ask(struct consumer *consumer)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct flow *flow = &consumer->push->flow;
    struct server *server = consumer_server(consumer);
    buf_printf(&flow->asked, "$JS.FC.%s.%s.", consumer->stream->name,
               consumer->name);
    for (int i = 0; i < FLOW_TOKEN_LETTERS; i++)
        buf_append_byte(&flow->asked,
                        letters[server_random(server) % (sizeof(letters) - 1)]);
    flow->covered = flow->out;
    struct msg msg = {.to = consumer->push->watch.subject,
                      .subject = consumer->push->watch.subject,
                      .reply = buf_str(&flow->asked),
                      .headers = flow_request};
    route_own(consumer_account(consumer), &msg);
}

void consumer_flow_sent(struct consumer *consumer, size_t size)
{
    struct flow *flow = &consumer->push->flow;
    if (flow->sub == NULL)
        return;
    flow->out += size;
    if (flow->asked.len == 0 && flow->out > flow->window / 2)
        ask(consumer);
}

/* ---- heartbeats ---- */

void consumer_beat_headers(struct consumer *consumer, struct buf *out)
{
    consumer_count(consumer);
    buf_printf(out,
               "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: %llu\r\n"
               "Nats-Last-Stream: %llu\r\n",
               (unsigned long long)consumer->last_dseq,
               (unsigned long long)(consumer->next_seq - 1));
}

static void send_beat(struct consumer *consumer)
{
    struct push *push = consumer->push;
    struct buf headers = {0};
    consumer_beat_headers(consumer, &headers);
    if (push->flow.asked.len > 0)
        buf_printf(&headers, "Nats-Consumer-Stalled: %s\r\n",
                   buf_text(&push->flow.asked));
    buf_append_text(&headers, "\r\n");
    route_status(consumer_account(consumer), push->watch.subject,
                 buf_str(&headers));
    buf_fini(&headers);
    push->spoke_ns = consumer_now(consumer);
}

void consumer_beat_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct push, beat_timer);
    struct push *push = (struct push *)start;
    struct consumer *consumer = push->consumer;
    int64_t idle_ns = consumer_now(consumer) - push->spoke_ns;
    if (idle_ns >= consumer->config.heartbeat_ns && !push->held)
        send_beat(consumer);
    consumer_beat_schedule(consumer);
}

void consumer_beat_schedule(struct consumer *consumer)
{
    struct push *push = consumer->push;
    struct timers *timers = consumer_timers(consumer);
    int64_t every_ns = consumer->config.heartbeat_ns;
    int64_t due_ns = time_after(push->spoke_ns, every_ns);
    if (every_ns <= 0 || !push->bound) {
        timer_stop(timers, &push->beat_timer);
        return;
    }
    if (due_ns <= consumer_now(consumer)) /* it is blocked: later */
        due_ns = time_after(consumer_now(consumer), every_ns);
    timer_set(timers, &push->beat_timer, due_ns);
}
