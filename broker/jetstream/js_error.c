/* js_error: see js_error.h. */
#include "broker/jetstream/js_error.h"

#include <stdarg.h>
#include <stdio.h>

int js_refuse(struct js_error *error, int code, int err_code,
              const char *format, ...)
{
    error->code = code;
    error->err_code = err_code;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

void js_error_write(const struct js_error *error, struct json_writer *w)
{
    json_key(w, "error");
    json_begin_object(w);
    json_member_i64(w, "code", error->code);
    json_member_i64(w, "err_code", error->err_code);
    json_member_text(w, "description", error->text);
    json_end_object(w);
}
