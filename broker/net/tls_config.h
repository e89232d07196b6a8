/* tls_config: what a tls { } block of the configuration file says.
 *
 * Texts are borrowed from the configuration (see config/options.h), which
 * lives until the next reload has been carried out. */
#ifndef NEXUS_BROKER_TLS_CONFIG_H
#define NEXUS_BROKER_TLS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define TLS_CIPHERS_MAX 32
#define TLS_CURVES_MAX  8

/* A client that has sent nothing after this time is not one that begins with
 * the handshake (handshake_first: auto). */
#define TLS_FIRST_AUTO_MS 50

struct tls_config {
    bool on; /* all else counts only then */
    const char *cert_file, *key_file;
    const char *ca_file; /* NULL: the system's */
    bool verify; /* clients must show a certificate that ca_file signs */
    bool verify_and_map;   /* the same, and it names the user; implies verify */
    bool allow_non_tls;    /* clients may stay in clear */
    bool handshake_first;  /* no INFO before the handshake */
    int64_t first_wait_ns; /* with handshake_first: then INFO in clear after
                              all; 0: never */
    int64_t timeout_ns;    /* for the handshake */
    const char *min_version; /* "1.2", "1.3"; NULL: 1.2 */

    /* As nats-server names them; NULL at the end. Empty: the library's own. */
    const char *cipher_suites[TLS_CIPHERS_MAX + 1];
    const char *curves[TLS_CURVES_MAX + 1];
};

#endif
