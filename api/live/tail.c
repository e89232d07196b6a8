#include "api/live/tail.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

#define HEARTBEAT_NS (30 * NS_PER_S)
#define LOOK_NS      (2 * NS_PER_S)  /* of quiet, until the consumer is asked */
#define INACTIVE_NS  (10 * NS_PER_S) /* the broker forgets it after that */
/* What the client library keeps for us; flow control holds the rest back. */
#define PENDING_MAX       65536
#define PENDING_BYTES_MAX (64 << 20)
#define PULL_MAX          128 /* messages asked for at once */

struct tail {
    struct bus *bus;
    natsSubscription *sub;
    uint64_t reconnects;        /* of the connection, when it was opened */
    int64_t look_due_ns;        /* mono */
    uint64_t consumer_sequence; /* of the last message */
    bool empty;
    bool pull;
    natsMsgList pulled; /* … and not taken yet: from `taken` on */
    int taken;
};

static void options_fill(jsSubOptions *options, const struct tail_from *from)
{
    jsSubOptions_Init(options);
    options->Stream = BUS_STREAM;
    jsConsumerConfig *config = &options->Config;
    config->AckPolicy = js_AckNone;
    config->MaxDeliver = 1;
    config->FlowControl = !from->pull;
    config->Heartbeat = from->pull ? 0 : HEARTBEAT_NS; /* goes with it */
    config->InactiveThreshold = INACTIVE_NS;
    config->MemoryStorage = true;
    if (from->sequence != 0) {
        config->DeliverPolicy = js_DeliverByStartSequence;
        config->OptStartSeq = from->sequence;
    } else {
        config->DeliverPolicy = js_DeliverByStartTime;
        config->OptStartTime = from->time_ns;
    }
}

/* *delivered: messages that were sent to us. */
static natsStatus look_at_consumer(struct tail *tail, uint64_t *delivered)
{
    jsConsumerInfo *info = NULL;
    natsStatus s =
        natsSubscription_GetConsumerInfo(&info, tail->sub, NULL, NULL);
    if (s == NATS_OK) {
        *delivered = info->Delivered.Consumer;
        tail->empty = info->NumPending == 0 && *delivered == 0;
    }
    jsConsumerInfo_Destroy(info);
    tail->look_due_ns = clock_mono_ns() + LOOK_NS;
    return s;
}

static natsStatus subscribe(struct tail *tail, const char *subject,
                            const struct tail_from *from, jsErrCode *code)
{
    jsSubOptions options;
    options_fill(&options, from);
    jsCtx *js = bus_jetstream(tail->bus);
    if (from->pull)
        return js_PullSubscribe(&tail->sub, js, subject, NULL, NULL, &options,
                                code);
    natsStatus s =
        js_SubscribeSync(&tail->sub, js, subject, NULL, &options, code);
    if (s != NATS_OK)
        return s;
    return natsSubscription_SetPendingLimits(tail->sub, PENDING_MAX,
                                             PENDING_BYTES_MAX);
}

struct tail *tail_open(struct bus *bus, const char *subject,
                       const struct tail_from *from, struct errmsg *err)
{
    struct tail *tail = mem_zalloc(sizeof *tail);
    tail->bus = bus;
    tail->reconnects = bus_reconnects(bus);
    tail->pull = from->pull;
    jsErrCode code = 0;
    uint64_t delivered;
    natsStatus s = subscribe(tail, subject, from, &code);
    if (s == NATS_OK)
        s = look_at_consumer(tail, &delivered);
    if (s == NATS_OK)
        return tail;
    errmsg_set(err, 0, "stream %s cannot be read: %s (err_code %d)", BUS_STREAM,
               natsStatus_GetText(s), (int)code);
    tail_close(&tail);
    return NULL;
}

void tail_close(struct tail **tail)
{
    if (*tail == NULL)
        return;
    natsMsgList_Destroy(&(*tail)->pulled);
    if ((*tail)->sub != NULL)
        natsSubscription_Unsubscribe((*tail)->sub);
    natsSubscription_Destroy((*tail)->sub);
    free(*tail);
    *tail = NULL;
}

bool tail_empty(const struct tail *tail)
{
    return tail->empty;
}

static enum tail_result message_read(struct tail *tail, natsMsg *msg,
                                     struct tail_message *message)
{
    jsMsgMetaData *meta = NULL;
    if (natsMsg_GetMetaData(&meta, msg) != NATS_OK ||
        meta->Sequence.Consumer != tail->consumer_sequence + 1) {
        jsMsgMetaData_Destroy(meta);
        natsMsg_Destroy(msg);
        return TAIL_LOST;
    }
    tail->consumer_sequence++;
    *message = (struct tail_message){.msg = msg,
                                     .sequence = meta->Sequence.Stream,
                                     .time_ns = meta->Timestamp,
                                     .pending = meta->NumPending};
    jsMsgMetaData_Destroy(meta);
    return TAIL_MESSAGE;
}

static natsStatus pull(struct tail *tail, int64_t wait_ms)
{
    jsFetchRequest request;
    jsFetchRequest_Init(&request);
    request.Batch = PULL_MAX;
    request.NoWait = true; /* what is there now, or the first to come */
    request.Expires = wait_ms * NS_PER_MS;
    natsMsgList_Destroy(&tail->pulled);
    tail->taken = 0;
    return natsSubscription_FetchRequest(&tail->pulled, tail->sub, &request);
}

/* A batch that has been taken whole ends with a pause: it can be handed on. */
static natsStatus next_pulled(struct tail *tail, int64_t wait_ms, natsMsg **msg)
{
    if (tail->taken == tail->pulled.Count) {
        if (wait_ms == 0)
            return NATS_TIMEOUT;
        natsStatus s = pull(tail, wait_ms);
        if (s != NATS_OK || tail->pulled.Count == 0)
            return s == NATS_NOT_FOUND || s == NATS_OK ? NATS_TIMEOUT : s;
    }
    *msg = tail->pulled.Msgs[tail->taken];
    tail->pulled.Msgs[tail->taken++] = NULL;
    return NATS_OK;
}

static uint64_t tail_queued(const struct tail *tail)
{
    uint64_t queued = 0;
    natsSubscription_QueuedMsgs(tail->sub, &queued);
    return queued;
}

/* Nothing came: because there is nothing? */
static bool lives(struct tail *tail)
{
    uint64_t delivered;
    if (!bus_connected(tail->bus) ||
        bus_reconnects(tail->bus) != tail->reconnects)
        return false;
    if (clock_mono_ns() < tail->look_due_ns)
        return true;
    /* What was sent before we asked has come by now. */
    return look_at_consumer(tail, &delivered) == NATS_OK &&
           delivered <= tail->consumer_sequence + tail_queued(tail);
}

enum tail_result tail_next(struct tail *tail, int64_t wait_ms,
                           struct tail_message *message)
{
    natsMsg *msg = NULL;
    natsStatus s = tail->pull
                       ? next_pulled(tail, wait_ms, &msg)
                       : natsSubscription_NextMsg(&msg, tail->sub, wait_ms);
    if (s == NATS_OK)
        return message_read(tail, msg, message);
    if (s != NATS_TIMEOUT)
        return TAIL_LOST;
    return wait_ms == 0 || lives(tail) ? TAIL_QUIET : TAIL_LOST;
}
