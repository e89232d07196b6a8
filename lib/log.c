#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    const char *program;
    atomic_int level; /* the only one that changes while others log */
    enum log_format format;
    char *path; /* of the file; NULL: standard error */
} setup = {"nexus", LOG_INFO, LOG_LOGFMT, NULL};

/* Stays the same number when the file is opened anew, so that a line being
 * written goes to one or the other. */
static int log_fd = STDERR_FILENO;

static _Thread_local const char *correlation;

void log_setup(const char *program, enum log_level level,
               enum log_format format)
{
    setup.program = program;
    setup.level = level;
    setup.format = format;
}

void log_set_level(enum log_level level)
{
    setup.level = level;
}

static int open_append(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    return fd >= 0 ? fd : -errno;
}

int log_open(const char *path)
{
    int fd = open_append(path);
    if (fd < 0)
        return fd;
    free(setup.path);
    setup.path = mem_strdup(path);
    if (log_fd == STDERR_FILENO) {
        log_fd = fd;
        return 0;
    }
    int rc = dup3(fd, log_fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int log_reopen(void)
{
    if (setup.path == NULL)
        return 0;
    char *path = mem_strdup(setup.path);
    int rc = log_open(path);
    free(path);
    return rc;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= setup.level;
}

void log_set_correlation(const char *id)
{
    correlation = id;
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return s.len == 0;
}

/* logfmt quotes as JSON does. Bytes past ASCII go that way, too: it lets none
 * through that are not UTF-8, which a terminal may take for commands. */
static void append_text(struct buf *line, struct str s)
{
    if (!needs_quotes(s)) {
        buf_append_str(line, s);
        return;
    }
    struct json_writer w = json_writer(line);
    json_put_str(&w, s);
}

static void append_logfmt_field(struct buf *line, const struct log_field *f)
{
    buf_append_byte(line, ' ');
    buf_append_text(line, f->key);
    buf_append_byte(line, '=');
    switch (f->kind) {
    case LOG_FIELD_STR:
        append_text(line, f->text);
        break;
    case LOG_FIELD_I64:
        buf_append_i64(line, f->integer);
        break;
    case LOG_FIELD_DOUBLE:
        json_append_double(line, f->number);
        break;
    }
}

static void append_logfmt(struct buf *line, const char *now,
                          enum log_level level, const char *message,
                          const struct log_field *fields)
{
    buf_printf(line, "%s %-5s %s: %s", now, level_names[level], setup.program,
               message);
    for (const struct log_field *f = fields; f->key != NULL; f++)
        append_logfmt_field(line, f);
    if (correlation != NULL)
        append_logfmt_field(
            line, &(struct log_field)LOG_STR("correlation_id", correlation));
}

static void append_json(struct buf *line, const char *now, enum log_level level,
                        const char *message, const struct log_field *fields)
{
    struct json_writer w = json_writer(line);
    json_begin_object(&w);
    json_member_text(&w, "time", now);
    json_member_text(&w, "level", level_names[level]);
    json_member_text(&w, "program", setup.program);
    json_member_text(&w, "message", message);
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        if (f->kind == LOG_FIELD_STR)
            json_member_str(&w, f->key, f->text);
        else if (f->kind == LOG_FIELD_I64)
            json_member_i64(&w, f->key, f->integer);
        else
            json_member_double(&w, f->key, f->number);
    }
    if (correlation != NULL)
        json_member_text(&w, "correlation_id", correlation);
    json_end_object(&w);
}

/* One write a line, so that lines of several threads do not mix. */
void log_write(enum log_level level, const char *message,
               const struct log_field *fields)
{
    char now[TIMESTAMP_MAX];
    timestamp_format(clock_wall_ns(), 3, now);
    struct buf line = {0};
    if (setup.format == LOG_JSON)
        append_json(&line, now, level, message, fields);
    else
        append_logfmt(&line, now, level, message, fields);
    buf_append_byte(&line, '\n');
    ssize_t written = write(log_fd, line.data, line.len);
    (void)written; /* nowhere left to report it */
    buf_fini(&line);
}
