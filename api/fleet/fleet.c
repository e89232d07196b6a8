/* fleet: the model and its listeners. */
#include "api/fleet/fleet_private.h"

#include <stdlib.h>

#include "lib/mem.h"

const char *const fleet_status_names[FLEET_STATUS_COUNT] = {
    [FLEET_MAINTENANCE] = "maintenance",
    [FLEET_MISSING] = "missing",
    [FLEET_SILENT] = "silent",
    [FLEET_ACTIVE] = "active",
};

static void timer_fired(void *arg)
{
    struct model *m = arg;
    m->timer_ns = 0;
    fleet_expire(&m->pub);
}

struct fleet *fleet_new(struct http_server *server,
                        const struct fleet_config *config)
{
    struct model *m = mem_zalloc(sizeof *m);
    m->config = *config;
    if (m->config.silent_after_ns == 0)
        m->config.silent_after_ns = FLEET_SILENT_AFTER_NS;
    if (m->config.gpus_max == 0)
        m->config.gpus_max = FLEET_GPUS_MAX;
    if (m->config.wall_ns == NULL)
        m->config.wall_ns = clock_wall_ns;
    if (m->config.mono_ns == NULL)
        m->config.mono_ns = clock_mono_ns;
    m->server = server;
    if (server != NULL)
        m->timer = http_timer_new(server, timer_fired, m);
    return &m->pub;
}

void fleet_free(struct fleet **fleet)
{
    if (*fleet == NULL)
        return;
    struct model *m = model_of(*fleet);
    *fleet = NULL;
    loader_free(&m->loader);
    http_timer_free(&m->timer);
    tree_free(m);
    buf_fini(&m->scratch);
    free(m);
}

/* ---- what the feed says ---- */

void fleet_set_following(struct fleet *f, bool following)
{
    struct model *m = model_of(f);
    if (f->following == following)
        return;
    f->following = following;
    f->revision++;
    m->deaf = !following;
    if (following)
        m->grace_ns = m->config.mono_ns() + m->config.silent_after_ns;
    status_arm(m);
}

void fleet_quiet(struct fleet *f)
{
    struct model *m = model_of(f);
    f->as_of_ns = m->config.wall_ns();
    m->known_ns = m->config.mono_ns();
}

void fleet_stream_anew(struct fleet *f)
{
    f->sequence = 0;
    for (uint32_t i = 0; i < f->gpu_count; i++)
        f->gpus[i]->sequence = 0;
    f->revision++;
}
