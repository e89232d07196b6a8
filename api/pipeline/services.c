/* services: who is running, from the bucket nexus_services. */
#include <stdlib.h>
#include <string.h>

#include "api/pipeline/look.h"
#include "lib/announce.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

#define SUBJECTS    "$KV." SERVICES_BUCKET "."
#define API_WAIT_MS 1000
#define PLACES      16 /* made at once */

/* ---- one value ---- */

static bool read_text(struct json object, const char *name, struct arena *arena,
                      struct str *out)
{
    return json_string(json_get(object, name), arena, out) == 0;
}

static void read_figures(struct look_service *service, struct json figures,
                         struct arena *arena)
{
    service->figures =
        arena_alloc(arena, LOOK_FIGURES_MAX * sizeof *service->figures);
    for (struct json_iter it = json_iter(figures); json_next(&it);) {
        if (service->figure_count == LOOK_FIGURES_MAX)
            return;
        struct look_figure *figure = &service->figures[service->figure_count++];
        figure->name = json_unescape(it.key, arena);
        figure->known = json_double(it.value, &figure->value) == 0;
    }
}

bool look_service_read(struct look_service *service, struct str value,
                       struct arena *arena)
{
    struct json_doc *doc = arena_alloc(arena, sizeof *doc);
    struct errmsg err;
    struct str started;
    *service = (struct look_service){0};
    if (value.len > SERVICES_VALUE_MAX ||
        json_parse(doc, arena_str(arena, value), arena, &err) < 0)
        return false;
    struct json root = json_root(doc);
    struct json figures = json_get(root, "figures");
    if (!read_text(root, "service", arena, &service->name) ||
        !read_text(root, "id", arena, &service->id) ||
        !read_text(root, "host", arena, &service->host) ||
        !read_text(root, "version", arena, &service->version) ||
        !read_text(root, "started", arena, &started) ||
        timestamp_parse(started, &service->started_ns) < 0)
        return false;
    json_i64(json_get(root, "pid"), &service->pid);
    if (json_type(figures) == JSON_OBJECT)
        read_figures(service, figures, arena);
    return true;
}

const struct look_figure *look_figure(const struct look_service *service,
                                      const char *name)
{
    for (uint32_t i = 0; i < service->figure_count; i++)
        if (str_is(service->figures[i].name, name))
            return &service->figures[i];
    return NULL;
}

/* ---- the bucket ---- */

static struct look_service *next_place(struct look *look)
{
    if (look->service_count % PLACES == 0)
        look->services = mem_grow(look->services, look->service_count + PLACES,
                                  sizeof *look->services);
    return &look->services[look->service_count];
}

static void take_entry(struct look *look, kvEntry *entry)
{
    struct look_service *service = next_place(look);
    struct str value =
        str_make(kvEntry_Value(entry), (size_t)kvEntry_ValueLen(entry));
    if (!look_service_read(service, value, &look->arena))
        return;
    service->key = arena_str(&look->arena, str_of(kvEntry_Key(entry)));
    service->seen_ns = kvEntry_Created(entry);
    look->service_count++;
}

/* What is not there any more has gone since its key was listed. */
static bool read_key(struct look *look, kvStore *kv, const char *key)
{
    kvEntry *entry = NULL;
    natsStatus s = kvStore_Get(&entry, kv, key);
    if (s == NATS_OK)
        take_entry(look, entry);
    kvEntry_Destroy(entry);
    return s == NATS_OK || s == NATS_NOT_FOUND || s == NATS_INVALID_ARG;
}

static bool read_keys(struct look *look, kvStore *kv,
                      const jsStreamStateSubjects *subjects)
{
    int64_t until = clock_mono_ns() + LOOK_SERVICES_NS;
    int count = subjects != NULL ? subjects->Count : 0;
    for (int i = 0; i < count && i < LOOK_SERVICES_MAX; i++) {
        struct str subject = str_of(subjects->List[i].Subject);
        if (clock_mono_ns() > until)
            return false;
        if (str_has_prefix(subject, str_of(SUBJECTS)) &&
            !read_key(look, kv, subject.p + strlen(SUBJECTS)))
            return false;
    }
    return true;
}

/* A watcher would have them all at once, and is a consumer, which a broker logs
 * and tells of; and one that stays would not see a key's time run out. */
static bool read_bucket(struct look *look, jsCtx *js, kvStore *kv)
{
    jsStreamInfo *info = NULL;
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = API_WAIT_MS;
    options.Stream.Info.SubjectsFilter = SUBJECTS ">";
    bool read = js_GetStreamInfo(&info, js, "KV_" SERVICES_BUCKET, &options,
                                 NULL) == NATS_OK &&
                read_keys(look, kv, info->State.Subjects);
    jsStreamInfo_Destroy(info);
    return read;
}

static int compare(const void *a, const void *b)
{
    const struct look_service *x = a, *y = b;
    int order = str_order(x->name, y->name);
    if (order == 0)
        order = str_order(x->id, y->id);
    if (order == 0)
        order = str_order(x->host, y->host);
    return order != 0 ? order : str_order(x->key, y->key);
}

void look_services(struct look *look, jsCtx *js)
{
    kvStore *kv = NULL;
    if (js_KeyValue(&kv, js, SERVICES_BUCKET) == NATS_OK)
        look->services_known = read_bucket(look, js, kv);
    kvStore_Destroy(kv);
    if (look->service_count > 1)
        qsort(look->services, look->service_count, sizeof *look->services,
              compare);
}
