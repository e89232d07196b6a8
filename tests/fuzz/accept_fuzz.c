/* Any bytes as a client's Accept or Accept-Encoding. What it wants is a quality
 * within its range, and none of what no range of it holds.
 * fuzz-links: api/accept.c */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"gzip", "text/html",
                                        "application/graphql-response+json"};
    /* A copy that ends where it ends. */
    char *text = malloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(text, data, size);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int quality = accept_quality(str_make(text, size), names[i]);
        int precision = accept_precision(str_make(text, size), names[i]);
        assert(quality >= 0 && quality <= 1000);
        assert(precision >= 0 && precision <= 3);
        assert(precision > 0 || quality == 0);
    }
    free(text);
    return 0;
}
