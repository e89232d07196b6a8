/* remote: see remote.h. */
#include "broker/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/auth/nkey.h"
#include "broker/net/tls.h"
#include "broker/server.h"
#include "broker/store/store.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/ulid.h"

/* After a failure; doubled at each further one, and spread over a fifth. */
#define REST_MIN_NS (100 * NS_PER_MS)
#define REST_MAX_NS (10 * NS_PER_S)

#define RESOLVE_LOOK_NS (20 * NS_PER_MS) /* how often it is looked at */
#define CONNECT_WAIT_NS (5 * NS_PER_S)   /* for each step up to REMOTE_UP */
#define PING_NS         (20 * NS_PER_S)
#define PINGS_MAX       2 /* unanswered, then it is taken for gone */

#define PAYLOAD_DEFAULT ((size_t)1 << 20)  /* before INFO says otherwise */
#define PAYLOAD_SLACK   ((size_t)64 << 10) /* headers beyond its max_payload */
#define IN_KEEP_BYTES   (1u << 20) /* a buffer larger than this is given up */

struct remote {
    struct watch watch;
    struct server *server;
    struct remote_config config; /* without the URL; owned */
    struct remote_url url;
    enum remote_state state;
    struct timer timer; /* what it means depends on the state */
    int fd;
    struct tls_context *tls;     /* NULL: not needed yet */
    struct transport *transport; /* NULL: in clear */
    struct gaicb lookup;         /* while resolving */
    struct addrinfo hints;
    struct addrinfo *addresses, *address; /* all, and the one in use */

    struct remote_parser parser;
    struct buf in, out;
    size_t out_sent;
    char inbox[sizeof("_INBOX.") + ULID_LEN + 1]; /* with a '.' at the end */
    char *its_domain;
    unsigned char seed[NKEY_BYTES]; /* where config.nkey is there */
    char *nonce;                    /* of its INFO; NULL: none */
    int pings;
    int64_t rest_ns; /* before the next attempt */
    struct errmsg error;

    struct remote_user *users;
    uint64_t last_id;
};

static void ready(struct watch *watch, uint32_t events);
static void timeout(struct timer *timer);
static void begin(struct remote *remote);

/* ---- coming and going ---- */

