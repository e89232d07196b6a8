/* nexus-streamer: CSV files in, telemetry messages out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agents/streamer/csv.h"
#include "agents/streamer/figures.h"
#include "agents/streamer/progress.h"
#include "agents/streamer/publish.h"
#include "agents/streamer/replay.h"
#include "agents/streamer/status.h"
#include "agents/streamer/window.h"
#include "lib/announce.h"
#include "lib/bus.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sample.h"
#include "lib/service.h"

#define PROGRAM "nexus-streamer"

/* How long a stop waits for what was published to be acknowledged. */
#define STOP_WAIT_NS (10 * NS_PER_S)

/* How often the wait at a file's end looks for a stop. */
#define FLUSH_SLICE_NS (200 * NS_PER_MS)

#define DAY_NS (86400 * NS_PER_S)

static struct settings {
    struct replay_config replay;
    const char *broker_url;
    int timestamps;
    const char *host;
    int64_t http_port, window;
    struct bus_stream_limits stream;
} settings;

enum { TIMESTAMPS_PROCESSING, TIMESTAMPS_SOURCE };
static const char *const timestamps_names[] = {"processing", "source", NULL};

static const struct opt options[] = {
    {.flag = "csv-file",
     .type = OPT_TEXT,
     .value = &settings.replay.path,
     .help = "the DCGM CSV file to stream"},
    {.flag = "batch-size",
     .type = OPT_INT,
     .value = &settings.replay.batch,
     .initial = "500",
     .min = 1,
     .max = 1000000,
     .help = "samples published in one STREAM_INTERVAL"},
    {.flag = "stream-interval",
     .type = OPT_DURATION,
     .value = &settings.replay.interval_ns,
     .initial = "1s",
     .min = 0,
     .max = DAY_NS,
     .help = "time for one batch; 0: as fast as possible"},
    {.flag = "loop-mode",
     .type = OPT_BOOL,
     .value = &settings.replay.loop,
     .initial = "true",
     .help = "play the file over and over"},
    {.flag = "timestamps",
     .type = OPT_CHOICE,
     .value = &settings.timestamps,
     .choices = timestamps_names,
     .initial = "processing",
     .help = "stamp samples when they are processed, or as the file does"},
    {.flag = "cluster-id",
     .type = OPT_TEXT,
     .value = &settings.replay.cluster,
     .initial = "local",
     .help = "the cluster the file's hosts belong to"},
    {.flag = "broker-url",
     .type = OPT_TEXT,
     .value = &settings.broker_url,
     .initial = "nats://127.0.0.1:4222",
     .secret = true,
     .help = "the broker; a comma-separated list is a cluster"},
    {.flag = "host",
     .type = OPT_TEXT,
     .value = &settings.host,
     .initial = "0.0.0.0",
     .help = "address of health, metrics and status"},
    {.flag = "http-port",
     .type = OPT_INT,
     .value = &settings.http_port,
     .initial = "8081",
     .min = 0,
     .max = 65535,
     .help = "their port; 0: any free one"},
    {.flag = "window",
     .type = OPT_INT,
     .value = &settings.window,
     .initial = "4096",
     .min = 1,
     .max = 1048576,
     .help = "samples published and not acknowledged at most"},
    {.flag = "gather-times",
     .type = OPT_INT,
     .value = &settings.replay.gather_times,
     .initial = "16",
     .min = 1,
     .max = WINDOW_TIMES_MAX,
     .help = "source times whose rows are gathered into samples together"},
    {.flag = "gather-samples",
     .type = OPT_INT,
     .value = &settings.replay.gather_samples,
     .initial = "262144",
     .min = 1,
     .max = WINDOW_SAMPLES_MAX,
     .help = "samples gathered together at most"},
    BUS_STREAM_OPTIONS(settings.stream),
    {.flag = "deadletter-file",
     .type = OPT_TEXT,
     .value = &settings.replay.deadletter_path,
     .initial = "deadletter.csv",
     .help = "where rows go that cannot be read"},
    OPTS_END,
};

/* What is open while the file is played, closed in the opposite order. */
struct streamer {
    struct status *status;
    struct bus *bus;
    struct publish publish;
    struct replay *replay;
    struct announce *announce;
    int64_t began_ns;
};

/* In loop mode a file that is not there yet is waited for; columns that are
 * not known never will be. */
static int check_file(struct streamer *s, struct errmsg *err)
{
    s->replay = replay_new(&settings.replay, publish_sample, &s->publish);
    int rc = replay_check(s->replay, err);
    return settings.replay.loop && rc != -EINVAL ? 0 : rc;
}

static int start_status(struct streamer *s, struct errmsg *err)
{
    struct status_config config = {
        .host = settings.host,
        .port = (int)settings.http_port,
        .file = settings.replay.path,
        .loop = settings.replay.loop,
        .source_times = settings.replay.source_times,
    };
    s->status = status_start(&config, err);
    return s->status != NULL ? 0 : -EIO;
}

/* Whatever keeps the stream from being made (a full disk, a broker that is
 * starting) may be mended while we wait. */
static int ensure_stream(struct streamer *s, struct errmsg *err)
{
    bool told = false;
    while (bus_ensure_stream(s->bus, BUS_STREAM, SAMPLE_SUBJECTS,
                             &settings.stream, err) < 0) {
        if (!told)
            log_warn("waiting for the stream", LOG_STR("error", err->text));
        told = true;
        if (service_wait_stop(NS_PER_S))
            return -ECANCELED;
    }
    return 0;
}

