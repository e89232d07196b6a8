/* transform: see transform.h. */
#include "broker/jetstream/transform.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "broker/subject.h"
#include "lib/mem.h"

enum function {
    LITERAL, /* the token as it stands */
    REST,    /* ">": what the source's ">" stands for */
    WILDCARD,
    PARTITION,
    SPLIT,
    SPLIT_FROM_LEFT,
    SPLIT_FROM_RIGHT,
    SLICE_FROM_LEFT,
    SLICE_FROM_RIGHT,
    LEFT,
    RIGHT
};

static const struct {
    const char *name;
    enum function function;
    unsigned args_min, args_max; /* 0: any number */
} functions[] = {
    {"wildcard", WILDCARD, 1, 1},
    {"partition", PARTITION, 1, 0},
    {"split", SPLIT, 2, 2},
    {"splitfromleft", SPLIT_FROM_LEFT, 2, 2},
    {"splitfromright", SPLIT_FROM_RIGHT, 2, 2},
    {"slicefromleft", SLICE_FROM_LEFT, 2, 2},
    {"slicefromright", SLICE_FROM_RIGHT, 2, 2},
    {"left", LEFT, 2, 2},
    {"right", RIGHT, 2, 2},
};

struct piece {
    enum function function;
    struct str text; /* LITERAL; the separator of SPLIT */
    uint32_t number; /* bytes, or how many partitions */
    unsigned wildcards[TRANSFORM_ARGS_MAX]; /* places in the source's tokens */
    unsigned wildcard_count;
};

struct transform {
    char *src, *dest;
    struct piece pieces[TRANSFORM_TOKENS_MAX];
    unsigned count;
    unsigned src_count; /* tokens of the source, ">" left out */
    unsigned wildcards[TRANSFORM_TOKENS_MAX]; /* their places, in order */
    unsigned wildcard_count;
};

/* ---- reading the destination ---- */

static int refuse(struct errmsg *err, struct str token, const char *why)
{
    return errmsg_set(err, -EINVAL, "invalid mapping destination: %s in %.*s",
                      why, STR_ARG(token));
}

/* Up to the next '.' outside of {{ }}. */
static bool token_next(struct str *rest, struct str *token)
{
    size_t at = 0;
    bool inside = false;
    if (rest->p == NULL)
        return false;
    for (; at < rest->len; at++) {
        bool pair = at + 1 < rest->len && rest->p[at] == rest->p[at + 1];
        if (pair && rest->p[at] == '{')
            inside = true;
        else if (pair && rest->p[at] == '}')
            inside = false;
        else if (rest->p[at] == '.' && !inside)
            break;
    }
    *token = str_make(rest->p, at);
    *rest = at < rest->len ? str_make(rest->p + at + 1, rest->len - at - 1)
                           : str_make(NULL, 0);
    return true;
}

static bool arg_next(struct str *rest, struct str *arg)
{
    if (rest->p == NULL)
        return false;
    const char *comma = memchr(rest->p, ',', rest->len);
    size_t len = comma != NULL ? (size_t)(comma - rest->p) : rest->len;
    *arg = str_trim(str_make(rest->p, len));
    *rest = comma != NULL ? str_make(comma + 1, rest->len - len - 1)
                          : str_make(NULL, 0);
    return true;
}

static int read_wildcard(const struct transform *transform, struct str text,
                         struct piece *piece)
{
    int64_t n;
    if (str_to_i64(text, &n) != 0 || n < 1 ||
        n > (int64_t)transform->wildcard_count)
        return -1;
    piece->wildcards[piece->wildcard_count++] = transform->wildcards[n - 1];
    return 0;
}

static int read_number(struct str text, struct piece *piece)
{
    int64_t n;
    if (str_to_i64(text, &n) != 0 || n < 0 || n > INT32_MAX ||
        (n == 0 && piece->function == PARTITION))
        return -1;
    piece->number = (uint32_t)n;
    return 0;
}

/* The place of the argument says what it is. */
static int read_arg(const struct transform *transform, unsigned place,
                    struct str arg, struct piece *piece)
{
    bool wildcard = (piece->function == PARTITION) == (place > 0);
    if (wildcard)
        return read_wildcard(transform, arg, piece);
    if (piece->function != SPLIT)
        return read_number(arg, piece);
    piece->text = arg;
    return arg.len > 0 && memchr(arg.p, '.', arg.len) == NULL ? 0 : -1;
}

