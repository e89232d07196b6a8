/* fleet_load: the fleet as the database knows it, in one query.
 *
 * It may come while the stream is followed already, so its rows are taken in
 * as samples that are older than what is known. The database may come later
 * than we, or have no tables yet: it is asked again, with growing pauses. */
#include "api/fleet/fleet_private.h"

#include <stdlib.h>

#include "api/db.h"
#include "api/rest/rest.h"
#include "lib/log.h"
#include "lib/mem.h"

#define RETRY_MIN_NS (500 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)
/* While the stream is not heard, what a collector writes is all there is. */
#define AGAIN_NS (5 * NS_PER_S)

/* Clusters without hosts and hosts without GPUs come, too. A GPU's latest row,
 * and the time of the one before, by which its interval is guessed. */
#define METRIC(name, dcgm, unit, title) ", t." #name
static const struct db_statement statement = {
    .slot = SLOT_FLEET,
    .name = "fleet",
    .sql = "SELECT c.name, c.region, h.hostname, g.gpu_index, g.uuid,"
           " g.device, g.model, g.last_seen, t.ts, before.ts"
#include "schema/metrics.def"
           " FROM cluster c LEFT JOIN host h ON h.cluster_id = c.id"
           " LEFT JOIN gpu g ON g.host_id = h.id"
           " LEFT JOIN LATERAL (SELECT * FROM telemetry"
           "  WHERE gpu_id = g.id ORDER BY ts DESC LIMIT 1) t ON true"
           " LEFT JOIN LATERAL (SELECT ts FROM telemetry"
           "  WHERE gpu_id = g.id AND ts < t.ts ORDER BY ts DESC LIMIT 1)"
           "  before ON true"
           " ORDER BY c.name COLLATE \"C\", h.hostname COLLATE \"C\","
           " length(g.gpu_index), g.gpu_index COLLATE \"C\"",
};
#undef METRIC

enum {
    COL_CLUSTER,
    COL_REGION,
    COL_HOST,
    COL_INDEX,
    COL_UUID,
    COL_DEVICE,
    COL_MODEL,
    COL_LAST_SEEN,
    COL_TS,
    COL_BEFORE,
    COL_METRICS
};

struct loader {
    struct model *model; /* NULL: gone; freed when the answer comes */
    struct db *db;
    struct http_timer *timer;
    int64_t pause_ns;
    bool asking;
    void (*done)(void *arg);
    void *arg;
};

static void metrics_read(struct sample *s, const PGresult *rows, int i)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (!db_is_null(rows, i, COL_METRICS + m))
            sample_set(s, m, db_double(rows, i, COL_METRICS + m));
}

static struct sample sample_read(const PGresult *rows, int i)
{
    struct sample s = {
        .cluster = db_str(rows, i, COL_CLUSTER),
        .host = db_str(rows, i, COL_HOST),
        .gpu = db_str(rows, i, COL_INDEX),
        .uuid = db_str(rows, i, COL_UUID),
        .device = db_str(rows, i, COL_DEVICE),
        .model = db_str(rows, i, COL_MODEL),
    };
    if (!db_is_null(rows, i, COL_TS)) {
        s.ts_ns = db_time(rows, i, COL_TS);
        metrics_read(&s, rows, i);
    }
    return s;
}

/* Only where the stream has not said it: it knows when samples came. */
static void interval_guess(struct gpu *gpu, const PGresult *rows, int i)
{
    if (gpu->pub.interval_ns != 0 || db_is_null(rows, i, COL_BEFORE))
        return;
    int64_t gap = db_time(rows, i, COL_TS) - db_time(rows, i, COL_BEFORE);
    if (gap < FLEET_INTERVAL_MAX_NS)
        gpu->pub.interval_ns = gpu->gap_ns = gap;
}

static void gpu_read(struct model *m, const PGresult *rows, int i)
{
    struct sample s = sample_read(rows, i);
    bool fresh;
    struct gpu *gpu = tree_gpu(m, &s, &fresh);
    if (gpu == NULL)
        return;
    interval_guess(gpu, rows, i);
    sample_take(m, &s, 0, db_time(rows, i, COL_LAST_SEEN));
}

static void row_read(struct model *m, const PGresult *rows, int i)
{
    struct fleet_cluster *cluster =
        tree_cluster(m, db_str(rows, i, COL_CLUSTER));
    if (!db_is_null(rows, i, COL_REGION))
        tree_set_region(cluster, db_str(rows, i, COL_REGION));
    if (!db_is_null(rows, i, COL_HOST))
        tree_host(m, cluster, db_str(rows, i, COL_HOST));
    if (!db_is_null(rows, i, COL_UUID))
        gpu_read(m, rows, i);
}

static void rows_read(struct model *m, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++)
        row_read(m, rows, i);
    /* What the database does not have of a host is not on its way. */
    for (uint32_t i = 0; i < m->pub.host_count; i++)
        tree_fill_holes(m, m->pub.hosts[i]);
    if (!m->deaf && !m->pub.following) /* else the stream has said more */
        m->pub.as_of_ns = m->config.wall_ns();
    m->pub.revision++;
    status_arm(m);
    if (m->pub.loaded)
        return;
    m->pub.loaded = true;
    log_info("fleet loaded", LOG_I64("clusters", m->pub.cluster_count),
             LOG_I64("hosts", m->pub.host_count),
             LOG_I64("gpus", m->pub.gpu_count));
}

static void try_later(struct loader *l)
{
    http_timer_set(l->timer, l->pause_ns);
    l->pause_ns =
        l->pause_ns * 2 < RETRY_MAX_NS ? l->pause_ns * 2 : RETRY_MAX_NS;
}

static void loaded(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct loader *l = arg;
    l->asking = false;
    if (l->model == NULL) {
        free(l);
        return;
    }
    if (outcome != DB_OK) {
        try_later(l);
        return;
    }
    bool first = !l->model->pub.loaded;
    rows_read(l->model, rows);
    l->pause_ns = RETRY_MIN_NS;
    http_timer_set(l->timer, AGAIN_NS);
    if (first && l->done != NULL)
        l->done(l->arg);
}

static void ask(void *arg)
{
    struct loader *l = arg;
    if (l->model->pub.loaded && l->model->pub.following) {
        http_timer_set(l->timer, AGAIN_NS);
        return;
    }
    l->asking = true;
    db_query(l->db, &statement, NULL, 0, loaded, l);
}

void fleet_load(struct fleet *f, struct db *db, void (*done)(void *arg),
                void *arg)
{
    struct model *m = model_of(f);
    struct loader *l = mem_zalloc(sizeof *l);
    *l = (struct loader){.model = m,
                         .db = db,
                         .timer = http_timer_new(m->server, ask, l),
                         .pause_ns = RETRY_MIN_NS,
                         .done = done,
                         .arg = arg};
    loader_free(&m->loader);
    m->loader = l;
    ask(l);
}

/* The pool calls back for every query, at the latest when it ends. */
void loader_free(struct loader **loader)
{
    struct loader *l = *loader;
    *loader = NULL;
    if (l == NULL)
        return;
    http_timer_free(&l->timer);
    l->model = NULL;
    if (!l->asking)
        free(l);
}
