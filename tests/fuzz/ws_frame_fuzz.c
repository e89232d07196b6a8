/* Any bytes as frames: taken alike however they are cut, in pieces that lie
 * inside them, and inflated without end or harm. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/ws_deflate.h"
#include "lib/ws_frame.h"

#define INFLATED_MAX (1u << 22)

/* What the bytes carry, and how it ended. */
struct outcome {
    struct buf data, packed;
    unsigned controls;
    bool refused;
};

static void take(struct outcome *o, const struct ws_piece *piece)
{
    if (piece->kind == WS_CONTROL) {
        assert(piece->text.len <= WS_CONTROL_MAX);
        o->controls++;
    } else if (piece->kind == WS_DATA) {
        buf_append_str(piece->compressed ? &o->packed : &o->data, piece->text);
    }
}

static void read_in_steps(const uint8_t *data, size_t size, size_t step,
                          struct outcome *o)
{
    struct ws_reader reader = {.deflate = true};
    *o = (struct outcome){0};
    for (size_t at = 0; at < size && !o->refused;) {
        struct ws_piece piece;
        size_t n = size - at < step ? size - at : step;
        char *exact = malloc(n);
        memcpy(exact, data + at, n);
        ssize_t taken = ws_read_piece(&reader, exact, n, &piece);
        o->refused = taken < 0;
        assert(o->refused || (taken > 0 && (size_t)taken <= n));
        if (!o->refused)
            take(o, &piece);
        free(exact);
        at += o->refused ? 0 : (size_t)taken;
    }
}

static void inflate_it(struct str packed)
{
    static char room[4096];
    struct ws_inflater *inflater = ws_inflater_new();
    size_t total = 0;
    ssize_t n;
    ws_inflater_feed(inflater, packed, true);
    do {
        n = ws_inflate(inflater, room, sizeof(room));
        assert(n <= (ssize_t)sizeof(room));
        total += n > 0 ? (size_t)n : 0;
    } while (n == (ssize_t)sizeof(room) && total < INFLATED_MAX);
    ws_inflater_free(&inflater);
}

static void forget(struct outcome *o)
{
    buf_fini(&o->data);
    buf_fini(&o->packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    size_t step = size > 0 ? 1 + data[0] % 17 : 1;
    read_in_steps(data, size, size, &whole);
    read_in_steps(data, size, step, &cut);
    assert(whole.refused == cut.refused && whole.controls == cut.controls);
    assert(str_eq(buf_str(&whole.data), buf_str(&cut.data)));
    assert(str_eq(buf_str(&whole.packed), buf_str(&cut.packed)));
    inflate_it(buf_str(&whole.packed));
    forget(&whole);
    forget(&cut);
    return 0;
}
