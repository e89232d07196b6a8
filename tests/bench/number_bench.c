/* number_bench: how long a number takes to become JSON, by what kind it is. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"

#define VALUES 1000
#define ROUNDS 10000

static double values[VALUES];

static double integer(int i)
{
    return i % 101;
}

static double one_decimal(int i)
{
    return (double)(i * 37 % 4000) / 10;
}

static double two_decimals(int i)
{
    return (double)(i * 7919 % 100000) / 100;
}

static double four_decimals(int i)
{
    return (double)(i * 104729 % 10000000) / 10000;
}

static double large(int i)
{
    return 1e10 + i * 12345.0;
}

static double any(int i)
{
    return (double)(i + 1) / 7;
}

static void measure(const char *name, double (*make)(int i))
{
    struct buf out = {0};
    uint64_t bytes = 0;
    for (int i = 0; i < VALUES; i++)
        values[i] = make(i);
    int64_t began = clock_mono_ns();
    for (int round = 0; round < ROUNDS; round++) {
        struct json_writer w = json_writer(&out);
        buf_reset(&out);
        for (int i = 0; i < VALUES; i++)
            json_put_double(&w, values[i]);
        bytes += out.len;
    }
    double ns = (double)(clock_mono_ns() - began) / VALUES / ROUNDS;
    printf("%-14s %6.1f ns a value, %4.1f bytes with its comma\n", name, ns,
           (double)bytes / VALUES / ROUNDS);
    buf_fini(&out);
}

int main(void)
{
    measure("integers", integer);
    measure("one decimal", one_decimal);
    measure("two decimals", two_decimals);
    measure("four decimals", four_decimals);
    measure("large", large);
    measure("17 digits", any);
    return 0;
}
