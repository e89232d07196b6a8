/* partition: the days of the table telemetry.
 *
 * Each UTC day that has samples is a partition telemetry_YYYYMMDD, made when
 * the first sample of the day comes and dropped, whole, once the day is past
 * the retention. Shared by all workers. */
#ifndef NEXUS_COLLECTOR_PARTITION_H
#define NEXUS_COLLECTOR_PARTITION_H

#include <libpq-fe.h>
#include <stdint.h>

#include "agents/collector/database.h"
#include "lib/errmsg.h"

/* More days than this in one table means that something sends nonsense times;
 * the samples of further days are refused. */
#define PARTITIONS_MAX 3660

struct partitions;

struct partitions *partitions_new(void);
void partitions_free(struct partitions **partitions);

/* Makes sure that ts_ns's day has its partition. DB_REFUSED when there are
 * PARTITIONS_MAX already. */
enum db_result partitions_ensure(struct partitions *partitions, PGconn *conn,
                                 int64_t ts_ns, struct errmsg *err);

/* Forgets which days there are, so that each is looked up again: another
 * collector may have dropped one. */
void partitions_forget(struct partitions *partitions);

/* Drops the days that ended before horizon_ns; *dropped counts them. */
enum db_result partitions_drop_before(struct partitions *partitions,
                                      PGconn *conn, int64_t horizon_ns,
                                      int *dropped, struct errmsg *err);

#endif
