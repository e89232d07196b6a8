/* js_headers: see js_headers.h. */
#include "broker/jetstream/js_headers.h"

#include "broker/msg.h"
#include "lib/timestamp.h"

void js_headers_begin(struct buf *out, struct str original)
{
    static const struct str end = STR("\r\n");
    if (original.len == 0) {
        buf_append_text(out, MSG_HEADERS_LINE);
        return;
    }
    if (original.len >= 2 * end.len &&
        memcmp(original.p + original.len - end.len, end.p, end.len) == 0)
        original.len -= end.len;
    buf_append_str(out, original);
}

static void begin_line(struct buf *out, const char *name)
{
    buf_append_text(out, name);
    buf_append_text(out, ": ");
}

void js_headers_text(struct buf *out, const char *name, struct str value)
{
    begin_line(out, name);
    buf_append_str(out, value);
    js_headers_end(out);
}

void js_headers_u64(struct buf *out, const char *name, uint64_t value)
{
    begin_line(out, name);
    buf_append_u64(out, value);
    js_headers_end(out);
}

void js_headers_time(struct buf *out, const char *name, int64_t ns)
{
    char text[TIMESTAMP_MAX];
    int len = timestamp_format_nano(ns, text);
    js_headers_text(out, name, str_make(text, (size_t)len));
}

void js_headers_end(struct buf *out)
{
    buf_append_text(out, "\r\n");
}
