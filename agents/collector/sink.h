/* sink: writes batches to PostgreSQL, each in one transaction, so that writing
 * one again changes nothing.
 *
 * The common batch holds only rows that are new: it is copied straight into
 * telemetry. If a row turns out to be there (a message delivered again, or a
 * second sample of the same GPU and time), the batch goes through a temporary
 * table instead and is merged row by row; batches that follow soon after go
 * that way at once. */
#ifndef NEXUS_COLLECTOR_SINK_H
#define NEXUS_COLLECTOR_SINK_H

#include <libpq-fe.h>

#include "agents/collector/batch.h"
#include "agents/collector/database.h"
#include "lib/errmsg.h"

struct sink {
    PGconn *conn;   /* borrowed */
    int merges_due; /* batches to merge before copying is tried again */
    struct buf sql;
    struct buf copy;
};

void sink_fini(struct sink *sink);

/* Writes and commits. DB_OK, DB_RETRY or DB_REFUSED with *err. */
enum db_result sink_write(struct sink *sink, const struct batch *batch,
                          struct errmsg *err);

#endif
