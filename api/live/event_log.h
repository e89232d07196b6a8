/* event_log: what one topic sends, kept a while for those who read it at their
 * own pace.
 *
 * An event is serialised once and appended once, however many read it: a reader
 * is a position in the log and costs nothing more. One that falls so far behind
 * that the log has let go of what it would read next gets, of what it missed,
 * the newest event of each key, and the number that were left out. So a slow
 * client can neither slow anybody down nor make memory grow. Where everybody
 * has read everything, nothing is kept but the newest event. */
#ifndef NEXUS_API_EVENT_LOG_H
#define NEXUS_API_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

struct event_log;

/* What all logs of a program may keep together. */
struct event_budget {
    size_t bytes, bytes_max;
};

struct event_log_config {
    size_t bytes_max;            /* of payloads kept; 0: 4 MiB */
    uint32_t events_max;         /* 0: 16384 */
    struct event_budget *budget; /* NULL: none */
};

struct event {
    struct str payload;
    uint64_t number;   /* in this log, from 1, without gaps */
    uint64_t previous; /* `sequence` of the event before it in this log; 0:
                          it is the first */
    uint64_t sequence; /* in the broker's stream; 0: none */
    uint64_t missed;   /* events between this reader's last one and this */
};

struct event_reader {
    struct event_log *log; /* NULL: left */
    struct event_reader *prev, *next;
    uint64_t number; /* of the last event it was given */
    bool idle;       /* has read all; will be woken */
    /* Something came after it had read all; called once until it has again. */
    void (*wake)(struct event_reader *reader);
};

struct event_log *event_log_new(const struct event_log_config *config);
void event_log_free(struct event_log **log); /* its readers have left */
size_t event_log_readers(const struct event_log *log);
size_t event_log_bytes(const struct event_log *log);    /* kept now */
uint64_t event_log_newest(const struct event_log *log); /* number; 0: none */

/* Appends (copies payload) and wakes who waits. key: of what the newest is
 * enough for a slow reader; 0: one key for all. Returns its number. */
uint64_t event_log_append(struct event_log *log, uint64_t key,
                          uint64_t sequence, struct str payload);

/* Joins behind the newest event. */
void event_reader_join(struct event_reader *reader, struct event_log *log);
void event_reader_leave(struct event_reader *reader);

/* The next event, its payload good until the next append; false when it has
 * read all (and will be woken). One that has just joined is idle, too. */
bool event_reader_next(struct event_reader *reader, struct event *event);

#endif
