/* subject_list: subjects kept aside, because what they were found in changes
 * meanwhile. A zeroed buf is empty; the owner frees it. */
#ifndef NEXUS_BROKER_SUBJECT_LIST_H
#define NEXUS_BROKER_SUBJECT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/* Copies. */
void subject_list_add(struct buf *list, struct str subject);

/* From *at = 0 on, one after the other; good until the list changes. */
bool subject_list_next(const struct buf *list, size_t *at, struct str *subject);

#endif
