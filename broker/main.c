/* nexus-broker: a message broker that speaks the NATS protocol; what a stream
 * acknowledges is on disk. */
#include <stdlib.h>
#include <sys/resource.h>

#include "broker/monitor/monitor.h"
#include "broker/server.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/service.h"

#define PROGRAM "nexus-broker"
#define SUMMARY \
    "a message broker that speaks the NATS protocol, with streams on disk"

static struct server_config config;
static int64_t http_port, ws_port;

static const struct opt options[] = {
    {.flag = "addr",
     .alias = "a",
     .env = "BROKER_ADDR",
     .type = OPT_TEXT,
     .value = &config.addr,
     .initial = "0.0.0.0",
     .help = "address to listen on"},
    {.flag = "port",
     .alias = "p",
     .env = "BROKER_PORT",
     .type = OPT_INT,
     .value = &config.port,
     .initial = "4222",
     .min = -1,
     .max = 65535,
     .help = "port for clients; 0 or -1: any free one"},
    {.flag = "http_port",
     .alias = "m",
     .env = "BROKER_HTTP_PORT",
     .type = OPT_INT,
     .value = &http_port,
     .initial = "0",
     .min = -1,
     .max = 65535,
     .help = "port for monitoring; 0: none, -1: any free one"},
    {.flag = "name",
     .alias = "n",
     .env = "BROKER_NAME",
     .type = OPT_TEXT,
     .value = &config.name,
     .help = "name of this server (default: its id)"},
    {.flag = "jetstream",
     .alias = "js",
     .env = "BROKER_JETSTREAM",
     .type = OPT_BOOL,
     .value = &config.jetstream,
     .help = "keep streams"},
    {.flag = "store_dir",
     .alias = "sd",
     .env = "BROKER_STORE_DIR",
     .type = OPT_TEXT,
     .value = &config.js.store_dir,
     .initial = "nexus-broker-data",
     .help = "folder of the streams"},
    {.flag = "js_remote",
     .env = "BROKER_JS_REMOTE",
     .type = OPT_TEXT,
     .value = &config.js.remote_list,
     .secret = true,
     .help = "servers whose streams may be copied: "
             "DOMAIN=nats://user:pass@host:port,…"},
    {.flag = "user",
     .env = "BROKER_USER",
     .type = OPT_TEXT,
     .value = &config.auth.user,
     .help = "the user clients must sign in as"},
    {.flag = "pass",
     .env = "BROKER_PASS",
     .type = OPT_TEXT,
     .value = &config.auth.pass,
     .secret = true,
     .help = "that user's password"},
    {.flag = "auth",
     .env = "BROKER_AUTH",
     .type = OPT_TEXT,
     .value = &config.auth.token,
     .secret = true,
     .help = "the token clients must sign in with"},
    {.flag = "max_payload",
     .env = "BROKER_MAX_PAYLOAD",
     .type = OPT_SIZE,
     .value = &config.payload_max,
     .initial = "1MB",
     .min = 1024,
     .max = INT64_C(64) << 20,
     .help = "largest message, headers included"},
    {.flag = "max_control_line",
     .env = "BROKER_MAX_CONTROL_LINE",
     .type = OPT_SIZE,
     .value = &config.control_line_max,
     .initial = "4KB",
     .min = 512,
     .max = 64 << 10,
     .help = "longest line of the protocol"},
    {.flag = "max_pending",
     .env = "BROKER_MAX_PENDING",
     .type = OPT_SIZE,
     .value = &config.pending_max,
     .initial = "64MB",
     .min = 1 << 20,
     .max = INT64_C(1) << 40,
     .help = "output that may wait for a client before it is closed"},
    {.flag = "max_connections",
     .env = "BROKER_MAX_CONNECTIONS",
     .type = OPT_INT,
     .value = &config.connections_max,
     .initial = "65536",
     .min = 1,
     .max = 1000000,
     .help = "clients at a time"},
    {.flag = "ping_interval",
     .env = "BROKER_PING_INTERVAL",
     .type = OPT_DURATION,
     .value = &config.ping_interval_ns,
     .initial = "2m",
     .min = NS_PER_S / 100,
     .max = 86400 * NS_PER_S,
     .help = "how often a silent client is asked whether it lives"},
    {.flag = "ping_max",
     .env = "BROKER_PING_MAX",
     .type = OPT_INT,
     .value = &config.ping_max,
     .initial = "2",
     .min = 1,
     .max = 100,
     .help = "unanswered questions before a client is closed"},
    {.flag = "auth_timeout",
     .env = "BROKER_AUTH_TIMEOUT",
     .type = OPT_DURATION,
     .value = &config.auth_timeout_ns,
     .initial = "2s",
     .min = NS_PER_S / 100,
     .max = 3600 * NS_PER_S,
     .help = "time a client has to sign in"},
    {.flag = "write_deadline",
     .env = "BROKER_WRITE_DEADLINE",
     .type = OPT_DURATION,
     .value = &config.write_deadline_ns,
     .initial = "10s",
     .min = NS_PER_S / 100,
     .max = 3600 * NS_PER_S,
     .help = "time a client may take nothing before it is closed"},
    {.flag = "tls",
     .env = "BROKER_TLS",
     .type = OPT_BOOL,
     .value = &config.tls.on,
     .help = "clients must speak TLS"},
    {.flag = "tlscert",
     .env = "BROKER_TLS_CERT",
     .type = OPT_TEXT,
     .value = &config.tls.cert_file,
     .help = "file of this server's certificate, its chain behind it"},
    {.flag = "tlskey",
     .env = "BROKER_TLS_KEY",
     .type = OPT_TEXT,
     .value = &config.tls.key_file,
     .help = "file of its private key"},
    {.flag = "tlsverify",
     .env = "BROKER_TLS_VERIFY",
     .type = OPT_BOOL,
     .value = &config.tls.verify,
     .help = "clients must show a certificate"},
    {.flag = "tlscacert",
     .env = "BROKER_TLS_CA_CERT",
     .type = OPT_TEXT,
     .value = &config.tls.ca_file,
     .help = "file of the certificates that sign the clients'"},
    {.flag = "ws_port",
     .env = "BROKER_WS_PORT",
     .type = OPT_INT,
     .value = &ws_port,
     .initial = "0",
     .min = -1,
     .max = 65535,
     .help = "port for WebSocket; 0: none, -1: any free one"},
    OPTS_END,
};

