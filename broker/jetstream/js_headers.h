/* js_headers: the headers of a message with more behind them.
 *
 *     js_headers_begin(&out, msg->headers);
 *     js_headers_text(&out, "Nats-Stream", str_of("S"));
 *     js_headers_end(&out);
 */
#ifndef NEXUS_BROKER_JS_HEADERS_H
#define NEXUS_BROKER_JS_HEADERS_H

#include <stdint.h>

#include "lib/buf.h"

/* Appends a block without its last line; original may be empty. */
void js_headers_begin(struct buf *out, struct str original);

void js_headers_text(struct buf *out, const char *name, struct str value);
void js_headers_u64(struct buf *out, const char *name, uint64_t value);

/* As RFC 3339. */
void js_headers_time(struct buf *out, const char *name, int64_t ns);

void js_headers_end(struct buf *out);

#endif
