/* parser: the client side of the NATS protocol, one operation at a time.
 *
 * It reads where the bytes lie, copies nothing and allocates nothing: what an
 * operation names points into the input (but for `known`). A payload is handed out whole. */
#ifndef NEXUS_BROKER_PARSER_H
#define NEXUS_BROKER_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/msg.h"
#include "lib/str.h"

enum op_kind {
    OP_PUB, /* also HPUB */
    OP_SUB,
    OP_UNSUB,
    OP_PING,
    OP_PONG,
    OP_CONNECT,
    OP_IGNORED, /* +OK and INFO, which a client has no reason to send */
    OP_ERR      /* the client gives up */
};

struct op {
    enum op_kind kind;
    struct msg msg;     /* PUB: to and subject are the same */
    struct str pattern; /* SUB: the subject */
    struct str queue;   /* SUB: empty when none */
    struct str sid;     /* SUB, UNSUB */
    uint64_t max;       /* UNSUB: 0 when none */
    struct str options; /* CONNECT: the JSON text */
};

enum parse_result {
    PARSE_AGAIN = 0,      /* no whole operation yet */
    PARSE_UNKNOWN = -1,   /* no such operation, or a payload without its CRLF */
    PARSE_ARGUMENTS = -2, /* wrong number or form of arguments */
    PARSE_LINE_MAX = -3,
    PARSE_PAYLOAD_MAX = -4
};

/* Zeroed but for the limits, it is ready at the start of an operation. */
struct parser {
    size_t payload_max;      /* headers and payload together, in bytes */
    size_t control_line_max; /* arguments of an operation, in bytes */
    bool headers;            /* HPUB was negotiated */
    struct str known; /* a subject to expect in the next PUB, or empty; an op
                         that has it points there, not into the input */
    size_t need;      /* bytes the operation under way needs; 0: not known */
    size_t scanned;   /* bytes of it in which no line end was found */
};

/* Reads one operation from the start of data, which always begins where the
 * last one ended. Returns the bytes it takes (> 0, *op is filled), PARSE_AGAIN
 * (call again with the same bytes and more behind them), or what is wrong. */
ssize_t parser_next(struct parser *parser, const char *data, size_t len,
                    struct op *op);

#endif
