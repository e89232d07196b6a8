/* options: see options.h. Here: everything but authorization and accounts. */
#include "broker/config/options.h"

#include <errno.h>
#include <strings.h>

#include "broker/config/reader.h"
#include "lib/clock.h"

#define PORT_RANGE  .min = -1, .max = 65535
#define TIME_RANGE  .min = NS_PER_S / 100, .max = 86400 * NS_PER_S
#define BYTES_RANGE .min = -1, .max = INT64_MAX

#define SERVER(member)    offsetof(struct options, server.member)
#define OPTION(member)    offsetof(struct options, member)
#define TLS(member)       offsetof(struct tls_config, member)
#define WEBSOCKET(member) offsetof(struct websocket_config, member)
#define STREAMS(member)   offsetof(struct jetstream_config, member)

#define REMOTE(member) offsetof(struct remote_config, member)

#define SETTINGS_END  \
    {                 \
        .names = NULL \
    }

/* ---- tls { } ---- */

static int read_ciphers(struct reader *r, const struct conf_value *value,
                        const struct setting *setting, void *at)
{
    (void)setting;
    return read_texts(r, value, TLS_CIPHERS_MAX, at);
}

static int read_curves(struct reader *r, const struct conf_value *value,
                       const struct setting *setting, void *at)
{
    (void)setting;
    return read_texts(r, value, TLS_CURVES_MAX, at);
}

/* true, false, "auto", or how long a client may hesitate. */
static int read_handshake_first(struct reader *r,
                                const struct conf_value *value,
                                const struct setting *setting, void *at)
{
    struct tls_config *tls = at;
    tls->first_wait_ns = 0;
    tls->handshake_first = true;
    if (value->type == CONF_BOOL)
        tls->handshake_first = value->boolean;
    else if (value->text != NULL && strcasecmp(value->text, "auto") == 0)
        tls->first_wait_ns = TLS_FIRST_AUTO_MS * NS_PER_MS;
    else
        return read_duration(r, value, setting, &tls->first_wait_ns);
    return 0;
}

static const struct setting tls_settings[] = {
    {"cert_file", read_text, TLS(cert_file)},
    {"key_file", read_text, TLS(key_file)},
    {"ca_file", read_text, TLS(ca_file)},
    {"verify", read_flag, TLS(verify)},
    {"verify_and_map", read_flag, TLS(verify_and_map)},
    {"timeout", read_duration, TLS(timeout_ns), TIME_RANGE},
    {"handshake_first|first|immediate", read_handshake_first, 0, TIME_RANGE},
    {"min_version", read_text, TLS(min_version)},
    {"cipher_suites", read_ciphers, TLS(cipher_suites)},
    {"curve_preferences", read_curves, TLS(curves)},
    {"insecure", read_ignored},
    {"pinned_certs|connection_rate_limit|ocsp_peer|cert_store|cert_match|"
     "cert_match_by|verify_cert_and_check_known_urls|certs",
     read_unsupported},
    SETTINGS_END,
};

int read_tls(struct reader *r, const struct conf_value *value,
             const struct setting *setting, void *at)
{
    struct tls_config *tls = at;
    (void)setting;
    tls->on = true;
    if (read_settings(r, value, tls_settings, tls) != 0)
        return -EINVAL;
    if (tls->cert_file == NULL || tls->key_file == NULL)
        return conf_refuse(value, r->err, "tls needs cert_file and key_file");
    if (tls->min_version != NULL && strcmp(tls->min_version, "1.2") != 0 &&
        strcmp(tls->min_version, "1.3") != 0)
        return conf_refuse(value, r->err,
                           "min_version is %s: expected \"1.2\" or \"1.3\"",
                           tls->min_version);
    return 0;
}

/* ---- websocket { } ---- */

static int read_websocket_listen(struct reader *r,
                                 const struct conf_value *value,
                                 const struct setting *setting, void *at)
{
    struct websocket_config *websocket = at;
    (void)setting;
    return read_listen(r, value, &websocket->addr, &websocket->port);
}

static int read_origins(struct reader *r, const struct conf_value *value,
                        const struct setting *setting, void *at)
{
    (void)setting;
    return read_texts(r, value, WEBSOCKET_ORIGINS_MAX, at);
}

static const struct setting websocket_settings[] = {
    {"listen", read_websocket_listen},
    {"port", read_number, WEBSOCKET(port), PORT_RANGE},
    {"host|net", read_text, WEBSOCKET(addr)},
    {"no_tls", read_flag, WEBSOCKET(no_tls)},
    {"tls", read_tls, WEBSOCKET(tls)},
    {"compression", read_flag, WEBSOCKET(compression)},
    {"same_origin", read_flag, WEBSOCKET(same_origin)},
    {"allowed_origins|allowed_origin|allow_origins|allow_origin|origins|origin",
     read_origins, WEBSOCKET(allowed_origins)},
    {"handshake_timeout", read_duration, WEBSOCKET(handshake_timeout_ns),
     TIME_RANGE},
    {"no_auth_user", read_text, WEBSOCKET(no_auth_user)},
    {"authorization|authentication|advertise|jwt_cookie", read_unsupported},
    SETTINGS_END,
};

