/* db_made: statements whose text is made at run time, found again by it.
 *
 * How many different ones there are is up to clients (which fields they ask
 * for), so a connection keeps only some prepared: a new one takes the slot of
 * the least used that no query has. What the slot held is closed on each
 * connection when that connection first needs the new one. */
#include "api/db_private.h"

#include <stdlib.h>

#include "lib/mem.h"

/* FNV-1a, eight bytes a step. */
static uint64_t hash_of(struct str sql)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ sql.len;
    size_t i = 0;
    for (; i + 8 <= sql.len; i += 8) {
        uint64_t word;
        memcpy(&word, sql.p + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32;
    }
    for (; i < sql.len; i++)
        hash = (hash ^ (unsigned char)sql.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool made_is(const struct db_made *made, uint64_t hash, struct str sql)
{
    return made != NULL && made->hash == hash && str_is(sql, made->sql);
}

static void made_free(struct db_made *made)
{
    free(made->sql);
    free(made);
}

/* The slot for a new one: a free one, else of the least used; -1: all are in
 * use. */
static int slot_for(const struct db *db)
{
    int best = -1;
    for (int i = 0; i < DB_MADE_MAX; i++) {
        const struct db_made *made = db->made[i];
        if (made == NULL)
            return i;
        if (made->refs == 0 && (best < 0 || made->used < db->made[best]->used))
            best = i;
    }
    return best;
}

static struct db_made *made_new(struct db *db, const char *name, struct str sql)
{
    struct db_made *made = mem_zalloc(sizeof *made);
    made->sql = mem_strndup(sql);
    made->hash = hash_of(sql);
    int slot = slot_for(db);
    made->statement =
        (struct db_statement){.slot = slot < 0 ? -1 : DB_MADE_SLOT + slot,
                              .version = ++db->versions,
                              .name = name,
                              .sql = made->sql};
    if (slot < 0)
        return made; /* goes with its query */
    if (db->made[slot] != NULL)
        made_free(db->made[slot]);
    db->made[slot] = made;
    return made;
}

const struct db_statement *db_statement_made(struct db *db, const char *name,
                                             struct str sql)
{
    uint64_t hash = hash_of(sql);
    struct db_made *made = NULL;
    for (int i = 0; i < DB_MADE_MAX && made == NULL; i++)
        if (made_is(db->made[i], hash, sql))
            made = db->made[i];
    if (made == NULL)
        made = made_new(db, name, sql);
    made->used = ++db->uses;
    return &made->statement;
}

static struct db_made *made_of(const struct db_statement *statement)
{
    bool made = statement->slot < 0 || statement->slot >= DB_MADE_SLOT;
    return made ? (struct db_made *)(uintptr_t)statement : NULL;
}

void db_made_ref(const struct db_statement *statement)
{
    struct db_made *made = made_of(statement);
    if (made != NULL)
        made->refs++;
}

void db_made_unref(const struct db_statement *statement)
{
    struct db_made *made = made_of(statement);
    if (made != NULL && --made->refs == 0 && statement->slot < 0)
        made_free(made);
}

void db_made_fini(struct db *db)
{
    for (int i = 0; i < DB_MADE_MAX; i++)
        if (db->made[i] != NULL)
            made_free(db->made[i]);
}
