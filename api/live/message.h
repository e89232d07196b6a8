/* message: what /ws says of the fleet, as JSON members.
 *
 * An update is written once and sent to everybody who subscribed to the same:
 * what is each one's own (type, id, previous, missed) is put around it. So
 * these write members without the braces. */
#ifndef NEXUS_API_MESSAGE_H
#define NEXUS_API_MESSAGE_H

#include "api/fleet/fleet.h"
#include "api/live/filter.h"
#include "lib/buf.h"

/* "timestamp":…,"gpu_uuid":…,…,"data":{…},"sequence":N. metrics: those that are
 * written, null where it was not reported; 0: those that were reported. */
void message_update(struct buf *out, const struct sample *sample,
                    uint64_t metrics, uint64_t sequence);

/* ,"resume":N: behind an update, where some are held back. */
void message_resume(struct buf *out, uint64_t sequence);

/* "timestamp":…,"gpu_uuid":…,…,"before":…,"status":…,"sequence":N */
void message_change(struct buf *out, const struct fleet_change *change,
                    uint64_t sequence);

/* "timestamp":…,"data":{ counts by status, averages … },"sequence":N: of the
 * GPUs that the filter takes. */
void message_fleet(struct buf *out, const struct fleet *f,
                   const struct filter *filter);

/* One GPU of a snapshot, an object. */
void message_gpu(struct buf *out, const struct fleet_gpu *gpu,
                 uint64_t metrics);

/* "2025-07-18T20:42:34.25Z", quoted. */
void message_time(struct buf *out, int64_t ns);

#endif