int read_websocket(struct reader *r, const struct conf_value *value,
                   const struct setting *setting, void *at)
{
    struct websocket_config *websocket = at;
    (void)setting;
    websocket->on = true;
    if (read_settings(r, value, websocket_settings, websocket) != 0)
        return -EINVAL;
    if (websocket->port == 0)
        return conf_refuse(value, r->err, "websocket needs a port");
    if (!websocket->no_tls && !websocket->tls.on)
        return conf_refuse(value, r->err,
                           "websocket needs tls { }, or no_tls: true");
    return 0;
}

/* ---- jetstream ---- */

/* "always", or how much may be lost at a power cut. */
static int read_sync(struct reader *r, const struct conf_value *value,
                     const struct setting *setting, void *at)
{
    struct jetstream_config *js = at;
    js->sync = STORE_SYNC_ALWAYS;
    if (value->text != NULL && strcasecmp(value->text, "always") == 0)
        return 0;
    js->sync = STORE_SYNC_RELAXED;
    return read_duration(r, value, setting, &js->sync_interval_ns);
}

static int read_enabled(struct reader *r, const struct conf_value *value,
                        const struct setting *setting, void *at)
{
    (void)at;
    return read_flag(r, value, setting, &r->options->server.jetstream);
}

static const struct setting remote_tls_settings[] = {
    {"ca_file", read_text, REMOTE(ca_file)},
    {"cert_file", read_text, REMOTE(cert_file)},
    {"key_file", read_text, REMOTE(key_file)},
    SETTINGS_END,
};

static int read_remote_tls(struct reader *r, const struct conf_value *value,
                           const struct setting *setting, void *at)
{
    (void)setting;
    return read_settings(r, value, remote_tls_settings, at);
}

static const struct setting remote_settings[] = {
    {"domain", read_text, REMOTE(domain)},
    {"url", read_text, REMOTE(url)},
    {"user|username", read_text, REMOTE(user)},
    {"pass|password", read_text, REMOTE(pass)},
    {"token", read_text, REMOTE(token)},
    {"nkey", read_text, REMOTE(nkey)},
    {"tls", read_remote_tls},
    SETTINGS_END,
};

static int read_remote(struct reader *r, const struct conf_value *value,
                       struct remote_config *remote)
{
    struct remote_url url;
    struct errmsg why;
    if (expect_type(r, value, CONF_MAP) != 0 ||
        read_settings(r, value, remote_settings, remote) != 0)
        return -EINVAL;
    if (remote->domain == NULL || remote->url == NULL)
        return conf_refuse(value, r->err, "a remote needs a domain and a url");
    int rc = remote_url_parse(&url, remote->url, &why);
    remote_url_fini(&url);
    return rc == 0 ? 0 : conf_refuse(value, r->err, "%s", why.text);
}

/* remotes: [ {domain: HUB, url: "nats://…"} ] */
static int read_remotes(struct reader *r, const struct conf_value *value,
                        const struct setting *setting, void *at)
{
    struct jetstream_config *js = at;
    (void)setting;
    if (expect_type(r, value, CONF_ARRAY) != 0)
        return -EINVAL;
    struct remote_config *remotes =
        arena_zalloc(r->arena, REMOTES_MAX * sizeof(*remotes));
    js->remotes = remotes;
    js->remote_count = 0;
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        if (js->remote_count == REMOTES_MAX)
            return conf_refuse(v, r->err, "there are more than %d remotes",
                               REMOTES_MAX);
        if (read_remote(r, v, &remotes[js->remote_count++]) != 0)
            return -EINVAL;
    }
    return 0;
}

static const struct setting jetstream_settings[] = {
    {"enabled|enable", read_enabled},
    {"store_dir|storedir|store", read_text, STREAMS(store_dir)},
    {"max_memory_store|max_mem_store|max_mem", read_number, STREAMS(max_memory),
     BYTES_RANGE},
    {"max_file_store|max_file", read_number, STREAMS(max_storage), BYTES_RANGE},
    {"domain", read_text, STREAMS(domain)},
    {"sync|sync_interval", read_sync, 0, TIME_RANGE},
    {"dedup_ids_max", read_number, STREAMS(dedup_ids_max), BYTES_RANGE},
    {"index_bytes_max", read_number, STREAMS(index_bytes_max), BYTES_RANGE},
    {"remotes", read_remotes},
    {"key|ek|encryption_key|prev_key|prev_ek|cipher|tpm|unique_tag|limits|"
     "max_outstanding_catchup|extension_hint|max_buffered_msgs|"
     "max_buffered_size|request_queue_limit|strict",
     read_unsupported},
    SETTINGS_END,
};

