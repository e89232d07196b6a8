/* registry: which number the database gave each GPU.
 *
 * Shared by all workers. A GPU that is new, or that moved to another host,
 * slot or model, is written to cluster, host and gpu in a transaction of its
 * own before its samples are: so a number handed out here is always one that
 * was committed. */
#ifndef NEXUS_COLLECTOR_REGISTRY_H
#define NEXUS_COLLECTOR_REGISTRY_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/collector/database.h"
#include "lib/errmsg.h"
#include "lib/sample.h"

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry **registry);

/* ids[i] becomes the number of samples[i]'s GPU; GPUs not known yet are
 * written through conn. Notes that each was heard of now. */
enum db_result registry_resolve(struct registry *registry, PGconn *conn,
                                const struct sample *const *samples,
                                size_t count, int32_t *ids, struct errmsg *err);

/* Writes gpu.last_seen of those heard of since the last call. */
enum db_result registry_flush_seen(struct registry *registry, PGconn *conn,
                                   struct errmsg *err);

size_t registry_count(struct registry *registry);

#endif
