/* metadata: see metadata.h. */
#include "broker/jetstream/metadata.h"

#include <stdlib.h>

#include "lib/mem.h"

void metadata_fini(struct metadata *metadata)
{
    for (unsigned i = 0; i < metadata->count; i++) {
        free(metadata->entries[i].name);
        free(metadata->entries[i].text);
    }
    free(metadata->entries);
    *metadata = (struct metadata){0};
}

static int by_name(const void *a, const void *b)
{
    const struct metadata_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static bool fit(struct str s)
{
    return memchr(s.p, '\0', s.len) == NULL;
}

int metadata_read(struct metadata *metadata, struct json object,
                  struct arena *arena)
{
    struct json members = json_get(object, "metadata");
    if (json_type(members) == JSON_NONE || json_type(members) == JSON_NULL)
        return 0;
    if (json_type(members) != JSON_OBJECT)
        return -1;
    size_t count = (size_t)json_count(members);
    metadata->entries =
        count > 0 ? mem_zalloc(count * sizeof(*metadata->entries)) : NULL;
    for (struct json_iter it = json_iter(members); json_next(&it);) {
        struct str name = json_unescape(it.key, arena), text;
        if (json_string(it.value, arena, &text) != 0 || !fit(name) ||
            !fit(text))
            return -1;
        metadata->entries[metadata->count++] = (struct metadata_entry){
            .name = mem_strndup(name), .text = mem_strndup(text)};
        metadata->bytes += name.len + text.len;
    }
    if (count > 0)
        qsort(metadata->entries, count, sizeof(*metadata->entries), by_name);
    return 0;
}

void metadata_write(const struct metadata *metadata, struct json_writer *w)
{
    if (metadata->count == 0)
        return;
    json_key(w, "metadata");
    json_begin_object(w);
    for (unsigned i = 0; i < metadata->count; i++)
        json_member_text(w, metadata->entries[i].name,
                         metadata->entries[i].text);
    json_end_object(w);
}
