/* connection: lists in pages (Relay's Cursor Connections), the types
 * GPUConnection, HostConnection, their edges and PageInfo. */
#include <errno.h>

#include "api/graphql/telemetry/cursor.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     10000

struct page;

struct edge {
    const void *node;
    struct str cursor;
};

struct page {
    struct edge *edges;
    uint32_t count;
    uint32_t total; /* on all pages */
    bool more_before, more_behind;
};

/* ---- which of them ---- */

struct range {
    uint32_t from, to; /* to: behind the last */
};

static int size_of(const struct gql_call *call, const char *name, int64_t *size,
                   struct errmsg *err)
{
    *size = gql_argument_i64(call, name, -1);
    const struct gql_value *given = gql_argument(call, name);
    if (given == NULL || given->kind == GQL_NULL)
        return 0;
    if (*size < 0 || *size > PAGE_MAX)
        return errmsg_set(err, -EINVAL, "%s: expected 0 to %d, got %lld", name,
                          PAGE_MAX, (long long)*size);
    return 0;
}

/* How many items are before the place (with: or in it). */
static uint32_t count_before(const struct selection *s,
                             const struct selected *place, bool with)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = selected_compare(&s->order, &s->items[middle], place);
        if (order < 0 || (with && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cuts the range at the cursors. */
static int range_cut(struct range *range, const struct selection *s,
                     struct errmsg *err)
{
    struct selected place;
    struct str after = gql_argument_str(s->call, "after");
    struct str before = gql_argument_str(s->call, "before");
    if (after.p != NULL) {
        if (cursor_parse(after, s, &place, err) < 0)
            return -EINVAL;
        range->from = count_before(s, &place, true);
    }
    if (before.p != NULL) {
        if (cursor_parse(before, s, &place, err) < 0)
            return -EINVAL;
        range->to = count_before(s, &place, false);
    }
    if (range->to < range->from)
        range->to = range->from;
    return 0;
}

/* Then `first` from its start, and of those `last` from the end. */
static int range_of(struct range *range, const struct selection *s,
                    struct errmsg *err)
{
    int64_t first, last;
    *range = (struct range){0, s->count};
    if (size_of(s->call, "first", &first, err) < 0 ||
        size_of(s->call, "last", &last, err) < 0 ||
        range_cut(range, s, err) < 0)
        return -EINVAL;
    if (first < 0 && last < 0)
        first = PAGE_DEFAULT;
    if (first >= 0 && first < range->to - range->from)
        range->to = range->from + (uint32_t)first;
    if (last >= 0 && last < range->to - range->from)
        range->from = range->to - (uint32_t)last;
    return 0;
}

/* ---- the page ---- */

static void edge_fill(struct edge *edge, const struct selection *s,
                      const struct selected *item)
{
    struct buf cursor = {0};
    cursor_append(&cursor, s, item);
    edge->node = item->object;
    edge->cursor = arena_str(s->call->arena, buf_str(&cursor));
    buf_fini(&cursor);
}

static struct page *page_new(const struct selection *s,
                             const struct range *range)
{
    struct arena *arena = s->call->arena;
    struct page *page = arena_zalloc(arena, sizeof *page);
    page->count = range->to - range->from;
    page->total = s->count;
    page->more_before = range->from > 0;
    page->more_behind = range->to < s->count;
    page->edges = arena_alloc(arena, (page->count + 1) * sizeof *page->edges);
    for (uint32_t i = 0; i < page->count; i++)
        edge_fill(&page->edges[i], s, &s->items[range->from + i]);
    return page;
}

static void give_page(struct gql_batch *batch, uint32_t parent,
                      const struct scope *scope)
{
    struct selection s = {0};
    struct range range = {0};
    struct errmsg err;
    if (selection_make(&s, &batch->call, scope, &err) < 0 ||
        range_of(&range, &s, &err) < 0)
        gql_batch_error(batch, parent, GQL_CODE_INPUT, "%s", err.text);
    else
        gql_batch_object(batch, parent, page_new(&s, &range));
}

static void give_pages(struct gql_batch *batch, scope_fn scope_of)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct scope scope = scope_of(batch->parents[i], &batch->call);
        give_page(batch, i, &scope);
    }
    gql_batch_done(batch);
}