static int read_args(const struct transform *transform, size_t which,
                     struct str args, struct str token, struct piece *piece,
                     struct errmsg *err)
{
    unsigned count = 0, most = functions[which].args_max;
    struct str arg;
    piece->function = functions[which].function;
    if (most == 0)
        most = TRANSFORM_ARGS_MAX;
    for (; arg_next(&args, &arg); count++) {
        if (count == most)
            return refuse(err, token, "too many arguments");
        if (read_arg(transform, count, arg, piece) != 0)
            return refuse(err, token, "wrong argument");
    }
    if (count < functions[which].args_min)
        return refuse(err, token, "not enough arguments");
    return 0;
}

/* The text between the braces: name(arguments). */
static int read_call(const struct transform *transform, struct str call,
                     struct str token, struct piece *piece, struct errmsg *err)
{
    const char *open = memchr(call.p, '(', call.len);
    if (open == NULL || call.p[call.len - 1] != ')')
        return refuse(err, token, "unknown function");
    size_t len = (size_t)(open - call.p);
    struct str name = str_trim(str_make(call.p, len));
    struct str args = str_make(open + 1, call.len - len - 2);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (str_ieq(name, str_of(functions[i].name)))
            return read_args(transform, i, args, token, piece, err);
    }
    return refuse(err, token, "unknown function");
}

/* {{name(arguments)}} */
static int read_braces(const struct transform *transform, struct str token,
                       struct piece *piece, struct errmsg *err)
{
    if (token.len < 4 || token.p[token.len - 1] != '}' ||
        token.p[token.len - 2] != '}')
        return refuse(err, token, "no closing braces");
    struct str call = str_trim(str_make(token.p + 2, token.len - 4));
    if (call.len == 0)
        return refuse(err, token, "unknown function");
    return read_call(transform, call, token, piece, err);
}

static bool is_dollar(struct str token)
{
    return token.len > 1 && token.p[0] == '$' &&
           isdigit((unsigned char)token.p[1]);
}

static int read_token(struct transform *transform, struct str token,
                      struct errmsg *err)
{
    struct piece *piece = &transform->pieces[transform->count++];
    *piece = (struct piece){.function = LITERAL, .text = token};
    if (token.len == 0 || str_is(token, "*"))
        return refuse(err, token, "an empty token or a wildcard");
    if (str_is(token, ">")) {
        piece->function = REST;
    } else if (is_dollar(token)) {
        piece->function = WILDCARD;
        if (read_wildcard(transform, str_make(token.p + 1, token.len - 1),
                          piece) != 0)
            return refuse(err, token, "wildcard index out of range");
    } else if (str_has_prefix(token, str_of("{{"))) {
        return read_braces(transform, token, piece, err);
    } else if (!subject_valid_literal(token)) {
        return refuse(err, token, "invalid token");
    }
    return 0;
}

static int read_dest(struct transform *transform, bool rest, struct errmsg *err)
{
    struct str left = str_of(transform->dest), token;
    while (token_next(&left, &token)) {
        if (transform->count == TRANSFORM_TOKENS_MAX)
            return errmsg_set(err, -EINVAL, "more than %d tokens",
                              TRANSFORM_TOKENS_MAX);
        if (read_token(transform, token, err) != 0)
            return -EINVAL;
        bool last = left.p == NULL;
        bool is_rest = transform->pieces[transform->count - 1].function == REST;
        if (is_rest != (last && rest))
            return refuse(err, token, "\">\" must end both subjects or none");
    }
    return 0;
}

/* Notes where its wildcards stand. */
static int read_src(struct transform *transform, bool *rest, struct errmsg *err)
{
    struct str left = str_of(transform->src), token;
    if (!subject_valid(left))
        return errmsg_set(err, -EINVAL, "invalid subject %s", transform->src);
    *rest = false;
    while (subject_next(&left, &token)) {
        if (str_is(token, ">")) {
            *rest = true;
            break;
        }
        if (transform->src_count == TRANSFORM_TOKENS_MAX)
            return errmsg_set(err, -EINVAL, "more than %d tokens",
                              TRANSFORM_TOKENS_MAX);
        if (str_is(token, "*"))
            transform->wildcards[transform->wildcard_count++] =
                transform->src_count;
        transform->src_count++;
    }
    return 0;
}

