#include "agents/streamer/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agents/streamer/figures.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/mem.h"

#define ERASE_LINE "\r\x1b[K"

struct progress {
    struct bus_publisher *publisher;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended_changed;
    bool ended;
    int64_t seen_rows, seen_ns; /* at the line before */
    struct buf line;
};

static int64_t rows_per_second(struct progress *p, int64_t rows)
{
    int64_t now = clock_mono_ns();
    int64_t elapsed = now - p->seen_ns;
    int64_t new_rows = rows - p->seen_rows;
    p->seen_rows = rows;
    p->seen_ns = now;
    return elapsed > 0
               ? (int64_t)((double)new_rows * NS_PER_S / (double)elapsed)
               : 0;
}

static void format_line(struct progress *p)
{
    int64_t rows = figure(FIGURE_ROWS);
    int64_t size = figure(FIGURE_FILE_BYTES);
    buf_reset(&p->line);
    buf_printf(&p->line,
               ERASE_LINE "%" PRId64 " rows, %" PRId64 " rows/s, %" PRId64
                          " samples, %" PRId64 " acknowledged, %" PRId64
                          " in flight, %" PRId64 " bad",
               rows, rows_per_second(p, rows), figure(FIGURE_SAMPLES),
               figure(FIGURE_ACKNOWLEDGED), figure(FIGURE_IN_FLIGHT),
               figure_bad_rows());
    if (size > 0)
        buf_printf(&p->line, ", %" PRId64 " %%",
                   figure(FIGURE_FILE_OFFSET) * 100 / size);
}

/* A terminal that takes no output is no reason to stop streaming. */
static void show(struct str text)
{
    if (write(STDERR_FILENO, text.p, text.len) < 0)
        return;
}

static void wait_a_moment(struct progress *p)
{
    int64_t until = clock_mono_ns() + PROGRESS_EVERY_NS;
    cond_wait_until(&p->ended_changed, &p->lock, until);
}

static void *run(void *arg)
{
    struct progress *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->ended) {
        figures_refresh(p->publisher);
        format_line(p);
        show(buf_str(&p->line));
        wait_a_moment(p);
    }
    pthread_mutex_unlock(&p->lock);
    show(str_of(ERASE_LINE));
    return NULL;
}

static void init_lock(struct progress *p)
{
    cond_init(&p->ended_changed);
    pthread_mutex_init(&p->lock, NULL);
}

static void release(struct progress **progress)
{
    struct progress *p = *progress;
    pthread_cond_destroy(&p->ended_changed);
    pthread_mutex_destroy(&p->lock);
    buf_fini(&p->line);
    free(p);
    *progress = NULL;
}

struct progress *progress_start(struct bus_publisher *publisher)
{
    if (!isatty(STDERR_FILENO))
        return NULL;
    struct progress *p = mem_zalloc(sizeof *p);
    p->publisher = publisher;
    p->seen_ns = clock_mono_ns();
    init_lock(p);
    if (pthread_create(&p->thread, NULL, run, p) != 0)
        release(&p);
    return p;
}

void progress_end(struct progress **progress)
{
    struct progress *p = *progress;
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_signal(&p->ended_changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    release(progress);
}
