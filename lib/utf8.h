/* utf8: Unicode text as bytes (RFC 3629). */
#ifndef NEXUS_UTF8_H
#define NEXUS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at p (1 to 4), 0 when it is malformed or
 * cut off: overlong forms, surrogates and values past U+10FFFF are. */
size_t utf8_sequence(const char *p, size_t len);

/* How many bytes from p on are whole, well-formed sequences. */
size_t utf8_valid(const char *p, size_t len);

/* May what utf8_valid stopped at be the beginning of a sequence whose rest is
 * to come? */
bool utf8_cut_off(const char *p, size_t len);

/* Writes the code point (at most U+10FFFF); returns 1 to 4 bytes. */
size_t utf8_encode(uint32_t code, char *out);

#endif
