/* service: see the header. */
#include "api/graphql/transport/service_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mem.h"

#define ALLOWED_FILE_MAX (1 << 20) /* bytes of a document on the list */

const char *const graphql_outcome_names[GRAPHQL_OUTCOMES] = {
    [GRAPHQL_OK] = "ok",
    [GRAPHQL_FAILED] = "errors",
    [GRAPHQL_REFUSED] = "refused",
    [GRAPHQL_TIMEOUT] = "timeout",
    [GRAPHQL_CANCELLED] = "cancelled",
};
const char *const graphql_type_names[GRAPHQL_TYPES] = {
    [GQL_QUERY] = "query",
    [GQL_MUTATION] = "mutation",
    [GQL_SUBSCRIPTION] = "subscription",
};
const char *const graphql_transport_names[GRAPHQL_TRANSPORTS] = {
    [GRAPHQL_TRANSPORT_WS] = "graphql-transport-ws",
    [GRAPHQL_LEGACY_WS] = "graphql-ws",
    [GRAPHQL_SSE] = "sse",
};

/* ---- the allow-list ---- */

static int file_read(const char *path, struct buf *out, struct errmsg *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errmsg_set(err, -errno, "%s: %s", path, strerror(errno));
    ssize_t n;
    while ((n = read(fd, buf_reserve(out, 4096), 4096)) > 0 &&
           out->len <= ALLOWED_FILE_MAX)
        out->len += (size_t)n;
    int failed = n < 0 ? errno : 0;
    close(fd);
    if (failed != 0)
        return errmsg_set(err, -failed, "%s: %s", path, strerror(failed));
    return out->len <= ALLOWED_FILE_MAX
               ? 0
               : errmsg_set(err, -EFBIG, "%s is larger than 1 MiB", path);
}

static int file_allow(struct gql_cache *cache, const char *path,
                      struct errmsg *err)
{
    struct buf text = {0};
    struct errmsg why;
    int rc = file_read(path, &text, err);
    if (rc == 0 && (rc = gql_cache_allow(cache, buf_str(&text), &why)) != 0)
        errmsg_set(err, rc, "%s: %s", path, why.text);
    buf_fini(&text);
    return rc;
}

static int is_document(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 8 &&
           strcmp(entry->d_name + len - 8, ".graphql") == 0;
}

static int folder_allow(struct gql_cache *cache, const char *path,
                        struct errmsg *err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_document, alphasort);
    if (count < 0)
        return errmsg_set(err, -errno, "%s: %s", path, strerror(errno));
    int rc = 0;
    if (count == 0)
        rc = errmsg_set(err, -ENOENT, "%s has no *.graphql in it", path);
    for (int i = 0; i < count; i++) {
        struct buf file = {0};
        buf_printf(&file, "%s/%s", path, entries[i]->d_name);
        if (rc == 0)
            rc = file_allow(cache, buf_text(&file), err);
        buf_fini(&file);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int list_allow(struct gql_cache *cache, const char *path,
                      struct errmsg *err)
{
    struct errmsg why;
    struct stat st;
    int rc = 0;
    if (stat(path, &st) != 0)
        rc = errmsg_set(&why, -errno, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        rc = folder_allow(cache, path, &why);
    else
        rc = file_allow(cache, path, &why);
    if (rc != 0)
        errmsg_set(err, rc, "the allow-list: %.400s", why.text);
    return rc;
}

/* ---- the service ---- */

static bool has_list(const struct graphql_settings *settings)
{
    return settings->allow_list != NULL && *settings->allow_list != '\0';
}

static void routes_fill(struct graphql_service *service)
{
    service->routes[0] =
        (struct http_route){"POST", "/graphql", graphql_http_post, service};
    service->routes[1] =
        (struct http_route){"GET", "/graphql", graphql_http_get, service};
    service->routes[2] = (struct http_route){"GET", "/graphql/schema.graphql",
                                             graphql_schema_get, service};
}

struct graphql_service *
graphql_service_new(const struct graphql_service_config *config,
                    struct errmsg *err)
{
    struct graphql_service *service = mem_zalloc(sizeof *service);
    service->settings = config->settings;
    service->schema = config->schema;
    service->schema_text = config->schema_text;
    service->files = config->files;
    service->stats = config->stats;
    service->any_origin = config->any_origin;
    service->log_budget.bytes_max = GRAPHQL_LOGS_MAX;
    service->websocket = graphql_websocket(&config->settings);
    struct gql_limits limits = graphql_limits(&config->settings);
    struct gql_cache_config cache = {
        .entries_max = (size_t)config->settings.cache_entries,
        .bytes_max = (size_t)config->settings.cache_bytes,
        .allow_list = has_list(&config->settings),
    };
    service->cache = gql_cache_new(service->schema, &limits, &cache);
    routes_fill(service);
    if (cache.allow_list &&
        list_allow(service->cache, config->settings.allow_list, err) != 0)
        graphql_service_free(&service);
    return service;
}

const struct http_route *graphql_service_routes(struct graphql_service *s)
{
    return s->routes;
}

void graphql_service_stop(struct graphql_service *service)
{
    http_timer_free(&service->beat_timer);
    service->server = NULL;
}

void graphql_service_free(struct graphql_service **service)
{
    struct graphql_service *s = *service;
    *service = NULL;
    if (s == NULL)
        return;
    gql_cache_free(&s->cache);
    gql_schema_free(&s->schema);
    arena_fini(&s->scratch);
    free(s);
}

/* ---- the beat ---- */

static void beats_call(void *arg)
{
    struct graphql_service *service = arg;
    struct graphql_beat *next;
    for (struct graphql_beat *b = service->beats; b != NULL; b = next) {
        next = b->next;
        b->fn(b);
    }
    if (service->beats != NULL)
        http_timer_set(service->beat_timer, GRAPHQL_BEAT_NS);
}

void graphql_service_start(struct graphql_service *service,
                           struct http_server *server, void *context)
{
    service->server = server;
    service->context = context;
    service->beat_timer = http_timer_new(server, beats_call, service);
}

void graphql_beat_join(struct graphql_service *service,
                       struct graphql_beat *beat)
{
    beat->prev = NULL;
    beat->next = service->beats;
    if (beat->next != NULL)
        beat->next->prev = beat;
    else if (service->beat_timer != NULL)
        http_timer_set(service->beat_timer, GRAPHQL_BEAT_NS);
    service->beats = beat;
}

void graphql_beat_leave(struct graphql_service *service,
                        struct graphql_beat *beat)
{
    if (beat->prev != NULL)
        beat->prev->next = beat->next;
    else
        service->beats = beat->next;
    if (beat->next != NULL)
        beat->next->prev = beat->prev;
}
