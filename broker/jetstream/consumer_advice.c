/* consumer_advice: what a consumer tells whoever listens to advisories. */
#include "broker/jetstream/consumer_parts.h"

#include "broker/jetstream/advisory.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/priority.h"
#include "lib/clock.h"

/* What an advisory may be about; each kind has some of it. */
struct event {
    const struct consumer *consumer;
    const struct acked *acked;
    const char *action;
    struct str reason;
    int64_t ack_time_ns;
};

static void advise(const struct event *event, const char *kind,
                   const char *type, advisory_writer write)
{
    const struct stream *stream = event->consumer->stream;
    struct buf subject = {0};
    buf_printf(&subject, "%s.%s.%s", kind, stream->name, event->consumer->name);
    advisory_send(stream->js, type, buf_str(&subject), write, event);
    buf_fini(&subject);
}

static void write_names(struct json_writer *w, const struct event *event)
{
    json_member_text(w, "stream", event->consumer->stream->name);
    json_member_text(w, "consumer", event->consumer->name);
}

/* ---- created, deleted ---- */

static void write_action(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    write_names(w, event);
    json_member_text(w, "action", event->action);
}

void consumer_advise_created(const struct consumer *consumer)
{
    const struct event event = {.consumer = consumer, .action = "create"};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.CREATED",
           ADVISORY_TYPE "consumer_action", write_action);
}

void consumer_advise_deleted(const struct consumer *consumer)
{
    const struct event event = {.consumer = consumer, .action = "delete"};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.DELETED",
           ADVISORY_TYPE "consumer_action", write_action);
}

/* ---- paused, resumed ---- */

static void write_pause(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    const struct consumer *consumer = event->consumer;
    write_names(w, event);
    json_member_bool(w, "paused", consumer->paused);
    if (consumer->paused)
        js_member_time(w, "pause_until", consumer->config.pause_until_ns);
}

void consumer_advise_pause(const struct consumer *consumer)
{
    const struct event event = {.consumer = consumer};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.PAUSE",
           ADVISORY_TYPE "consumer_pause", write_pause);
}

/* ---- of a priority group ---- */

static void write_group(struct json_writer *w, const struct event *event)
{
    write_names(w, event);
    json_member_text(w, "group",
                     event->consumer->config.priority_groups.texts[0]);
}

static void write_pinned(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    write_group(w, event);
    json_member_text(w, "pinned_id", event->consumer->priority->pin);
}

void consumer_advise_pinned(const struct consumer *consumer)
{
    const struct event event = {.consumer = consumer};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.PINNED",
           ADVISORY_TYPE "consumer_group_pinned", write_pinned);
}

static void write_unpinned(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    write_group(w, event);
    json_member_str(w, "reason", event->reason);
}

void consumer_advise_unpinned(const struct consumer *consumer,
                              const char *reason)
{
    const struct event event = {.consumer = consumer, .reason = str_of(reason)};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.UNPINNED",
           ADVISORY_TYPE "consumer_group_unpinned", write_unpinned);
}

/* ---- of messages ---- */

static void write_max_deliver(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    write_names(w, event);
    json_member_u64(w, "stream_seq", event->acked->seq);
    json_member_u64(w, "deliveries", event->acked->deliveries);
}

void consumer_advise_max_deliver(const struct consumer *consumer,
                                 const struct unacked_entry *entry)
{
    const struct acked acked = {.seq = entry->seq,
                                .deliveries = entry->deliveries};
    const struct event event = {.consumer = consumer, .acked = &acked};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.MAX_DELIVERIES",
           ADVISORY_TYPE "max_deliver", write_max_deliver);
}

static void write_message(struct json_writer *w, const void *arg)
{
    const struct event *event = arg;
    write_names(w, event);
    json_member_u64(w, "consumer_seq", event->acked->dseq);
    json_member_u64(w, "stream_seq", event->acked->seq);
    json_member_u64(w, "deliveries", event->acked->deliveries);
    if (event->reason.len > 0)
        json_member_str(w, "reason", event->reason);
    if (event->ack_time_ns > 0)
        json_member_i64(w, "ack_time", event->ack_time_ns);
}

void consumer_advise_naked(const struct consumer *consumer,
                           const struct acked *acked)
{
    const struct event event = {.consumer = consumer, .acked = acked};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.MSG_NAKED", ADVISORY_TYPE "nak",
           write_message);
}

void consumer_advise_terminated(const struct consumer *consumer,
                                const struct acked *acked, struct str reason)
{
    const struct event event = {
        .consumer = consumer, .acked = acked, .reason = reason};
    advise(&event, ADVISORY_SUBJECT "CONSUMER.MSG_TERMINATED",
           ADVISORY_TYPE "terminated", write_message);
}

/* ---- samples ---- */

/* When it was delivered last: its deadline less the wait. */
static int64_t delivered_ns(const struct consumer *consumer,
                            const struct unacked_entry *entry)
{
    return entry->queue == UNACKED_READY
               ? consumer->sent_ns
               : entry->deadline_ns - consumer_ack_wait(consumer, entry);
}

void consumer_sample_ack(const struct consumer *consumer,
                         const struct unacked_entry *entry,
                         const struct acked *acked)
{
    int64_t percent = consumer->config.sample_percent;
    if (percent <= 0 ||
        (int64_t)(server_random(consumer_server(consumer)) % 100) >= percent)
        return;
    int64_t took_ns = clock_mono_ns() - delivered_ns(consumer, entry);
    const struct event event = {.consumer = consumer,
                                .acked = acked,
                                .ack_time_ns = took_ns > 0 ? took_ns : 1};
    advise(&event, METRIC_SUBJECT "CONSUMER.ACK", METRIC_TYPE "consumer_ack",
           write_message);
}
