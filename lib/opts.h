/* opts: a program's settings in one table.
 *
 * Each option is a flag and an environment variable, with a default, a range
 * and a line of help. The flag wins over the environment, the environment over
 * the default. `--batch-size 500`, `--batch-size=500` and `-batch-size 500` are
 * the same, and BATCH_SIZE=500 in the environment. What is out of range,
 * unknown or left over is refused with the option's name, the value and what
 * was expected. An empty environment variable counts as not set. */
#ifndef NEXUS_OPTS_H
#define NEXUS_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"

enum opt_type {
    OPT_TEXT, /* const char *; points into argv, the environment or the table */
    OPT_BOOL, /* bool; true/false, yes/no, on/off, 1/0; a bare flag is true */
    OPT_INT,  /* int64_t within min..max */
    OPT_SIZE, /* int64_t bytes within min..max; "64KB", "16MiB", "1GB" (all
                     powers of 1024) or plain bytes */
    OPT_DURATION, /* int64_t nanoseconds within min..max; "250ms", "5s", "2m",
                     "1h", "7d", or plain seconds */
    OPT_CHOICE    /* int: index into choices */
};

struct opt {
    const char *flag;  /* "batch-size" */
    const char *alias; /* a further flag, "p"; or NULL */
    const char *env;   /* NULL: the flag in capitals, '-' as '_'; "": none */
    enum opt_type type;
    void *value;         /* where it goes, of the type above */
    const char *initial; /* the default as text; NULL: NULL, 0 or false */
    int64_t min, max;    /* INT, SIZE, DURATION; both 0: any that is not
                            negative */
    const char *const *choices; /* CHOICE: names, NULL at the end */
    const char *help;
    bool secret; /* its value is never printed */
};

#define OPTS_END     \
    {                \
        .flag = NULL \
    }

/* Fills every value. 0; 1 when --help was asked for and printed; -EINVAL with
 * *err. */
int opts_parse(const struct opt *table, const char *program,
               const char *summary, int argc, char **argv, struct errmsg *err);

/* The steps of that alone, for a program that reads a file in between: every
 * value back to its default; then what environment and flags say, over what is
 * there. */
void opts_reset(const struct opt *table);
int opts_override(const struct opt *table, int argc, char **argv,
                  struct errmsg *err);

#endif
