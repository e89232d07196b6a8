#include "agents/collector/registry.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

/* What the database has of a GPU: one allocation, the names behind it. */
struct gpu {
    UT_hash_handle hh;
    int32_t id;
    int64_t seen_ns; /* wall clock */
    bool seen_dirty; /* gpu.last_seen is older than seen_ns */
    struct str cluster, host, index, uuid, device, model;
    char names[];
};

struct registry {
    pthread_mutex_t lock;
    struct gpu *gpus; /* by uuid */
};

struct registry *registry_new(void)
{
    struct registry *r = mem_zalloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

static void forget(struct registry *r, struct gpu *gpu)
{
    HASH_DEL(r->gpus, gpu);
    free(gpu);
}

void registry_free(struct registry **rp)
{
    struct registry *r = *rp;
    if (r == NULL)
        return;
    struct gpu *gpu = r->gpus;
    HASH_CLEAR(hh, r->gpus);
    while (gpu != NULL) {
        struct gpu *next = gpu->hh.next;
        free(gpu);
        gpu = next;
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
    *rp = NULL;
}

size_t registry_count(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    size_t count = HASH_COUNT(r->gpus);
    pthread_mutex_unlock(&r->lock);
    return count;
}

static struct gpu *find(struct registry *r, struct str uuid)
{
    struct gpu *gpu;
    HASH_FIND(hh, r->gpus, uuid.p, uuid.len, gpu);
    return gpu;
}

static bool still_there(const struct gpu *gpu, const struct sample *s)
{
    return str_eq(gpu->host, s->host) && str_eq(gpu->cluster, s->cluster) &&
           str_eq(gpu->index, s->gpu) && str_eq(gpu->device, s->device) &&
           str_eq(gpu->model, s->model);
}

static struct str keep(char **at, struct str s)
{
    struct str kept = str_make(*at, s.len);
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return kept;
}

static void remember(struct registry *r, const struct sample *s, int32_t id)
{
    struct gpu *old = find(r, s->uuid);
    if (old != NULL)
        forget(r, old);
    size_t names = s->cluster.len + s->host.len + s->gpu.len + s->uuid.len +
                   s->device.len + s->model.len;
    struct gpu *gpu = mem_zalloc(sizeof *gpu + names);
    char *at = gpu->names;
    gpu->id = id;
    gpu->cluster = keep(&at, s->cluster);
    gpu->host = keep(&at, s->host);
    gpu->index = keep(&at, s->gpu);
    gpu->uuid = keep(&at, s->uuid);
    gpu->device = keep(&at, s->device);
    gpu->model = keep(&at, s->model);
    HASH_ADD_KEYPTR(hh, r->gpus, gpu->uuid.p, gpu->uuid.len, gpu);
}

/* ---- writing to the database ---- */

/* Rows of text arrays for unnest: one buf a column. */
enum {
    COL_CLUSTER,
    COL_HOST,
    COL_INDEX,
    COL_UUID,
    COL_DEVICE,
    COL_MODEL,
    COL_COUNT
};

static void append_element(struct buf *column, struct str s)
{
    buf_append_byte(column, column->len == 0 ? '{' : ',');
    buf_append_byte(column, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_append_byte(column, '\\');
        buf_append_byte(column, s.p[i]);
    }
    buf_append_byte(column, '"');
}

static void append_gpu(struct buf columns[COL_COUNT], const struct sample *s)
{
    append_element(&columns[COL_CLUSTER], s->cluster);
    append_element(&columns[COL_HOST], s->host);
    append_element(&columns[COL_INDEX], s->gpu);
    append_element(&columns[COL_UUID], s->uuid);
    append_element(&columns[COL_DEVICE], s->device);
    append_element(&columns[COL_MODEL], s->model);
}

/* All three order their rows, so that collectors that register the same GPUs
 * at once wait for each other and do not deadlock. */
static const char *const register_sql[] = {
    "INSERT INTO cluster (name) SELECT DISTINCT unnest($1::text[]) AS name "
    "ORDER BY name ON CONFLICT DO NOTHING",

    "INSERT INTO host (cluster_id, hostname) "
    "SELECT DISTINCT c.id, x.host "
    "FROM unnest($1::text[], $2::text[]) AS x (cluster, host) "
    "JOIN cluster c ON c.name = x.cluster ORDER BY 1, 2 "
    "ON CONFLICT DO NOTHING",

    "INSERT INTO gpu (host_id, gpu_index, uuid, device, model, first_seen, "
    "last_seen) "
    "SELECT h.id, x.gpu_index, x.uuid, x.device, x.model, now(), now() "
    "FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], "
    "$6::text[]) AS x (cluster, host, gpu_index, uuid, device, model) "
    "JOIN cluster c ON c.name = x.cluster "
    "JOIN host h ON h.cluster_id = c.id AND h.hostname = x.host "
    "ORDER BY x.uuid ON CONFLICT (uuid) DO UPDATE SET "
    "host_id = EXCLUDED.host_id, gpu_index = EXCLUDED.gpu_index, "
    "device = EXCLUDED.device, model = EXCLUDED.model, "
    "last_seen = EXCLUDED.last_seen RETURNING uuid, id",
};
static const int register_params[] = {1, 2, 6};

static enum db_result run_registration(PGconn *conn, const char *const *params,
                                       PGresult **rows, struct errmsg *err)
{
    enum db_result rc = db_exec(conn, "BEGIN", err);
    *rows = NULL;
    for (size_t i = 0; i < 3 && rc == DB_OK; i++) {
        PQclear(*rows);
        rc = db_query(conn, register_sql[i], register_params[i], params, rows,
                      err);
    }
    if (rc == DB_OK)
        rc = db_exec(conn, "COMMIT", err);
    if (rc == DB_OK)
        return DB_OK;
    db_rollback(conn);
    PQclear(*rows);
    *rows = NULL;
    return rc;
}

static const struct sample *sample_of(const struct sample *const *fresh,
                                      size_t count, struct str uuid)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(fresh[i]->uuid, uuid))
            return fresh[i];
    return NULL;
}

