/* Any bytes as a value of the bucket nexus_services, which every client of the
 * broker may write. One that is taken keeps to the limits, and its texts may be
 * sent on.
 * fuzz-links: api/pipeline/services.c */
#include <assert.h>
#include <math.h>

#include "api/pipeline/look.h"
#include "lib/announce.h"
#include "lib/json.h"
#include "lib/utf8.h"

static struct arena arena;
static struct buf out;

static void check_text(struct str text)
{
    struct json_writer w = json_writer(&out);
    struct errmsg err;
    assert(text.len <= SERVICES_VALUE_MAX);
    assert(utf8_valid(text.p, text.len) == text.len);
    buf_reset(&out);
    json_put_str(&w, text);
    assert(json_validate(buf_str(&out), &err) == 0);
}

static void check_figures(const struct look_service *service)
{
    assert(service->figure_count <= LOOK_FIGURES_MAX);
    for (uint32_t i = 0; i < service->figure_count; i++) {
        const struct look_figure *figure = &service->figures[i];
        check_text(figure->name);
        assert(!figure->known || isfinite(figure->value));
    }
    const struct look_figure *rows = look_figure(service, "rows");
    assert(rows == NULL || str_is(rows->name, "rows"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct look_service service;
    struct str value = str_make((const char *)data, size);
    if (look_service_read(&service, value, &arena)) {
        assert(size <= SERVICES_VALUE_MAX);
        check_text(service.name);
        check_text(service.id);
        check_text(service.host);
        check_text(service.version);
        check_figures(&service);
    }
    arena_reset(&arena);
    return 0;
}
