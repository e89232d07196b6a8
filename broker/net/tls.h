/* tls: connections through OpenSSL, without blocking the loop.
 *
 * A context holds what connections share: certificates and rules. Nothing of
 * OpenSSL is touched before the first one is made, so a broker without TLS does
 * not pay for it; a connection at rest gives its buffers back. */
#ifndef NEXUS_BROKER_TLS_H
#define NEXUS_BROKER_TLS_H

#include "broker/net/tls_config.h"
#include "broker/net/transport.h"
#include "lib/errmsg.h"
#include "lib/str.h"

struct tls_context;

/* Reads the files. NULL with *err, which names the file. */
struct tls_context *tls_context_new(const struct tls_config *config,
                                    struct errmsg *err);

/* For connections to others: their certificate must be signed by ca_file
 * (NULL: what the system trusts); cert_file and key_file where they are given.
 * NULL with *err. */
struct tls_context *tls_context_for_peers(const struct tls_config *config,
                                          struct errmsg *err);

/* Connections made from it go on. */
void tls_context_free(struct tls_context **context);

/* The server's side on a socket (borrowed). In the phase TRANSPORT_LISTENING
 * the client's first byte decides, where optional is set by the caller. The
 * client's number is for the log. */
struct transport *tls_accept(const struct tls_context *context, int fd,
                             enum transport_phase phase, uint64_t client);

/* The client's side on a socket (borrowed), in the phase TRANSPORT_HANDSHAKE:
 * reading drives it. The peer's certificate must be one of that host or
 * address. */
struct transport *tls_connect(const struct tls_context *context, int fd,
                              const char *host);

/* What was agreed upon: "1.3", "TLS_AES_128_GCM_SHA256". */
const char *tls_version(const struct tls *tls);
const char *tls_cipher(const struct tls *tls);

/* Offers every name that the client's verified certificate carries, until fn
 * takes one: e-mail addresses, DNS names and URIs first, then the subject, its
 * most specific part first ("CN=a,O=b") and the other way round. False: it has
 * none, or none was taken. */
bool tls_peer_names(const struct tls *tls,
                    bool (*fn)(void *arg, struct str name), void *arg);

#endif
