/* consumer_state: see consumer_state.h. */
#include "broker/jetstream/consumer_state.h"

#include <endian.h>
#include <errno.h>

#include "broker/store/crc32c.h"
#include "lib/clock.h"

#define MAGIC       "NEXCONS1"
#define MAGIC_BYTES 8
#define CRC_END     12 /* what is behind it is covered */

struct header {
    char magic[MAGIC_BYTES];
    uint32_t crc, entries;
    uint64_t deliveries, next_seq, floor_dseq, floor_seq;
};

struct entry {
    uint64_t seq, dseq;
    int64_t deadline_wall_ns;
    uint32_t deliveries, zero;
};

_Static_assert(sizeof(struct header) == 48, "as on disk");
_Static_assert(sizeof(struct entry) == 32, "as on disk");
_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the file is little-endian");

static void encode_entry(const struct unacked_entry *unacked,
                         int64_t wall_ahead, struct buf *out)
{
    struct entry entry = {.seq = unacked->seq,
                          .dseq = unacked->dseq,
                          .deliveries = unacked->deliveries};
    if (unacked->queue != UNACKED_READY)
        entry.deadline_wall_ns = time_after(wall_ahead, unacked->deadline_ns);
    buf_append(out, &entry, sizeof(entry));
}

void consumer_state_encode(const struct consumer *consumer, struct buf *out)
{
    size_t start = out->len;
    int64_t wall_ahead = clock_wall_ns() - clock_mono_ns();
    struct header header = {.magic = MAGIC,
                            .entries = consumer->unacked.count,
                            .deliveries = consumer->last_dseq,
                            .next_seq = consumer->next_seq,
                            .floor_dseq = consumer->floor.dseq,
                            .floor_seq = consumer->floor.seq};
    buf_append(out, &header, sizeof(header));
    for (const struct unacked_entry *entry = unacked_lowest(&consumer->unacked);
         entry != NULL; entry = unacked_higher(&consumer->unacked, entry))
        encode_entry(entry, wall_ahead, out);
    uint32_t crc =
        crc32c(0, out->data + start + CRC_END, out->len - start - CRC_END);
    memcpy(out->data + start + MAGIC_BYTES, &crc, sizeof(crc));
}

static bool entry_sound(const struct header *header, const struct entry *entry,
                        uint64_t below)
{
    return entry->seq > below && entry->seq < header->next_seq &&
           entry->dseq > 0 && entry->dseq <= header->deliveries &&
           entry->deliveries > 0;
}

static bool sound(const struct header *header, struct str bytes)
{
    if (memcmp(header->magic, MAGIC, MAGIC_BYTES) != 0 ||
        bytes.len != sizeof(*header) +
                         (uint64_t)header->entries * sizeof(struct entry) ||
        header->crc != crc32c(0, bytes.p + CRC_END, bytes.len - CRC_END) ||
        header->next_seq == 0)
        return false;
    uint64_t below = 0;
    for (uint32_t i = 0; i < header->entries; i++) {
        struct entry entry;
        memcpy(&entry, bytes.p + sizeof(*header) + i * sizeof(entry),
               sizeof(entry));
        if (!entry_sound(header, &entry, below))
            return false;
        below = entry.seq;
    }
    return true;
}

static void restore_entry(struct consumer *consumer, const struct entry *entry,
                          int64_t wall_ahead)
{
    int64_t deadline_ns = 0;
    if (entry->deadline_wall_ns > 0)
        deadline_ns = entry->deadline_wall_ns - wall_ahead;
    struct unacked_entry *unacked =
        unacked_add(&consumer->unacked, entry->seq, entry->dseq, deadline_ns);
    unacked->deliveries = entry->deliveries;
}

int consumer_state_decode(struct consumer *consumer, struct str bytes)
{
    struct header header;
    if (bytes.len < sizeof(header))
        return -EBADMSG;
    memcpy(&header, bytes.p, sizeof(header));
    if (!sound(&header, bytes))
        return -EBADMSG;
    int64_t wall_ahead = clock_wall_ns() - clock_mono_ns();
    consumer->last_dseq = header.deliveries;
    consumer->next_seq = header.next_seq;
    consumer->floor.dseq = header.floor_dseq;
    consumer->floor.seq = header.floor_seq;
    for (uint32_t i = 0; i < header.entries; i++) {
        struct entry entry;
        memcpy(&entry, bytes.p + sizeof(header) + i * sizeof(entry),
               sizeof(entry));
        restore_entry(consumer, &entry, wall_ahead);
    }
    return 0;
}
