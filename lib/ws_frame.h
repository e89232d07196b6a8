/* ws_frame: WebSocket frames (RFC 6455), read from whatever pieces they arrive
 * in, without allocating. What the RFC forbids is refused: reserved bits,
 * unmasked frames, fragmented or long control frames, lengths not in their
 * shortest form, a message begun within another. */
#ifndef NEXUS_WS_FRAME_H
#define NEXUS_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/str.h"

#define WS_HEAD_MAX     14u  /* 2, 8 for the length, 4 for the mask */
#define WS_HEAD_OUT_MAX 10u  /* without a mask */
#define WS_CONTROL_MAX  125u /* bytes a control frame carries */

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10
};

enum ws_status {
    WS_STATUS_NORMAL = 1000,
    WS_STATUS_GOING_AWAY = 1001,
    WS_STATUS_PROTOCOL_ERROR = 1002,
    WS_STATUS_POLICY_VIOLATION = 1008,
    WS_STATUS_TOO_BIG = 1009,
    WS_STATUS_SERVER_ERROR = 1011
};

enum ws_kind {
    WS_NOTHING, /* part of a frame's head */
    WS_DATA,    /* some of a message's bytes, maybe none */
    WS_CONTROL  /* a whole control frame */
};

struct ws_piece {
    enum ws_kind kind;
    enum ws_opcode opcode; /* of WS_CONTROL */
    bool last;             /* WS_DATA: the message ends with it */
    bool compressed;       /* WS_DATA */
    struct str text;       /* unmasked */
};

/* Zeroed, it waits for the first frame. */
struct ws_reader {
    bool deflate;              /* compressed messages were agreed upon */
    bool in_message;           /* a continuation is to come */
    bool compressed;           /* that message */
    bool in_frame;             /* a frame's head was read; its bytes come */
    bool fin;                  /* of that frame */
    enum ws_opcode opcode;     /* of that frame */
    unsigned char mask[4];     /* of that frame */
    unsigned mask_at;          /* the mask's byte that comes next */
    uint64_t left;             /* that frame's bytes to come */
    unsigned kept;             /* bytes in `keep` */
    char keep[WS_CONTROL_MAX]; /* of a head or a control frame */
};

/* Takes what comes next of `bytes`, which it unmasks in place, and says what
 * that was; piece->text is good until the next call. How many bytes were taken,
 * at least one of them where there are any, or -EPROTO. */
ssize_t ws_read_piece(struct ws_reader *reader, char *bytes, size_t len,
                      struct ws_piece *piece);

/* The head of a whole message in one frame, unmasked; `at` has
 * WS_HEAD_OUT_MAX bytes. Its length. */
size_t ws_write_head(char *at, enum ws_opcode opcode, bool compressed,
                     uint64_t len);

#endif
