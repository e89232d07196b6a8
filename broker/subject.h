/* subject: dot-separated names, and the patterns that select them.
 *
 * A subject is tokens joined by '.'; no token is empty and none holds a space,
 * tab, CR, LF or form feed. In a pattern the token "*" stands for any one
 * token and a last token ">" for one or more; "a*" and "a>" are literals. */
#ifndef NEXUS_BROKER_SUBJECT_H
#define NEXUS_BROKER_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/str.h"

/* Takes the next token off *rest; false when none is left. */
bool subject_next(struct str *rest, struct str *token);

/* Fit to subscribe to: wildcards allowed, ">" only at the end. */
bool subject_valid(struct str pattern);

/* Fit to publish to: valid and without wildcards. */
bool subject_valid_literal(struct str subject);

bool subject_has_wildcard(struct str pattern);

/* The literal subject is one that pattern selects. */
bool subject_matches(struct str pattern, struct str subject);

/* Whatever inner selects, outer selects too. */
bool subject_covers(struct str outer, struct str inner);

/* Some subject is selected by both. */
bool subject_overlaps(struct str a, struct str b);

/* A fast hash for tables; not stable over program versions. */
static inline uint32_t subject_hash(struct str s)
{
    uint64_t h = s.len * UINT64_C(0x9e3779b97f4a7c15);
    const char *p = s.p;
    size_t left = s.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 32;
    }
    /* The tail in one load, with bytes that are in already, or by hand: no copy
     * of so few bytes whose result the processor then waits for. */
    uint64_t tail = 0;
    if (s.len >= 8)
        memcpy(&tail, p + left - 8, 8);
    for (size_t i = 0; s.len < 8 && i < left; i++)
        tail = tail << 8 | (unsigned char)p[i];
    h = (h ^ tail) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(h >> 32);
}

#endif
