/* progress: one line on the terminal, kept up to date by its own thread, so
 * that it shows a broker that does not answer, too. Nothing is written where
 * standard error is no terminal. */
#ifndef NEXUS_STREAMER_PROGRESS_H
#define NEXUS_STREAMER_PROGRESS_H

#include "lib/bus.h"

#define PROGRESS_EVERY_NS (200 * NS_PER_MS)

struct progress;

/* NULL when there is no terminal. Borrows the publisher until the end. */
struct progress *progress_start(struct bus_publisher *publisher);

/* Erases the line. */
void progress_end(struct progress **progress);

#endif