static char *copy_of(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static void keep_config(struct remote *remote,
                        const struct remote_config *config)
{
    remote->config =
        (struct remote_config){.domain = copy_of(config->domain),
                               .user = copy_of(config->user),
                               .pass = copy_of(config->pass),
                               .token = copy_of(config->token),
                               .nkey = copy_of(config->nkey),
                               .ca_file = copy_of(config->ca_file),
                               .cert_file = copy_of(config->cert_file),
                               .key_file = copy_of(config->key_file)};
}

static void drop_config(struct remote *remote)
{
    const char *const texts[] = {
        remote->config.domain,   remote->config.user,
        remote->config.pass,     remote->config.token,
        remote->config.ca_file,  remote->config.cert_file,
        remote->config.key_file, remote->config.nkey};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free((void *)texts[i]);
}

struct remote *remote_new(struct server *server,
                          const struct remote_config *config,
                          struct errmsg *err)
{
    struct remote *remote = mem_zalloc(sizeof(*remote));
    remote->watch.ready = ready;
    remote->timer.fire = timeout;
    remote->server = server;
    keep_config(remote, config);
    remote->fd = -1;
    remote->rest_ns = REST_MIN_NS;
    if (remote_url_parse(&remote->url, config->url, err) != 0 ||
        (config->nkey != NULL &&
         nkey_read_seed(config->nkey, remote->seed, err) != 0))
        remote_free(&remote);
    return remote;
}

static void forget_lookup(struct remote *remote)
{
    /* A look-up that cannot be called off keeps what it writes to. */
    if (remote->state == REMOTE_RESOLVING) {
        while (gai_cancel(&remote->lookup) == EAI_NOTCANCELED) {
            const struct gaicb *const list[] = {&remote->lookup};
            gai_suspend(list, 1, NULL);
        }
        remote->addresses = remote->lookup.ar_result;
    }
    if (remote->addresses != NULL)
        freeaddrinfo(remote->addresses);
    remote->addresses = remote->address = NULL;
}

static void set_state(struct remote *remote, enum remote_state state,
                      int64_t wait_ns)
{
    remote->state = state;
    timer_set(&remote->server->timers, &remote->timer,
              time_after(remote->server->now_ns, wait_ns));
}

/* Everything that belongs to one connection. */
static void drop_connection(struct remote *remote)
{
    forget_lookup(remote);
    if (remote->transport != NULL)
        remote->transport->ops->free(remote->transport);
    remote->transport = NULL;
    if (remote->fd >= 0)
        close(remote->fd);
    remote->fd = -1;
    buf_fini(&remote->in);
    buf_fini(&remote->out);
    remote->out_sent = 0;
    timer_stop(&remote->server->timers, &remote->timer);
    remote->state = REMOTE_IDLE;
}

void remote_free(struct remote **remotep)
{
    struct remote *remote = *remotep;
    if (remote == NULL)
        return;
    drop_connection(remote);
    remote_url_fini(&remote->url);
    drop_config(remote);
    tls_context_free(&remote->tls);
    OPENSSL_cleanse(remote->seed, sizeof(remote->seed));
    free(remote->nonce);
    free(remote->its_domain);
    free(remote);
    *remotep = NULL;
}

const char *remote_domain(const struct remote *remote)
{
    return remote->config.domain;
}

enum remote_state remote_state(const struct remote *remote)
{
    return remote->state;
}

const char *remote_error(const struct remote *remote)
{
    return remote->error.text;
}

const char *remote_its_domain(const struct remote *remote)
{
    return remote->its_domain != NULL ? remote->its_domain : "";
}

static void greet_user(struct remote *remote, struct remote_user *user)
{
    buf_printf(&remote->out, "SUB %s%" PRIu64 ".> %" PRIu64 "\r\n",
               remote->inbox, user->id, user->id);
    user->up(user);
}

void remote_join(struct remote *remote, struct remote_user *user)
{
    user->id = ++remote->last_id;
    user->next = remote->users;
    remote->users = user;
    if (remote->state == REMOTE_IDLE)
        begin(remote);
    else if (remote->state == REMOTE_UP)
        greet_user(remote, user);
}

void remote_leave(struct remote *remote, struct remote_user *user)
{
    struct remote_user **at = &remote->users;
    while (*at != NULL && *at != user)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = user->next;
    if (remote->users == NULL)
        drop_connection(remote);
    else if (remote->state == REMOTE_UP)
        buf_printf(&remote->out, "UNSUB %" PRIu64 "\r\n", user->id);
}

/* ---- losing it ---- */

static int64_t spread(struct remote *remote, int64_t ns)
{
    return ns - ns / 5 * (server_random(remote->server) % 101) / 100;
}

static void lose(struct remote *remote, const char *reason)
{
    bool was_up = remote->state == REMOTE_UP;
    if (was_up || strcmp(remote->error.text, reason) != 0)
        log_warn(was_up ? "connection to another server lost"
                        : "another server cannot be reached",
                 LOG_STR("domain", remote->config.domain),
                 LOG_STR("host", remote->url.host),
                 LOG_STR("port", remote->url.port), LOG_STR("error", reason));
    errmsg_set(&remote->error, 0, "%s", reason);
    drop_connection(remote);
    set_state(remote, REMOTE_RESTING, spread(remote, remote->rest_ns));
    remote->rest_ns =
        remote->rest_ns * 2 < REST_MAX_NS ? remote->rest_ns * 2 : REST_MAX_NS;
    for (struct remote_user *user = remote->users; user != NULL;
         user = user->next)
        user->down(user);
}

/* ---- connecting ---- */

static void watch_for(struct remote *remote, uint32_t events)
{
    if (remote->transport != NULL)
        events = remote->transport->ops->events(remote->transport, events);
    server_watch_change(remote->server, remote->fd, events, &remote->watch);
}

/* Tries the address in use, and those behind it. */
static void connect_next(struct remote *remote)
{
    int error = EADDRNOTAVAIL, on = 1;
    for (; remote->address != NULL;
         remote->address = remote->address->ai_next) {
        const struct addrinfo *address = remote->address;
        int fd = socket(address->ai_family,
                        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 &&
            (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
             errno == EINPROGRESS)) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            remote->fd = fd;
            server_watch(remote->server, fd, EPOLLOUT, &remote->watch);
            set_state(remote, REMOTE_CONNECTING, CONNECT_WAIT_NS);
            return;
        }
        error = errno;
        if (fd >= 0)
            close(fd);
    }
    lose(remote, strerror(error));
}

