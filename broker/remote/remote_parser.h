/* remote_parser: what another server says, one operation at a time.
 *
 * The other direction of broker/parser: it reads where the bytes lie, copies
 * nothing and allocates nothing; what an operation names points into the
 * input. */
#ifndef NEXUS_BROKER_REMOTE_PARSER_H
#define NEXUS_BROKER_REMOTE_PARSER_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/str.h"

/* Longest control line: an INFO that names many servers. */
#define REMOTE_LINE_MAX (64u << 10)

enum remote_op_kind {
    REMOTE_INFO,
    REMOTE_MSG, /* also HMSG */
    REMOTE_PING,
    REMOTE_PONG,
    REMOTE_OK,
    REMOTE_ERR
};

struct remote_op {
    enum remote_op_kind kind;
    struct str subject, sid, reply; /* MSG; reply is empty when none */
    struct str headers;             /* MSG: the block, or empty */
    struct str payload;
    struct str text; /* INFO: the JSON; ERR: the reason, quotes included */
};

/* Zeroed but for the limit, it is ready at the start of an operation. */
struct remote_parser {
    size_t payload_max; /* headers and payload together, in bytes */
    size_t need;        /* bytes the operation under way needs; 0: not known */
    size_t scanned;     /* bytes of it in which no line end was found */
};

/* Reads one operation from the start of data, which always begins where the
 * last one ended. Returns the bytes it takes (> 0, *op is filled); 0: call
 * again with the same bytes and more behind them; -EPROTO: this is not the
 * protocol; -EMSGSIZE: a line or a payload beyond the limits. */
ssize_t remote_parser_next(struct remote_parser *parser, const char *data,
                           size_t len, struct remote_op *op);

#endif
