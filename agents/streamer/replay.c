#include "agents/streamer/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agents/streamer/csv.h"
#include "agents/streamer/deadletter.h"
#include "agents/streamer/figures.h"
#include "agents/streamer/layout.h"
#include "agents/streamer/stamps.h"
#include "agents/streamer/window.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

struct replay {
    struct replay_config config;
    replay_publish publish;
    void *arg;
    struct window *window;
    struct stamps *stamps;
    struct deadletter *deadletter;
    struct csv_file told; /* the file whose bad rows were told of */

    /* of this pass */
    struct csv *csv;
    struct layout layout;
    struct csv_row row;
    struct arena row_arena;
    struct reading reading;
    bool tell; /* log and dead-letter bad rows */
    int64_t bad_rows, samples;
    bool deadletter_failed;

    /* the pace */
    int64_t in_batch; /* samples published since due_ns was set */
    int64_t due_ns;   /* when the next batch may begin */

    bool publish_failed; /* the error came from publish, not from the file */
};

static int on_sample(void *arg, struct sample *sample);

struct replay *replay_new(const struct replay_config *config,
                          replay_publish publish, void *arg)
{
    struct replay *r = mem_zalloc(sizeof *r);
    r->config = *config;
    r->publish = publish;
    r->arg = arg;
    r->window = window_new(str_of(config->cluster), (int)config->gather_times,
                           (size_t)config->gather_samples, on_sample, r);
    r->stamps = stamps_new();
    r->deadletter = deadletter_new(config->deadletter_path);
    return r;
}

void replay_free(struct replay **replay)
{
    struct replay *r = *replay;
    if (r == NULL)
        return;
    window_free(&r->window);
    stamps_free(&r->stamps);
    deadletter_free(&r->deadletter);
    arena_fini(&r->row_arena);
    free(r);
    *replay = NULL;
}

/* ---- the file's beginning ---- */

/* Opens the file and reads its header line. */
static int open_file(const char *path, struct csv **csv, struct csv_row *row,
                     struct layout *layout, struct errmsg *err)
{
    struct errmsg why;
    *csv = csv_open(path, err);
    if (*csv == NULL)
        return -ENOENT;
    int rc = csv_next(*csv, row, &why);
    if (rc == 0)
        rc = errmsg_set(&why, -EINVAL,
                        "the file is empty: expected a header "
                        "line");
    else if (rc == -EBADMSG)
        rc = -EINVAL;
    else if (rc > 0)
        rc = layout_init(layout, row, &why);
    if (rc < 0) {
        errmsg_set(err, rc, "%s: line %" PRIu64 ": %s", path, row->line,
                   why.text);
        csv_close(csv);
    }
    return rc;
}

int replay_check(const struct replay *r, struct errmsg *err)
{
    struct csv *csv;
    struct layout layout;
    struct csv_row *row = mem_zalloc(sizeof *row);
    int rc = open_file(r->config.path, &csv, row, &layout, err);
    free(row);
    if (rc < 0)
        return rc;
    layout_fini(&layout);
    csv_close(&csv);
    return 0;
}

/* ---- samples on their way out ---- */

/* Waits until the batch that a sample begins may go. What comes late is not
 * caught up with. */
static int keep_pace(struct replay *r)
{
    if (r->config.interval_ns == 0 || r->in_batch < r->config.batch)
        return 0;
    int64_t now = clock_mono_ns();
    if (r->due_ns > now && service_wait_stop(r->due_ns - now))
        return -ECANCELED;
    r->due_ns = (r->due_ns > now ? r->due_ns : now) + r->config.interval_ns;
    r->in_batch = 0;
    return 0;
}

static int on_sample(void *arg, struct sample *sample)
{
    struct replay *r = arg;
    int rc = keep_pace(r);
    if (rc < 0)
        return rc;
    if (!r->config.source_times)
        sample->ts_ns = stamps_of(r->stamps, sample->ts_ns, clock_wall_ns());
    rc = r->publish(r->arg, sample);
    if (rc < 0) {
        r->publish_failed = true;
        return rc;
    }
    r->in_batch++;
    r->samples++;
    figure_add(FIGURE_SAMPLES, 1);
    figure_add(FIGURE_VALUES, __builtin_popcountll(sample->present) +
                                  (int64_t)sample->extra_count);
    return 0;
}

/* ---- bad rows ---- */

static void bury(struct replay *r, const char *reason)
{
    struct errmsg err;
    int rc = deadletter_put(r->deadletter, r->config.path, r->row.line, reason,
                            r->row.text, &err);
    if (rc == 0)
        figure_add(FIGURE_DEADLETTERS, 1);
    else if (!r->deadletter_failed)
        log_error("bad rows are not kept", LOG_STR("error", err.text));
    r->deadletter_failed |= rc < 0;
}

static void reject(struct replay *r, enum row_fault fault, const char *reason)
{
    figure_add(figure_of_fault(fault), 1);
    r->bad_rows++;
    if (!r->tell)
        return;
    if (r->bad_rows <= REPLAY_BAD_ROWS_LOGGED)
        log_warn("bad row", LOG_STR("file", r->config.path),
                 LOG_I64("line", r->row.line), LOG_STR("error", reason));
    bury(r, reason);
}

