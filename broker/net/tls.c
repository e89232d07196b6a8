/* tls: see tls.h. */
#include "broker/net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/mem.h"

#define TLS_FIRST_BYTE 0x16 /* of a handshake's first record */
#define TLS_REASON_MAX 256u
#define TLS_READ_BYTES (64u << 10) /* taken from the socket at once */

struct tls_context {
    SSL_CTX *ctx;
};

struct tls {
    struct transport base; /* first */
    SSL *ssl;
    int fd;
    uint64_t client;
    bool read_waits_to_write, write_waits_to_read;
    bool more;   /* the reader had no room for all that is there */
    bool broken; /* no leave can be taken any more */
};

/* ---- the context ---- */

static int refuse_file(struct errmsg *err, const char *what, const char *file)
{
    char reason[TLS_REASON_MAX];
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);
    if (ERR_SYSTEM_ERROR(code))
        text = strerror(ERR_GET_REASON(code));
    snprintf(reason, sizeof(reason), "%s", text != NULL ? text : "not usable");
    ERR_clear_error();
    return errmsg_set(err, -EINVAL, "tls: %s \"%s\": %s", what, file, reason);
}

static int load_certificate(SSL_CTX *ctx, const struct tls_config *config,
                            struct errmsg *err)
{
    if (config->cert_file == NULL)
        return errmsg_set(err, -EINVAL, "tls: cert_file is missing");
    if (config->key_file == NULL)
        return errmsg_set(err, -EINVAL, "tls: key_file is missing");
    if (SSL_CTX_use_certificate_chain_file(ctx, config->cert_file) != 1)
        return refuse_file(err, "cert_file", config->cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, config->key_file, SSL_FILETYPE_PEM) !=
        1)
        return refuse_file(err, "key_file", config->key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refuse_file(err, "not the certificate's key_file",
                           config->key_file);
    return 0;
}

/* Who signs the clients' certificates. */
static int load_authorities(SSL_CTX *ctx, const struct tls_config *config,
                            struct errmsg *err)
{
    if (!config->verify && !config->verify_and_map)
        return 0;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    if (config->ca_file == NULL) {
        SSL_CTX_set_default_verify_paths(ctx);
        return 0;
    }
    if (SSL_CTX_load_verify_locations(ctx, config->ca_file, NULL) != 1)
        return refuse_file(err, "ca_file", config->ca_file);
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(config->ca_file));
    return 0;
}

/* nats-server leaves the hash out of two names. */
static const char *cipher_of(const char *name)
{
    char longer[TLS_REASON_MAX];
    const char *found = OPENSSL_cipher_name(name);
    if (strcmp(found, "(NONE)") != 0)
        return found;
    snprintf(longer, sizeof(longer), "%s_SHA256", name);
    found = OPENSSL_cipher_name(longer);
    return strcmp(found, "(NONE)") != 0 ? found : NULL;
}

/* The suites of TLS 1.3 are fixed, as they are in nats-server. */
static int choose_ciphers(SSL_CTX *ctx, const struct tls_config *config,
                          struct errmsg *err)
{
    struct buf list = {0};
    for (size_t i = 0; config->cipher_suites[i] != NULL; i++) {
        const char *cipher = cipher_of(config->cipher_suites[i]);
        if (cipher == NULL) {
            buf_fini(&list);
            return errmsg_set(err, -EINVAL,
                              "tls: there is no cipher suite \"%s\"",
                              config->cipher_suites[i]);
        }
        if (strncmp(cipher, "TLS_", 4) == 0)
            continue;
        buf_append_text(&list, list.len > 0 ? ":" : "");
        buf_append_text(&list, cipher);
    }
    bool good = list.len == 0 || SSL_CTX_set_cipher_list(ctx, buf_text(&list));
    buf_fini(&list);
    return good ? 0 : errmsg_set(err, -EINVAL, "tls: no cipher suite is left");
}

