/* test: what every unit test includes, and the assertions cmocka lacks. */
#ifndef NEXUS_TEST_H
#define NEXUS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/str.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The str holds exactly this text. */
#define assert_str(s, text) assert_str_at((s), (text), __FILE__, __LINE__)

static inline void assert_str_at(struct str s, const char *text,
                                 const char *file, int line)
{
    if (str_is(s, text))
        return;
    print_error("\"%.*s\" is not \"%s\"\n", STR_ARG(s), text);
    _fail(file, line);
}

/* The buf holds exactly this text; it is emptied. */
#define assert_buf(b, text)           \
    do {                              \
        assert_str(buf_str(b), text); \
        buf_reset(b);                 \
    } while (0)

#define assert_contains(text, part)                                   \
    do {                                                              \
        if (strstr((text), (part)) == NULL) {                         \
            print_error("\"%s\" is not in \"%s\"\n", (part), (text)); \
            _fail(__FILE__, __LINE__);                                \
        }                                                             \
    } while (0)

/* The signal that ended fn in a process of its own; 0 when it returned. */
static inline int signal_of(void (*fn)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        fn();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#define assert_aborts(fn) assert_int_equal(signal_of(fn), SIGABRT)

/* Numbers that are the same in every run (xorshift64*). */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

#endif
