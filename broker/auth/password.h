/* password: is what the client gave what the configuration holds?
 *
 * The configuration holds a text, or a bcrypt hash ($2a$ $2b$ $2y$) of one. A
 * hash takes tens of milliseconds to check, on purpose: never on the loop, see
 * password_checker.h. */
#ifndef NEXUS_BROKER_PASSWORD_H
#define NEXUS_BROKER_PASSWORD_H

#include <stdbool.h>

#include "lib/str.h"

bool password_is_hash(const char *expected);

/* Compares texts in a time that depends on neither. */
bool password_same(const char *expected, struct str given);

/* given has no NUL in it and ends with one. */
bool password_matches_hash(const char *hash, const char *given);

/* Overwrites a secret so that it does not stay in memory. */
void password_wipe(void *bytes, size_t n);

#endif