static const char *curve_of(const char *name)
{
    static const char *const names[][2] = {{"CurveP256", "P-256"},
                                           {"CurveP384", "P-384"},
                                           {"CurveP521", "P-521"},
                                           {"X25519", "X25519"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    }
    return NULL;
}

static int choose_curves(SSL_CTX *ctx, const struct tls_config *config,
                         struct errmsg *err)
{
    struct buf list = {0};
    for (size_t i = 0; config->curves[i] != NULL; i++) {
        const char *curve = curve_of(config->curves[i]);
        if (curve == NULL) {
            buf_fini(&list);
            return errmsg_set(err, -EINVAL,
                              "tls: there is no curve \"%s\": expected "
                              "CurveP256, CurveP384, CurveP521 or X25519",
                              config->curves[i]);
        }
        buf_append_text(&list, list.len > 0 ? ":" : "");
        buf_append_text(&list, curve);
    }
    if (list.len > 0)
        SSL_CTX_set1_curves_list(ctx, buf_text(&list));
    buf_fini(&list);
    return 0;
}

static int choose_version(SSL_CTX *ctx, const struct tls_config *config,
                          struct errmsg *err)
{
    const char *wanted =
        config->min_version != NULL ? config->min_version : "1.2";
    int version = TLS1_2_VERSION;
    if (strcmp(wanted, "1.3") == 0)
        version = TLS1_3_VERSION;
    else if (strcmp(wanted, "1.2") != 0)
        return errmsg_set(err, -EINVAL,
                          "tls: min_version is \"%s\": expected 1.2 or 1.3",
                          wanted);
    SSL_CTX_set_min_proto_version(ctx, version);
    return 0;
}

/* No tickets and no sessions: a client that returns is checked again, and
 * nothing of one that left is kept. */
static void choose_manners(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_BYTES);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
}

struct tls_context *tls_context_new(const struct tls_config *config,
                                    struct errmsg *err)
{
    struct tls_context *context = mem_zalloc(sizeof(*context));
    context->ctx = SSL_CTX_new(TLS_server_method());
    if (context->ctx == NULL)
        errmsg_set(err, -ENOMEM, "tls: OpenSSL does not start");
    else
        choose_manners(context->ctx);
    if (context->ctx == NULL ||
        choose_version(context->ctx, config, err) != 0 ||
        load_certificate(context->ctx, config, err) != 0 ||
        load_authorities(context->ctx, config, err) != 0 ||
        choose_ciphers(context->ctx, config, err) != 0 ||
        choose_curves(context->ctx, config, err) != 0)
        tls_context_free(&context);
    return context;
}

struct tls_context *tls_context_for_peers(const struct tls_config *config,
                                          struct errmsg *err)
{
    struct tls_config checked = *config;
    struct tls_context *context = mem_zalloc(sizeof(*context));
    checked.verify = true;
    context->ctx = SSL_CTX_new(TLS_client_method());
    if (context->ctx == NULL)
        errmsg_set(err, -ENOMEM, "tls: OpenSSL does not start");
    else
        choose_manners(context->ctx);
    if (context->ctx == NULL ||
        choose_version(context->ctx, &checked, err) != 0 ||
        (config->cert_file != NULL &&
         load_certificate(context->ctx, &checked, err) != 0) ||
        load_authorities(context->ctx, &checked, err) != 0)
        tls_context_free(&context);
    return context;
}

void tls_context_free(struct tls_context **context)
{
    if (*context == NULL)
        return;
    SSL_CTX_free((*context)->ctx);
    free(*context);
    *context = NULL;
}

/* ---- a connection ---- */

/* What a call that did not succeed means; -EAGAIN: it waits. */
static ssize_t tls_trouble(struct tls *tls, int result, bool *waits_other,
                           int other)
{
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        *waits_other = error == other;
        return -EAGAIN;
    }
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    tls->broken = true;
    unsigned long code = ERR_peek_error();
    if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING ||
        (error == SSL_ERROR_SYSCALL && errno == 0))
        return 0;
    const char *text = ERR_reason_error_string(code);
    log_info("TLS failed", LOG_I64("client", tls->client),
             LOG_STR("error", text != NULL ? text : "the client is gone"));
    return -EPROTO;
}

