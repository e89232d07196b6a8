/* crc32c: the checksum of everything a stream keeps on disk (Castagnoli). */
#ifndef NEXUS_BROKER_CRC32C_H
#define NEXUS_BROKER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of len bytes, going on from crc; crc32c(0, "123456789", 9) is
 * 0xe3069283. By the processor's own instruction where it has one. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same by tables, on any processor. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif
