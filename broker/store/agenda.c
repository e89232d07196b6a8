/* agenda: see agenda.h. */
#include "broker/store/agenda.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

#define AGENDA_MIN 16U
/* Messages of the tick under way that are looked at too early in one run. */
#define EARLY_MAX 512

struct early {
    int64_t expires_ns;
    uint32_t number;
};

void agenda_fini(struct agenda *agenda)
{
    free(agenda->keys);
    *agenda = (struct agenda){.keys = NULL};
}

/* ---- keys ---- */

static uint64_t key_of(uint64_t ticks, uint32_t number)
{
    return (ticks < UINT32_MAX ? ticks : UINT32_MAX) << 32 | number;
}

/* Far enough back that a row of ever earlier ones does it seldom. */
static void move_base(struct agenda *agenda, int64_t expires_ns)
{
    uint64_t back =
        ((uint64_t)(agenda->base_ns - expires_ns) >> AGENDA_TICK_SHIFT) + 1;
    back += agenda->moved;
    agenda->moved += back;
    agenda->base_ns -= (int64_t)(back << AGENDA_TICK_SHIFT);
    for (size_t i = 0; i < agenda->count; i++)
        agenda->keys[i] =
            key_of((agenda->keys[i] >> 32) + back, (uint32_t)agenda->keys[i]);
}

static int64_t tick_ns(const struct agenda *agenda, uint64_t key)
{
    int64_t after = (int64_t)(key >> 32) << AGENDA_TICK_SHIFT;
    return agenda->base_ns > INT64_MAX - after ? INT64_MAX
                                               : agenda->base_ns + after;
}

/* ---- the heap ---- */

static void raise_key(struct agenda *agenda, uint64_t key)
{
    size_t at = agenda->count++;
    for (; at > 0 && agenda->keys[(at - 1) / 2] > key; at = (at - 1) / 2)
        agenda->keys[at] = agenda->keys[(at - 1) / 2];
    agenda->keys[at] = key;
}

static uint32_t take_first(struct agenda *agenda)
{
    uint32_t number = (uint32_t)agenda->keys[0];
    uint64_t key = agenda->keys[--agenda->count];
    size_t at = 0, child;
    while ((child = at * 2 + 1) < agenda->count) {
        if (child + 1 < agenda->count &&
            agenda->keys[child + 1] < agenda->keys[child])
            child++;
        if (agenda->keys[child] >= key)
            break;
        agenda->keys[at] = agenda->keys[child];
        at = child;
    }
    agenda->keys[at] = key;
    return number;
}

/* Memory goes with what it was for. */
static void shrink(struct agenda *agenda)
{
    if (agenda->max <= AGENDA_MIN || agenda->count * 4 > agenda->max)
        return;
    agenda->max /= 2;
    agenda->keys = mem_grow(agenda->keys, agenda->max, sizeof *agenda->keys);
}

void agenda_add(struct agenda *agenda, int64_t expires_ns, uint32_t number)
{
    int64_t now_ns = clock_wall_ns();
    if (expires_ns < 0) /* a record that nobody of us wrote: long over */
        expires_ns = 0;
    if (agenda->count == agenda->max) {
        agenda->max = agenda->max > 0 ? agenda->max * 2 : AGENDA_MIN;
        agenda->keys =
            mem_grow(agenda->keys, agenda->max, sizeof *agenda->keys);
    }
    if (agenda->count == 0) {
        agenda->base_ns = expires_ns < now_ns ? expires_ns : now_ns;
        agenda->moved = 0;
    }
    if (expires_ns < agenda->base_ns)
        move_base(agenda, expires_ns);
    uint64_t after_ns = (uint64_t)expires_ns - (uint64_t)agenda->base_ns;
    raise_key(agenda, key_of(after_ns >> AGENDA_TICK_SHIFT, number));
}

void agenda_prune(struct agenda *agenda,
                  bool (*there)(void *owner, uint32_t number), void *owner)
{
    size_t count = agenda->count;
    agenda->count = 0;
    for (size_t i = 0; i < count; i++)
        if (there(owner, (uint32_t)agenda->keys[i]))
            raise_key(agenda, agenda->keys[i]);
    shrink(agenda);
}

int64_t agenda_next(const struct agenda *agenda)
{
    return agenda->count > 0 ? tick_ns(agenda, agenda->keys[0]) : INT64_MAX;
}

/* ---- running ---- */

/* Does what is to be done about one message. True: it stays. */
static bool stays(struct agenda_run *run, uint32_t number,
                  struct store_msg *msg)
{
    if (!run->look(run->owner, number, msg))
        return false;
    if (msg->expires_ns > run->now_ns)
        return true;
    int64_t expires_ns = msg->expires_ns;
    run->fn(run->arg, msg);
    run->count++;
    run->max--;
    bool there = run->look(run->owner, number, msg);
    msg->expires_ns = expires_ns;
    return there;
}

int64_t agenda_run(struct agenda *agenda, struct agenda_run *run)
{
    struct early early[EARLY_MAX];
    int64_t next_ns = INT64_MAX;
    size_t count = 0;
    for (; run->max > 0 && run->steps > 0 && count < EARLY_MAX &&
           agenda->count > 0 && agenda_next(agenda) <= run->now_ns;
         run->steps--) {
        struct store_msg msg;
        uint32_t number = take_first(agenda);
        if (stays(run, number, &msg))
            early[count++] = (struct early){msg.expires_ns, number};
    }
    if (agenda->count > 0)
        next_ns = agenda_next(agenda);
    for (size_t i = 0; i < count; i++) {
        if (early[i].expires_ns < next_ns)
            next_ns = early[i].expires_ns;
        agenda_add(agenda, early[i].expires_ns, early[i].number);
    }
    shrink(agenda);
    return next_ns;
}
