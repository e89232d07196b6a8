/* annotations: what people wrote on GPUs (labels, maintenance), in the database
 * and in the model.
 *
 * A mutation writes the database, then the model. What other gateways wrote is
 * read every few seconds: rows that changed since the last time and a while
 * before it, for a row is seen only when its transaction has ended. Of two
 * changes of one GPU the one that is later in the database's time stays. */
#ifndef NEXUS_API_TELEMETRY_ANNOTATIONS_H
#define NEXUS_API_TELEMETRY_ANNOTATIONS_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "lib/errmsg.h"
#include "lib/http.h"

#define ANNOTATIONS_LABELS_MAX 64
#define ANNOTATIONS_KEY_MAX    63
#define ANNOTATIONS_VALUE_MAX  255

struct annotations;

/* Starts reading. */
struct annotations *annotations_new(struct http_server *server,
                                    struct fleet *fleet, struct db *db);
/* After the pool. */
void annotations_free(struct annotations **annotations);

/* Since when it is out of service; 0: not known. */
int64_t annotations_maintenance_since(const struct annotations *annotations,
                                      const struct fleet_gpu *gpu);

/* Called once when the model has it, or with why not: outcome DB_OK and known
 * false is a GPU that the database has not heard of (yet). */
typedef void (*annotations_done)(enum db_outcome outcome, bool known,
                                 void *arg);

/* Checks labels: sorts them by key. 0, or -EINVAL with *err. */
int annotations_check_labels(struct fleet_label *labels, uint32_t count,
                             struct errmsg *err);

/* Writes. Labels have been checked; all is copied. */
void annotations_set_labels(struct annotations *annotations,
                            struct fleet_gpu *gpu,
                            const struct fleet_label *labels, uint32_t count,
                            annotations_done done, void *arg);
void annotations_set_maintenance(struct annotations *annotations,
                                 struct fleet_gpu *gpu, bool on,
                                 struct str reason, annotations_done done,
                                 void *arg);

#endif
