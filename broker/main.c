/* nexus-broker: a message broker that speaks the NATS protocol; what a stream
 * acknowledges is on disk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/config/flags.h"
#include "broker/control.h"
#include "broker/monitor/monitor.h"
#include "broker/server.h"
#include "lib/log.h"
#include "lib/service.h"

#define PROGRAM "nexus-broker"
#define SUMMARY \
    "a message broker that speaks the NATS protocol, with streams on disk"

/* As many descriptors as the system allows: each client is one. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int write_pid_file(const char *path, struct errmsg *err)
{
    FILE *f = path != NULL ? fopen(path, "we") : NULL;
    if (path == NULL)
        return 0;
    if (f == NULL)
        return errmsg_set(err, -errno, "cannot write the pid file %s: %s", path,
                          strerror(errno));
    fprintf(f, "%ld\n", (long)getpid());
    fclose(f);
    return 0;
}

static struct monitor *open_monitor(struct server *server,
                                    const struct options *options,
                                    struct errmsg *err)
{
    const char *addr =
        options->http_addr != NULL ? options->http_addr : options->server.addr;
    int port = options->http_port < 0 ? 0 : (int)options->http_port;
    return monitor_start(server, addr, port, err);
}

/* Serves until the end. Takes options. */
static int run(struct options *options, struct errmsg *err)
{
    struct monitor *monitor = NULL;
    struct server *server = server_new(&options->server, err);
    if (server == NULL) {
        flags_free(&options);
        return -EINVAL;
    }
    struct control *control = control_new(server, options);
    bool opened = write_pid_file(options->pid_file, err) == 0;
    if (opened && options->http_port != 0) {
        monitor = open_monitor(server, options, err);
        opened = monitor != NULL;
    }
    if (opened)
        server_run(server, service_stop_fd());
    monitor_stop(&monitor);
    if (opened && options->pid_file != NULL)
        unlink(options->pid_file);
    server_free(&server);
    control_free(&control);
    return opened ? 0 : -EINVAL;
}

static int refuse_start(const struct errmsg *err)
{
    log_error("cannot start", LOG_STR("error", err->text));
    return EXIT_FAILURE;
}

/* What the flags and the file say; ends the program where that is all. */
static struct options *look_at_settings(void)
{
    struct errmsg err = {0};
    struct options *options = flags_load(&err);
    if (options == NULL)
        service_refuse(PROGRAM, &err);
    if (flags_signal() != NULL) {
        int rc = control_send(flags_signal(), options, &err);
        flags_free(&options);
        if (rc != 0)
            service_refuse(PROGRAM, &err);
        exit(EXIT_SUCCESS);
    }
    if (service_checking() && options->config_file != NULL)
        printf(PROGRAM ": configuration file %s is valid\n",
               options->config_file);
    service_checked();
    return options;
}

int main(int argc, char **argv)
{
    struct errmsg err = {0};
    service_init(PROGRAM, SUMMARY, flags, argc, argv);
    struct options *options = look_at_settings();
    if (control_log(options, &err) != 0) {
        flags_free(&options);
        return refuse_start(&err);
    }
    raise_file_limit();
    control_block_signals();
    if (run(options, &err) != 0)
        return refuse_start(&err);
    log_info("stopped");
    return EXIT_SUCCESS;
}