static void use_addresses(struct remote *remote, int rc, struct addrinfo *found)
{
    if (rc != 0) {
        lose(remote, gai_strerror(rc));
        return;
    }
    remote->addresses = remote->address = found;
    connect_next(remote);
}

/* Names are looked up on a thread of the C library's; numbers at once. */
static void begin(struct remote *remote)
{
    struct addrinfo *found = NULL;
    remote->hints =
        (struct addrinfo){.ai_socktype = SOCK_STREAM,
                          .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    int rc =
        getaddrinfo(remote->url.host, remote->url.port, &remote->hints, &found);
    if (rc == 0) {
        use_addresses(remote, 0, found);
        return;
    }
    remote->hints.ai_flags = AI_NUMERICSERV;
    remote->lookup = (struct gaicb){.ar_name = remote->url.host,
                                    .ar_service = remote->url.port,
                                    .ar_request = &remote->hints};
    struct gaicb *list[] = {&remote->lookup};
    rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (rc != 0)
        lose(remote, gai_strerror(rc));
    else
        set_state(remote, REMOTE_RESOLVING, RESOLVE_LOOK_NS);
}

static void look_at_lookup(struct remote *remote)
{
    int rc = gai_error(&remote->lookup);
    if (rc == EAI_INPROGRESS) {
        set_state(remote, REMOTE_RESOLVING, RESOLVE_LOOK_NS);
        return;
    }
    remote->state = REMOTE_CONNECTING; /* the look-up is over */
    use_addresses(remote, rc, remote->lookup.ar_result);
}

static void connected(struct remote *remote)
{
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(remote->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0 && remote->address->ai_next != NULL) {
        close(remote->fd);
        remote->fd = -1;
        remote->address = remote->address->ai_next;
        connect_next(remote);
        return;
    }
    if (error != 0) {
        lose(remote, strerror(error));
        return;
    }
    remote->parser = (struct remote_parser){.payload_max = PAYLOAD_DEFAULT};
    watch_for(remote, EPOLLIN);
    set_state(remote, REMOTE_GREETING, CONNECT_WAIT_NS);
}

/* ---- output ---- */

static void flush(struct remote *remote)
{
    while (remote->out_sent < remote->out.len) {
        struct iovec iov = {.iov_base = remote->out.data + remote->out_sent,
                            .iov_len = remote->out.len - remote->out_sent};
        ssize_t n = transport_write(remote->transport, remote->fd, &iov, 1);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN) {
            watch_for(remote, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            lose(remote, strerror((int)-n));
            return;
        }
        remote->out_sent += (size_t)n;
    }
    buf_reset(&remote->out);
    remote->out_sent = 0;
}

static void say(struct remote *remote, const char *text)
{
    buf_append_text(&remote->out, text);
    flush(remote);
}

void remote_request(struct remote *remote, const struct remote_user *user,
                    uint64_t request, struct str subject, struct str payload)
{
    struct buf *out = &remote->out;
    if (remote->state != REMOTE_UP)
        return;
    if (out->len - remote->out_sent > REMOTE_OUT_MAX) {
        lose(remote, "it takes no requests");
        return;
    }
    buf_append_text(out, "PUB ");
    buf_append_str(out, subject);
    buf_printf(out, " %s%" PRIu64 ".%" PRIu64 " %zu\r\n", remote->inbox,
               user->id, request, payload.len);
    buf_append_str(out, payload);
    buf_append_text(out, "\r\n");
    flush(remote);
}

/* ---- signing in ---- */

static const char *or_else(const char *first, const char *second)
{
    return first != NULL && first[0] != '\0' ? first : second;
}

/* Where no nonce was given nobody asks for keys. */
static void write_nkey(const struct remote *remote, struct json_writer *w)
{
    char key[NKEY_TEXT_LEN + 1], sig[NKEY_SIG_LEN + 1];
    if (remote->nonce == NULL ||
        !nkey_sign(remote->seed, str_of(remote->nonce), key, sig))
        return;
    json_member_text(w, "nkey", key);
    json_member_text(w, "sig", sig);
}

static void write_secrets(const struct remote *remote, struct json_writer *w)
{
    const struct remote_config *config = &remote->config;
    const char *pass = or_else(config->pass, remote->url.pass);
    const char *user = or_else(config->user, remote->url.user);
    const char *token = config->token;
    if (pass == NULL && user != NULL && config->user == NULL)
        token = or_else(token, user);
    if (token != NULL && token[0] != '\0') {
        json_member_text(w, "auth_token", token);
    } else if (user != NULL) {
        json_member_text(w, "user", user);
        json_member_text(w, "pass", pass != NULL ? pass : "");
    }
}

static void sign_in(struct remote *remote);

static void shake_hands(struct remote *remote)
{
    char none;
    struct transport *transport = remote->transport;
    ssize_t n = transport->ops->read(transport, &none, 0);
    if (n < 0 && n != -EAGAIN) {
        lose(remote, "the TLS handshake failed");
        return;
    }
    watch_for(remote, EPOLLIN);
    if (transport->phase == TRANSPORT_READY)
        sign_in(remote);
}

static void sign_in(struct remote *remote)
{
    struct json_writer w = json_writer(&remote->out);
    char id[ULID_LEN + 1];
    buf_append_text(&remote->out, "CONNECT ");
    json_begin_object(&w);
    json_member_bool(&w, "verbose", false);
    json_member_bool(&w, "pedantic", false);
    json_member_bool(&w, "tls_required", remote->transport != NULL);
    json_member_bool(&w, "headers", true);
    json_member_bool(&w, "no_responders", true);
    json_member_i64(&w, "protocol", 1);
    json_member_text(&w, "lang", "c");
    json_member_text(&w, "version", SERVER_NATS_VERSION);
    json_member_text(&w, "name", remote->server->config.name);
    if (remote->config.nkey != NULL)
        write_nkey(remote, &w);
    else
        write_secrets(remote, &w);
    json_end_object(&w);
    ulid_make(id);
    snprintf(remote->inbox, sizeof(remote->inbox), "_INBOX.%s.", id);
    set_state(remote, REMOTE_SIGNING, CONNECT_WAIT_NS);
    say(remote, "\r\nPING\r\n");
}

/* The handshake comes before anything is said. */
static void secure(struct remote *remote)
{
    const struct tls_config config = {.ca_file = remote->config.ca_file,
                                      .cert_file = remote->config.cert_file,
                                      .key_file = remote->config.key_file};
    struct errmsg err;
    if (remote->tls == NULL)
        remote->tls = tls_context_for_peers(&config, &err);
    if (remote->tls == NULL) {
        lose(remote, err.text);
        return;
    }
    remote->transport = tls_connect(remote->tls, remote->fd, remote->url.host);
    set_state(remote, REMOTE_SECURING, CONNECT_WAIT_NS);
    shake_hands(remote);
}

static void read_info(struct remote *remote, const struct json root,
                      struct arena *arena)
{
    struct str domain, nonce;
    uint64_t payload = 0;
    json_u64(json_get(root, "max_payload"), &payload);
    if (payload > 0 && payload < STORE_MSG_MAX)
        remote->parser.payload_max = (size_t)payload + PAYLOAD_SLACK;
    free(remote->its_domain);
    remote->its_domain = NULL;
    if (json_string(json_get(root, "domain"), arena, &domain) == 0)
        remote->its_domain = mem_strndup(domain);
    free(remote->nonce);
    remote->nonce = NULL;
    if (json_string(json_get(root, "nonce"), arena, &nonce) == 0)
        remote->nonce = mem_strndup(nonce);
}

static void greet(struct remote *remote, bool needs_tls, bool has_tls)
{
    if (remote->url.tls && !needs_tls && !has_tls)
        lose(remote, "it does not offer TLS");
    else if (needs_tls || remote->url.tls)
        secure(remote);
    else
        sign_in(remote);
}

static void hear_info(struct remote *remote, struct str text)
{
    struct arena arena = {0};
    struct json_doc doc;
    struct errmsg err;
    bool needs_tls = false, has_tls = false;
    if (json_parse(&doc, text, &arena, &err) == 0) {
        read_info(remote, json_root(&doc), &arena);
        json_bool(json_get(json_root(&doc), "tls_required"), &needs_tls);
        json_bool(json_get(json_root(&doc), "tls_available"), &has_tls);
        if (remote->state == REMOTE_GREETING)
            greet(remote, needs_tls, has_tls);
    } else {
        lose(remote, "its INFO is not JSON");
    }
    arena_fini(&arena);
}

static void signed_in(struct remote *remote)
{
    remote->rest_ns = REST_MIN_NS;
    remote->pings = 0;
    remote->error.text[0] = '\0';
    log_info(
        "connected to another server", LOG_STR("domain", remote->config.domain),
        LOG_STR("host", remote->url.host), LOG_STR("port", remote->url.port));
    forget_lookup(remote);
    set_state(remote, REMOTE_UP, PING_NS);
    struct remote_user *next;
    for (struct remote_user *user = remote->users;
         user != NULL && remote->state == REMOTE_UP; user = next) {
        next = user->next;
        greet_user(remote, user);
    }
}

/* ---- input ---- */

static bool take_number(struct str *text, char end, uint64_t *out)
{
    size_t n = 0;
    int64_t value;
    while (n < text->len && text->p[n] != end)
        n++;
    if (str_to_i64(str_make(text->p, n), &value) != 0 || value < 0)
        return false;
    *out = (uint64_t)value;
    if (n < text->len)
        n++;
    *text = str_make(text->p + n, text->len - n);
    return true;
}

/* A stream's message comes under its own subject; everything else as
 * <inbox>.<user>.<request>. */
static void hear_msg(struct remote *remote, const struct remote_op *op)
{
    struct str rest = op->subject, sid = op->sid;
    struct str inbox = str_of(remote->inbox);
    uint64_t id, request = 0;
    if (!take_number(&sid, '\0', &id))
        return;
    if (str_has_prefix(rest, inbox)) {
        rest = str_make(rest.p + inbox.len, rest.len - inbox.len);
        if (!take_number(&rest, '.', &id) || !take_number(&rest, '.', &request))
            return;
    }
    for (struct remote_user *user = remote->users; user != NULL;
         user = user->next) {
        if (user->id == id) {
            user->answer(user, request, op);
            return;
        }
    }
}

/* What the other server refuses for good closes the connection, too; that it
 * refused a publish or a subscription shows as silence. */
static void hear_error(struct remote *remote, struct str text)
{
    char reason[256];
    snprintf(reason, sizeof(reason), "it said %.*s", STR_ARG(text));
    if (remote->state == REMOTE_UP)
        log_warn("another server complains",
                 LOG_STR("domain", remote->config.domain),
                 LOG_SLICE("error", text));
    else
        lose(remote, reason);
}

static void hear(struct remote *remote, const struct remote_op *op)
{
    switch (op->kind) {
    case REMOTE_INFO:
        hear_info(remote, op->text);
        break;
    case REMOTE_MSG:
        hear_msg(remote, op);
        break;
    case REMOTE_PING:
        say(remote, "PONG\r\n");
        break;
    case REMOTE_PONG:
        remote->pings = 0;
        if (remote->state == REMOTE_SIGNING)
            signed_in(remote);
        break;
    case REMOTE_ERR:
        hear_error(remote, op->text);
        break;
    case REMOTE_OK:
        break;
    }
}

static void keep_rest(struct buf *in, size_t taken)
{
    buf_consume(in, taken);
    if (in->len == 0 && in->cap > IN_KEEP_BYTES)
        buf_fini(in);
}

static void hear_all(struct remote *remote)
{
    size_t taken = 0;
    while (remote->fd >= 0 && remote->state != REMOTE_SECURING) {
        struct remote_op op;
        ssize_t n = remote_parser_next(&remote->parser, remote->in.data + taken,
                                       remote->in.len - taken, &op);
        if (n < 0) {
            lose(remote, n == -EMSGSIZE ? "what it says is too long"
                                        : "it does not speak the protocol");
            return;
        }
        if (n == 0)
            break;
        taken += (size_t)n;
        hear(remote, &op);
    }
    /* Somebody on the way could have put it there. */
    if (remote->state == REMOTE_SECURING && taken < remote->in.len)
        lose(remote, "it goes on in clear where TLS begins");
    if (remote->fd >= 0)
        keep_rest(&remote->in, taken);
}

static void receive(struct remote *remote)
{
    struct buf *in = &remote->in;
    char *room = buf_reserve(in, REMOTE_READ_BYTES);
    ssize_t n =
        transport_read(remote->transport, remote->fd, room, REMOTE_READ_BYTES);
    if (n > 0) {
        in->len += (size_t)n;
        hear_all(remote);
    } else if (n == 0) {
        lose(remote, "it closed the connection");
    } else if (n != -EAGAIN && n != -EINTR) {
        lose(remote, strerror((int)-n));
    }
}

/* What a transport holds wakes nobody. */
static bool holds_more(const struct remote *remote)
{
    return remote->transport != NULL &&
           remote->transport->ops->pending(remote->transport);
}

/* ---- the loop ---- */

static void ready(struct watch *watch, uint32_t events)
{
    struct remote *remote = (struct remote *)watch;
    if (remote->fd < 0)
        return; /* lost in this turn */
    if (remote->state == REMOTE_CONNECTING) {
        connected(remote);
        return;
    }
    if (remote->state == REMOTE_SECURING) {
        shake_hands(remote);
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        watch_for(remote, EPOLLIN);
        flush(remote);
    }
    if (remote->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0)
        receive(remote);
    while (holds_more(remote))
        receive(remote);
}

static void keep_alive(struct remote *remote)
{
    if (remote->pings == PINGS_MAX) {
        lose(remote, "it does not answer");
        return;
    }
    remote->pings++;
    set_state(remote, REMOTE_UP, PING_NS);
    say(remote, "PING\r\n");
}

static void timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct remote, timer);
    struct remote *remote = (struct remote *)start;
    switch (remote->state) {
    case REMOTE_RESTING:
        begin(remote);
        break;
    case REMOTE_RESOLVING:
        look_at_lookup(remote);
        break;
    case REMOTE_UP:
        keep_alive(remote);
        break;
    case REMOTE_IDLE:
        break;
    case REMOTE_CONNECTING:
    case REMOTE_GREETING:
    case REMOTE_SECURING:
    case REMOTE_SIGNING:
        lose(remote, "it does not answer");
        break;
    }
}
