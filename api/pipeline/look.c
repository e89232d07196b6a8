#include "api/pipeline/look.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

struct look *look_unconnected(void)
{
    struct look *look = mem_zalloc(sizeof *look);
    look->at_ns = clock_wall_ns();
    look->mono_ns = clock_mono_ns();
    return look;
}

void look_free(struct look **look)
{
    if (*look == NULL)
        return;
    arena_fini(&(*look)->arena);
    free((*look)->services);
    free(*look);
    *look = NULL;
}

/* That there is no such thing is an answer, too: NATS_ERR is what the library
 * calls those it has no name for. */
static bool is_answer(natsStatus s)
{
    return s == NATS_OK || s == NATS_NOT_FOUND || s == NATS_ERR;
}

static bool ask_stream(struct look *look, jsCtx *js)
{
    jsStreamInfo *info = NULL;
    natsStatus s = js_GetStreamInfo(&info, js, BUS_STREAM, NULL, NULL);
    if (s == NATS_OK) {
        const jsStreamState *state = &info->State;
        int64_t most = info->Config != NULL ? info->Config->MaxBytes : 0;
        look->stream = (struct look_stream){.known = true,
                                            .messages = state->Msgs,
                                            .bytes = state->Bytes,
                                            .bytes_max = most > 0 ? most : 0,
                                            .first = state->FirstSeq,
                                            .last = state->LastSeq,
                                            .created_ns = info->Created};
    }
    jsStreamInfo_Destroy(info);
    return is_answer(s);
}

/* The oldest sample that waits is the one behind the acknowledged, or the
 * stream's first where that is gone. */
static bool ask_lag(struct look *look, jsCtx *js)
{
    struct look_queue *queue = &look->queue;
    uint64_t oldest = queue->acknowledged + 1;
    if (oldest < look->stream.first)
        oldest = look->stream.first;
    natsMsg *msg = NULL;
    natsStatus s = js_GetMsg(&msg, js, BUS_STREAM, oldest, NULL, NULL);
    if (s == NATS_OK) {
        int64_t age = clock_wall_ns() - natsMsg_GetTime(msg);
        queue->lag_ns = age > 0 ? age : 0;
        queue->lag_known = true;
    }
    natsMsg_Destroy(msg);
    return is_answer(s);
}

static bool ask_queue(struct look *look, jsCtx *js)
{
    struct look_queue *queue = &look->queue;
    jsConsumerInfo *info = NULL;
    natsStatus s =
        js_GetConsumerInfo(&info, js, BUS_STREAM, BUS_CONSUMER, NULL, NULL);
    if (s == NATS_OK)
        *queue = (struct look_queue){.known = true,
                                     .pending = info->NumPending,
                                     .acknowledged = info->AckFloor.Stream,
                                     .unacknowledged = info->NumAckPending,
                                     .redelivered = info->NumRedelivered};
    jsConsumerInfo_Destroy(info);
    if (s != NATS_OK)
        return is_answer(s);
    if (queue->pending > 0 || queue->unacknowledged > 0)
        return ask_lag(look, js);
    queue->lag_known = true;
    return true;
}

/* Made by whoever has a dead letter first: until then there is none. */
static bool ask_dead_letters(struct look *look, jsCtx *js)
{
    jsStreamInfo *info = NULL;
    natsStatus s =
        js_GetStreamInfo(&info, js, BUS_DEADLETTER_STREAM, NULL, NULL);
    if (s == NATS_OK)
        look->dead_letters = info->State.Msgs;
    look->dead_letters_known = s == NATS_OK || s == NATS_NOT_FOUND;
    jsStreamInfo_Destroy(info);
    return is_answer(s);
}

/* A broker that does not answer one question is not asked the others. */
struct look *look_new(struct bus *bus, jsCtx *js)
{
    struct look *look = look_unconnected();
    if (!bus_connected(bus))
        return look;
    look->connected = true;
    bus_address(bus, look->server, sizeof look->server);
    if (ask_stream(look, js) && ask_queue(look, js) &&
        ask_dead_letters(look, js))
        look_services(look, js);
    look->connected = bus_connected(bus);
    return look;
}
