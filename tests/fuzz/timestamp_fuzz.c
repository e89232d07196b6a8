/* Any bytes as a time and as a duration: what is taken is written as a text
 * that reads back the same. And any 64 bits as a time to write. */
#include <assert.h>
#include <string.h>

#include "lib/timestamp.h"

/* The first second of the range is not whole: texts begin behind it. */
#define PARSED_MIN (INT64_C(-9223372036) * 1000000000)

static void check_time(int64_t ns)
{
    char text[TIMESTAMP_MAX];
    int64_t back;
    int n = timestamp_format(ns, 9, text);
    assert(n == 30 && strlen(text) == 30);
    if (ns < PARSED_MIN)
        return;
    assert(timestamp_parse(str_of(text), &back) == 0 && back == ns);
    n = timestamp_format_nano(ns, text);
    assert(n >= 20 && n <= 30 && strlen(text) == (size_t)n);
    assert(timestamp_parse(str_of(text), &back) == 0 && back == ns);
}

static void check_duration(int64_t ns)
{
    struct buf text = {0};
    int64_t back;
    assert(ns >= 0);
    duration_append(&text, ns);
    assert(duration_parse(buf_str(&text), &back) == 0 && back == ns);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    int64_t now = 0, ns, again;
    if (size >= sizeof now)
        memcpy(&now, data, sizeof now);
    check_time(now);
    if (timestamp_parse(text, &ns) == 0) {
        check_time(ns);
        assert(timestamp_parse_query(text, now, &again) == 0 && again == ns);
    }
    if (timestamp_parse_query(text, now, &ns) == 0)
        check_time(ns);
    if (duration_parse(text, &ns) == 0)
        check_duration(ns);
    return 0;
}
