/* net: see net.h. */
#include "broker/net/net.h"

#include "broker/conn.h"
#include "broker/net/tls.h"
#include "broker/server.h"

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

/* ---- opening and closing ---- */

/* NULL where TLS is off; -EINVAL with *err. */
static int context_for(const struct tls_config *config,
                       struct tls_context **out, struct errmsg *err)
{
    *out = NULL;
    if (!config->on)
        return 0;
    *out = tls_context_new(config, err);
    return *out != NULL ? 0 : -EINVAL;
}

static int read_certificates(struct server *server,
                             const struct server_config *config,
                             struct errmsg *err)
{
    struct tls_context *tls = NULL;
    if (context_for(&config->tls, &tls, err) != 0)
        return -EINVAL;
    tls_context_free(&server->tls);
    server->tls = tls;
    return 0;
}

int net_open(struct server *server, struct errmsg *err)
{
    const struct server_config *config = &server->config;
    if (read_certificates(server, config, err) != 0)
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
}
