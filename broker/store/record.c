#include "broker/store/record.h"

#include <string.h>

#include "broker/store/crc32c.h"

/* The longest message, and its time. */
#define BODY_MAX (STORE_MSG_MAX + sizeof(int64_t))

static size_t padded(size_t body)
{
    return RECORD_HEADER +
           ((body + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1));
}

static size_t prefix_len(const struct record *record)
{
    bool expiring = (record->kind & ~RECORD_ERASED) == RECORD_KIND_EXPIRING;
    return expiring ? sizeof(int64_t) : 0;
}

static size_t body_len(const struct record *record)
{
    return prefix_len(record) + record->subject_len + record->headers_len +
           record->payload_len;
}

size_t record_size_of(const struct store_msg *msg)
{
    size_t prefix = msg->expires_ns != 0 ? sizeof msg->expires_ns : 0;
    return padded(prefix + msg->subject.len + msg->headers.len +
                  msg->payload.len);
}

size_t record_size(const struct record *record)
{
    return padded(body_len(record));
}

uint32_t record_stream_bytes(const struct record *record)
{
    uint32_t headers = record->headers_len > 0 ? 4 + record->headers_len : 0;
    return 22 + record->subject_len + headers + record->payload_len + 8;
}

static uint32_t header_crc(const struct record *record, uint32_t salt)
{
    size_t skip = sizeof record->header_crc;
    return crc32c(salt, (const char *)record + skip, RECORD_HEADER - skip);
}

static uint32_t body_crc(const struct record *record, uint32_t salt)
{
    return crc32c(salt, record + 1, record_size(record) - RECORD_HEADER);
}

static char *put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.p, text.len);
    return at + text.len;
}

void record_write(struct record *out, uint32_t salt,
                  const struct store_msg *msg)
{
    *out = (struct record){
        .seq = msg->seq,
        .time_ns = msg->time_ns,
        .payload_len = (uint32_t)msg->payload.len,
        .headers_len = (uint32_t)msg->headers.len,
        .subject_len = (uint16_t)msg->subject.len,
        .kind =
            msg->expires_ns != 0 ? RECORD_KIND_EXPIRING : RECORD_KIND_MESSAGE,
    };
    char *end = (char *)out + record_size(out);
    char *at = (char *)(out + 1);
    if (msg->expires_ns != 0)
        at = put(at, str_make((const char *)&msg->expires_ns,
                              sizeof msg->expires_ns));
    at = put(at, msg->subject);
    at = put(at, msg->headers);
    at = put(at, msg->payload);
    while (at < end)
        *at++ = 0;
    out->body_crc = body_crc(out, salt);
    out->header_crc = header_crc(out, salt);
}

struct str record_subject(const struct record *record)
{
    return str_make((const char *)(record + 1) + prefix_len(record),
                    record->subject_len);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t record_subject_hash(uint32_t salt, struct str subject)
{
    const uint64_t k0 = UINT64_C(0x9e3779b97f4a7c15) ^ salt;
    const uint64_t k1 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = mix(k0 ^ subject.len, k1), word;
    const char *p = subject.p;
    size_t left = subject.len;
    for (; left >= sizeof word; left -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        h = mix(h ^ word, k0) + k1;
    }
    word = 0; /* the tail's bytes, the first one lowest */
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return mix(mix(h ^ word, k1) ^ k0, k1 | 1);
}

void record_erase(struct record *record, uint32_t salt)
{
    struct str subject = record_subject(record);
    char *text = (char *)record + (subject.p - (const char *)record);
    memset(text + subject.len, 0,
           record->headers_len + (size_t)record->payload_len);
    record->kind |= RECORD_ERASED;
    record->body_crc = body_crc(record, salt);
    record->header_crc = header_crc(record, salt);
}

bool record_header_valid(const struct record *record, uint32_t salt)
{
    unsigned kind = record->kind & ~(unsigned)RECORD_ERASED;
    return (kind == RECORD_KIND_MESSAGE || kind == RECORD_KIND_EXPIRING) &&
           record->zero == 0 && body_len(record) <= BODY_MAX &&
           header_crc(record, salt) == record->header_crc;
}

bool record_body_valid(const struct record *record, uint32_t salt)
{
    return body_crc(record, salt) == record->body_crc;
}

void record_read(const struct record *record, struct store_msg *msg)
{
    struct str subject = record_subject(record);
    const char *headers = subject.p + subject.len;
    *msg = (struct store_msg){
        .seq = record->seq,
        .time_ns = record->time_ns,
        .subject = subject,
        .headers = str_make(headers, record->headers_len),
        .payload = str_make(headers + record->headers_len, record->payload_len),
    };
    if (prefix_len(record) > 0)
        memcpy(&msg->expires_ns, record + 1, sizeof msg->expires_ns);
}
