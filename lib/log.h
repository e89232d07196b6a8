/* log: one line an event, structured.
 *
 *     log_info("batch written", LOG_I64("rows", n), LOG_STR("id", id));
 *
 * prints `time level message key=value …` (logfmt) or, with LOG_FORMAT=json,
 * one JSON object a line, on standard error. The message is a constant phrase;
 * everything that varies is a field. Secrets never become fields. */
#ifndef NEXUS_LOG_H
#define NEXUS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key; /* NULL ends a list of fields */
    enum { LOG_FIELD_STR, LOG_FIELD_I64, LOG_FIELD_DOUBLE } kind;
    struct str text;
    int64_t integer;
    double number;
};

#define LOG_STR(k, v)                                        \
    {                                                        \
        .key = (k), .kind = LOG_FIELD_STR, .text = str_of(v) \
    }
#define LOG_SLICE(k, v)                                \
    {                                                  \
        .key = (k), .kind = LOG_FIELD_STR, .text = (v) \
    }
#define LOG_I64(k, v)                                              \
    {                                                              \
        .key = (k), .kind = LOG_FIELD_I64, .integer = (int64_t)(v) \
    }
#define LOG_DOUBLE(k, v)                                    \
    {                                                       \
        .key = (k), .kind = LOG_FIELD_DOUBLE, .number = (v) \
    }

/* Which program speaks; level and format come from its options. */
void log_setup(const char *program, enum log_level level,
               enum log_format format);

/* From now on, for every thread. */
void log_set_level(enum log_level level);

/* Appends to the file in place of standard error. 0, or a negative errno and
 * all stays as it was. */
int log_open(const char *path);

/* The same file anew, under its name: what was renamed is let go of. */
int log_reopen(void);

bool log_enabled(enum log_level level);

/* Every line of this thread carries the id until it is set to NULL; borrows. */
void log_set_correlation(const char *id);

void log_write(enum log_level level, const char *message,
               const struct log_field *fields);

/* An empty list of fields is one, too: hence the element in front, left out. */
#define LOG_AT(level, message, ...)                                    \
    do {                                                               \
        if (log_enabled(level))                                        \
            log_write((level), (message),                              \
                      (const struct log_field[]){                      \
                          {.key = ""}, ##__VA_ARGS__, {.key = NULL}} + \
                          1);                                          \
    } while (0)

#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)

#endif