static int connect_broker(struct streamer *s, struct errmsg *err)
{
    s->bus = bus_connect(settings.broker_url, PROGRAM, -1, err);
    if (s->bus == NULL)
        return service_stopping() ? -ECANCELED : -EIO;
    int rc = ensure_stream(s, err);
    if (rc < 0)
        return rc;
    s->publish.publisher = bus_publisher_new(s->bus, settings.window, err);
    if (s->publish.publisher == NULL)
        return -EIO;
    status_set_broker(s->status, s->bus, s->publish.publisher);
    return 0;
}

/* ---- what the others are told ---- */

static void put_figures(struct json_writer *w, void *arg)
{
    const struct streamer *s = arg;
    figures_refresh(s->publish.publisher);
    json_member_i64(w, "rows", figure(FIGURE_ROWS));
    json_member_i64(w, "bad_rows", figure_bad_rows());
    json_member_i64(w, "deadletters", figure(FIGURE_DEADLETTERS));
    json_member_i64(w, "samples", figure(FIGURE_SAMPLES));
    json_member_i64(w, "published", figure(FIGURE_PUBLISHED));
    json_member_i64(w, "acknowledged", figure(FIGURE_ACKNOWLEDGED));
    json_member_i64(w, "retries", figure(FIGURE_RETRIES));
    json_member_i64(w, "in_flight", figure(FIGURE_IN_FLIGHT));
}

static void start_announcing(struct streamer *s)
{
    struct announce_config config = {
        .service = PROGRAM, .id = PROGRAM, .figures = put_figures, .arg = s};
    s->announce = announce_start(s->bus, &config);
}

/* ---- streaming ---- */

/* Waits until everything published is on the broker's disk; once a stop is
 * asked for, not much longer. */
static int flush(struct streamer *s, struct errmsg *err)
{
    struct bus_publisher *p = s->publish.publisher;
    status_set_state(s->status, STATUS_FLUSHING);
    while (!service_stopping())
        if (bus_publisher_flush(p, FLUSH_SLICE_NS) == 0)
            return 0;
    int rc = bus_publisher_flush(p, STOP_WAIT_NS);
    figures_refresh(p);
    if (rc < 0)
        errmsg_set(err, rc,
                   "stopped with %lld samples that the broker has not "
                   "acknowledged",
                   (long long)figure(FIGURE_IN_FLIGHT));
    return rc;
}

static int stream(struct streamer *s, struct errmsg *err)
{
    status_set_state(s->status, STATUS_STREAMING);
    log_info("streaming", LOG_STR("file", settings.replay.path),
             LOG_STR("timestamps", timestamps_names[settings.timestamps]),
             LOG_STR("trace_id", bus_publisher_trace(s->publish.publisher)));
    struct progress *progress = progress_start(s->publish.publisher);
    int rc = replay_run(s->replay, err);
    struct errmsg why;
    int flushed = flush(s, &why);
    progress_end(&progress);
    if (flushed < 0 && (rc == 0 || rc == -ECANCELED)) {
        *err = why;
        return flushed;
    }
    return rc;
}

static void log_summary(const struct streamer *s, const char *how)
{
    double seconds = (double)(clock_mono_ns() - s->began_ns) / NS_PER_S;
    double rows = (double)figure(FIGURE_ROWS);
    log_info(how, LOG_I64("rows", figure(FIGURE_ROWS)),
             LOG_I64("samples", figure(FIGURE_SAMPLES)),
             LOG_I64("values", figure(FIGURE_VALUES)),
             LOG_I64("bad_rows", figure_bad_rows()),
             LOG_I64("acknowledged", figure(FIGURE_ACKNOWLEDGED)),
             LOG_I64("retries", figure(FIGURE_RETRIES)),
             LOG_DOUBLE("seconds", (double)(int64_t)(seconds * 1000) / 1000),
             LOG_I64("rows_per_second", rows / seconds));
}

static void close_all(struct streamer *s)
{
    announce_stop(&s->announce);
    service_stop(); /* a connection that goes now is no loss */
    if (s->status != NULL)
        status_set_broker(s->status, NULL, NULL);
    status_stop(&s->status);
    bus_publisher_free(&s->publish.publisher);
    bus_close(&s->bus);
    publish_fini(&s->publish);
    replay_free(&s->replay);
    bus_library_close();
}

static int run(struct streamer *s, struct errmsg *err)
{
    int rc = check_file(s, err);
    if (rc == 0)
        rc = start_status(s, err);
    if (rc == 0)
        rc = connect_broker(s, err);
    if (rc < 0)
        return rc;
    s->began_ns = clock_mono_ns();
    start_announcing(s);
    rc = stream(s, err);
    figures_refresh(s->publish.publisher);
    return rc;
}

int main(int argc, char **argv)
{
    service_init(PROGRAM, "Streams DCGM CSV files to the broker.", options,
                 argc, argv);
    if (settings.replay.path == NULL) {
        fprintf(stderr, PROGRAM ": --csv-file (CSV_FILE): expected the path of "
                                "a DCGM CSV file\n");
        return 2;
    }
    service_checked();
    settings.replay.source_times = settings.timestamps == TIMESTAMPS_SOURCE;
    struct streamer streamer = {0};
    struct errmsg err = {""};
    int rc = run(&streamer, &err);
    close_all(&streamer);
    if (rc < 0 && rc != -ECANCELED)
        log_error("streaming failed", LOG_STR("error", err.text));
    if (streamer.began_ns != 0)
        log_summary(&streamer, rc == 0            ? "all acknowledged"
                               : rc == -ECANCELED ? "stopped"
                                                  : "gave up");
    return rc == 0 || rc == -ECANCELED ? 0 : 1;
}
