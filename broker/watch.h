/* watch: a file descriptor on the loop; the first member of what it serves. */
#ifndef NEXUS_BROKER_WATCH_H
#define NEXUS_BROKER_WATCH_H

#include <stdint.h>

struct watch {
    /* Called with the epoll events that came. */
    void (*ready)(struct watch *watch, uint32_t events);
};

#endif
