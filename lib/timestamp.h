/* timestamp: points in time as people and the wire write them.
 *
 * In programs a time is int64_t nanoseconds since 1970-01-01 UTC (1678 to
 * 2262). On the wire it is RFC 3339 in UTC. */
#ifndef NEXUS_TIMESTAMP_H
#define NEXUS_TIMESTAMP_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

#define TIMESTAMP_MAX 40 /* bytes of the longest text, NUL included */

/* RFC 3339: "2025-07-18T20:42:34Z", a fraction of 1 to 9 digits, an offset
 * "+02:00" in place of Z, a space or 't' in place of 'T'. 0 or -EINVAL. */
int timestamp_parse(struct str text, int64_t *ns);

/* As timestamp_parse, and "now", "now-5m", "now-2h", "now-7d", "now-30s". */
int timestamp_parse_query(struct str text, int64_t now_ns, int64_t *ns);

/* Writes e.g. "2025-07-18T20:42:34.250Z" with `digits` (0, 3, 6 or 9) of
 * fraction, cut off, never rounded. out holds TIMESTAMP_MAX; returns length. */
int timestamp_format(int64_t ns, int digits, char *out);

/* As Go prints times (RFC3339Nano): nine digits less trailing zeros. */
int timestamp_format_nano(int64_t ns, char *out);

/* "250ms", "5s", "2m", "1h", "7d", or plain seconds: nanoseconds into *ns;
 * 0 or -EINVAL (negative, unknown unit, overflow). */
int duration_parse(struct str text, int64_t *ns);

/* In the largest unit that divides ns; duration_parse reads it back. */
void duration_append(struct buf *out, int64_t ns);

#endif
