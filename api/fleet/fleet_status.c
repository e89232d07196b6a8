/* fleet_status: who is active, silent, missing or in maintenance.
 *
 * Active GPUs wait in a heap, ordered by when they would be silent. A sample
 * only writes its GPU's own time; the heap is put right when the earlier time
 * it stands at has come: once in a GPU's waiting time, not once a sample. One
 * timer serves them all. */
#include "api/fleet/fleet_private.h"

#include <stdlib.h>
#include <utlist.h>

#include "lib/mem.h"

/* What is due within this is done together. */
#define TIMER_SLACK_NS (20 * NS_PER_MS)
/* What is due and cannot be done yet is looked at again after this. */
#define OVERDUE_NS (100 * NS_PER_MS)

/* ---- the heap ---- */

static void heap_put(struct model *m, uint32_t at, struct gpu *gpu)
{
    m->heap[at] = gpu;
    gpu->heap_at = at;
}

static void heap_up(struct model *m, uint32_t at)
{
    struct gpu *gpu = m->heap[at];
    while (at > 0 && m->heap[(at - 1) / 2]->heap_ns > gpu->heap_ns) {
        heap_put(m, at, m->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(m, at, gpu);
}

static void heap_down(struct model *m, uint32_t at)
{
    struct gpu *gpu = m->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < m->heap_count; at = child) {
        if (child + 1 < m->heap_count &&
            m->heap[child + 1]->heap_ns < m->heap[child]->heap_ns)
            child++;
        if (m->heap[child]->heap_ns >= gpu->heap_ns)
            break;
        heap_put(m, at, m->heap[child]);
    }
    heap_put(m, at, gpu);
}

static void heap_add(struct model *m, struct gpu *gpu)
{
    uint32_t n = m->heap_count++;
    if ((n & (n - 1)) == 0)
        m->heap =
            mem_grow(m->heap, n == 0 ? 1 : (size_t)n * 2, sizeof *m->heap);
    gpu->heaped = true;
    gpu->heap_ns = gpu->due_ns;
    heap_put(m, n, gpu);
    heap_up(m, n);
}

static void heap_remove(struct model *m, struct gpu *gpu)
{
    uint32_t at = gpu->heap_at;
    struct gpu *last = m->heap[--m->heap_count];
    gpu->heaped = false;
    if (last == gpu)
        return;
    heap_put(m, at, last);
    heap_up(m, at);
    heap_down(m, last->heap_at);
}

/* Later is put right when the earlier time has come. */
static void heap_follow(struct model *m, struct gpu *gpu)
{
    if (gpu->due_ns >= gpu->heap_ns)
        return;
    gpu->heap_ns = gpu->due_ns;
    heap_up(m, gpu->heap_at);
}

/* ---- status ---- */

void status_count(struct model *m, const struct gpu *gpu, int n)
{
    enum fleet_status status = gpu->pub.status;
    struct fleet_host *host = gpu->pub.host;
    host->counts[status] += (uint32_t)n;
    host->cluster->counts[status] += (uint32_t)n;
    m->pub.counts[status] += (uint32_t)n;
}

void status_init(struct model *m, struct gpu *gpu)
{
    gpu->pub.status = FLEET_SILENT;
    gpu->pub.status_since_ns = m->config.wall_ns();
    status_count(m, gpu, 1);
}

enum fleet_status status_of(const struct model *m, const struct gpu *gpu)
{
    if (gpu->pub.maintenance)
        return FLEET_MAINTENANCE;
    if (gpu->pub.uuid.len == 0)
        return FLEET_MISSING;
    return gpu->due_ns > m->config.mono_ns() ? FLEET_ACTIVE : FLEET_SILENT;
}

void status_set(struct model *m, struct gpu *gpu, enum fleet_status status)
{
    enum fleet_status before = gpu->pub.status;
    if (before == status)
        return;
    status_count(m, gpu, -1);
    gpu->pub.status = status;
    gpu->pub.status_since_ns = m->config.wall_ns();
    status_count(m, gpu, 1);
    m->pub.revision++;
    if (status == FLEET_ACTIVE)
        heap_add(m, gpu);
    else if (gpu->heaped)
        heap_remove(m, gpu);
    struct fleet_change change = {&gpu->pub, before, status,
                                  gpu->pub.status_since_ns};
    model_tell_change(m, &change);
}

static int64_t patience(const struct model *m, const struct gpu *gpu)
{
    int64_t intervals = FLEET_INTERVALS * gpu->pub.interval_ns;
    return intervals > m->config.silent_after_ns ? intervals
                                                 : m->config.silent_after_ns;
}

void status_heard(struct model *m, struct gpu *gpu, int64_t heard_ns)
{
    if (heard_ns > gpu->pub.heard_ns)
        gpu->pub.heard_ns = heard_ns;
    int64_t age = m->config.wall_ns() - gpu->pub.heard_ns;
    gpu->due_ns = m->config.mono_ns() - (age > 0 ? age : 0) + patience(m, gpu);
    if (gpu->heaped)
        heap_follow(m, gpu);
    /* Silent it is made by time alone: what is read late was sent in time. */
    enum fleet_status status = status_of(m, gpu);
    if (status != FLEET_SILENT || gpu->pub.status != FLEET_ACTIVE)
        status_set(m, gpu, status);
}

void fleet_set_maintenance(struct fleet *f, struct fleet_gpu *gpu, bool on,
                           struct str reason)
{
    struct model *m = model_of(f);
    gpu->maintenance = on;
    tree_set_text(&gpu->maintenance_reason, reason);
    f->revision++;
    status_set(m, gpu_of(gpu), status_of(m, gpu_of(gpu)));
    status_arm(m);
}

/* ---- by time ---- */

void status_settle(struct model *m, struct fleet_host *pub)
{
    struct host *host = host_of(pub);
    if (host->settling)
        DL_DELETE(m->settling, host);
    host->settling = true;
    host->settle_ns = m->config.mono_ns() + m->config.silent_after_ns;
    DL_APPEND(m->settling, host);
}

static void settle(struct model *m, int64_t now)
{
    while (m->settling != NULL && m->settling->settle_ns <= now) {
        struct host *host = m->settling;
        DL_DELETE(m->settling, host);
        host->settling = false;
        tree_fill_holes(m, &host->pub);
    }
}

static int64_t due_of(const struct model *m, const struct gpu *gpu)
{
    return gpu->due_ns > m->grace_ns ? gpu->due_ns : m->grace_ns;
}

void status_known(struct model *m, int64_t wall_ns)
{
    int64_t age = m->config.wall_ns() - wall_ns;
    int64_t known = m->config.mono_ns() - (age > 0 ? age : 0);
    if (known > m->known_ns)
        m->known_ns = known;
}

/* Where we were held up ourselves (the process was stopped, the reader is
 * behind), what a GPU has sent may be on its way still: it is silent only when
 * all that came until then is in. */
static bool is_known(const struct model *m, int64_t due)
{
    return !m->pub.following || m->known_ns >= due;
}

static void silence(struct model *m, int64_t now)
{
    while (m->heap_count > 0 && m->heap[0]->heap_ns <= now) {
        struct gpu *gpu = m->heap[0];
        int64_t due = due_of(m, gpu);
        if (due > now) {
            gpu->heap_ns = due;
            heap_down(m, 0);
        } else if (is_known(m, due)) {
            status_set(m, gpu, FLEET_SILENT);
        } else {
            return;
        }
    }
}

/* 0: nothing is due by time. */
static int64_t next_ns(const struct model *m)
{
    int64_t next = m->settling != NULL ? m->settling->settle_ns : 0;
    if (m->heap_count > 0 && !m->deaf &&
        (next == 0 || m->heap[0]->heap_ns < next))
        next = m->heap[0]->heap_ns;
    return next;
}

void status_arm(struct model *m)
{
    int64_t next = next_ns(m);
    if (m->timer == NULL || next == 0 ||
        (m->timer_ns != 0 && m->timer_ns <= next))
        return;
    m->timer_ns = next;
    int64_t delay = next - m->config.mono_ns();
    http_timer_set(m->timer, delay > 0 ? delay + TIMER_SLACK_NS : OVERDUE_NS);
}

int64_t fleet_expire(struct fleet *f)
{
    struct model *m = model_of(f);
    int64_t now = m->config.mono_ns();
    settle(m, now);
    if (!m->deaf)
        silence(m, now);
    status_arm(m);
    int64_t next = next_ns(m);
    return next == 0 ? -1 : next > now ? next - now : 0;
}
