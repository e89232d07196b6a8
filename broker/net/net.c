/* net: see net.h. */
#include "broker/net/net.h"

#include "broker/conn.h"
#include "broker/net/tls.h"
#include "broker/net/websocket.h"
#include "broker/server.h"
#include "lib/log.h"

/* ---- a client's beginning ---- */

/* It speaks first, or is given a while to. */
static void begin_with_handshake(struct conn *conn)
{
    const struct tls_config *config = &conn->server->config.tls;
    bool waits = config->first_wait_ns > 0;
    struct transport *tls =
        tls_accept(conn->server->tls, conn->fd,
                   waits ? TRANSPORT_LISTENING : TRANSPORT_HANDSHAKE, conn->id);
    tls->optional = waits && config->allow_non_tls;
    conn_carry(conn, tls, waits ? config->first_wait_ns : config->timeout_ns);
}

/* INFO in clear has left before TLS begins: the socket is empty as yet. */
static void begin_behind_info(struct conn *conn)
{
    const struct tls_config *config = &conn->server->config.tls;
    conn_greet(conn);
    conn_flush(conn);
    if (conn->state == CONN_CLOSED)
        return;
    struct transport *tls = tls_accept(
        conn->server->tls, conn->fd,
        config->allow_non_tls ? TRANSPORT_LISTENING : TRANSPORT_HANDSHAKE,
        conn->id);
    tls->optional = config->allow_non_tls;
    conn_carry(conn, tls, config->timeout_ns);
}

static void begin_client(struct conn *conn)
{
    if (conn->server->tls == NULL)
        conn_greet(conn);
    else if (conn->server->config.tls.handshake_first)
        begin_with_handshake(conn);
    else
        begin_behind_info(conn);
}

static void begin_websocket(struct conn *conn)
{
    struct server *server = conn->server;
    const struct websocket_config *config = &server->config.websocket;
    struct transport *tls = NULL;
    if (server->websocket_tls != NULL)
        tls = tls_accept(server->websocket_tls, conn->fd, TRANSPORT_HANDSHAKE,
                         conn->id);
    conn->websocket = true;
    conn_carry(conn,
               websocket_transport(server->websocket, config, conn->fd, tls),
               config->handshake_timeout_ns);
}

/* ---- opening and closing ---- */

/* NULL where TLS is off; -EINVAL with *err. */
static int context_for(const struct tls_config *config, bool on,
                       struct tls_context **out, struct errmsg *err)
{
    *out = NULL;
    if (!on)
        return 0;
    *out = tls_context_new(config, err);
    return *out != NULL ? 0 : -EINVAL;
}

static int read_certificates(struct server *server,
                             const struct server_config *config,
                             struct errmsg *err)
{
    struct tls_context *tls = NULL, *websocket = NULL;
    bool secure = config->websocket.on && !config->websocket.no_tls;
    if (context_for(&config->tls, config->tls.on, &tls, err) != 0 ||
        context_for(&config->websocket.tls, secure, &websocket, err) != 0) {
        tls_context_free(&tls);
        return -EINVAL;
    }
    tls_context_free(&server->tls);
    tls_context_free(&server->websocket_tls);
    server->tls = tls;
    server->websocket_tls = websocket;
    return 0;
}

static int open_websocket(struct server *server, struct errmsg *err)
{
    const struct websocket_config *config = &server->config.websocket;
    server->websocket = ws_shared_new();
    server->websockets.begin = begin_websocket;
    if (acceptor_open(&server->websockets, server, config->addr, config->port,
                      err) != 0)
        return -EINVAL;
    log_info("listening for WebSocket",
             LOG_STR("address", config->addr != NULL ? config->addr : "any"),
             LOG_I64("port", server->websockets.port));
    return 0;
}

int net_open(struct server *server, struct errmsg *err)
{
    const struct server_config *config = &server->config;
    if (read_certificates(server, config, err) != 0)
        return -EINVAL;
    if (config->websocket.on && open_websocket(server, err) != 0)
        return -EINVAL;
    server->clients.begin = begin_client;
    int rc = acceptor_open(&server->clients, server, config->addr, config->port,
                           err);
    server->port = server->clients.port;
    return rc;
}

int net_reload(struct server *server, const struct server_config *config,
               struct errmsg *err)
{
    return read_certificates(server, config, err);
}

void net_close(struct server *server)
{
    acceptor_close(&server->clients);
    acceptor_close(&server->websockets);
}

void net_free(struct server *server)
{
    net_close(server);
    tls_context_free(&server->tls);
    tls_context_free(&server->websocket_tls);
    ws_shared_free(&server->websocket);
}