static void resolve_gpus(struct gql_batch *batch)
{
    give_pages(batch, gpus_of_fleet);
}

static void resolve_hosts(struct gql_batch *batch)
{
    give_pages(batch, hosts_of_fleet);
}

/* ---- its fields ---- */

static void give_edges(struct gql_batch *batch, uint32_t parent, bool nodes)
{
    const struct page *page = batch->parents[parent];
    const void **objects =
        arena_alloc(batch->call.arena, (page->count + 1) * sizeof *objects);
    for (uint32_t i = 0; i < page->count; i++)
        objects[i] = nodes ? page->edges[i].node : &page->edges[i];
    gql_batch_list(batch, parent, objects, page->count);
}

static void resolve_edges(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_edges(batch, i, false);
    gql_batch_done(batch);
}

static void resolve_nodes(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_edges(batch, i, true);
    gql_batch_done(batch);
}

static void write_total(struct gql_out *out, const void *object)
{
    const struct page *page = object;
    json_put_i64(&out->json, page->total);
}

static void write_cursor(struct gql_out *out, const void *object)
{
    const struct edge *edge = object;
    json_put_str(&out->json, edge->cursor);
}

static void resolve_node(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct edge *edge = batch->parents[i];
        gql_batch_object(batch, i, edge->node);
    }
    gql_batch_done(batch);
}

/* ---- PageInfo: its object is the page ---- */

static void write_has_next(struct gql_out *out, const void *object)
{
    const struct page *page = object;
    json_put_bool(&out->json, page->more_behind);
}

static void write_has_previous(struct gql_out *out, const void *object)
{
    const struct page *page = object;
    json_put_bool(&out->json, page->more_before);
}

static void write_start(struct gql_out *out, const void *object)
{
    const struct page *page = object;
    if (page->count > 0)
        write_cursor(out, &page->edges[0]);
    else
        json_put_null(&out->json);
}

static void write_end(struct gql_out *out, const void *object)
{
    const struct page *page = object;
    if (page->count > 0)
        write_cursor(out, &page->edges[page->count - 1]);
    else
        json_put_null(&out->json);
}

const struct gql_binding connection_bindings[] = {
    {.name = "Query.gpusConnection", .resolve = resolve_gpus},
    {.name = "Query.hostsConnection", .resolve = resolve_hosts},
    {.name = "GPUConnection.edges", .resolve = resolve_edges},
    {.name = "GPUConnection.nodes", .resolve = resolve_nodes},
    {.name = "GPUConnection.pageInfo"},
    {.name = "GPUConnection.totalCount", .write = write_total},
    {.name = "GPUConnection.asOf", .write = write_as_of},
    {.name = "GPUEdge.cursor", .write = write_cursor},
    {.name = "GPUEdge.node", .resolve = resolve_node},
    {.name = "HostConnection.edges", .resolve = resolve_edges},
    {.name = "HostConnection.nodes", .resolve = resolve_nodes},
    {.name = "HostConnection.pageInfo"},
    {.name = "HostConnection.totalCount", .write = write_total},
    {.name = "HostConnection.asOf", .write = write_as_of},
    {.name = "HostEdge.cursor", .write = write_cursor},
    {.name = "HostEdge.node", .resolve = resolve_node},
    {.name = "PageInfo.hasNextPage", .write = write_has_next},
    {.name = "PageInfo.hasPreviousPage", .write = write_has_previous},
    {.name = "PageInfo.startCursor", .write = write_start},
    {.name = "PageInfo.endCursor", .write = write_end},
    {.name = NULL},
};
