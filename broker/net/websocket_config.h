/* websocket_config: what the websocket { } block of the configuration file
 * says. Texts are borrowed as in tls_config.h. */
#ifndef NEXUS_BROKER_WEBSOCKET_CONFIG_H
#define NEXUS_BROKER_WEBSOCKET_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/net/tls_config.h"

#define WEBSOCKET_ORIGINS_MAX 64

struct websocket_config {
    bool on;          /* all else counts only then */
    const char *addr; /* NULL: every address */
    int64_t port;     /* -1: any free one */
    bool no_tls;      /* in clear; else tls is there */
    struct tls_config tls;
    bool compression; /* permessage-deflate, where a client asks for it */
    bool same_origin; /* the Origin header must name this host */
    /* The only origins let in ("https://host[:port]"), NULL at the end; none:
     * every one. */
    const char *allowed_origins[WEBSOCKET_ORIGINS_MAX + 1];
    int64_t handshake_timeout_ns;
    const char *no_auth_user; /* who brings nothing; NULL: as at the server */
};

#endif
