#include "lib/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

static atomic_bool stopping;
static int stop_fd = -1;
static bool checking;

/* The program's own options and the common ones, for as long as it runs. */
static struct opt *settings;
static int setting_argc;
static char **setting_argv;
static int level, format;

/* Only async-signal-safe calls: an atomic store and a write. */
void service_stop(void)
{
    atomic_store(&stopping, true);
    uint64_t one = 1;
    if (stop_fd >= 0 && write(stop_fd, &one, sizeof one) < 0) {
        /* The counter is full: it is readable already. */
    }
}

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    service_stop();
    errno = saved;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static size_t count_options(const struct opt *options)
{
    size_t n = 0;
    while (options[n].flag != NULL)
        n++;
    return n;
}

void service_checked(void)
{
    if (checking)
        exit(0);
}

bool service_checking(void)
{
    return checking;
}

enum log_level service_log_level(void)
{
    return (enum log_level)level;
}

void service_reset(void)
{
    opts_reset(settings);
}

int service_override(struct errmsg *err)
{
    return opts_override(settings, setting_argc, setting_argv, err);
}

void service_refuse(const char *program, const struct errmsg *err)
{
    fprintf(stderr, "%s: %s\n", program, err->text);
    exit(2);
}

void service_init(const char *program, const char *summary,
                  const struct opt *options, int argc, char **argv)
{
    static const char *const levels[] = {"debug", "info", "warn", "error",
                                         NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};
    static bool version;
    const struct opt common[] = {
        {.flag = "log-level",
         .type = OPT_CHOICE,
         .value = &level,
         .choices = levels,
         .initial = "info",
         .help = "least level logged"},
        {.flag = "log-format",
         .type = OPT_CHOICE,
         .value = &format,
         .choices = formats,
         .initial = "logfmt",
         .help = "how lines look"},
        {.flag = "check",
         .alias = "t",
         .env = "",
         .type = OPT_BOOL,
         .value = &checking,
         .help = "check the settings and exit"},
        {.flag = "version",
         .alias = "v",
         .env = "",
         .type = OPT_BOOL,
         .value = &version,
         .help = "print the version"},
        OPTS_END,
    };
    size_t own = count_options(options);
    settings = mem_grow(settings, 1, sizeof common + own * sizeof *settings);
    memcpy(settings, options, own * sizeof *settings);
    memcpy(settings + own, common, sizeof common);
    setting_argc = argc;
    setting_argv = argv;
    struct errmsg err;
    int rc = opts_parse(settings, program, summary, argc, argv, &err);
    if (rc < 0)
        service_refuse(program, &err);
    if (version)
        printf("%s %s\n", program, NEXUS_VERSION);
    if (rc > 0 || version)
        exit(0);
    log_setup(program, (enum log_level)level, (enum log_format)format);
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    catch_signals();
}

bool service_stopping(void)
{
    return atomic_load(&stopping);
}

int service_stop_fd(void)
{
    return stop_fd;
}

bool service_wait_stop(int64_t timeout_ns)
{
    struct pollfd wait = {.fd = stop_fd, .events = POLLIN};
    int64_t deadline = clock_mono_ns() + timeout_ns;
    while (!service_stopping()) {
        int64_t left = deadline - clock_mono_ns();
        if (timeout_ns >= 0 && left <= 0)
            return false;
        /* Rounded up, so that a short wait does not spin. */
        int ms =
            timeout_ns < 0 ? -1 : (int)((left + NS_PER_MS - 1) / NS_PER_MS);
        poll(&wait, 1, ms);
    }
    return true;
}
