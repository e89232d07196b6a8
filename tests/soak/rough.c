/* rough: clients that do not behave. Each comes back when it was closed. */
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/soak/soak.h"

#define SLOW_BYTES (32u << 10) /* read in SLOW_MS */
#define SLOW_MS    50
#define STALL_MS   3000
#define LOOK_MS    100

static void subscribe(struct link *link)
{
    link_open(link, soak.port);
    link_printf(link, "SUB soak.fanout 1\r\n");
}

/* Until the broker closes it. */
void *rough_slow(void *arg)
{
    static char bytes[SLOW_BYTES];
    (void)arg;
    while (!soak.ending) {
        struct link link;
        subscribe(&link);
        while (!soak.ending && recv(link.fd, bytes, sizeof(bytes), 0) > 0)
            sleep_ms(SLOW_MS);
        soak.slow_closed += !soak.ending;
        link_close(&link);
    }
    return NULL;
}

/* It cannot see that it was closed: that stands behind what it does not read. */
void *rough_stalled(void *arg)
{
    (void)arg;
    while (!soak.ending) {
        struct link link;
        subscribe(&link);
        for (int ms = 0; ms < STALL_MS && !soak.ending; ms += LOOK_MS)
            sleep_ms(LOOK_MS);
        link_close(&link);
        soak.stalled++;
    }
    return NULL;
}

/* Resets the connection with a message half sent and many unread. */
void *rough_vanish(void *arg)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)arg;
    while (!soak.ending) {
        struct link link;
        subscribe(&link);
        link_printf(&link, "SUB soak.nobody.%d.> q 2\r\n", rand() % 1000);
        sleep_ms(rand() % 20);
        link_printf(&link, "PUB soak.nobody.x 100000\r\nhalf a message");
        setsockopt(link.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        link_close(&link);
        soak.vanished++;
    }
    return NULL;
}
