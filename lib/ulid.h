/* ulid: 26-character identifiers that sort by the time they were made
 * (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, Crockford's
 * base 32. Within one millisecond of one thread the random part counts up. */
#ifndef NEXUS_ULID_H
#define NEXUS_ULID_H

#define ULID_LEN 26

/* Writes ULID_LEN characters and a NUL. */
void ulid_make(char out[ULID_LEN + 1]);

#endif
