/* transform: one subject made from another.
 *
 *     src   orders.*.*          dest   shop.{{wildcard(2)}}.{{partition(4,1)}}
 *
 * A token of dest is a literal, or a function of the tokens that src's
 * wildcards stand for, counted from 1:
 *
 *     $1  {{wildcard(1)}}       the token
 *     {{partition(n)}}  {{partition(n,1,2)}}
 *                               0 … n-1 by a hash (FNV-1a) of the tokens, or
 *                               of the whole subject
 *     {{split(1,-)}}            the token's parts between the separators
 *     {{splitfromleft(1,n)}} {{splitfromright(1,n)}}    two tokens
 *     {{slicefromleft(1,n)}} {{slicefromright(1,n)}}    tokens of n bytes
 *     {{left(1,n)}} {{right(1,n)}}                      its first, last n bytes
 *
 * Names of functions are read without regard to case. ">" ends both or none;
 * what it stands for is taken over. */
#ifndef NEXUS_BROKER_TRANSFORM_H
#define NEXUS_BROKER_TRANSFORM_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/errmsg.h"
#include "lib/str.h"

#define TRANSFORM_TOKENS_MAX 64
#define TRANSFORM_ARGS_MAX   16

struct transform;

/* An empty src is ">". NULL with *err. Copies. */
struct transform *transform_new(struct str src, struct str dest,
                                struct errmsg *err);
void transform_free(struct transform **transform);

/* Appends what the subject becomes. False, and nothing is appended: src does
 * not select it. */
bool transform_apply(const struct transform *transform, struct str subject,
                     struct buf *out);

#endif