/* What the flags leave open. */
static void settle_config(void)
{
    config.tls.timeout_ns = 2 * NS_PER_S;
    config.websocket.on = ws_port != 0;
    config.websocket.port = ws_port;
    config.websocket.addr = config.addr;
    config.websocket.no_tls = !config.tls.on;
    config.websocket.tls = config.tls;
    config.websocket.compression = true;
    config.websocket.handshake_timeout_ns = 2 * NS_PER_S;
}

/* As many descriptors as the system allows: each client is one. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int refuse_start(const struct errmsg *err)
{
    log_error("cannot start", LOG_STR("error", err->text));
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct errmsg err = {0};
    struct monitor *monitor = NULL;
    service_init(PROGRAM, SUMMARY, options, argc, argv);
    settle_config();
    service_checked();
    raise_file_limit();
    struct server *server = server_new(&config, &err);
    if (server == NULL)
        return refuse_start(&err);
    if (http_port != 0) {
        monitor = monitor_start(server, config.addr,
                                http_port < 0 ? 0 : (int)http_port, &err);
        if (monitor == NULL) {
            server_free(&server);
            return refuse_start(&err);
        }
    }
    server_run(server, service_stop_fd());
    monitor_stop(&monitor);
    server_free(&server);
    log_info("stopped");
    return EXIT_SUCCESS;
}
