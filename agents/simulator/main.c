/* nexus-simulator: a DCGM CSV file of a fleet that does not exist. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/simulator/dcgm.h"
#include "agents/simulator/fleet.h"
#include "lib/clock.h"
#include "lib/sample.h"
#include "lib/service.h"
#include "lib/timestamp.h"

#define PROGRAM "nexus-simulator"

static struct settings {
    int64_t hosts, gpus, samples, seed, interval_ns;
    bool missing_gpu;
    int format;
    const char *start, *output;
} settings;

static const char *const format_names[] = {
    [DCGM_LONG] = "long", [DCGM_WIDE] = "wide", NULL};

static const struct opt options[] = {
    {.flag = "hosts",
     .type = OPT_INT,
     .value = &settings.hosts,
     .initial = "31",
     .min = 1,
     .max = FLEET_HOSTS_MAX,
     .help = "hosts"},
    {.flag = "gpus",
     .type = OPT_INT,
     .value = &settings.gpus,
     .initial = "8",
     .min = 1,
     .max = FLEET_GPUS_MAX,
     .help = "GPUs of each host"},
    {.flag = "samples",
     .type = OPT_INT,
     .value = &settings.samples,
     .initial = "60",
     .min = 1,
     .max = 1000000,
     .help = "how often every GPU is read"},
    {.flag = "interval",
     .type = OPT_DURATION,
     .value = &settings.interval_ns,
     .initial = "10s",
     .min = NS_PER_MS,
     .max = 86400 * NS_PER_S,
     .help = "time between two readings"},
    {.flag = "start",
     .type = OPT_TEXT,
     .value = &settings.start,
     .initial = "2025-07-18T20:42:34Z",
     .help = "time of the first reading"},
    {.flag = "format",
     .type = OPT_CHOICE,
     .value = &settings.format,
     .choices = format_names,
     .initial = "long",
     .help = "a metric a row, or a GPU a row"},
    {.flag = "seed",
     .type = OPT_INT,
     .value = &settings.seed,
     .initial = "1",
     .help = "another one makes another fleet"},
    {.flag = "missing-gpu",
     .type = OPT_BOOL,
     .value = &settings.missing_gpu,
     .initial = "true",
     .help = "one host has one GPU less"},
    {.flag = "output",
     .type = OPT_TEXT,
     .value = &settings.output,
     .help = "the file to write; standard output without"},
    OPTS_END,
};

static int refuse(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, PROGRAM ": %s: \"%s\": expected %s\n", option, value,
            expected);
    return 2;
}

static int failed(int code)
{
    if (code != -EPIPE)
        fprintf(stderr, PROGRAM ": %s: %s\n",
                settings.output != NULL ? settings.output : "standard output",
                strerror(-code));
    return 1;
}

static int write_out(void *arg, struct buf *out)
{
    int fd = *(const int *)arg;
    for (size_t done = 0; done < out->len;) {
        ssize_t n = write(fd, out->data + done, out->len - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    buf_reset(out);
    return service_stopping() ? -EINTR : 0;
}

static int simulate(int64_t start_ns, int fd)
{
    struct fleet *fleet =
        fleet_new((int)settings.hosts, (int)settings.gpus, settings.missing_gpu,
                  (uint64_t)settings.seed);
    struct dcgm *dcgm =
        dcgm_new(fleet, (enum dcgm_format)settings.format, write_out, &fd);
    int rc = 0;
    dcgm_header(dcgm);
    for (int64_t i = 0; rc == 0 && i < settings.samples; i++) {
        rc = dcgm_scrape(dcgm, start_ns + i * settings.interval_ns);
        fleet_step(fleet);
    }
    if (rc == 0)
        rc = dcgm_end(dcgm);
    dcgm_free(&dcgm);
    fleet_free(&fleet);
    return rc;
}

/* The last reading's time, or -1 when it would be out of range. */
static int64_t last_reading(int64_t start_ns)
{
    int64_t span, last;
    if (__builtin_mul_overflow(settings.interval_ns, settings.samples, &span) ||
        __builtin_add_overflow(start_ns, span, &last))
        return -1;
    return last;
}

static int open_output(void)
{
    if (settings.output == NULL)
        return STDOUT_FILENO;
    int fd =
        open(settings.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fd;
}

int main(int argc, char **argv)
{
    int64_t start_ns;
    service_init(PROGRAM, "Writes a DCGM CSV file of a made-up GPU fleet.",
                 options, argc, argv);
    if (timestamp_parse(str_of(settings.start), &start_ns) < 0 ||
        start_ns < SAMPLE_TS_MIN)
        return refuse("--start", settings.start,
                      "an RFC 3339 time from the year 2000");
    if (last_reading(start_ns) < 0 || last_reading(start_ns) >= SAMPLE_TS_MAX)
        return refuse("--start", settings.start,
                      "a time from which all samples come before 2200");
    service_checked();
    int fd = open_output();
    int rc = fd < 0 ? fd : simulate(start_ns, fd);
    if (settings.output != NULL && fd >= 0 && close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc < 0 ? failed(rc) : 0;
}
