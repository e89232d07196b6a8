/* http_request: from a head to the handler of its route. */
#include "lib/http_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

#define SPARE_MAX  64    /* requests kept for later ones */
#define ARENA_KEEP 65536 /* bytes handed out, of one that is kept */

struct http_request *http_request_new(struct http_server *server,
                                      struct http_conn *conn)
{
    struct http_request *req = server->spare;
    if (req != NULL) {
        server->spare = req->next;
        server->spare_count--;
    } else {
        req = mem_zalloc(sizeof *req);
    }
    req->server = server;
    req->conn = conn;
    req->started_ns = 0;
    return req;
}

static void request_destroy(struct http_request *req)
{
    arena_fini(&req->arena);
    buf_fini(&req->headers);
    free(req);
}

/* Ready for any connection's next request. */
static void request_reset(struct http_request *req)
{
    if (req->arena.allocated > ARENA_KEEP)
        arena_fini(&req->arena);
    arena_reset(&req->arena);
    buf_reset(&req->headers);
    req->route = NULL;
    req->gone = NULL;
    req->param_count = req->query_count = 0;
    req->id[0] = '\0';
    req->last = false;
    req->chunks = (struct http_chunks){0};
    req->head.method = req->head.path = req->head.query = str_make("", 0);
    req->head.field_count = 0;
}

void http_request_free(struct http_request *req)
{
    struct http_server *server = req->server;
    if (server->current == req) {
        log_set_correlation(NULL);
        server->current = NULL;
    }
    buf_fini(&req->body);
    if (server->spare_count == SPARE_MAX) {
        request_destroy(req);
        return;
    }
    request_reset(req);
    req->next = server->spare;
    server->spare = req;
    server->spare_count++;
}

void http_requests_close(struct http_server *server)
{
    while (server->spare != NULL) {
        struct http_request *req = server->spare;
        server->spare = req->next;
        request_destroy(req);
    }
}

/* ---- reading the head ---- */

