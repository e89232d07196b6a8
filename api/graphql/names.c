/* names: open addressing, at most half full. */
#include "api/graphql/names.h"

#include <assert.h>

struct slot {
    struct str name; /* p NULL: free */
    uint32_t number;
};

struct gql_names {
    uint32_t mask; /* slots, less one; a power of two */
    uint32_t left; /* names it has room for */
    struct slot slots[];
};

struct gql_names *gql_names_new(struct arena *arena, uint32_t count)
{
    uint32_t slots = 4;
    while (slots / 2 < count)
        slots *= 2;
    struct gql_names *names =
        arena_zalloc(arena, sizeof *names + slots * sizeof *names->slots);
    names->mask = slots - 1;
    names->left = slots / 2;
    return names;
}

/* FNV-1a, its high bits folded down. */
static uint32_t hash(struct str name)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619U;
    return h ^ h >> 15;
}

/* Where the name is, or would be. */
static uint32_t slot_of(const struct gql_names *names, struct str name)
{
    uint32_t i = hash(name) & names->mask;
    while (names->slots[i].name.p != NULL &&
           !str_eq(names->slots[i].name, name))
        i = (i + 1) & names->mask;
    return i;
}

uint32_t gql_names_add(struct gql_names *names, struct str name,
                       uint32_t number)
{
    struct slot *slot = &names->slots[slot_of(names, name)];
    if (slot->name.p == NULL) {
        assert(names->left > 0);
        names->left--;
        *slot = (struct slot){name, number};
    }
    return slot->number;
}

int64_t gql_names_find(const struct gql_names *names, struct str name)
{
    const struct slot *slot = &names->slots[slot_of(names, name)];
    return slot->name.p != NULL ? (int64_t)slot->number : -1;
}
