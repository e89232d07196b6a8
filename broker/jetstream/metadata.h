/* metadata: names and texts that clients hang on streams and consumers. The
 * broker keeps them and gives them back. */
#ifndef NEXUS_BROKER_METADATA_H
#define NEXUS_BROKER_METADATA_H

#include "lib/arena.h"
#include "lib/json.h"

/* Bytes of all names and texts together. */
#define METADATA_BYTES_MAX (128u << 10)

struct metadata_entry {
    char *name, *text;
};

/* A zeroed one is empty. */
struct metadata {
    struct metadata_entry *entries; /* in the order of their names */
    unsigned count;
    size_t bytes;
};

void metadata_fini(struct metadata *metadata);

/* Reads the member "metadata" of object, where it is there: an object of
 * strings. 0, or -1. */
int metadata_read(struct metadata *metadata, struct json object,
                  struct arena *arena);

/* Writes the member, unless there is nothing in it. */
void metadata_write(const struct metadata *metadata, struct json_writer *w);

#endif
