/* cache: documents, parsed and validated once.
 *
 * A document is found by its text: 64 bits of a seeded hash, then the bytes
 * themselves, so that a request costs no SHA-256; or by its SHA-256, for those
 * who send that alone. Both tables have chains through the entries. Entries in
 * use are on a list, the latest used first; what is beyond the limits leaves
 * at its end, and is freed when no request holds it any more. Allowed
 * documents are on no list: they stay. */
#include "api/graphql/cache.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

#include "api/graphql/parse.h"
#include "api/graphql/plan.h"
#include "api/graphql/validate.h"
#include "lib/mem.h"

#define ENTRIES_DEFAULT 1000
#define BYTES_DEFAULT   ((size_t)16 * 1024 * 1024)

struct entry {
    struct gql_query query; /* first: a query is its entry */
    struct gql_cache *cache;
    uint64_t text_hash, sha_head;
    size_t bytes;                       /* of memory, with the plans it keeps */
    struct entry *text_next, *sha_next; /* in their chains */
    struct entry *newer, *older;        /* in the list of use */
    struct gql_plan *plans;
    bool allowed;
    bool again; /* it was asked for more than once */
    bool kept;  /* the tables hold it, and one reference */
};

struct gql_cache {
    uint32_t refs;
    const struct gql_schema *schema;
    struct gql_limits limits;
    struct gql_cache_config config;
    uint64_t seed;
    struct entry **by_text, **by_sha; /* mask + 1 chains each */
    size_t mask;
    struct entry *newest, *oldest;
    size_t count, bytes; /* of those on the list */
    struct entry *allowed;
    struct cache_spares spares;
};

/* ---- hashes ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time; the seed keeps collisions from being prepared. */
static uint64_t hash_text(struct str text, uint64_t seed)
{
    uint64_t hash = seed ^ text.len, word;
    size_t i = 0;
    for (; i + sizeof word <= text.len; i += sizeof word) {
        memcpy(&word, text.p + i, sizeof word);
        hash = mix(hash ^ word, UINT64_C(0x9E3779B97F4A7C15) ^ seed);
    }
    word = 0;
    memcpy(&word, text.p + i, text.len - i);
    return mix(hash ^ word, UINT64_C(0xD6E8FEB86659FD93) ^ seed);
}

