/* errmsg: the sentence a person reads when something was refused.
 *
 * Functions return 0 or a negative errno for the program, and fill an errmsg,
 * where one is passed, for the person: what, where, what was expected. */
#ifndef NEXUS_ERRMSG_H
#define NEXUS_ERRMSG_H

struct errmsg {
    char text[512];
};

/* Writes the sentence; err may be NULL. Returns code, so that a failing
 * function can end with `return errmsg_set(err, -EINVAL, "...");`. */
int errmsg_set(struct errmsg *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
