/* parser: whatever comes, in one piece or in many, with a subject to expect or
 * without, it reads the same operations, and nothing outside the input.
 * fuzz-links: broker/parser.c */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/parser.h"

#define OPS_MAX 512

struct seen {
    size_t kind, taken, subject, reply, headers, payload, pattern, queue, sid;
    uint64_t max;
};

#define HEADERS 1
#define KNOWN   2

static struct parser parser_make(uint8_t flags)
{
    static const struct str known = STR("known.subject");
    return (struct parser){.payload_max = 300,
                           .control_line_max = 100,
                           .headers = (flags & HEADERS) != 0,
                           .known = (flags & KNOWN) ? known : str_of("")};
}

static struct seen note(const struct op *op, ssize_t taken)
{
    return (struct seen){.kind = op->kind,
                         .taken = (size_t)taken,
                         .subject = op->msg.subject.len,
                         .reply = op->msg.reply.len,
                         .headers = op->msg.headers.len,
                         .payload = op->msg.payload.len,
                         .pattern = op->pattern.len,
                         .queue = op->queue.len,
                         .sid = op->sid.len,
                         .max = op->max};
}

/* Offers the input `step` bytes more at a time, each time in a block of memory
 * of exactly that size. Returns how it ended. */
static ssize_t read_all(const uint8_t *data, size_t size, size_t step,
                        uint8_t flags, struct seen *seen, size_t *count)
{
    struct parser parser = parser_make(flags);
    size_t start = 0, end = 0;
    *count = 0;
    for (;;) {
        size_t len = end - start;
        char *block = malloc(len > 0 ? len : 1);
        assert(block != NULL);
        if (len > 0)
            memcpy(block, data + start, len);
        struct op op = {0};
        ssize_t n = parser_next(&parser, block, len, &op);
        assert(n <= (ssize_t)len);
        if (n > 0 && *count < OPS_MAX)
            seen[(*count)++] = note(&op, n);
        free(block);
        if (n < 0 || (n == 0 && end == size))
            return n;
        if (n > 0)
            start += (size_t)n;
        else
            end = size - end < step ? size : end + step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seen whole[OPS_MAX], parts[OPS_MAX];
    size_t whole_count, parts_count;
    if (size < 2)
        return 0;
    uint8_t flags = data[0];
    size_t step = 1 + data[1] % 16;
    ssize_t a = read_all(data + 2, size - 2, size, flags, whole, &whole_count);
    ssize_t b =
        read_all(data + 2, size - 2, step, flags ^ KNOWN, parts, &parts_count);
    assert(a == b && whole_count == parts_count);
    assert(memcmp(whole, parts, whole_count * sizeof(*whole)) == 0);
    return 0;
}