static void remember_all(struct registry *r, const struct sample *const *fresh,
                         size_t count, PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        struct str uuid = str_make(PQgetvalue(rows, row, 0),
                                   (size_t)PQgetlength(rows, row, 0));
        const struct sample *s = sample_of(fresh, count, uuid);
        assert(s != NULL);
        remember(r, s, atoi(PQgetvalue(rows, row, 1)));
    }
}

static enum db_result write_fresh(struct registry *r, PGconn *conn,
                                  const struct sample *const *fresh,
                                  size_t count, struct errmsg *err)
{
    struct buf columns[COL_COUNT] = {0};
    const char *params[COL_COUNT];
    for (size_t i = 0; i < count; i++)
        append_gpu(columns, fresh[i]);
    for (int c = 0; c < COL_COUNT; c++) {
        buf_append_byte(&columns[c], '}');
        params[c] = buf_text(&columns[c]);
    }
    PGresult *rows;
    enum db_result rc = run_registration(conn, params, &rows, err);
    if (rc == DB_OK)
        remember_all(r, fresh, count, rows);
    PQclear(rows);
    for (int c = 0; c < COL_COUNT; c++)
        buf_fini(&columns[c]);
    return rc;
}

/* ---- resolving ---- */

static void note_seen(struct gpu *gpu, int64_t now)
{
    gpu->seen_ns = now;
    gpu->seen_dirty = true;
}

/* One sample of each GPU that is not known, the last one where they differ:
 * ON CONFLICT takes a row once a statement. */
static size_t collect_fresh(struct registry *r,
                            const struct sample *const *samples, size_t count,
                            const struct sample **fresh)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gpu *gpu = find(r, samples[i]->uuid);
        if (gpu != NULL && still_there(gpu, samples[i]))
            continue;
        size_t at = 0;
        while (at < n && !str_eq(fresh[at]->uuid, samples[i]->uuid))
            at++;
        fresh[at] = samples[i];
        n += at == n;
    }
    return n;
}

static void look_up(struct registry *r, const struct sample *const *samples,
                    size_t count, int32_t *ids)
{
    int64_t now = clock_wall_ns();
    for (size_t i = 0; i < count; i++) {
        struct gpu *gpu = find(r, samples[i]->uuid);
        assert(gpu != NULL);
        ids[i] = gpu->id;
        note_seen(gpu, now);
    }
}

enum db_result registry_resolve(struct registry *r, PGconn *conn,
                                const struct sample *const *samples,
                                size_t count, int32_t *ids, struct errmsg *err)
{
    const struct sample **fresh =
        mem_grow(NULL, count > 0 ? count : 1, sizeof *fresh);
    pthread_mutex_lock(&r->lock);
    enum db_result rc = DB_OK;
    size_t n = collect_fresh(r, samples, count, fresh);
    if (n > 0)
        rc = write_fresh(r, conn, fresh, n, err);
    if (rc == DB_OK)
        look_up(r, samples, count, ids);
    pthread_mutex_unlock(&r->lock);
    free(fresh);
    return rc;
}

/* ---- last_seen ---- */

static bool collect_seen(struct registry *r, struct buf *ids, struct buf *times)
{
    pthread_mutex_lock(&r->lock);
    struct gpu *gpu = NULL, *next = NULL;
    HASH_ITER (hh, r->gpus, gpu, next) {
        if (!gpu->seen_dirty)
            continue;
        gpu->seen_dirty = false;
        char time[TIMESTAMP_MAX];
        timestamp_format(gpu->seen_ns, 6, time);
        buf_printf(ids, "%c%d", ids->len == 0 ? '{' : ',', gpu->id);
        buf_printf(times, "%c%s", times->len == 0 ? '{' : ',', time);
    }
    pthread_mutex_unlock(&r->lock);
    buf_append_byte(ids, '}');
    buf_append_byte(times, '}');
    return ids->len > 1;
}

enum db_result registry_flush_seen(struct registry *r, PGconn *conn,
                                   struct errmsg *err)
{
    struct buf ids = {0}, times = {0};
    enum db_result rc = DB_OK;
    if (collect_seen(r, &ids, &times)) {
        PGresult *rows;
        rc = db_query(
            conn,
            "WITH seen AS (SELECT g.id, x.at FROM gpu g JOIN unnest($1::int[], "
            "$2::timestamptz[]) AS x (id, at) USING (id) "
            "ORDER BY g.id FOR UPDATE OF g) "
            "UPDATE gpu SET last_seen = seen.at FROM seen "
            "WHERE gpu.id = seen.id AND gpu.last_seen < seen.at",
            2, (const char *const[]){buf_text(&ids), buf_text(&times)}, &rows,
            err);
        PQclear(rows);
    }
    buf_fini(&ids);
    buf_fini(&times);
    return rc;
}
