/* interest: being told when subscriptions to a subject come or go.
 *
 * A sublist tells its watches of every insert and remove that concerns their
 * subject. As long as nobody watches this costs it one branch. */
#ifndef NEXUS_BROKER_INTEREST_H
#define NEXUS_BROKER_INTEREST_H

#include "lib/str.h"

struct interest_topic;

/* Part of the thing that wants to know; `subject` and `changed` are set by it,
 * and the subject (a literal) outlives the watch. changed must neither
 * subscribe nor watch. */
struct interest_watch {
    struct str subject;
    void (*changed)(struct interest_watch *watch);
    struct interest_topic *topic;
    struct interest_watch *prev, *next; /* of the same subject */
};

/* A zeroed one has no watches. */
struct interest {
    struct interest_topic *topics; /* by subject */
};

void interest_add(struct interest *interest, struct interest_watch *watch);
void interest_remove(struct interest *interest, struct interest_watch *watch);

/* Tells those whose subject the pattern selects. */
void interest_tell(struct interest *interest, struct str pattern);

#endif
