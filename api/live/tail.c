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

struct tail {
    struct bus *bus;
    natsSubscription *sub;
    uint64_t reconnects;        /* of the connection, when it was opened */
    int64_t look_due_ns;        /* mono */
    uint64_t consumer_sequence; /* of the last message */
    bool empty;
};

static void options_fill(jsSubOptions *options, const struct tail_from *from)
{
    jsSubOptions_Init(options);
    options->Stream = BUS_STREAM;
    jsConsumerConfig *config = &options->Config;
    config->AckPolicy = js_AckNone;
    config->MaxDeliver = 1;
    config->FlowControl = true;
    config->Heartbeat = HEARTBEAT_NS; /* flow control asks for one */
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

static uint64_t reconnects_of(struct bus *bus)
{
    natsStatistics *stats = NULL;
    uint64_t count = 0, other;
    if (natsStatistics_Create(&stats) == NATS_OK &&
        natsConnection_GetStats(bus_connection(bus), stats) == NATS_OK)
        natsStatistics_GetCounts(stats, &other, &other, &other, &other, &count);
    natsStatistics_Destroy(stats);
    return count;
}

struct tail *tail_open(struct bus *bus, const char *subject,
                       const struct tail_from *from, struct errmsg *err)
{
    struct tail *tail = mem_zalloc(sizeof *tail);
    tail->bus = bus;
    tail->reconnects = reconnects_of(bus);
    jsSubOptions options;
    options_fill(&options, from);
    jsErrCode code = 0;
    uint64_t delivered;
    natsStatus s = js_SubscribeSync(&tail->sub, bus_jetstream(bus), subject,
                                    NULL, &options, &code);
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(tail->sub, PENDING_MAX,
                                              PENDING_BYTES_MAX);
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
        reconnects_of(tail->bus) != tail->reconnects)
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
    natsStatus s = natsSubscription_NextMsg(&msg, tail->sub, wait_ms);
    if (s == NATS_OK)
        return message_read(tail, msg, message);
    if (s != NATS_TIMEOUT)
        return TAIL_LOST;
    return wait_ms == 0 || lives(tail) ? TAIL_QUIET : TAIL_LOST;
}
