#include "api/live/tail.h"

#include <stdlib.h>

#include "lib/bus.h"
#include "lib/mem.h"

#define HEARTBEAT_NS (1 * NS_PER_S)
#define INACTIVE_NS  (10 * NS_PER_S) /* the broker forgets it after that */
/* What the client library keeps for us; flow control holds the rest back. */
#define PENDING_MAX       65536
#define PENDING_BYTES_MAX (64 << 20)

struct tail {
    natsSubscription *sub;
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
    config->Heartbeat = HEARTBEAT_NS;
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

static natsStatus look_at_consumer(struct tail *tail)
{
    jsConsumerInfo *info = NULL;
    natsStatus s =
        natsSubscription_GetConsumerInfo(&info, tail->sub, NULL, NULL);
    if (s == NATS_OK)
        tail->empty = info->NumPending == 0 && info->Delivered.Consumer == 0;
    jsConsumerInfo_Destroy(info);
    return s;
}

struct tail *tail_open(jsCtx *js, const char *subject,
                       const struct tail_from *from, struct errmsg *err)
{
    struct tail *tail = mem_zalloc(sizeof *tail);
    jsSubOptions options;
    options_fill(&options, from);
    jsErrCode code = 0;
    natsStatus s =
        js_SubscribeSync(&tail->sub, js, subject, NULL, &options, &code);
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(tail->sub, PENDING_MAX,
                                              PENDING_BYTES_MAX);
    if (s == NATS_OK)
        s = look_at_consumer(tail);
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

enum tail_result tail_next(struct tail *tail, int64_t wait_ms,
                           struct tail_message *message)
{
    natsMsg *msg = NULL;
    natsStatus s = natsSubscription_NextMsg(&msg, tail->sub, wait_ms);
    if (s == NATS_OK)
        return message_read(tail, msg, message);
    return s == NATS_TIMEOUT ? TAIL_QUIET : TAIL_LOST;
}
