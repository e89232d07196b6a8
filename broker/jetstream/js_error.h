/* js_error: what the stream API answers when it refuses. */
#ifndef NEXUS_BROKER_JS_ERROR_H
#define NEXUS_BROKER_JS_ERROR_H

#include "lib/json.h"

struct js_error {
    int code;     /* as HTTP's */
    int err_code; /* which error exactly; clients compare it */
    char text[256];
};

/* code, err_code and text of the refusals that occur in several places. */
#define JS_BAD_REQUEST        400, 10003, "bad request"
#define JS_CONSUMER_NOT_FOUND 404, 10014, "consumer not found"
#define JS_INVALID_JSON       400, 10025, "invalid JSON"
#define JS_NO_MESSAGE         404, 10037, "no message found"
#define JS_NAME_IN_USE \
    400, 10058, "stream name already in use with a different configuration"
#define JS_SEALED           400, 10109, "invalid operation on sealed stream"
#define JS_STREAM_NOT_FOUND 404, 10059, "stream not found"

/* Fills *error; returns -1 always. */
int js_refuse(struct js_error *error, int code, int err_code,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "error":{"code":404,"err_code":10059,"description":"stream not found"} */
void js_error_write(const struct js_error *error, struct json_writer *w);

#endif
