/* fanout: numbered messages to several readers, who must get every one. */
#include <stdlib.h>

#include "tests/soak/soak.h"

#define SUBJECT "soak.fanout"
#define BATCH   256
#define LAG_MAX \
    20000 /* messages, 3 MB: the readers are none of the slow ones */

static bool readers_lag(uint64_t published)
{
    return published > soak.fanout_seen / SOAK_READERS + LAG_MAX;
}

void *fanout_publish(void *arg)
{
    struct link link;
    struct buf out = {0};
    struct pace pace = {0};
    uint64_t number = 0;
    (void)arg;
    link_open(&link, soak.port);
    while (!soak.ending) {
        buf_reset(&out);
        for (unsigned n = 0; n < BATCH; n++, number++)
            append_numbered(&out, "PUB " SUBJECT " 128\r\n", number);
        link_send(&link, buf_str(&out));
        soak.fanout_published = number;
        pace_wait(&pace, soak.fanout_rate, number);
        while (readers_lag(number) && !soak.ending)
            sleep_ms(1);
    }
    link_printf(&link, "PUB " SUBJECT " 0\r\n\r\n");
    link_sync(&link);
    link_close(&link);
    buf_fini(&out);
    return NULL;
}

/* Its subscription stands before the publisher starts (arg: a link with it). */
void *fanout_read(void *arg)
{
    struct link *link = arg;
    struct frame frame;
    for (uint64_t wanted = 0;; wanted++) {
        link_wait(link, &frame);
        if (frame.payload.len == 0)
            break;
        uint64_t number = strtoull(frame.payload.p, NULL, 10);
        if (number != wanted)
            fail("a reader got message %llu, not %llu",
                 (unsigned long long)number, (unsigned long long)wanted);
        soak.fanout_seen++;
    }
    link_close(link);
    return NULL;
}