static void hash_sha(struct str text, char hex[GQL_HASH_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    int ok = EVP_Digest(text.p, text.len, digest, NULL, EVP_sha256(), NULL);
    assert(ok == 1);
    for (int i = 0; i < GQL_HASH_LEN; i++)
        hex[i] = digits[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    hex[GQL_HASH_LEN] = '\0';
}

static uint64_t sha_head(const char *hex)
{
    uint64_t head;
    memcpy(&head, hex, sizeof head);
    return mix(head, UINT64_C(0x9E3779B97F4A7C15));
}

/* ---- the tables ---- */

static struct entry *find_text(const struct gql_cache *cache, struct str text,
                               uint64_t hash)
{
    struct entry *e = cache->by_text[hash & cache->mask];
    while (e != NULL &&
           (e->text_hash != hash || !str_eq(e->query.document.source, text)))
        e = e->text_next;
    return e;
}

static struct entry *find_sha(const struct gql_cache *cache, const char *hex)
{
    struct entry *e = cache->by_sha[sha_head(hex) & cache->mask];
    while (e != NULL && memcmp(e->query.hash, hex, GQL_HASH_LEN) != 0)
        e = e->sha_next;
    return e;
}

static void link_entry(struct gql_cache *cache, struct entry *e)
{
    struct entry **text = &cache->by_text[e->text_hash & cache->mask];
    struct entry **sha = &cache->by_sha[e->sha_head & cache->mask];
    e->text_next = *text;
    *text = e;
    e->sha_next = *sha;
    *sha = e;
    e->kept = true;
}

static void unlink_entry(struct gql_cache *cache, struct entry *e)
{
    struct entry **at = &cache->by_text[e->text_hash & cache->mask];
    while (*at != e)
        at = &(*at)->text_next;
    *at = e->text_next;
    at = &cache->by_sha[e->sha_head & cache->mask];
    while (*at != e)
        at = &(*at)->sha_next;
    *at = e->sha_next;
    e->kept = false;
}

/* ---- the list of use ---- */

static void list_add(struct gql_cache *cache, struct entry *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    if (cache->newest != NULL)
        cache->newest->newer = e;
    else
        cache->oldest = e;
    cache->newest = e;
    cache->count++;
    cache->bytes += e->bytes;
}

static void list_remove(struct gql_cache *cache, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &cache->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &cache->oldest) = e->newer;
    cache->count--;
    cache->bytes -= e->bytes;
}

static void touch(struct gql_cache *cache, struct entry *e)
{
    if (e->allowed || cache->newest == e)
        return;
    list_remove(cache, e);
    list_add(cache, e);
}

static void drop(struct gql_cache *cache, struct entry *e)
{
    struct gql_query *query = &e->query;
    unlink_entry(cache, e);
    if (!e->allowed)
        list_remove(cache, e);
    assert(cache->oldest != e && cache->newest != e);
    gql_query_unref(&query);
}

static void make_room(struct gql_cache *cache)
{
    while (cache->count > cache->config.entries_max ||
           cache->bytes > cache->config.bytes_max)
        drop(cache, cache->oldest);
}

static void keep(struct gql_cache *cache, struct entry *e)
{
    if (e->bytes > cache->config.bytes_max)
        return;
    link_entry(cache, e);
    list_add(cache, e);
    e->query.refs++;
    make_room(cache);
}

/* ---- entries ---- */

static size_t weight(const struct entry *e)
{
    size_t bytes = sizeof *e + e->query.arena.allocated;
    for (const struct gql_plan *plan = e->plans; plan != NULL;
         plan = plan->next)
        bytes += sizeof *plan + plan->arena.allocated;
    return bytes;
}

void gql_query_weigh(struct gql_query *query)
{
    struct entry *e = (struct entry *)query;
    size_t bytes = weight(e);
    bool listed = e->kept && !e->allowed;
    if (listed)
        e->cache->bytes += bytes - e->bytes;
    e->bytes = bytes;
    if (listed)
        make_room(e->cache);
}

static struct entry *make_entry(struct gql_cache *cache, struct str source)
{
    struct entry *e = mem_zalloc(sizeof *e);
    struct gql_query *query = &e->query;
    struct gql_parse_limits limits = {cache->limits.tokens,
                                      cache->limits.directives};
    query->refs = 1;
    query->document.arena = &query->arena;
    query->errors = (struct gql_errors){.arena = &query->arena,
                                        .max = cache->limits.errors};
    query->document.source = arena_str(&query->arena, source);
    query->errors.source = query->document.source;
    hash_sha(source, query->hash);
    e->sha_head = sha_head(query->hash);
    e->cache = cache;
    if (gql_parse(&query->document, query->document.source, &limits,
                  &query->errors) == 0)
        gql_validate(cache->schema, &query->document, &cache->limits,
                     &query->errors);
    e->bytes = weight(e);
    return e;
}

static void free_plans(struct entry *e)
{
    while (e->plans != NULL) {
        struct gql_plan *plan = e->plans;
        e->plans = plan->next;
        plan_destroy(plan); /* none is in use: they would hold the query */
    }
}

struct gql_query *gql_query_ref(struct gql_query *query)
{
    query->refs++;
    return query;
}

void gql_query_unref(struct gql_query **at)
{
    struct entry *e = (struct entry *)*at;
    *at = NULL;
    if (e == NULL || --e->query.refs > 0)
        return;
    free_plans(e);
    arena_fini(&e->query.arena);
    free(e);
}

bool gql_query_recurs(const struct gql_query *query)
{
    return ((const struct entry *)query)->again;
}

struct gql_plan **gql_query_plans(struct gql_query *query)
{
    return &((struct entry *)query)->plans;
}

/* ---- preparing ---- */

static enum gql_prepared hand_out(struct gql_cache *cache, struct entry *e,
                                  struct gql_query **query)
{
    touch(cache, e);
    e->again = true;
    *query = gql_query_ref(&e->query);
    return GQL_PREPARED;
}

/* The hash in lower case; false where it cannot be one. */
static bool read_hash(struct str hash, char hex[GQL_HASH_LEN + 1])
{
    if (hash.len != GQL_HASH_LEN)
        return false;
    for (size_t i = 0; i < hash.len; i++)
        hex[i] = (char)tolower((unsigned char)hash.p[i]);
    hex[GQL_HASH_LEN] = '\0';
    return true;
}

static enum gql_prepared prepare_hash(struct gql_cache *cache, struct str hash,
                                      struct gql_query **query)
{
    char hex[GQL_HASH_LEN + 1];
    struct entry *e = read_hash(hash, hex) ? find_sha(cache, hex) : NULL;
    if (cache->config.allow_list && (e == NULL || !e->allowed))
        return GQL_NOT_ALLOWED;
    return e != NULL ? hand_out(cache, e, query) : GQL_NOT_FOUND;
}

static bool hash_matches(struct str hash, struct str source,
                         const struct entry *known)
{
    char given[GQL_HASH_LEN + 1], computed[GQL_HASH_LEN + 1];
    if (!read_hash(hash, given))
        return false;
    if (known == NULL)
        hash_sha(source, computed);
    return strcmp(given, known != NULL ? known->query.hash : computed) == 0;
}

enum gql_prepared gql_prepare(struct gql_cache *cache, struct str source,
                              struct str hash, struct gql_query **query)
{
    *query = NULL;
    if (source.p == NULL)
        return prepare_hash(cache, hash, query);
    uint64_t text_hash = hash_text(source, cache->seed);
    struct entry *e = find_text(cache, source, text_hash);
    if (hash.len > 0 && !hash_matches(hash, source, e))
        return GQL_HASH_MISMATCH;
    if (cache->config.allow_list && (e == NULL || !e->allowed))
        return GQL_NOT_ALLOWED;
    if (e != NULL)
        return hand_out(cache, e, query);
    e = make_entry(cache, source);
    e->text_hash = text_hash;
    keep(cache, e);
    *query = &e->query;
    return GQL_PREPARED;
}

/* ---- the allow-list ---- */

static int refuse(struct entry *e, struct errmsg *err)
{
    struct gql_query *query = &e->query;
    const struct gql_error *first = query->errors.first;
    uint32_t line = first->location_count > 0 ? first->locations[0].line : 1;
    int rc = errmsg_set(err, -EINVAL, "line %u: %.*s", line,
                        STR_ARG(first->message));
    gql_query_unref(&query);
    return rc;
}

int gql_cache_allow(struct gql_cache *cache, struct str source,
                    struct errmsg *err)
{
    uint64_t hash = hash_text(source, cache->seed);
    struct entry *e = find_text(cache, source, hash);
    if (e != NULL && e->allowed)
        return 0;
    if (e != NULL)
        drop(cache, e);
    e = make_entry(cache, source);
    if (e->query.errors.count > 0)
        return refuse(e, err);
    e->text_hash = hash;
    e->allowed = true;
    link_entry(cache, e);
    e->older = cache->allowed;
    cache->allowed = e;
    return 0;
}

/* ---- its life ---- */

static void set_defaults(struct gql_cache_config *config)
{
    if (config->entries_max == 0)
        config->entries_max = ENTRIES_DEFAULT;
    if (config->bytes_max == 0)
        config->bytes_max = BYTES_DEFAULT;
}

struct gql_cache *gql_cache_new(const struct gql_schema *schema,
                                const struct gql_limits *limits,
                                const struct gql_cache_config *config)
{
    struct gql_cache *cache = mem_zalloc(sizeof *cache);
    size_t chains = 16;
    cache->refs = 1;
    cache->schema = schema;
    cache->limits = limits != NULL ? *limits : gql_limits_default;
    if (config != NULL)
        cache->config = *config;
    set_defaults(&cache->config);
    while (chains < cache->config.entries_max && chains < 65536)
        chains *= 2;
    cache->mask = chains - 1;
    cache->by_text = mem_zalloc(chains * sizeof(struct entry *));
    cache->by_sha = mem_zalloc(chains * sizeof(struct entry *));
    if (getrandom(&cache->seed, sizeof cache->seed, 0) < 0)
        cache->seed = (uint64_t)(uintptr_t)cache;
    return cache;
}

const struct gql_schema *gql_cache_schema(const struct gql_cache *cache)
{
    return cache->schema;
}

const struct gql_limits *gql_cache_limits(const struct gql_cache *cache)
{
    return &cache->limits;
}

struct cache_spares *gql_cache_spares(struct gql_cache *cache)
{
    return &cache->spares;
}

void gql_cache_ref(struct gql_cache *cache)
{
    cache->refs++;
}

static void free_spares(struct cache_spares *spares)
{
    while (spares->plans != NULL) {
        struct gql_plan *plan = spares->plans;
        spares->plans = plan->next;
        arena_fini(&plan->arena);
        free(plan);
    }
    while (spares->executions != NULL) {
        struct gql_execution *execution = spares->executions;
        spares->executions = execution_next(execution);
        execution_destroy(execution);
    }
}

void gql_cache_unref(struct gql_cache *cache)
{
    if (--cache->refs > 0)
        return;
    free_spares(&cache->spares);
    free(cache->by_text);
    free(cache->by_sha);
    free(cache);
}

/* Documents in use and their plans stay until they are done with. */
void gql_cache_free(struct gql_cache **at)
{
    struct gql_cache *cache = *at;
    *at = NULL;
    if (cache == NULL)
        return;
    while (cache->oldest != NULL)
        drop(cache, cache->oldest);
    while (cache->allowed != NULL) {
        struct entry *e = cache->allowed;
        cache->allowed = e->older;
        drop(cache, e);
    }
    gql_cache_unref(cache);
}
