/* jetstream_config: what the operator lets streams use, and how they are kept.
 * One for the broker; the accounts share it. */
#ifndef NEXUS_BROKER_JETSTREAM_CONFIG_H
#define NEXUS_BROKER_JETSTREAM_CONFIG_H

#include <stdint.h>

#include <stddef.h>

#include "broker/remote/remote_config.h"
#include "broker/store/store.h"

struct jetstream_config {
    const char *store_dir; /* folder of the streams */
    const char *domain;    /* $JS.<domain>.API.> works, too; NULL or "": none */
    int64_t max_memory;    /* bytes of all memory streams; <= 0: unlimited */
    int64_t max_storage;   /* bytes of all file streams; <= 0: unlimited */
    enum store_sync sync;  /* of streams that do not ask for another */
    int64_t sync_interval_ns; /* relaxed; 0: the store's default */
    int64_t dedup_ids_max;    /* a stream's; 0: DEDUP_IDS_MAX */
    int64_t index_bytes_max;  /* a stream's; 0: the store's default */

    /* Other servers whose streams may be copied: of the file, and of the flag
     * (see remote_list_parse). */
    const struct remote_config *remotes;
    size_t remote_count;
    const char *remote_list;
};

#endif