static int read_jetstream(struct reader *r, const struct conf_value *value,
                          const struct setting *setting, void *at)
{
    struct server_config *server = at;
    if (value->type != CONF_MAP)
        return read_flag(r, value, setting, &server->jetstream);
    server->jetstream = true;
    return read_settings(r, value, jetstream_settings, &server->js);
}

/* ---- the whole ---- */

static int read_client_listen(struct reader *r, const struct conf_value *value,
                              const struct setting *setting, void *at)
{
    struct server_config *server = at;
    (void)setting;
    return read_listen(r, value, &server->addr, &server->port);
}

static int read_http(struct reader *r, const struct conf_value *value,
                     const struct setting *setting, void *at)
{
    struct options *options = at;
    (void)setting;
    return read_listen(r, value, &options->http_addr, &options->http_port);
}

static const struct setting settings[] = {
    {"listen", read_client_listen, OPTION(server)},
    {"host|net|addr", read_text, SERVER(addr)},
    {"port", read_number, SERVER(port), PORT_RANGE},
    {"http", read_http},
    {"http_port|monitor_port", read_number, OPTION(http_port), PORT_RANGE},
    {"server_name", read_text, SERVER(name)},
    {"max_payload", read_number, SERVER(payload_max), .min = 1,
     .max = INT64_C(64) << 20},
    {"max_control_line", read_number, SERVER(control_line_max), .min = 512,
     .max = 64 << 10},
    {"max_pending", read_number, SERVER(pending_max), .min = 1 << 20,
     .max = INT64_C(1) << 40},
    {"max_connections|max_conn", read_number, SERVER(connections_max), .min = 1,
     .max = 1000000},
    {"max_subscriptions|max_subs", read_number, SERVER(subs_max), .min = 0,
     .max = INT64_MAX},
    {"ping_interval", read_duration, SERVER(ping_interval_ns), TIME_RANGE},
    {"ping_max|ping_max_outstanding", read_number, SERVER(ping_max), .min = 1,
     .max = 100},
    {"write_deadline", read_duration, SERVER(write_deadline_ns), TIME_RANGE},
    {"lame_duck_duration", read_duration, SERVER(lame_duck_ns), .min = 0,
     .max = 86400 * NS_PER_S},
    {"lame_duck_grace_period", read_duration, SERVER(lame_duck_grace_ns),
     .min = 0, .max = 86400 * NS_PER_S},
    {"pid_file|pidfile", read_text, OPTION(pid_file)},
    {"log_file|logfile", read_text, OPTION(log_file)},
    {"debug", read_flag, OPTION(debug)},
    {"trace|trace_verbose", read_flag, OPTION(trace)},
    {"logtime|logtime_utc", read_flag, OPTION(logtime)},
    {"jetstream", read_jetstream, OPTION(server)},
    {"store_dir|storedir", read_text, SERVER(js.store_dir)},
    {"authorization", read_authorization},
    {"accounts", read_accounts},
    {"no_auth_user", read_text, OPTION(no_auth_user)},
    {"system_account|system", read_text, OPTION(system_account)},
    {"tls", read_tls, SERVER(tls)},
    {"allow_non_tls", read_flag, SERVER(tls.allow_non_tls)},
    {"websocket|ws", read_websocket, SERVER(websocket)},
    {"logfile_size_limit|log_size_limit|disable_sublist_cache|prof_port|"
     "max_traced_msg_len|connect_error_reports|reconnect_error_reports|"
     "server_tags|max_closed_clients|no_header_support",
     read_ignored},
    {"cluster|gateway|leaf|leafnodes|leafnode|mqtt|operator|operators|roots|"
     "root|root_operators|root_operator|resolver|resolver_preload|"
     "account_resolver|trusted|trusted_keys|mappings|maps|https|https_port|"
     "http_base_path|client_advertise|syslog|remote_syslog|default_permissions|"
     "resolver_tls|resolver_pinned_accounts|account_token_position|"
     "system_account_name|ocsp|ocsp_cache|default_js_domain|exports|imports|"
     "default_sentinel|no_fast_producer_stall|proxies",
     read_unsupported},
    SETTINGS_END,
};

static int read_tree(struct options *options, const struct conf_value *root,
                     struct errmsg *err)
{
    struct reader r = {
        .options = options, .arena = &options->arena, .err = err};
    return root != NULL ? read_settings(&r, root, settings, options) : -EINVAL;
}

int options_read(struct options *options, const char *path, struct errmsg *err)
{
    return read_tree(options, conf_load(path, &options->arena, err), err);
}

int options_read_text(struct options *options, struct str text,
                      const char *name, struct errmsg *err)
{
    return read_tree(options, conf_parse(text, name, &options->arena, err),
                     err);
}

void options_fini(struct options *options)
{
    HASH_CLEAR(hh, options->users);
    HASH_CLEAR(hh, options->flag_user);
    arena_fini(&options->arena);
    *options = (struct options){0};
}
