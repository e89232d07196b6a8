/* migrate: brings the database's schema up to this program's.
 *
 * The files of schema/postgres/ travel inside the program. Each runs once, in
 * a transaction of its own, and is remembered in schema_migrations; behind
 * them, telemetry gets a column for each metric of the catalogue that has none.
 * Any number of collectors may start together: an advisory lock lets one work
 * and the others find it done. A file that has run is never edited; a change
 * is a new file. */
#ifndef NEXUS_COLLECTOR_MIGRATE_H
#define NEXUS_COLLECTOR_MIGRATE_H

#include <libpq-fe.h>

#include "lib/errmsg.h"

/* 0, or -EAGAIN (try again on a new connection) or -EINVAL with *err. */
int migrate(PGconn *conn, struct errmsg *err);

#endif
