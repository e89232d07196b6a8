/* ws_frame: see ws_frame.h. */
#include "lib/ws_frame.h"

#include <errno.h>

#define BIT_FIN        0x80u
#define BIT_COMPRESSED 0x40u
#define BITS_RESERVED  0x30u
#define BITS_OPCODE    0x0fu
#define BIT_MASK       0x80u
#define BITS_LENGTH    0x7fu
#define LENGTH_16      126u
#define LENGTH_64      127u

/* ---- a frame's head ---- */

static bool is_control(unsigned opcode)
{
    return (opcode & 8u) != 0;
}

static unsigned char byte_at(const struct ws_reader *r, unsigned i)
{
    return (unsigned char)r->keep[i];
}

/* Bytes of the head, as far as the first `kept` of them tell. */
static unsigned head_needs(const struct ws_reader *r)
{
    if (r->kept < 2)
        return 2;
    unsigned length = byte_at(r, 1) & BITS_LENGTH;
    unsigned more = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    return 2 + more + 4;
}

static uint64_t head_length(const struct ws_reader *r)
{
    uint64_t length = byte_at(r, 1) & BITS_LENGTH;
    unsigned more = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    if (more > 0)
        length = 0;
    for (unsigned i = 0; i < more; i++)
        length = length << 8 | byte_at(r, 2 + i);
    return length;
}

static bool length_shortest(const struct ws_reader *r, uint64_t length)
{
    unsigned form = byte_at(r, 1) & BITS_LENGTH;
    if (form == LENGTH_16)
        return length >= LENGTH_16;
    if (form == LENGTH_64)
        return length > UINT16_MAX && length <= INT64_MAX;
    return true;
}

static bool opcode_known(unsigned opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

static bool control_valid(const struct ws_reader *r, unsigned first)
{
    return (first & BIT_FIN) != 0 && (first & BIT_COMPRESSED) == 0 &&
           (byte_at(r, 1) & BITS_LENGTH) <= WS_CONTROL_MAX;
}

static bool data_valid(const struct ws_reader *r, unsigned first)
{
    bool goes_on = (first & BITS_OPCODE) == WS_CONTINUATION;
    if ((first & BIT_COMPRESSED) != 0 && (goes_on || !r->deflate))
        return false;
    return goes_on == r->in_message;
}

/* What the first two bytes alone show to be wrong. */
static bool start_valid(const struct ws_reader *r)
{
    unsigned first = byte_at(r, 0), opcode = first & BITS_OPCODE;
    if ((first & BITS_RESERVED) != 0 || !opcode_known(opcode) ||
        (byte_at(r, 1) & BIT_MASK) == 0)
        return false;
    return is_control(opcode) ? control_valid(r, first) : data_valid(r, first);
}

static int begin_frame(struct ws_reader *r)
{
    unsigned first = byte_at(r, 0), mask = r->kept - 4;
    r->left = head_length(r);
    if (!length_shortest(r, r->left))
        return -EPROTO;
    r->opcode = (enum ws_opcode)(first & BITS_OPCODE);
    r->fin = (first & BIT_FIN) != 0;
    if (r->opcode == WS_TEXT || r->opcode == WS_BINARY)
        r->compressed = (first & BIT_COMPRESSED) != 0;
    if (!is_control(r->opcode))
        r->in_message = !r->fin;
    for (unsigned i = 0; i < 4; i++)
        r->mask[i] = byte_at(r, mask + i);
    r->mask_at = 0;
    r->kept = 0;
    r->in_frame = true;
    return 0;
}

static ssize_t take_head(struct ws_reader *r, const char *bytes, size_t len)
{
    size_t taken = 0;
    while (taken < len && r->kept < head_needs(r)) {
        r->keep[r->kept++] = bytes[taken++];
        if (r->kept == 2 && !start_valid(r))
            return -EPROTO;
    }
    if (r->kept == head_needs(r) && begin_frame(r) != 0)
        return -EPROTO;
    return (ssize_t)taken;
}

/* ---- what a frame carries ---- */

static void unmask(struct ws_reader *r, char *bytes, size_t len)
{
    unsigned char mask[8];
    size_t i = 0;
    uint64_t wide, word;
    for (unsigned k = 0; k < sizeof(mask); k++)
        mask[k] = r->mask[(r->mask_at + k) & 3u];
    memcpy(&wide, mask, sizeof(wide));
    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        word ^= wide;
        memcpy(bytes + i, &word, sizeof(word));
    }
    for (; i < len; i++)
        bytes[i] = (char)(bytes[i] ^ mask[i & 7u]);
    r->mask_at = (unsigned)((r->mask_at + len) & 3u);
}

static void take_data(struct ws_reader *r, char *bytes, size_t len,
                      struct ws_piece *piece)
{
    unmask(r, bytes, len);
    *piece = (struct ws_piece){.kind = WS_DATA,
                               .last = r->fin && r->left == 0,
                               .compressed = r->compressed,
                               .text = str_make(bytes, len)};
}

/* A control frame is handed out whole. */
static void take_control(struct ws_reader *r, char *bytes, size_t len,
                         struct ws_piece *piece)
{
    unmask(r, bytes, len);
    if (len > 0)
        memcpy(r->keep + r->kept, bytes, len);
    r->kept += (unsigned)len;
    if (r->left > 0)
        return;
    *piece = (struct ws_piece){.kind = WS_CONTROL,
                               .opcode = r->opcode,
                               .text = str_make(r->keep, r->kept)};
    r->kept = 0;
}

static size_t take_payload(struct ws_reader *r, char *bytes, size_t len,
                           struct ws_piece *piece)
{
    if (len > r->left)
        len = (size_t)r->left;
    r->left -= len;
    if (is_control(r->opcode))
        take_control(r, bytes, len, piece);
    else
        take_data(r, bytes, len, piece);
    if (r->left == 0)
        r->in_frame = false;
    return len;
}

ssize_t ws_read_piece(struct ws_reader *r, char *bytes, size_t len,
                      struct ws_piece *piece)
{
    ssize_t head = 0;
    *piece = (struct ws_piece){.kind = WS_NOTHING};
    if (!r->in_frame)
        head = take_head(r, bytes, len);
    if (head < 0 || !r->in_frame)
        return head;
    return head +
           (ssize_t)take_payload(r, bytes + head, len - (size_t)head, piece);
}

/* ---- writing ---- */

size_t ws_write_head(char *at, enum ws_opcode opcode, bool compressed,
                     uint64_t len)
{
    unsigned more = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;
    unsigned form = more == 2 ? LENGTH_16 : LENGTH_64;
    at[0] = (char)(BIT_FIN | (compressed ? BIT_COMPRESSED : 0) | opcode);
    at[1] = (char)(more == 0 ? len : form);
    for (unsigned i = 0; i < more; i++)
        at[2 + i] = (char)(len >> (8 * (more - 1 - i)));
    return 2 + more;
}
