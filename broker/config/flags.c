/* flags: see flags.h. */
#include "broker/config/flags.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/service.h"

#define HANDSHAKE_NS (2 * NS_PER_S)

/* Where the table's rows point. */
static struct options wanted;
static const char *signal_text;
static int64_t ws_port;

/* clang-format off */
const struct opt flags[] = {
    {.flag = "config", .alias = "c", .env = "BROKER_CONFIG",
     .type = OPT_TEXT, .value = &wanted.config_file,
     .help = "configuration file, as nats-server's"},
    {.flag = "addr", .alias = "a", .env = "BROKER_ADDR",
     .type = OPT_TEXT, .value = &wanted.server.addr, .initial = "0.0.0.0",
     .help = "address to listen on"},
    {.flag = "port", .alias = "p", .env = "BROKER_PORT",
     .type = OPT_INT, .value = &wanted.server.port, .initial = "4222",
     .min = -1, .max = 65535,
     .help = "port for clients; 0 or -1: any free one"},
    {.flag = "http_port", .alias = "m", .env = "BROKER_HTTP_PORT",
     .type = OPT_INT, .value = &wanted.http_port, .initial = "0",
     .min = -1, .max = 65535,
     .help = "port for monitoring; 0: none, -1: any free one"},
    {.flag = "name", .alias = "n", .env = "BROKER_NAME",
     .type = OPT_TEXT, .value = &wanted.server.name,
     .help = "name of this server (default: its id)"},
    {.flag = "jetstream", .alias = "js", .env = "BROKER_JETSTREAM",
     .type = OPT_BOOL, .value = &wanted.server.jetstream,
     .help = "keep streams"},
    {.flag = "store_dir", .alias = "sd", .env = "BROKER_STORE_DIR",
     .type = OPT_TEXT, .value = &wanted.server.js.store_dir,
     .initial = "nexus-broker-data",
     .help = "folder of the streams"},
    {.flag = "js_remote", .env = "BROKER_JS_REMOTE",
     .type = OPT_TEXT, .value = &wanted.server.js.remote_list, .secret = true,
     .help = "servers whose streams may be copied: "
             "DOMAIN=nats://user:pass@host:port,…"},
    {.flag = "user", .env = "BROKER_USER",
     .type = OPT_TEXT, .value = &wanted.user,
     .help = "the user clients must sign in as"},
    {.flag = "pass", .env = "BROKER_PASS",
     .type = OPT_TEXT, .value = &wanted.pass, .secret = true,
     .help = "that user's password"},
    {.flag = "auth", .env = "BROKER_AUTH",
     .type = OPT_TEXT, .value = &wanted.token, .secret = true,
     .help = "the token clients must sign in with"},
    {.flag = "tls", .env = "BROKER_TLS",
     .type = OPT_BOOL, .value = &wanted.server.tls.on,
     .help = "clients must speak TLS; needs tlscert and tlskey"},
    {.flag = "tlscert", .env = "BROKER_TLS_CERT",
     .type = OPT_TEXT, .value = &wanted.server.tls.cert_file,
     .help = "file of this server's certificate, its chain behind it"},
    {.flag = "tlskey", .env = "BROKER_TLS_KEY",
     .type = OPT_TEXT, .value = &wanted.server.tls.key_file,
     .help = "file of its private key"},
    {.flag = "tlsverify", .env = "BROKER_TLS_VERIFY",
     .type = OPT_BOOL, .value = &wanted.server.tls.verify,
     .help = "clients must show a certificate"},
    {.flag = "tlscacert", .env = "BROKER_TLS_CA_CERT",
     .type = OPT_TEXT, .value = &wanted.server.tls.ca_file,
     .help = "file of the certificates that sign the clients'"},
    {.flag = "ws_port", .env = "BROKER_WS_PORT",
     .type = OPT_INT, .value = &ws_port, .initial = "0",
     .min = -1, .max = 65535,
     .help = "port for WebSocket; 0: none, -1: any free one"},
    {.flag = "max_payload", .env = "BROKER_MAX_PAYLOAD",
     .type = OPT_SIZE, .value = &wanted.server.payload_max, .initial = "1MB",
     .min = 1024, .max = INT64_C(64) << 20,
     .help = "largest message, headers included"},
    {.flag = "max_control_line", .env = "BROKER_MAX_CONTROL_LINE",
     .type = OPT_SIZE, .value = &wanted.server.control_line_max,
     .initial = "4KB", .min = 512, .max = 64 << 10,
     .help = "longest line of the protocol"},
    {.flag = "max_pending", .env = "BROKER_MAX_PENDING",
     .type = OPT_SIZE, .value = &wanted.server.pending_max,
     .initial = "64MB", .min = 1 << 20, .max = INT64_C(1) << 40,
     .help = "output that may wait for a client before it is closed"},
    {.flag = "max_connections", .env = "BROKER_MAX_CONNECTIONS",
     .type = OPT_INT, .value = &wanted.server.connections_max,
     .initial = "65536", .min = 1, .max = 1000000,
     .help = "clients at a time"},
    {.flag = "max_subscriptions", .env = "BROKER_MAX_SUBSCRIPTIONS",
     .type = OPT_INT, .value = &wanted.server.subs_max, .initial = "0",
     .help = "subscriptions of one client; 0: any number"},
    {.flag = "ping_interval", .env = "BROKER_PING_INTERVAL",
     .type = OPT_DURATION, .value = &wanted.server.ping_interval_ns,
     .initial = "2m", .min = NS_PER_S / 100, .max = 86400 * NS_PER_S,
     .help = "how often a silent client is asked whether it lives"},
    {.flag = "ping_max", .env = "BROKER_PING_MAX",
     .type = OPT_INT, .value = &wanted.server.ping_max, .initial = "2",
     .min = 1, .max = 100,
     .help = "unanswered questions before a client is closed"},
    {.flag = "auth_timeout", .env = "BROKER_AUTH_TIMEOUT",
     .type = OPT_DURATION, .value = &wanted.server.auth_timeout_ns,
     .initial = "2s", .min = NS_PER_S / 100, .max = 3600 * NS_PER_S,
     .help = "time a client has to sign in"},
    {.flag = "tls_timeout", .env = "BROKER_TLS_TIMEOUT",
     .type = OPT_DURATION, .value = &wanted.server.tls.timeout_ns,
     .initial = "2s", .min = NS_PER_S / 100, .max = 3600 * NS_PER_S,
     .help = "time a client has for its TLS handshake"},
    {.flag = "write_deadline", .env = "BROKER_WRITE_DEADLINE",
     .type = OPT_DURATION, .value = &wanted.server.write_deadline_ns,
     .initial = "10s", .min = NS_PER_S / 100, .max = 3600 * NS_PER_S,
     .help = "time a client may take nothing before it is closed"},
    {.flag = "lame_duck_duration", .env = "BROKER_LAME_DUCK_DURATION",
     .type = OPT_DURATION, .value = &wanted.server.lame_duck_ns,
     .initial = "2m", .max = 86400 * NS_PER_S,
     .help = "time over which SIGUSR2 lets clients go"},
    {.flag = "lame_duck_grace_period", .env = "BROKER_LAME_DUCK_GRACE_PERIOD",
     .type = OPT_DURATION, .value = &wanted.server.lame_duck_grace_ns,
     .initial = "10s", .max = 86400 * NS_PER_S,
     .help = "time between SIGUSR2 and the first of them"},
    {.flag = "pid", .alias = "P", .env = "BROKER_PID",
     .type = OPT_TEXT, .value = &wanted.pid_file,
     .help = "file for the process id"},
    {.flag = "log", .alias = "l", .env = "BROKER_LOG",
     .type = OPT_TEXT, .value = &wanted.log_file,
     .help = "file for the log (default: standard error)"},
    {.flag = "debug", .alias = "D", .env = "BROKER_DEBUG",
     .type = OPT_BOOL, .value = &wanted.debug,
     .help = "log everything"},
    {.flag = "trace", .alias = "V", .env = "BROKER_TRACE",
     .type = OPT_BOOL, .value = &wanted.trace,
     .help = "the same here"},
    {.flag = "DV", .env = "",
     .type = OPT_BOOL, .value = &wanted.trace,
     .help = "the same here"},
    {.flag = "logtime", .alias = "T", .env = "",
     .type = OPT_BOOL, .value = &wanted.logtime,
     .help = "the log has times in any case"},
    {.flag = "signal", .alias = "sl", .env = "",
     .type = OPT_TEXT, .value = &signal_text,
     .help = "reload, reopen, stop, quit, term or ldm, and =pid or =file of "
             "the broker that is told"},
    OPTS_END,
};
/* clang-format on */

