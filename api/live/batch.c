#include "api/live/batch.h"

#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/mem.h"

void channel_init(struct channel *c, int batches_max)
{
    *c = (struct channel){.batches_max = batches_max};
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->changed);
    c->ready_tail = &c->ready;
}

static void batches_free(struct batch *batch)
{
    while (batch != NULL) {
        struct batch *next = batch->next;
        arena_fini(&batch->arena);
        free(batch);
        batch = next;
    }
}

void channel_fini(struct channel *c)
{
    batches_free(c->ready);
    batches_free(c->spare);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

static struct batch *batch_clear(struct batch *batch)
{
    arena_reset(&batch->arena);
    batch->anew = batch->lost = batch->caught_up = batch->end = false;
    batch->count = batch->at = 0;
    batch->next = NULL;
    return batch;
}

struct batch *channel_spare(struct channel *c)
{
    struct batch *batch = NULL;
    pthread_mutex_lock(&c->lock);
    while (!c->closed && c->spare == NULL && c->batches == c->batches_max)
        pthread_cond_wait(&c->changed, &c->lock);
    if (!c->closed && c->spare != NULL) {
        batch = c->spare;
        c->spare = batch->next;
    } else if (!c->closed) {
        batch = mem_zalloc(sizeof *batch);
        c->batches++;
    }
    pthread_mutex_unlock(&c->lock);
    return batch != NULL ? batch_clear(batch) : NULL;
}

bool channel_give(struct channel *c, struct batch *batch)
{
    pthread_mutex_lock(&c->lock);
    bool first = c->ready == NULL;
    batch->next = NULL;
    *c->ready_tail = batch;
    c->ready_tail = &batch->next;
    pthread_mutex_unlock(&c->lock);
    return first;
}

bool channel_wait_closed(struct channel *c, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;
    pthread_mutex_lock(&c->lock);
    while (!c->closed && clock_mono_ns() < until)
        cond_wait_until(&c->changed, &c->lock, until);
    bool closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

struct batch *channel_take(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    struct batch *batch = c->ready;
    if (batch != NULL) {
        c->ready = batch->next;
        if (c->ready == NULL)
            c->ready_tail = &c->ready;
    }
    pthread_mutex_unlock(&c->lock);
    return batch;
}

void channel_return(struct channel *c, struct batch *batch)
{
    pthread_mutex_lock(&c->lock);
    batch->next = c->spare;
    c->spare = batch;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void channel_close(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

bool batch_add(struct batch *batch, struct tail_message *message,
               int64_t heard_ns, struct errmsg *err)
{
    struct batch_item *item = &batch->items[batch->count];
    struct str text = str_make(natsMsg_GetData(message->msg),
                               (size_t)natsMsg_GetDataLength(message->msg));
    text = arena_str(&batch->arena, text);
    natsMsg_Destroy(message->msg);
    message->msg = NULL;
    if (sample_decode(text, &batch->arena, &item->sample, err) < 0)
        return false;
    item->sequence = message->sequence;
    item->heard_ns = heard_ns;
    batch->count++;
    return true;
}
