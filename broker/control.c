/* control: see control.h. */
#include "broker/control.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/config/flags.h"
#include "broker/lame_duck.h"
#include "broker/reload.h"
#include "broker/server.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

struct control {
    struct watch watch; /* first */
    int fd;
    struct server *server;
    struct options *first; /* some of its texts are used to the end */
    struct options *now;   /* in force */
};

static sigset_t own_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    return set;
}

void control_block_signals(void)
{
    sigset_t set = own_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the log ---- */

int control_log(const struct options *options, struct errmsg *err)
{
    bool verbose = options->debug || options->trace;
    log_set_level(verbose ? LOG_DEBUG : service_log_level());
    if (options->log_file == NULL)
        return 0;
    int rc = log_open(options->log_file);
    if (rc != 0)
        return errmsg_set(err, rc, "cannot write the log to %s: %s",
                          options->log_file, strerror(-rc));
    return 0;
}

static void reopen_log(void)
{
    int rc = log_reopen();
    if (rc != 0)
        log_error("log not reopened", LOG_STR("error", strerror(-rc)));
    else
        log_info("log reopened");
}

/* ---- another configuration ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What only main.c looks at, once. */
static int check_fixed(const struct options *was, const struct options *is,
                       struct errmsg *err)
{
    const char *fixed = NULL;
    if (was->http_port != is->http_port ||
        !same_text(was->http_addr, is->http_addr))
        fixed = "http_port";
    else if (!same_text(was->pid_file, is->pid_file))
        fixed = "pid_file";
    else if (was->log_file != NULL && is->log_file == NULL)
        fixed = "log_file";
    if (fixed == NULL)
        return 0;
    return errmsg_set(err, -EINVAL, "%s cannot change without a restart",
                      fixed);
}

static int put_in_force(struct control *control, struct options *next,
                        struct errmsg *err)
{
    if (check_fixed(control->now, next, err) != 0 ||
        server_reload(control->server, &next->server, err) != 0)
        return -EINVAL;
    if (control->now != control->first)
        flags_free(&control->now);
    control->now = next;
    struct errmsg why;
    if (control_log(next, &why) != 0)
        log_error("log not changed", LOG_STR("error", why.text));
    return 0;
}

static void reload(struct control *control)
{
    struct errmsg err = {0};
    struct options *next = flags_load(&err);
    if (next != NULL && put_in_force(control, next, &err) == 0) {
        log_info("configuration reloaded");
        return;
    }
    flags_free(&next);
    log_error("configuration not reloaded, all stays as it was",
              LOG_STR("error", err.text));
}

/* ---- signals ---- */

static void serve_signal(struct control *control, uint32_t number)
{
    if (number == SIGHUP)
        reload(control);
    else if (number == SIGUSR1)
        reopen_log();
    else
        lame_duck_begin(control->server);
}

static void signal_ready(struct watch *watch, uint32_t events)
{
    struct control *control = (struct control *)watch;
    struct signalfd_siginfo info;
    (void)events;
    if (read(control->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        serve_signal(control, info.ssi_signo);
}

struct control *control_new(struct server *server, struct options *options)
{
    struct control *control = mem_zalloc(sizeof(*control));
    sigset_t set = own_signals();
    control->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    assert(control->fd >= 0);
    control->watch.ready = signal_ready;
    control->server = server;
    control->first = control->now = options;
    server_watch(server, control->fd, EPOLLIN, &control->watch);
    return control;
}

void control_free(struct control **controlp)
{
    struct control *control = *controlp;
    if (control == NULL)
        return;
    if (control->now != control->first)
        flags_free(&control->now);
    flags_free(&control->first);
    close(control->fd);
    free(control);
    *controlp = NULL;
}

/* ---- --signal ---- */

static int signal_named(struct str name)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"reload", SIGHUP}, {"reopen", SIGUSR1}, {"ldm", SIGUSR2},
                   {"quit", SIGINT},   {"term", SIGTERM},   {"stop", SIGTERM}};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (str_is(name, signals[i].name))
            return signals[i].number;
    }
    return 0;
}

static int64_t read_pid_file(const char *path)
{
    long pid = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    fclose(f);
    return pid;
}

static int64_t pid_of(const char *target)
{
    int64_t pid = 0;
    if (target != NULL && str_to_i64(str_of(target), &pid) != 0)
        pid = read_pid_file(target);
    return pid;
}

int control_send(const char *text, const struct options *options,
                 struct errmsg *err)
{
    const char *equals = strchrnul(text, '=');
    int number = signal_named(str_make(text, (size_t)(equals - text)));
    if (number == 0)
        return errmsg_set(err, -EINVAL,
                          "--signal is \"%s\": expected reload, reopen, stop, "
                          "quit, term or ldm, and =pid or =file",
                          text);
    const char *target = *equals == '=' ? equals + 1 : options->pid_file;
    int64_t pid = pid_of(target);
    if (pid <= 0)
        return errmsg_set(err, -EINVAL,
                          "--signal needs =pid, =file or a pid file that "
                          "holds the number of a process");
    if (kill((pid_t)pid, number) != 0)
        return errmsg_set(err, -errno, "cannot signal process %lld: %s",
                          (long long)pid, strerror(errno));
    return 0;
}