/* A port alone makes a WebSocket door with clients' own rules. */
static void open_websocket(struct server_config *config)
{
    struct websocket_config *websocket = &config->websocket;
    if (ws_port != 0) {
        websocket->on = websocket->compression = true;
        websocket->port = ws_port;
        websocket->addr = config->addr;
        websocket->no_tls = !config->tls.on;
        websocket->tls = config->tls;
    }
    if (websocket->handshake_timeout_ns == 0)
        websocket->handshake_timeout_ns = HANDSHAKE_NS;
    if (websocket->tls.timeout_ns == 0)
        websocket->tls.timeout_ns = HANDSHAKE_NS;
}

static int load(struct errmsg *err)
{
    const char *file = wanted.config_file;
    wanted = (struct options){0};
    service_reset();
    if (file != NULL && options_read(&wanted, file, err) != 0)
        return -EINVAL;
    if (service_override(err) != 0)
        return -EINVAL;
    open_websocket(&wanted.server);
    return options_finish(&wanted, err);
}

struct options *flags_load(struct errmsg *err)
{
    struct options *loaded = NULL;
    const char *file = wanted.config_file;
    if (load(err) == 0) {
        loaded = mem_alloc(sizeof(*loaded));
        *loaded = wanted;
    } else {
        options_fini(&wanted);
    }
    wanted = (struct options){.config_file = file};
    return loaded;
}

void flags_free(struct options **options)
{
    if (*options == NULL)
        return;
    options_fini(*options);
    free(*options);
    *options = NULL;
}

const char *flags_signal(void)
{
    return signal_text;
}
