/* Any bytes as a request: the end is found alike however they arrive, and what
 * is found lies inside them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/http_head.h"

static void check_inside(struct str part, struct str text)
{
    if (part.len > 0)
        assert(part.p >= text.p && part.p + part.len <= text.p + text.len);
}

static void check_head(struct str text)
{
    struct http_head head;
    struct arena arena = {0};
    struct str plain;
    const char *why;
    if (http_head_parse(text, &head, &why) == 0) {
        check_inside(head.method, text);
        check_inside(head.query, text);
        for (size_t i = 0; i < head.field_count; i++) {
            check_inside(head.fields[i].name, text);
            check_inside(head.fields[i].value, text);
        }
        if (http_unescape(head.path, false, &arena, &plain) == 0)
            assert(plain.len <= head.path.len);
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    size_t at_once = 0, stepwise = 0, seen = 0;
    at_once = http_head_end(text, &at_once);
    for (size_t n = 0; n <= size && stepwise == 0; n++)
        stepwise = http_head_end(str_make(text.p, n), &seen);
    assert(stepwise == at_once);
    if (at_once > 0)
        check_head(str_make(text.p, at_once));
    return 0;
}
