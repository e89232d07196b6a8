/* record: one message as it stands in a segment. The form is described in
 * README.md, "The disk layout". */
#ifndef NEXUS_BROKER_RECORD_H
#define NEXUS_BROKER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/store.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "records are read in place; a big-endian host must swap");

#define RECORD_ALIGN         8
#define RECORD_KIND_MESSAGE  1
#define RECORD_KIND_EXPIRING 2 /* the text begins with expires_ns, 8 bytes */
/* With either: removed, and headers and payload are zeros. */
#define RECORD_ERASED 0x10

struct record {
    uint32_t header_crc;
    uint32_t body_crc;
    uint64_t seq;
    int64_t time_ns;
    uint32_t payload_len;
    uint32_t headers_len;
    uint16_t subject_len;
    uint16_t kind;
    uint32_t zero;
};

#define RECORD_HEADER sizeof(struct record)
_Static_assert(RECORD_HEADER == 40, "the form on disk");

/* Bytes the message takes in a segment, padding included. */
size_t record_size_of(const struct store_msg *msg);
size_t record_size(const struct record *record);

/* Bytes the message counts for in a stream's state, as nats-server counts. */
uint32_t record_stream_bytes(const struct record *record);

/* The subject in a record whose header is valid; borrows. */
struct str record_subject(const struct record *record);

/* By which indexes know a subject: it stands in files, so the function is part
 * of the format. */
uint64_t record_subject_hash(uint32_t salt, struct str subject);

/* Writes the message as a record of record_size_of(msg) bytes at out. */
void record_write(struct record *out, uint32_t salt,
                  const struct store_msg *msg);

/* Overwrites headers and payload of the record, whose header is valid; its
 * lengths stay. */
void record_erase(struct record *record, uint32_t salt);

/* True when the header is what was written: its lengths can be relied on. */
bool record_header_valid(const struct record *record, uint32_t salt);

/* True when the text behind a valid header is what was written. */
bool record_body_valid(const struct record *record, uint32_t salt);

/* The message in a checked record; borrows. */
void record_read(const struct record *record, struct store_msg *msg);

#endif
