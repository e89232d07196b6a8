/* unacked: what a consumer has delivered and not got an acknowledgement for.
 *
 * Each message stands in one of three queues, and all of them in the order of
 * their sequence, so that the lowest one (the acknowledgement floor) is known.
 * Every operation takes constant time; only a message with a deadline of its
 * own (a delayed -NAK, a back-off) is sorted in, from the latest backwards. */
#ifndef NEXUS_BROKER_UNACKED_H
#define NEXUS_BROKER_UNACKED_H

#include <stdint.h>

enum unacked_queue {
    UNACKED_WAITING, /* for an acknowledgement, each as long as the others */
    UNACKED_DELAYED, /* the same, or to be sent again, at a time of its own */
    UNACKED_READY,   /* to be sent again now */
    UNACKED_QUEUES
};

struct unacked_link {
    uint32_t prev, next; /* index of an entry; 0: none */
};

struct unacked_entry {
    uint64_t seq;        /* in the stream */
    uint64_t dseq;       /* of its first delivery */
    int64_t deadline_ns; /* mono; not of a READY one */
    struct unacked_link order, turn;
    uint32_t deliveries;
    enum unacked_queue queue;
};

struct unacked_list {
    uint32_t first, last;
};

/* A zeroed one is empty. An entry's address is good until the next add. */
struct unacked {
    struct unacked_entry *entries; /* [0] is not used */
    uint32_t cap, count;
    uint32_t free;   /* list through turn.next */
    uint32_t *table; /* index by hash of seq; 2 * cap slots */
    struct unacked_list order;
    struct unacked_list queues[UNACKED_QUEUES];
};

void unacked_fini(struct unacked *u);

/* NULL when not in it. */
struct unacked_entry *unacked_find(const struct unacked *u, uint64_t seq);

/* A message higher than all in it, delivered once, WAITING. */
struct unacked_entry *unacked_add(struct unacked *u, uint64_t seq,
                                  uint64_t dseq, int64_t deadline_ns);
void unacked_remove(struct unacked *u, struct unacked_entry *entry);

/* Moves it into a queue. */
void unacked_move(struct unacked *u, struct unacked_entry *entry,
                  enum unacked_queue queue, int64_t deadline_ns);

/* The lowest sequence; the first one READY; one WAITING or DELAYED that is due.
 * NULL when there is none. */
struct unacked_entry *unacked_lowest(const struct unacked *u);
struct unacked_entry *unacked_ready(const struct unacked *u);
struct unacked_entry *unacked_due(const struct unacked *u, int64_t now_ns);

/* The one of the next higher sequence, or NULL. */
struct unacked_entry *unacked_higher(const struct unacked *u,
                                     const struct unacked_entry *entry);

/* The earliest deadline, or INT64_MAX. */
int64_t unacked_deadline(const struct unacked *u);

#endif
