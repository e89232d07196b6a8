/* args: what the arguments of several fields have in common. */
#include <ctype.h>
#include <errno.h>

#include "api/graphql/telemetry/shared.h"
#include "lib/clock.h"
#include "lib/timestamp.h"

/* A list as it is after coercion; or one value alone. */
static const struct gql_value *items_of(const struct gql_value *list)
{
    return list->kind == GQL_LIST ? list->items : list;
}

static bool is_given(const struct gql_value *value)
{
    return value != NULL && value->kind != GQL_NULL;
}

struct names names_of(const struct gql_value *list, struct arena *arena)
{
    if (!is_given(list))
        return (struct names){0};
    uint32_t count = 0;
    for (const struct gql_value *v = items_of(list); v != NULL; v = v->next)
        count++;
    struct str *names = arena_alloc(arena, (count + 1) * sizeof *names);
    struct names all = {.names = names, .given = true};
    for (const struct gql_value *v = items_of(list); v != NULL; v = v->next)
        names[all.count++] = v->text;
    return all;
}

static struct str to_lower(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        out[i] = (char)tolower((unsigned char)text.p[i]);
    return str_make(out, text.len);
}

struct names lower_names_of(const struct gql_value *list, struct arena *arena)
{
    struct names all = names_of(list, arena);
    struct str *lower = arena_alloc(arena, (all.count + 1) * sizeof *lower);
    for (uint32_t i = 0; i < all.count; i++)
        lower[i] = to_lower(all.names[i], arena);
    all.names = lower;
    return all;
}

bool names_have(const struct names *names, struct str name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (str_eq(names->names[i], name))
            return true;
    return false;
}

int metric_of(const struct gql_value *name)
{
    return metric_by_name(name->text);
}

uint64_t metrics_of(const struct gql_value *list)
{
    if (!is_given(list))
        return (UINT64_C(1) << METRIC_COUNT) - 1;
    uint64_t metrics = 0;
    for (const struct gql_value *v = items_of(list); v != NULL; v = v->next)
        metrics |= UINT64_C(1) << metric_of(v);
    return metrics;
}

static uint32_t status_bit(struct str name)
{
    for (int s = 0; s < FLEET_STATUS_COUNT; s++)
        if (str_is(name, fleet_status_names[s]))
            return UINT32_C(1) << s;
    return 0;
}

uint32_t statuses_of(const struct gql_value *list, bool *given)
{
    uint32_t statuses = 0;
    *given = is_given(list);
    if (!*given)
        return 0;
    for (const struct gql_value *v = items_of(list); v != NULL; v = v->next)
        statuses |= status_bit(v->text);
    return statuses;
}

void time_of(const struct gql_value *value, int64_t *ns)
{
    if (is_given(value))
        timestamp_parse_query(value->text, clock_wall_ns(), ns);
}

/* ---- what a filter may ask for ---- */

#define TEXT_MAX 256 /* bytes */

static const struct {
    const char *name;
    uint32_t max;
} filter_lists[] = {
    {"cluster", 256}, {"host", 256},  {"hostname", 256}, {"uuid", 256},
    {"model", 32},    {"status", 32}, {"labels", 32},    {"values", 32},
};
#define FILTER_LISTS (sizeof filter_lists / sizeof *filter_lists)

static uint32_t length_of(const struct gql_value *list)
{
    uint32_t count = 0;
    for (const struct gql_value *v = items_of(list); v != NULL; v = v->next)
        count++;
    return count;
}

int filter_check(const struct gql_value *filter, struct errmsg *err)
{
    for (size_t i = 0; i < FILTER_LISTS; i++) {
        const struct gql_value *list = gql_member(filter, filter_lists[i].name);
        uint32_t count = is_given(list) ? length_of(list) : 0;
        if (count > filter_lists[i].max)
            return errmsg_set(err, -EINVAL, "filter.%s: %u at most, got %u",
                              filter_lists[i].name, filter_lists[i].max, count);
    }
    const struct gql_value *text = gql_member(filter, "text");
    if (is_given(text) && text->text.len > TEXT_MAX)
        return errmsg_set(err, -EINVAL,
                          "filter.text: %d bytes at most, got %zu", TEXT_MAX,
                          text->text.len);
    return 0;
}

/* ---- searching ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The word at *at, and *at behind it; empty at the end. */
static struct str next_word(struct str text, size_t *at)
{
    while (*at < text.len && is_space(text.p[*at]))
        (*at)++;
    size_t start = *at;
    while (*at < text.len && !is_space(text.p[*at]))
        (*at)++;
    return str_make(text.p + start, *at - start);
}

struct names words_of(const struct gql_value *text, struct arena *arena)
{
    if (!is_given(text))
        return (struct names){0};
    struct str all = to_lower(text->text, arena), word;
    struct str *words = arena_alloc(arena, (all.len / 2 + 1) * sizeof *words);
    struct names found = {.names = words, .given = true};
    size_t at = 0;
    while ((word = next_word(all, &at)).len > 0)
        words[found.count++] = word;
    return found;
}

static bool has_at(const char *text, struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (tolower((unsigned char)text[i]) != (unsigned char)word.p[i])
            return false;
    return true;
}

bool text_has(struct str text, struct str word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (has_at(text.p + at, word))
            return true;
    return false;
}
