/* deadletter: the file of rows that could not be read.
 *
 *     file,line,reason,row
 *     "fleet.csv",17,"column value: ""abc"" is not a number","…the row…"
 *
 * Appended to, one write a row, so that it can be followed while the streamer
 * runs. It stops growing at a limit; what comes then is only counted. */
#ifndef NEXUS_STREAMER_DEADLETTER_H
#define NEXUS_STREAMER_DEADLETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/str.h"

#define DEADLETTER_BYTES_MAX INT64_C(67108864)

struct deadletter;

/* Borrows path. The file is opened, and made, with the first row. */
struct deadletter *deadletter_new(const char *path);
void deadletter_free(struct deadletter **dl);

/* 0; -ENOSPC when the limit is reached; another negative errno with *err when
 * the file cannot be written. */
int deadletter_put(struct deadletter *dl, const char *file, uint64_t line,
                   const char *reason, struct str row, struct errmsg *err);

#endif
