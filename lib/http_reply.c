/* http_reply: one reply, from status and body to the bytes that are sent. */
#include "lib/http_private.h"

#include <assert.h>
#include <stdarg.h>
#include <time.h>

#include "lib/json.h"
#include "lib/log.h"

static const char *status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

static void field_append(struct buf *out, const char *name, const char *value)
{
    buf_append_text(out, name);
    buf_append_text(out, ": ");
    buf_append_text(out, value);
    buf_append_text(out, "\r\n");
}

/* The Date field's text, made anew once a second. */
static const char *date_text(struct http_server *server)
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    if (now != server->date_s) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT",
                 &utc);
        server->date_s = now;
    }
    return server->date;
}

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* A connection that becomes a WebSocket says so itself. */
static void connection_append(const struct http_request *req, struct buf *out,
                              int status)
{
    if (status == 101)
        return;
    if (req->last || req->server->draining)
        field_append(out, "Connection", "close");
    else if (req->head.minor == 0)
        field_append(out, "Connection", "keep-alive");
}

struct buf *http_reply_begin(struct http_request *req, int status,
                             const char *type)
{
    struct buf *out = &req->server->reply;
    buf_reset(out);
    buf_append_text(out, "HTTP/1.1 ");
    buf_append_i64(out, status);
    buf_append_byte(out, ' ');
    buf_append_text(out, status_phrase(status));
    buf_append_text(out, "\r\n");
    field_append(out, "Date", date_text(req->server));
    if (type != NULL)
        field_append(out, "Content-Type", type);
    field_append(out, "X-Content-Type-Options", "nosniff");
    if (req->id[0] != '\0')
        field_append(out, "X-Request-Id", req->id);
    if (req->server->config.cors) {
        field_append(out, "Access-Control-Allow-Origin", "*");
        field_append(out, "Access-Control-Expose-Headers", "X-Request-Id");
    }
    connection_append(req, out, status);
    buf_append(out, req->headers.data, req->headers.len);
    return out;
}

static void length_append(struct buf *out, size_t length)
{
    buf_append_text(out, "Content-Length: ");
    buf_append_u64(out, length);
    buf_append_text(out, "\r\n");
}

void http_reply_header(struct http_request *req, const char *name,
                       const char *value)
{
    assert(strpbrk(value, "\r\n") == NULL);
    field_append(&req->headers, name, value);
}

/* The access line: failures of ours are worth more than a debug line. (501 and
 * 505 are about what the client said.) */
static void reply_log(const struct http_request *req, int status,
                      int64_t elapsed_ns, size_t bytes)
{
    bool ours = status >= 500 && status != 501 && status != 505;
    enum log_level level = ours ? LOG_WARN : LOG_DEBUG;
    if (!log_enabled(level))
        return;
    log_set_correlation(req->id[0] != '\0' ? req->id : NULL);
    LOG_AT(level, "request", LOG_SLICE("method", req->head.method),
           LOG_SLICE("path", req->head.path), LOG_I64("status", status),
           LOG_I64("bytes", bytes),
           LOG_DOUBLE("ms", (double)elapsed_ns / NS_PER_MS));
    const struct http_request *current = req->server->current;
    log_set_correlation(current != NULL ? current->id : NULL);
}

void http_reply_done(struct http_request *req, int status, size_t bytes)
{
    int64_t elapsed_ns = clock_mono_ns() - req->started_ns;
    const struct http_config *config = &req->server->config;
    reply_log(req, status, elapsed_ns, bytes);
    if (config->observe != NULL)
        config->observe(req->route, status, elapsed_ns, config->observe_arg);
    req->open = false;
}

static void reply_send(struct http_request *req, int status, const char *type,
                       struct buf *body)
{
    struct buf *head = http_reply_begin(req, status, type);
    if (has_body(status))
        length_append(head, body->len);
    buf_append_text(head, "\r\n");
    if (str_is(req->head.method, "HEAD") || !has_body(status))
        buf_fini(body);
    http_conn_reply(req->conn, buf_str(head), body);
}

void http_reply(struct http_request *req, int status, const char *type,
                struct buf *body)
{
    assert(req->open);
    struct buf none = {0};
    if (body == NULL)
        body = &none;
    http_reply_done(req, status, body->len);
    if (req->conn != NULL) {
        reply_send(req, status, type, body);
        return;
    }
    buf_fini(body);
    http_request_free(req);
}

static void problem_append(struct http_request *req, struct buf *out,
                           int status, const char *param, struct str detail)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_text(&w, "type", "about:blank");
    json_member_text(&w, "title", status_phrase(status));
    json_member_i64(&w, "status", status);
    json_member_str(&w, "detail", detail);
    if (req->head.path.len > 0)
        json_member_str(&w, "instance", req->head.path);
    if (param != NULL) {
        json_key(&w, "errors");
        json_begin_array(&w);
        json_begin_object(&w);
        json_member_text(&w, "parameter", param);
        json_member_str(&w, "detail", detail);
        json_end_object(&w);
        json_end_array(&w);
    }
    json_end_object(&w);
}

void http_reply_problem(struct http_request *req, int status, const char *param,
                        const char *format, ...)
{
    struct buf detail = {0}, body = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&detail, format, args);
    va_end(args);
    problem_append(req, &body, status, param, buf_str(&detail));
    buf_fini(&detail);
    http_reply(req, status, HTTP_PROBLEM, &body);
}

/* For a request that never reaches a handler. */
void http_refuse(struct http_request *req, int status, const char *why)
{
    req->open = true;
    if (req->started_ns == 0)
        req->started_ns = clock_mono_ns();
    http_reply_problem(req, status, NULL, "%s", why);
}
