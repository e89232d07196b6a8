/* pages: see the header. */
#include "api/pages.h"

#include <stdlib.h>

#include "lib/mem.h"

struct pages {
    struct static_files *files;
    struct http_route routes[16];
};

/* ---- the dashboard ---- */

/* Built without npm the gateway has no pages, and says so. */
static const char no_dashboard[] =
    "Nexus: the gateway runs, but its dashboard is not there.\n\n"
    "`make web` builds it into build/web, which takes node and npm\n"
    "(Debian: apt-get install nodejs npm); no restart is needed. Should it "
    "lie\n"
    "elsewhere, start the gateway with --web-root FOLDER.\n\n"
    "All else works without it: graphql, api/v1/gpus, health, metrics.\n";

static void dashboard_reply(struct http_request *req, void *arg)
{
    struct pages *pages = arg;
    if (static_has(pages->files, str_of("index.html"))) {
        static_reply(pages->files, req, str_of("index.html"));
        return;
    }
    struct buf body = {0};
    buf_append_text(&body, no_dashboard);
    http_reply_header(req, "Cache-Control", "no-store");
    http_reply(req, 503, HTTP_TEXT, &body);
}

static void favicon_reply(struct http_request *req, void *arg)
{
    struct pages *pages = arg;
    static_reply(pages->files, req, str_of("favicon.svg"));
}

/* ---- folders ---- */

static void folder_reply(struct http_request *req, struct pages *pages,
                         const char *folder)
{
    struct str path = http_param(req, "path");
    static_reply(pages->files, req,
                 str_of(arena_printf(http_arena(req), "%s/%.*s", folder,
                                     STR_ARG(path))));
}

static void assets_reply(struct http_request *req, void *arg)
{
    folder_reply(req, arg, "assets");
}

static void graphiql_reply(struct http_request *req, void *arg)
{
    folder_reply(req, arg, "graphiql");
}

static void swagger_reply(struct http_request *req, void *arg)
{
    folder_reply(req, arg, "swagger");
}

/* ---- addresses that people try ---- */

static void redirect(struct http_request *req, const char *address)
{
    http_reply_header(req, "Location", address);
    http_reply(req, 302, NULL, NULL);
}

static void to_swagger(struct http_request *req, void *arg)
{
    (void)arg;
    redirect(req, "swagger/");
}

static void up_to_swagger(struct http_request *req, void *arg)
{
    (void)arg;
    redirect(req, "../swagger/");
}

static void to_graphql(struct http_request *req, void *arg)
{
    (void)arg;
    redirect(req, "graphql");
}

static void up_to_graphql(struct http_request *req, void *arg)
{
    (void)arg;
    redirect(req, "../graphql");
}

struct pages *pages_new(struct static_files *files)
{
    static const struct http_route routes[] = {
        {"GET", "/", dashboard_reply, NULL},
        {"GET", "/favicon.svg", favicon_reply, NULL},
        {"GET", "/assets/{path...}", assets_reply, NULL},
        {"GET", "/graphiql", to_graphql, NULL},
        {"GET", "/graphiql/", up_to_graphql, NULL},
        {"GET", "/graphiql/{path...}", graphiql_reply, NULL},
        {"GET", "/swagger", to_swagger, NULL},
        {"GET", "/swagger/{path...}", swagger_reply, NULL},
        {"GET", "/docs", to_swagger, NULL},
        {"GET", "/docs/", up_to_swagger, NULL},
    };
    enum { COUNT = sizeof routes / sizeof *routes };
    struct pages *pages = mem_zalloc(sizeof *pages);
    _Static_assert(COUNT < sizeof pages->routes / sizeof *pages->routes,
                   "the last line ends the table");
    pages->files = files;
    for (size_t i = 0; i < COUNT; i++) {
        pages->routes[i] = routes[i];
        pages->routes[i].arg = pages;
    }
    return pages;
}

void pages_free(struct pages **pages)
{
    free(*pages);
    *pages = NULL;
}

const struct http_route *pages_routes(struct pages *pages)
{
    return pages->routes;
}
