/* source_header: see source_header.h. */
#include "broker/jetstream/source_header.h"

#include <openssl/sha.h>

#include "broker/msg.h"
#include "broker/subject.h"

#define HASH_CHARS    8
#define ACK_PREFIX    "$JS.ACK."
#define ACK_STREAM_AT 2 /* $JS.ACK.<stream>.<consumer>.<count>.<seq>.… */
#define ACK_SEQ_AT    5
#define EXPECTED      "Nats-Expected-"

/* ---- reading ---- */

static bool to_seq(struct str text, uint64_t *seq)
{
    int64_t value;
    if (str_to_i64(text, &value) != 0 || value <= 0)
        return false;
    *seq = (uint64_t)value;
    return true;
}

static bool read_ack(struct str value, struct source_header *out)
{
    struct str token;
    bool ok = false;
    for (int at = 0; subject_next(&value, &token); at++) {
        if (at == ACK_STREAM_AT)
            out->origin = token;
        if (at == ACK_SEQ_AT)
            ok = to_seq(token, &out->seq);
    }
    return ok;
}

/* Not every space: a filter may hold \f between its parts. */
static struct str next_word(struct str *rest)
{
    while (rest->len > 0 && rest->p[0] == ' ')
        *rest = str_make(rest->p + 1, rest->len - 1);
    const char *end = memchr(rest->p, ' ', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->p) : rest->len;
    struct str word = str_make(rest->p, len);
    *rest = str_make(rest->p + len, rest->len - len);
    return word;
}

bool source_header_read(struct str value, struct source_header *out)
{
    static const struct str ack = STR(ACK_PREFIX);
    *out = (struct source_header){.seq = 0};
    if (str_has_prefix(value, ack))
        return read_ack(value, out);
    out->origin = next_word(&value);
    if (!to_seq(next_word(&value), &out->seq))
        return false;
    out->filters = next_word(&value);
    out->destinations = next_word(&value);
    return out->origin.len > 0;
}

/* ---- writing ---- */

void source_origin_append(struct buf *out, const char *name, const char *api)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz";
    unsigned char hash[SHA256_DIGEST_LENGTH];
    buf_append_text(out, name);
    if (api == NULL)
        return;
    SHA256((const unsigned char *)api, strlen(api), hash);
    buf_append_byte(out, ':');
    for (int i = 0; i < HASH_CHARS; i++)
        buf_append_byte(out, digits[hash[i] % (sizeof(digits) - 1)]);
}

static bool is_dropped(struct str line)
{
    static const struct str source = STR(SOURCE_HEADER ":");
    static const struct str expected = STR(EXPECTED);
    return str_has_prefix(line, source) || str_has_prefix(line, expected);
}

/* All lines but the empty one at the end, and those that are dropped. */
static void append_kept(struct buf *out, struct str headers)
{
    while (headers.len > 0) {
        const char *end = memchr(headers.p, '\n', headers.len);
        size_t len = end != NULL ? (size_t)(end - headers.p) + 1 : headers.len;
        struct str line = str_make(headers.p, len);
        headers = str_make(headers.p + len, headers.len - len);
        if (str_trim(line).len > 0 && !is_dropped(line))
            buf_append_str(out, line);
    }
}

void source_headers_append(struct buf *out, struct str headers,
                           const struct source_header *mark, struct str subject)
{
    if (headers.len == 0)
        buf_append_text(out, MSG_HEADERS_LINE);
    append_kept(out, headers);
    buf_append_text(out, SOURCE_HEADER ": ");
    buf_append_str(out, mark->origin);
    buf_append_byte(out, ' ');
    buf_append_u64(out, mark->seq);
    buf_append_byte(out, ' ');
    buf_append_str(out, mark->filters);
    buf_append_byte(out, ' ');
    buf_append_str(out, mark->destinations);
    buf_append_byte(out, ' ');
    buf_append_str(out, subject);
    buf_append_text(out, "\r\n\r\n");
}
