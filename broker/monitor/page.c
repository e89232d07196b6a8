/* page: see page.h. */
#include "broker/monitor/page.h"

#include <errno.h>
#include <stdio.h>

#include "broker/jetstream/js_config.h"
#include "broker/server.h"
#include "lib/clock.h"

#define CALLBACK_MAX 128u /* bytes of a JSONP function's name */
#define SPAN_MAX     64u  /* bytes of a time in words */

/* ---- answering ---- */

struct page_call {
    struct page page;
    page_writer write;
};

static void write_on_loop(struct server *server, void *arg)
{
    struct page_call *call = arg;
    call->write(server, &call->page);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '.';
}

/* Whatever else is no name of a function. */
static bool callback_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.p[i]))
            return false;
    }
    return name.len > 0 && name.len <= CALLBACK_MAX;
}

static void reply_as_call(struct http_request *req, int status,
                          struct str callback, struct buf *body)
{
    struct buf call = {0};
    buf_append_str(&call, callback);
    buf_append_byte(&call, '(');
    buf_append_str(&call, buf_str(body));
    buf_append_byte(&call, ')');
    buf_fini(body);
    http_reply(req, status, "application/javascript", &call);
}

static void reply(struct page *page, struct buf *body)
{
    struct str callback = page_text(page, "callback");
    if (page->refused.text[0] != '\0') {
        buf_reset(body);
        buf_append_text(body, page->refused.text);
        http_reply(page->req, 400, HTTP_TEXT, body);
    } else if (callback_valid(callback)) {
        reply_as_call(page->req, page->status, callback, body);
    } else {
        http_reply(page->req, page->status, HTTP_JSON, body);
    }
}

void page_answer(const struct monitor *monitor, struct server *server,
                 struct http_request *req, page_writer write)
{
    struct buf body = {0};
    struct page_call call = {.page = {.monitor = monitor,
                                      .req = req,
                                      .w = json_writer(&body),
                                      .status = 200},
                             .write = write};
    if (server_call(server, write_on_loop, &call)) {
        reply(&call.page, &body);
    } else {
        buf_fini(&body);
        http_reply_problem(req, 503, NULL, "the broker is stopping");
    }
}

void page_begin(const struct server *server, struct page *page)
{
    json_begin_object(&page->w);
    json_member_text(&page->w, "server_id", server->id);
    js_member_time(&page->w, "now", clock_wall_ns());
}

/* ---- what was asked for ---- */

struct str page_text(const struct page *page, const char *name)
{
    struct str value;
    return http_query(page->req, name, &value) ? value : str_make("", 0);
}

bool page_flag(const struct page *page, const char *name)
{
    struct str value = page_text(page, name);
    return value.len > 0 && !str_is(value, "0") && !str_is(value, "false");
}

bool page_number(struct page *page, const char *name, int64_t *value)
{
    struct str text = page_text(page, name);
    if (text.len == 0 || str_to_i64(text, value) == 0)
        return true;
    errmsg_set(&page->refused, -EINVAL,
               "Error decoding int for '%s': \"%.*s\" is not a whole number",
               name, (int)(text.len < SPAN_MAX ? text.len : SPAN_MAX), text.p);
    return false;
}

bool page_window(struct page *page, int64_t limit, struct page_window *window)
{
    *window = (struct page_window){.limit = limit};
    if (!page_number(page, "offset", &window->offset) ||
        !page_number(page, "limit", &window->limit))
        return false;
    if (window->offset < 0)
        window->offset = 0;
    if (window->limit <= 0)
        window->limit = limit;
    return true;
}

/* ---- times ---- */

void page_uptime(struct json_writer *w, const char *key, int64_t ns)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{365 * 86400, 'y'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    struct buf text = {0};
    int64_t left = ns > 0 ? ns / NS_PER_S : 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.len > 0 || left >= units[i].seconds)
            buf_printf(&text, "%lld%c", (long long)(left / units[i].seconds),
                       units[i].letter);
        left %= units[i].seconds;
    }
    buf_printf(&text, "%llds", (long long)left);
    json_member_str(w, key, buf_str(&text));
    buf_fini(&text);
}

void page_duration(struct json_writer *w, const char *key, int64_t ns)
{
    struct buf text = {0};
    double scaled = (double)ns;
    const char *unit = "ns";
    if (ns >= NS_PER_S) {
        scaled /= (double)NS_PER_S;
        unit = "s";
    } else if (ns >= NS_PER_MS) {
        scaled /= (double)NS_PER_MS;
        unit = "ms";
    } else if (ns >= NS_PER_MS / 1000) {
        scaled /= (double)NS_PER_MS / 1000;
        unit = "µs";
    }
    json_append_double(&text, scaled);
    buf_append_text(&text, unit);
    json_member_str(w, key, buf_str(&text));
    buf_fini(&text);
}

void page_seconds(struct json_writer *w, const char *key, int64_t ns)
{
    json_member_double(w, key, (double)ns / (double)NS_PER_S);
}
