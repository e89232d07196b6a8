#include "lib/stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"

void stat_observe_ns(struct statistic *s, int64_t ns)
{
    double seconds = (double)ns / 1e9;
    for (int i = 0; i < STAT_BUCKETS_MAX && s->buckets[i] > 0; i++)
        if (seconds <= s->buckets[i]) {
            atomic_fetch_add_explicit(&s->bucket[i], 1, memory_order_relaxed);
            break;
        }
    atomic_fetch_add_explicit(&s->sum_ns, ns, memory_order_relaxed);
    stat_add(s, 1);
}

static void append_head(struct buf *out, const char *name, const char *help,
                        const char *type)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_labels(struct buf *out, const char *labels)
{
    if (labels != NULL)
        buf_printf(out, "{%s}", labels);
}

static void append_histogram(struct buf *out, const struct statistic *s)
{
    const char *more = s->labels != NULL ? s->labels : "";
    const char *comma = s->labels != NULL ? "," : "";
    int64_t below = 0;
    for (int i = 0; i < STAT_BUCKETS_MAX && s->buckets[i] > 0; i++) {
        below += atomic_load_explicit(&s->bucket[i], memory_order_relaxed);
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", s->name, more,
                   comma, s->buckets[i], below);
    }
    /* An observation that came meanwhile must not make +Inf the smaller. */
    int64_t count = stat_get(s) > below ? stat_get(s) : below;
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", s->name, more,
               comma, count);
    int64_t sum = atomic_load_explicit(&s->sum_ns, memory_order_relaxed);
    buf_printf(out, "%s_sum", s->name);
    append_labels(out, s->labels);
    buf_printf(out, " %.9f\n%s_count", (double)sum / 1e9, s->name);
    append_labels(out, s->labels);
    buf_printf(out, " %" PRId64 "\n", count);
}

static void append_plain(struct buf *out, const struct statistic *s)
{
    buf_append_text(out, s->name);
    append_labels(out, s->labels);
    buf_printf(out, " %" PRId64 "\n", stat_get(s));
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int open_fds(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the folder itself */
}

static void append_process(struct buf *out)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    append_head(out, "process_resident_memory_bytes", "Resident memory.",
                "gauge");
    buf_printf(out, "process_resident_memory_bytes %" PRId64 "\n",
               resident_bytes());
    append_head(out, "process_cpu_seconds_total", "CPU time used.", "counter");
    buf_printf(out, "process_cpu_seconds_total %.6f\n", cpu);
    append_head(out, "process_open_fds", "Open file descriptors.", "gauge");
    buf_printf(out, "process_open_fds %d\n", open_fds());
}

void stats_append(struct buf *out, const struct statistic *table)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const char *previous = "";
    for (const struct statistic *s = table; s->name != NULL; s++) {
        if (strcmp(previous, s->name) != 0)
            append_head(out, s->name, s->help, types[s->type]);
        previous = s->name;
        if (s->type == STAT_HISTOGRAM)
            append_histogram(out, s);
        else
            append_plain(out, s);
    }
    append_process(out);
}