static ssize_t handshake(struct tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1) {
        tls->base.phase = TRANSPORT_READY;
        tls->read_waits_to_write = false;
        tls->more = true; /* what came with the client's last word */
        return -EAGAIN;
    }
    ssize_t rc = tls_trouble(tls, result, &tls->read_waits_to_write,
                             SSL_ERROR_WANT_WRITE);
    return rc == 0 ? -EPROTO : rc;
}

static ssize_t look_at_first_byte(struct tls *tls)
{
    unsigned char byte;
    ssize_t n = recv(tls->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    if (byte == TLS_FIRST_BYTE || !tls->base.optional) {
        tls->base.phase = TRANSPORT_HANDSHAKE;
        return handshake(tls);
    }
    tls->base.phase = TRANSPORT_PLAIN;
    return -EAGAIN;
}

static ssize_t read_records(struct tls *tls, char *at, size_t room)
{
    size_t total = 0, got;
    int result = 1;
    ERR_clear_error();
    while (total < room && (result = SSL_read_ex(tls->ssl, at + total,
                                                 room - total, &got)) == 1)
        total += got;
    tls->read_waits_to_write = false;
    tls->more = result == 1;
    if (result == 1)
        return (ssize_t)total;
    ssize_t rc = tls_trouble(tls, result, &tls->read_waits_to_write,
                             SSL_ERROR_WANT_WRITE);
    return total > 0 ? (ssize_t)total : rc;
}

static ssize_t tls_read(struct transport *t, char *at, size_t room)
{
    struct tls *tls = (struct tls *)t;
    if (t->phase == TRANSPORT_READY)
        return read_records(tls, at, room);
    if (t->phase == TRANSPORT_LISTENING)
        return look_at_first_byte(tls);
    if (t->phase == TRANSPORT_HANDSHAKE)
        return handshake(tls);
    return -EAGAIN;
}

/* All of one part, or as much as the socket takes. */
static ssize_t write_part(struct tls *tls, const char *from, size_t len,
                          size_t *total)
{
    while (len > 0) {
        size_t put;
        int result = SSL_write_ex(tls->ssl, from, len, &put);
        if (result != 1)
            return tls_trouble(tls, result, &tls->write_waits_to_read,
                               SSL_ERROR_WANT_READ);
        from += put;
        len -= put;
        *total += put;
    }
    return 1;
}

static ssize_t tls_write(struct transport *t, const struct iovec *iov,
                         int count)
{
    struct tls *tls = (struct tls *)t;
    size_t total = 0;
    ssize_t rc = 1;
    if (t->phase != TRANSPORT_READY || tls->broken)
        return count == 0 ? 0 : (tls->broken ? -EPIPE : -EAGAIN);
    tls->write_waits_to_read = false;
    ERR_clear_error();
    for (int i = 0; i < count && rc > 0; i++)
        rc = write_part(tls, iov[i].iov_base, iov[i].iov_len, &total);
    if (total > 0 || count == 0)
        return (ssize_t)total;
    return rc == 0 ? -EPIPE : rc;
}

static bool tls_pending(const struct transport *t)
{
    const struct tls *tls = (const struct tls *)t;
    return t->phase == TRANSPORT_READY && tls->more;
}

static uint32_t tls_events(const struct transport *t, uint32_t events)
{
    const struct tls *tls = (const struct tls *)t;
    if (t->phase != TRANSPORT_READY)
        return tls->read_waits_to_write ? EPOLLOUT : EPOLLIN;
    if (tls->write_waits_to_read)
        events = (events & ~(uint32_t)EPOLLOUT) | EPOLLIN;
    if (tls->read_waits_to_write)
        events |= EPOLLOUT;
    return events;
}

static void tls_end(struct transport *t, const char *reason)
{
    struct tls *tls = (struct tls *)t;
    (void)reason;
    if (t->phase != TRANSPORT_READY || tls->broken)
        return;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    tls->broken = true;
}

static void tls_free(struct transport *t)
{
    struct tls *tls = (struct tls *)t;
    SSL_free(tls->ssl);
    free(tls);
}

static const struct tls *tls_itself(const struct transport *t)
{
    return t->phase == TRANSPORT_READY ? (const struct tls *)t : NULL;
}

static const struct transport_ops tls_ops = {.read = tls_read,
                                             .write = tls_write,
                                             .pending = tls_pending,
                                             .events = tls_events,
                                             .end = tls_end,
                                             .free = tls_free,
                                             .tls = tls_itself,
                                             .type = "nats"};

static struct tls *tls_new(const struct tls_context *context, int fd,
                           enum transport_phase phase)
{
    struct tls *tls = mem_zalloc(sizeof(*tls));
    tls->base.ops = &tls_ops;
    tls->base.phase = phase;
    tls->fd = fd;
    tls->ssl = SSL_new(context->ctx);
    assert(tls->ssl != NULL); /* out of memory */
    SSL_set_fd(tls->ssl, fd);
    return tls;
}

struct transport *tls_accept(const struct tls_context *context, int fd,
                             enum transport_phase phase, uint64_t client)
{
    struct tls *tls = tls_new(context, fd, phase);
    tls->client = client;
    SSL_set_accept_state(tls->ssl);
    return &tls->base;
}

struct transport *tls_connect(const struct tls_context *context, int fd,
                              const char *host)
{
    struct tls *tls = tls_new(context, fd, TRANSPORT_HANDSHAKE);
    SSL_set_connect_state(tls->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) != 1) {
        SSL_set_tlsext_host_name(tls->ssl, host);
        SSL_set1_host(tls->ssl, host);
    }
    return &tls->base;
}