struct transform *transform_new(struct str src, struct str dest,
                                struct errmsg *err)
{
    struct transform *transform = mem_zalloc(sizeof(*transform));
    bool rest = false;
    transform->src = mem_strndup(src.len > 0 ? src : str_of(">"));
    transform->dest = mem_strndup(dest);
    if (read_src(transform, &rest, err) != 0 ||
        read_dest(transform, rest, err) != 0)
        transform_free(&transform);
    return transform;
}

void transform_free(struct transform **transform)
{
    if (*transform == NULL)
        return;
    free((*transform)->src);
    free((*transform)->dest);
    free(*transform);
    *transform = NULL;
}

/* ---- applying it ---- */

/* A subject's tokens, as far as the source has them, and what is left. */
struct tokens {
    struct str subject, list[TRANSFORM_TOKENS_MAX], rest;
};

static uint32_t fnv(uint32_t hash, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT32_C(16777619);
    return hash;
}

static void put_partition(const struct piece *piece,
                          const struct tokens *tokens, struct buf *out)
{
    uint32_t hash = UINT32_C(2166136261);
    for (unsigned i = 0; i < piece->wildcard_count; i++)
        hash = fnv(hash, tokens->list[piece->wildcards[i]]);
    if (piece->wildcard_count == 0)
        hash = fnv(hash, tokens->subject);
    buf_append_u64(out, hash % piece->number);
}

/* The parts between separators, empty ones left out. */
static void put_split(struct str token, struct str separator, struct buf *out)
{
    bool first = true;
    while (token.len > 0) {
        const char *at = memmem(token.p, token.len, separator.p, separator.len);
        size_t len = at != NULL ? (size_t)(at - token.p) : token.len;
        if (len > 0 && !first)
            buf_append_byte(out, '.');
        first = first && len == 0;
        buf_append(out, token.p, len);
        size_t taken = at != NULL ? len + separator.len : len;
        token = str_make(token.p + taken, token.len - taken);
    }
}

static void put_two(struct str token, size_t left, struct buf *out)
{
    buf_append(out, token.p, left);
    buf_append_byte(out, '.');
    buf_append(out, token.p + left, token.len - left);
}

/* Tokens of `size` bytes; the first is `head` long. */
static void put_slices(struct str token, size_t head, size_t size,
                       struct buf *out)
{
    size_t len = head;
    for (size_t at = 0; at < token.len; at += len, len = size) {
        if (at > 0)
            buf_append_byte(out, '.');
        if (len > token.len - at)
            len = token.len - at;
        buf_append(out, token.p + at, len);
    }
}

/* Functions that cut one token; one too short for it stays as it is. */
static void put_cut(const struct piece *piece, struct str token,
                    struct buf *out)
{
    size_t n = piece->number;
    if (n == 0 || token.len <= n) {
        buf_append_str(out, token);
        return;
    }
    switch (piece->function) {
    case SPLIT_FROM_LEFT:
        put_two(token, n, out);
        break;
    case SPLIT_FROM_RIGHT:
        put_two(token, token.len - n, out);
        break;
    case SLICE_FROM_LEFT:
        put_slices(token, n, n, out);
        break;
    case SLICE_FROM_RIGHT:
        put_slices(token, token.len % n > 0 ? token.len % n : n, n, out);
        break;
    case LEFT:
        buf_append(out, token.p, n);
        break;
    case RIGHT:
    default:
        buf_append(out, token.p + token.len - n, n);
        break;
    }
}

static void put_piece(const struct piece *piece, const struct tokens *tokens,
                      struct buf *out)
{
    switch (piece->function) {
    case LITERAL:
        buf_append_str(out, piece->text);
        break;
    case REST:
        buf_append_str(out, tokens->rest);
        break;
    case WILDCARD:
        buf_append_str(out, tokens->list[piece->wildcards[0]]);
        break;
    case PARTITION:
        put_partition(piece, tokens, out);
        break;
    case SPLIT:
        put_split(tokens->list[piece->wildcards[0]], piece->text, out);
        break;
    default:
        put_cut(piece, tokens->list[piece->wildcards[0]], out);
        break;
    }
}

bool transform_apply(const struct transform *transform, struct str subject,
                     struct buf *out)
{
    struct tokens tokens = {.subject = subject, .rest = subject};
    if (!subject_matches(str_of(transform->src), subject))
        return false;
    for (unsigned i = 0; i < transform->src_count; i++)
        subject_next(&tokens.rest, &tokens.list[i]);
    for (unsigned i = 0; i < transform->count; i++) {
        if (i > 0)
            buf_append_byte(out, '.');
        put_piece(&transform->pieces[i], &tokens, out);
    }
    return true;
}
