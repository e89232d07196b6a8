/* accept: what a client would rather have, by quality values (RFC 9110,
 * sections 12.4.2 and 12.5): Accept and Accept-Encoding. */
#ifndef NEXUS_API_ACCEPT_H
#define NEXUS_API_ACCEPT_H

#include "lib/str.h"

/* How much the header's value wants `name` ("text/html", "gzip"), in
 * thousandths: that of the most specific range that holds it; 0: not at all.
 * Parameters of a range other than q are not looked at. */
int accept_quality(struct str header, const char *name);

/* How closely the range that decided names it: 3 itself, 2 its type with any
 * subtype, 1 anything, 0 no range holds it. Of two that are wanted alike, the
 * one that was named is meant. */
int accept_precision(struct str header, const char *name);

#endif
