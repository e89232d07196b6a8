#include "api/graphql/name_map.h"

/* Multiplied and folded, eight bytes at a time. The seed is where the list
 * lies, which differs from run to run and from document to document. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct gql_name_map *names, struct str s)
{
    uint64_t hash = (uintptr_t)names->table ^ 0x9e3779b97f4a7c15u;
    while (s.len > 0) {
        uint64_t word = 0;
        size_t n = s.len < sizeof word ? s.len : sizeof word;
        memcpy(&word, s.p, n);
        hash = mix(hash ^ word, 0xd6e8feb86659fd93u ^ (n << 56));
        s = str_make(s.p + n, s.len - n);
    }
    return hash;
}

static void enter(struct gql_name_map *names, uint32_t index)
{
    uint32_t slot = (uint32_t)names->list[index].hash & names->mask;
    while (names->table[slot] != 0)
        slot = (slot + 1) & names->mask;
    names->table[slot] = index + 1;
}

/* The table is twice as large as the list; a new one has a new seed. */
static void hash_all(struct gql_name_map *names, struct arena *arena)
{
    names->mask = names->cap * 2 - 1;
    names->table = arena_zalloc(arena, names->cap * 2 * sizeof *names->table);
    for (uint32_t i = 0; i < names->count; i++) {
        names->list[i].hash = hash_of(names, names->list[i].name);
        enter(names, i);
    }
}

static void grow(struct gql_name_map *names, struct arena *arena)
{
    uint32_t cap = names->cap == 0 ? 4 : names->cap * 2;
    struct gql_name *list = arena_alloc(arena, cap * sizeof *list);
    if (names->count > 0)
        memcpy(list, names->list, names->count * sizeof *list);
    names->list = list;
    names->cap = cap;
    if (cap > GQL_NAME_MAP_SCANNED)
        hash_all(names, arena);
}

static struct gql_name *scan(const struct gql_name_map *names, struct str name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (str_eq(names->list[i].name, name))
            return &names->list[i];
    return NULL;
}

struct gql_name *gql_name_map_find(const struct gql_name_map *names,
                                   struct str name)
{
    if (names->table == NULL)
        return scan(names, name);
    uint64_t hash = hash_of(names, name);
    for (uint32_t slot = (uint32_t)hash & names->mask; names->table[slot] != 0;
         slot = (slot + 1) & names->mask) {
        struct gql_name *at = &names->list[names->table[slot] - 1];
        if (at->hash == hash && str_eq(at->name, name))
            return at;
    }
    return NULL;
}

struct gql_name *gql_name_map_put(struct gql_name_map *names,
                                  struct arena *arena, struct str name)
{
    struct gql_name *found = gql_name_map_find(names, name);
    if (found != NULL)
        return found;
    if (names->count == names->cap)
        grow(names, arena);
    struct gql_name *added = &names->list[names->count++];
    *added = (struct gql_name){.name = name};
    if (names->table != NULL) {
        added->hash = hash_of(names, name);
        enter(names, names->count - 1);
    }
    return added;
}
