/* broker_load: one kind of load on a NATS server on this machine; what makes
 * sense of it is tests/bench/broker.bench.js. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/opts.h"
#include "tests/bench/load/link.h"
#include "tests/bench/load/work.h"

static const struct {
    const char *name;
    void (*run)(const struct work *work);
} works[] = {
    {"flood", work_flood},     {"request", work_request},
    {"publish", work_publish}, {"fetch", work_fetch},
    {"push", work_push},       {"kv-put", work_kv_put},
    {"kv-get", work_kv_get},   {"fill", work_fill},
    {"idle", work_idle},
};

#define LIMIT 1000000000

int main(int argc, char **argv)
{
    struct work work;
    const char *name;
    const struct opt table[] = {
        {"work", NULL, "", OPT_TEXT, &name, .help = "which kind of load"},
        {"port", NULL, "", OPT_INT, &work.port, "4222", 1, 65535},
        {"pubs", NULL, "", OPT_INT, &work.pubs, "1", 1, 64},
        {"subs", NULL, "", OPT_INT, &work.subs, "1", 1, 64},
        {"queue", NULL, "", OPT_INT, &work.queue, "0", 0, 1},
        {"payload", NULL, "", OPT_INT, &work.payload, "128", 0, 65536},
        {"headers", NULL, "", OPT_INT, &work.headers, "0", 0, 4096},
        {"window", NULL, "", OPT_INT, &work.window, "500", 1, 100000},
        {"count", NULL, "", OPT_INT, &work.count, "100000", 1, LIMIT},
        {"time", NULL, "", OPT_DURATION, &work.time_ns, "1500ms"},
        OPTS_END};
    struct errmsg err = {0};
    int parsed = opts_parse(table, "broker_load", "Load for a NATS server.",
                            argc, argv, &err);
    if (parsed != 0)
        return parsed < 0 ? (fprintf(stderr, "%s\n", err.text), 2) : 0;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        if (name != NULL && strcmp(name, works[i].name) == 0) {
            works[i].run(&work);
            return 0;
        }
    }
    fail("--work is none that it knows");
}
