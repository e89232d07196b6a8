/* puback: see puback.h. */
#include "broker/jetstream/puback.h"

#define KEEP_BYTES (64u << 10) /* a larger empty queue gives its memory up */

struct record {
    uint64_t wait_seq, seq;
    uint32_t reply_len;
    bool duplicate;
};

void pubacks_fini(struct pubacks *acks)
{
    buf_fini(&acks->bytes);
    acks->start = 0;
}

bool pubacks_full(const struct pubacks *acks)
{
    return acks->bytes.len - acks->start > PUBACKS_BYTES_MAX;
}

static void make_room(struct pubacks *acks)
{
    if (pubacks_empty(acks)) {
        if (acks->bytes.cap > KEEP_BYTES)
            buf_fini(&acks->bytes);
        buf_reset(&acks->bytes);
        acks->start = 0;
    } else if (acks->start > acks->bytes.len / 2 &&
               acks->start > KEEP_BYTES / 2) {
        buf_consume(&acks->bytes, acks->start);
        acks->start = 0;
    }
}

void pubacks_push(struct pubacks *acks, const struct puback *ack)
{
    make_room(acks);
    struct record record = {.wait_seq = ack->wait_seq,
                            .seq = ack->seq,
                            .reply_len = (uint32_t)ack->reply.len,
                            .duplicate = ack->duplicate};
    buf_append(&acks->bytes, &record, sizeof(record));
    buf_append(&acks->bytes, ack->reply.p, ack->reply.len);
}

bool pubacks_pop(struct pubacks *acks, uint64_t durable, struct puback *ack)
{
    struct record record;
    if (pubacks_empty(acks))
        return false;
    const char *at = acks->bytes.data + acks->start;
    memcpy(&record, at, sizeof(record));
    if (record.wait_seq > durable)
        return false;
    ack->wait_seq = record.wait_seq;
    ack->seq = record.seq;
    ack->duplicate = record.duplicate;
    ack->reply = str_make(at + sizeof(record), record.reply_len);
    acks->start += sizeof(record) + record.reply_len;
    return true;
}
