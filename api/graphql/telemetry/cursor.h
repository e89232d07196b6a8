/* cursor: a place in an order, as text.
 *
 * It holds the object's UUID or id and what the object was sorted by when the
 * page was made: so it stays where it is while the object's values change and
 * others come and go. */
#ifndef NEXUS_API_TELEMETRY_CURSOR_H
#define NEXUS_API_TELEMETRY_CURSOR_H

#include "api/graphql/telemetry/selection.h"

#define CURSOR_MAX 8192 /* bytes of its text */

/* Appends it. */
void cursor_append(struct buf *out, const struct selection *s,
                   const struct selected *item);

/* Reads it: the item need not be in the selection. 0, or -EINVAL with *err: it
 * is not one, is of another order, or of an object that is not there. */
int cursor_parse(struct str text, const struct selection *s,
                 struct selected *item, struct errmsg *err);

#endif
