/* fleet_listen: who is told of what.
 *
 *     everything   ──▶ listener, listener …
 *     cluster name ──▶ …
 *     host name    ──▶ …
 *     GPU's uuid   ──▶ …
 *
 * A listener stands under the narrowest of what it asked for, under each of its
 * GPUs. So what happens to one GPU costs as much as there are listeners near
 * it, however many listen to others. */
#include "api/fleet/fleet_private.h"

#include <stdlib.h>
#include <utlist.h>

#include "lib/mem.h"

struct place {
    UT_hash_handle hh; /* by name */
    struct fleet_link *links;
    struct model *model;
    enum scope scope;
    struct str name; /* its memory is behind this */
};

/* ---- places ---- */

static struct place *place_find(const struct model *m, enum scope scope,
                                struct str name)
{
    struct place *place = NULL;
    if (m->places[scope] != NULL)
        HASH_FIND(hh, m->places[scope], name.p, name.len, place);
    return place;
}

static struct place *place_get(struct model *m, enum scope scope,
                               struct str name)
{
    struct place *place = place_find(m, scope, name);
    if (place != NULL)
        return place;
    place = mem_zalloc(sizeof *place + name.len + 1);
    place->model = m;
    place->scope = scope;
    place->name = str_make((char *)(place + 1), name.len);
    if (name.len > 0)
        memcpy(place + 1, name.p, name.len);
    HASH_ADD_KEYPTR(hh, m->places[scope], place->name.p, place->name.len,
                    place);
    return place;
}

static void place_put(struct place *place)
{
    if (place->links != NULL)
        return;
    HASH_DEL(place->model->places[place->scope], place);
    free(place);
}

/* ---- coming and going ---- */

/* A name that is given twice is listened to once. */
static void link_add(struct model *m, struct fleet_listener *l,
                     enum scope scope, struct str name)
{
    struct place *place = place_get(m, scope, name);
    if (place->links != NULL && place->links->prev->listener == l)
        return;
    struct fleet_link *link = &l->links[l->link_count++];
    link->listener = l;
    link->place = place;
    DL_APPEND(place->links, link);
}

void fleet_listen(struct fleet *f, struct fleet_listener *l)
{
    static const struct str everything = {"", 0};
    static const struct fleet_scope all = {0};
    struct model *m = model_of(f);
    const struct fleet_scope *scope = l->scope != NULL ? l->scope : &all;
    uint32_t count = scope->gpu_count > 0 ? scope->gpu_count : 1;
    l->links = mem_alloc(count * sizeof *l->links);
    l->link_count = 0;
    for (uint32_t i = 0; i < scope->gpu_count; i++)
        link_add(m, l, SCOPE_GPU, scope->gpus[i]);
    if (scope->gpu_count > 0)
        return;
    if (scope->host.p != NULL)
        link_add(m, l, SCOPE_HOST, scope->host);
    else if (scope->cluster.p != NULL)
        link_add(m, l, SCOPE_CLUSTER, scope->cluster);
    else
        link_add(m, l, SCOPE_ALL, everything);
}

static void link_remove(struct model *m, struct fleet_link *link)
{
    for (struct walk *w = m->walks; w != NULL; w = w->outer)
        if (w->next == link)
            w->next = link->next;
    DL_DELETE(link->place->links, link);
    place_put(link->place);
}

void fleet_unlisten(struct fleet *f, struct fleet_listener *l)
{
    for (uint32_t i = 0; i < l->link_count; i++)
        link_remove(model_of(f), &l->links[i]);
    free(l->links);
    l->links = NULL;
    l->link_count = 0;
}

/* ---- telling ---- */

typedef void (*tell_fn)(const struct fleet_listener *l, const void *event);

static void tell_place(struct model *m, enum scope scope, struct str name,
                       tell_fn tell, const void *event)
{
    struct place *place = place_find(m, scope, name);
    if (place == NULL)
        return;
    struct walk walk = {place->links, m->walks};
    m->walks = &walk;
    while (walk.next != NULL) {
        const struct fleet_link *link = walk.next;
        walk.next = link->next;
        tell(link->listener, event);
    }
    m->walks = walk.outer;
}

static void tell_all(struct model *m, const struct fleet_gpu *gpu, tell_fn tell,
                     const void *event)
{
    const struct fleet_host *host = gpu->host;
    tell_place(m, SCOPE_ALL, str_make("", 0), tell, event);
    tell_place(m, SCOPE_CLUSTER, host->cluster->name, tell, event);
    tell_place(m, SCOPE_HOST, host->name, tell, event);
    tell_place(m, SCOPE_GPU, gpu->uuid, tell, event);
}

static void tell_update(const struct fleet_listener *l, const void *event)
{
    if (l->update != NULL)
        l->update(event, l->arg);
}

static void tell_change(const struct fleet_listener *l, const void *event)
{
    if (l->change != NULL)
        l->change(event, l->arg);
}

void model_tell_update(struct model *m, const struct fleet_update *update)
{
    tell_all(m, update->gpu, tell_update, update);
}

void model_tell_change(struct model *m, const struct fleet_change *change)
{
    tell_all(m, change->gpu, tell_change, change);
}
