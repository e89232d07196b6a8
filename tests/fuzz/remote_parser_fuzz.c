/* remote_parser: whatever another server says, in one piece or in many, it
 * reads the same operations, and nothing outside the input.
 * fuzz-links: broker/remote/remote_parser.c */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/remote/remote_parser.h"

#define OPS_MAX 512

struct seen {
    size_t kind, taken, subject, sid, reply, headers, payload, text;
};

static struct seen note(const struct remote_op *op, ssize_t taken)
{
    return (struct seen){.kind = op->kind,
                         .taken = (size_t)taken,
                         .subject = op->subject.len,
                         .sid = op->sid.len,
                         .reply = op->reply.len,
                         .headers = op->headers.len,
                         .payload = op->payload.len,
                         .text = op->text.len};
}

/* Offers the input `step` bytes more at a time, each time in a block of memory
 * of exactly that size. Returns how it ended. */
static ssize_t read_all(const uint8_t *data, size_t size, size_t step,
                        struct seen *seen, size_t *count)
{
    struct remote_parser parser = {.payload_max = 300};
    size_t start = 0, end = 0;
    *count = 0;
    for (;;) {
        size_t len = end - start;
        char *block = malloc(len > 0 ? len : 1);
        assert(block != NULL);
        if (len > 0)
            memcpy(block, data + start, len);
        struct remote_op op = {0};
        ssize_t n = remote_parser_next(&parser, block, len, &op);
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
    if (size < 1)
        return 0;
    size_t step = 1 + data[0] % 16;
    ssize_t a = read_all(data + 1, size - 1, size, whole, &whole_count);
    ssize_t b = read_all(data + 1, size - 1, step, parts, &parts_count);
    assert(a == b && whole_count == parts_count);
    assert(memcmp(whole, parts, whole_count * sizeof(*whole)) == 0);
    return 0;
}