static bool id_is_sane(struct str id)
{
    if (id.len == 0 || id.len > HTTP_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z');
        if (!plain && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static void request_identify(struct http_request *req)
{
    _Static_assert(HTTP_ID_MAX >= ULID_LEN, "an id of our own fits");
    struct str id = http_head_field(&req->head, str_of("x-request-id"));
    if (id_is_sane(id)) {
        memcpy(req->id, id.p, id.len);
        req->id[id.len] = '\0';
    } else {
        ulid_make(req->id);
    }
}

/* Cuts the next part off *rest, up to the separator. */
static struct str part_take(struct str *rest, char separator)
{
    const char *at = memchr(rest->p, separator, rest->len);
    size_t len = at != NULL ? (size_t)(at - rest->p) : rest->len;
    struct str part = str_make(rest->p, len);
    size_t taken = at != NULL ? len + 1 : len;
    *rest = str_make(rest->p + taken, rest->len - taken);
    return part;
}

static int query_parse(struct http_request *req, const char **why)
{
    struct str rest = req->head.query;
    while (rest.len > 0) {
        struct str value = part_take(&rest, '&');
        if (value.len == 0)
            continue;
        *why = "the request has too many query parameters";
        if (req->query_count == HTTP_QUERY_MAX)
            return 400;
        struct http_pair *pair = &req->query[req->query_count];
        struct str name = part_take(&value, '=');
        *why = "a query parameter's %-escape is malformed or not UTF-8";
        if (http_unescape(name, true, &req->arena, &pair->name) != 0 ||
            http_unescape(value, true, &req->arena, &pair->value) != 0)
            return 400;
        req->query_count++;
    }
    return 0;
}

int http_request_begin(struct http_request *req, struct str head,
                       const char **why)
{
    req->started_ns = clock_mono_ns();
    struct str copy = arena_str(&req->arena, head);
    int status = http_head_parse(copy, &req->head, why);
    if (status != 0)
        return status;
    request_identify(req);
    req->last = !req->head.keep_alive;
    return query_parse(req, why);
}

/* ---- routes ---- */

struct segments {
    struct str part[HTTP_SEGMENTS_MAX];
    size_t count;
};

/* Cuts a path at its slashes and decodes the parts. 0, -EINVAL malformed,
 * -E2BIG more parts than any route has. */
static int path_split(struct http_request *req, struct segments *out)
{
    struct str rest = req->head.path;
    out->count = 0;
    if (rest.len == 0 || rest.p[0] != '/')
        return -E2BIG;
    part_take(&rest, '/');
    for (bool more = true; more;) {
        if (out->count == HTTP_SEGMENTS_MAX)
            return -E2BIG;
        more = memchr(rest.p, '/', rest.len) != NULL;
        struct str part = part_take(&rest, '/');
        if (http_unescape(part, false, &req->arena, &out->part[out->count++]) !=
            0)
            return -EINVAL;
    }
    return 0;
}

static bool is_rest(struct str part)
{
    return part.len > 5 && part.p[0] == '{' &&
           memcmp(part.p + part.len - 4, "...}", 4) == 0;
}

static bool has_slash(struct str part)
{
    return part.len > 0 && memchr(part.p, '/', part.len) != NULL;
}

/* {name...} takes what is left of the path, from part i on. An encoded slash
 * is no slash: a path with one is none of ours. */
static bool rest_match(struct http_request *req, struct str name,
                       const struct segments *path, size_t i)
{
    struct buf rest = {0};
    bool matches = true;
    for (size_t first = i; i < path->count; i++) {
        if (i > first)
            buf_append_byte(&rest, '/');
        buf_append_str(&rest, path->part[i]);
        matches = matches && !has_slash(path->part[i]);
    }
    req->params[req->param_count++] = (struct http_pair){
        str_make(name.p + 1, name.len - 5),
        arena_str(&req->arena, buf_str(&rest)),
    };
    buf_fini(&rest);
    return matches;
}

/* True when the path is one of the pattern's; fills the params. */
static bool route_match(const struct http_route *route,
                        const struct segments *path, struct http_request *req)
{
    struct str pattern = str_of(route->pattern);
    part_take(&pattern, '/');
    req->param_count = 0;
    for (size_t i = 0; i < path->count; i++) {
        bool last = memchr(pattern.p, '/', pattern.len) == NULL;
        struct str part = part_take(&pattern, '/');
        if (is_rest(part))
            return rest_match(req, part, path, i);
        if (last != (i + 1 == path->count))
            return false;
        if (part.len > 2 && part.p[0] == '{') {
            assert(req->param_count < HTTP_PARAMS_MAX);
            if (path->part[i].len == 0)
                return false;
            req->params[req->param_count++] = (struct http_pair){
                str_make(part.p + 1, part.len - 2), path->part[i]};
        } else if (!str_eq(part, path->part[i])) {
            return false;
        }
    }
    return true;
}

static bool method_matches(const struct http_route *route, struct str method)
{
    if (str_is(method, "HEAD"))
        method = str_of("GET");
    return str_is(method, route->method);
}

/* Finds the route. NULL when there is none; then *allow lists the methods that
 * the path does have. */
static const struct http_route *route_find(struct http_request *req,
                                           const struct segments *path,
                                           struct buf *allow)
{
    const struct http_route *const *table = req->server->config.routes;
    for (; *table != NULL; table++) {
        for (const struct http_route *r = *table; r->method != NULL; r++) {
            if (!route_match(r, path, req))
                continue;
            if (method_matches(r, req->head.method))
                return r;
            if (allow->len > 0)
                buf_append_text(allow, ", ");
            buf_append_text(allow, r->method);
            if (strcmp(r->method, "GET") == 0)
                buf_append_text(allow, ", HEAD");
        }
    }
    return NULL;
}

static void preflight_reply(struct http_request *req, const char *allow)
{
    http_reply_header(req, "Access-Control-Allow-Methods", allow);
    http_reply_header(req, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, X-Request-Id");
    http_reply_header(req, "Access-Control-Max-Age", "86400");
    http_reply(req, 204, NULL, NULL);
}

static void unrouted_reply(struct http_request *req, struct buf *allow)
{
    if (allow->len == 0) {
        http_reply_problem(req, 404, NULL, "there is nothing at this path");
        return;
    }
    if (req->server->config.cors && str_is(req->head.method, "OPTIONS")) {
        preflight_reply(req, buf_text(allow));
        return;
    }
    http_reply_header(req, "Allow", buf_text(allow));
    http_reply_problem(req, 405, NULL, "this path takes %s", buf_text(allow));
}

static void handler_call(struct http_request *req)
{
    struct http_server *server = req->server;
    server->current = req;
    log_set_correlation(req->id);
    req->route->handle(req, req->route->arg);
    log_set_correlation(NULL);
    server->current = NULL;
}

void http_request_dispatch(struct http_request *req)
{
    struct segments path;
    struct buf allow = {0};
    req->open = true;
    int rc = path_split(req, &path);
    if (rc == 0)
        req->route = route_find(req, &path, &allow);
    if (rc == -EINVAL)
        http_reply_problem(req, 400, NULL,
                           "a %%-escape in the path is malformed or not UTF-8");
    else if (req->route == NULL)
        unrouted_reply(req, &allow);
    else
        handler_call(req);
    buf_fini(&allow);
}

/* ---- what a handler asks ---- */

struct str http_method(const struct http_request *req)
{
    return req->head.method;
}

struct str http_path(const struct http_request *req)
{
    return req->head.path;
}

const char *http_request_id(const struct http_request *req)
{
    return req->id;
}

struct str http_param(const struct http_request *req, const char *name)
{
    for (size_t i = 0; i < req->param_count; i++)
        if (str_is(req->params[i].name, name))
            return req->params[i].value;
    return str_make("", 0);
}

bool http_query(const struct http_request *req, const char *name,
                struct str *value)
{
    for (size_t i = 0; i < req->query_count; i++) {
        if (str_is(req->query[i].name, name)) {
            *value = req->query[i].value;
            return true;
        }
    }
    return false;
}

bool http_query_at(const struct http_request *req, size_t index,
                   struct str *name, struct str *value)
{
    if (index >= req->query_count)
        return false;
    *name = req->query[index].name;
    *value = req->query[index].value;
    return true;
}

struct str http_header(const struct http_request *req, const char *name)
{
    return http_head_field(&req->head, str_of(name));
}

struct str http_body(const struct http_request *req)
{
    return buf_str(&req->body);
}

struct arena *http_arena(struct http_request *req)
{
    return &req->arena;
}

/* Nothing is read while a handler has the request, so the end of the client's
 * stream is looked for here. */
bool http_gone(const struct http_request *req)
{
    if (req->conn == NULL || req->conn->state == CONN_DEAD)
        return true;
    char byte;
    return recv(req->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void http_on_gone(struct http_request *req, void (*fn)(void *arg), void *arg)
{
    req->gone = fn;
    req->gone_arg = arg;
}

void http_request_gone(struct http_request *req)
{
    void (*fn)(void *arg) = req->gone;
    req->gone = NULL;
    if (fn != NULL)
        fn(req->gone_arg);
}