/* The parser counts columns; the header line has names for them. */
static void reject_malformed(struct replay *r, const char *what)
{
    struct errmsg reason;
    int column = r->row.count;
    if (column < r->layout.columns)
        errmsg_set(&reason, 0, "column %.*s: %s",
                   STR_ARG(r->layout.titles[column]), what);
    else
        errmsg_set(&reason, 0, "column %d: %s", column + 1, what);
    reject(r, ROW_MALFORMED, reason.text);
}

/* ---- a pass ---- */

/* Takes one row in: 1; 0 at the end; a negative errno ends the pass. */
static int take_row(struct replay *r, struct errmsg *err)
{
    struct errmsg why;
    int rc = csv_next(r->csv, &r->row, &why);
    if (rc != 1 && rc != -EBADMSG)
        return rc < 0 ? errmsg_set(err, rc, "%s: %s", r->config.path, why.text)
                      : 0;
    figure_add(FIGURE_ROWS, 1);
    if (rc == -EBADMSG) {
        reject_malformed(r, why.text);
        return 1;
    }
    arena_reset(&r->row_arena);
    enum row_fault fault =
        layout_read(&r->layout, &r->row, &r->row_arena, &r->reading, &why);
    if (fault != ROW_GOOD) {
        reject(r, fault, why.text);
        return 1;
    }
    rc = window_add(r->window, &r->reading);
    return rc < 0 ? rc : 1;
}

/* What was gathered leaves even where the rest cannot be read. */
static int take_rows(struct replay *r, struct errmsg *err)
{
    int rc = 1;
    while (rc > 0 && !service_stopping()) {
        rc = take_row(r, err);
        stat_set(&figures[FIGURE_FILE_OFFSET], (int64_t)csv_offset(r->csv));
    }
    if (rc > 0 || r->publish_failed)
        return rc > 0 ? -ECANCELED : rc;
    int drained = window_drain(r->window);
    return drained < 0 ? drained : rc;
}

static bool same_file(struct csv_file a, struct csv_file b)
{
    return a.device == b.device && a.inode == b.inode && a.bytes == b.bytes &&
           a.changed_ns == b.changed_ns;
}

static void begin_pass(struct replay *r)
{
    struct csv_file file = csv_file(r->csv);
    r->tell = !same_file(file, r->told);
    r->bad_rows = 0;
    r->samples = 0;
    r->deadletter_failed = false;
    stamps_begin_pass(r->stamps);
    stat_set(&figures[FIGURE_FILE_BYTES], file.bytes);
}

static void end_pass(struct replay *r, int rc)
{
    if (r->tell && r->bad_rows > REPLAY_BAD_ROWS_LOGGED)
        log_warn("more bad rows", LOG_STR("file", r->config.path),
                 LOG_I64("rows", r->bad_rows),
                 LOG_I64("logged", REPLAY_BAD_ROWS_LOGGED),
                 LOG_STR("deadletter", r->config.deadletter_path));
    if (rc == 0) {
        r->told = csv_file(r->csv);
        figure_add(FIGURE_PASSES, 1);
    }
    log_debug("pass ended", LOG_I64("pass", figure(FIGURE_PASSES)),
              LOG_I64("samples", r->samples), LOG_I64("bad_rows", r->bad_rows));
    window_clear(r->window);
    layout_fini(&r->layout);
    csv_close(&r->csv);
}

static int play_pass(struct replay *r, struct errmsg *err)
{
    r->samples = 0;
    int rc = open_file(r->config.path, &r->csv, &r->row, &r->layout, err);
    if (rc < 0)
        return rc;
    begin_pass(r);
    rc = take_rows(r, err);
    end_pass(r, rc);
    return rc;
}

static int publish_error(int rc, struct errmsg *err)
{
    if (rc == -ECANCELED)
        return rc;
    return errmsg_set(err, rc, "a sample cannot be published: %s",
                      strerror(-rc));
}

/* Before the next pass: a file that is away, or has nothing to play, is looked
 * at again later. */
static void rest(const struct replay *r, int rc, const struct errmsg *err)
{
    if (rc < 0)
        log_warn("the file cannot be played; trying again",
                 LOG_STR("error", err->text),
                 LOG_I64("in_s", REPLAY_RETRY_NS / NS_PER_S));
    if (rc < 0 || r->samples == 0)
        service_wait_stop(REPLAY_RETRY_NS);
}

int replay_run(struct replay *r, struct errmsg *err)
{
    int rc = 0;
    r->in_batch = 0;
    r->due_ns = clock_mono_ns() + r->config.interval_ns;
    while (!service_stopping()) {
        rc = play_pass(r, err);
        if (r->publish_failed)
            return publish_error(rc, err);
        if (!r->config.loop || rc == -ECANCELED)
            return rc;
        rest(r, rc, err);
    }
    return -ECANCELED;
}
