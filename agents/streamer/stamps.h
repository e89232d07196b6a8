/* stamps: the times of a replay.
 *
 * A replayed file's samples are stamped when they are processed. Samples of
 * one source time share one stamp, whenever in the pass they come; different
 * source times get different stamps, each later than the one given before, in
 * this pass and the next. */
#ifndef NEXUS_STREAMER_STAMPS_H
#define NEXUS_STREAMER_STAMPS_H

#include <stddef.h>
#include <stdint.h>

/* Source times remembered in a pass. Beyond, all are forgotten, and a row that
 * comes late gets a stamp of its own. */
#define STAMPS_MAX 1048576

/* How far stamps, a millisecond apart, may run ahead of the clock before they
 * follow each other by a microsecond (what PostgreSQL still tells apart). */
#define STAMPS_LEAD_MAX_NS INT64_C(1000000000)

struct stamps;

struct stamps *stamps_new(void);
void stamps_free(struct stamps **stamps);

/* A new pass: every source time gets a new stamp. */
void stamps_begin_pass(struct stamps *stamps);

/* The stamp of a source time; now_ns is the clock's. */
int64_t stamps_of(struct stamps *stamps, int64_t source_ns, int64_t now_ns);

#endif
