/* page: one answer of the monitor, written on the broker's loop.
 *
 * Every page that nats-server has as well is asked for in the same way: 1 and
 * true switch something on; a number or choice that will not do is answered
 * 400 with a sentence; callback=name wraps the answer into a call of that name
 * (JSONP). */
#ifndef NEXUS_BROKER_PAGE_H
#define NEXUS_BROKER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/json.h"

struct monitor;
struct server;

struct page {
    const struct monitor *monitor;
    struct http_request *req;
    struct json_writer w;
    int status;            /* 200, unless a page says otherwise */
    struct errmsg refused; /* set: answered 400 with this */
};

/* Writes a page's JSON; on the loop. */
typedef void (*page_writer)(struct server *server, struct page *page);

/* Has write run on the loop and answers. */
void page_answer(const struct monitor *monitor, struct server *server,
                 struct http_request *req, page_writer write);

/* {"server_id":…,"now":…, */
void page_begin(const struct server *server, struct page *page);

/* ---- what was asked for ---- */

bool page_flag(const struct page *page, const char *name);

/* *value stays as it is where it was not asked for. False: refused. */
bool page_number(struct page *page, const char *name, int64_t *value);

/* The text; empty where it was not asked for. */
struct str page_text(const struct page *page, const char *name);

/* A run of a list. */
struct page_window {
    int64_t offset, limit;
};

/* "offset" and "limit". False: refused. */
bool page_window(struct page *page, int64_t limit, struct page_window *window);

static inline bool page_shows(const struct page_window *window, int64_t index)
{
    return index >= window->offset && index - window->offset < window->limit;
}

/* ---- how nats-server writes times ---- */

/* "1d2h3m4s" */
void page_uptime(struct json_writer *w, const char *key, int64_t ns);

/* "2.309469ms", "588µs", "1.5s" */
void page_duration(struct json_writer *w, const char *key, int64_t ns);

/* Seconds as a number. */
void page_seconds(struct json_writer *w, const char *key, int64_t ns);

#endif