/* ---- what it knows of the peer ---- */

const char *tls_version(const struct tls *tls)
{
    return SSL_version(tls->ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
}

const char *tls_cipher(const struct tls *tls)
{
    return SSL_CIPHER_standard_name(SSL_get_current_cipher(tls->ssl));
}

struct offer {
    bool (*fn)(void *arg, struct str name);
    void *arg;
};

static bool offer_alternatives(X509 *cert, const struct offer *offer, int type)
{
    bool taken = false;
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !taken; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type)
            continue;
        const ASN1_IA5STRING *text = name->d.ia5;
        taken = offer->fn(offer->arg,
                          str_make((const char *)ASN1_STRING_get0_data(text),
                                   (size_t)ASN1_STRING_length(text)));
    }
    GENERAL_NAMES_free(names);
    return taken;
}

static bool offer_subject(X509 *cert, const struct offer *offer,
                          unsigned long flags)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, flags);
    long len = BIO_get_mem_data(bio, &text);
    bool taken = len > 0 && offer->fn(offer->arg, str_make(text, (size_t)len));
    BIO_free(bio);
    return taken;
}

bool tls_peer_names(const struct tls *tls,
                    bool (*fn)(void *arg, struct str name), void *arg)
{
    const struct offer offer = {fn, arg};
    X509 *cert = SSL_get0_peer_certificate(tls->ssl);
    unsigned long turned = XN_FLAG_RFC2253 & ~(unsigned long)XN_FLAG_DN_REV;
    if (cert == NULL || SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return false;
    return offer_alternatives(cert, &offer, GEN_EMAIL) ||
           offer_alternatives(cert, &offer, GEN_DNS) ||
           offer_alternatives(cert, &offer, GEN_URI) ||
           offer_subject(cert, &offer, XN_FLAG_RFC2253) ||
           offer_subject(cert, &offer, turned);
}
