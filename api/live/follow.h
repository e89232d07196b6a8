/* follow: which part of the stream a gateway follows, as subjects of the
 * broker: "telemetry.>", or "telemetry.east.>,telemetry.west.*.*".
 *
 * A consumer has one filter subject (several need a newer nats-server), so the
 * narrowest one that covers all is asked for, and what comes besides is left
 * out here. */
#ifndef NEXUS_API_FOLLOW_H
#define NEXUS_API_FOLLOW_H

#include <stdbool.h>

#include "lib/errmsg.h"
#include "lib/str.h"

#define FOLLOW_MAX       16  /* subjects */
#define FOLLOW_BYTES_MAX 512 /* of one */

struct follow {
    char *text; /* of all subjects, each ended by NUL */
    const char *subjects[FOLLOW_MAX];
    int count;
    char cover[FOLLOW_BYTES_MAX]; /* the one that covers them */
};

/* 0, or -EINVAL with *err that names the subject and what is wrong. */
int follow_parse(struct follow *follow, const char *list, struct errmsg *err);
void follow_fini(struct follow *follow);

/* Is a message of that subject (without wildcards) followed? */
bool follow_takes(const struct follow *follow, const char *subject);

/* Every sample? */
bool follow_is_all(const struct follow *follow);

/* Widens *cover (of FOLLOW_BYTES_MAX) until it covers subject, too. */
void follow_cover(char *cover, const char *subject);

#endif
