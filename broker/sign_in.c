/* sign_in: see sign_in.h. */
#include "broker/sign_in.h"

#include <stdlib.h>

#include "broker/account.h"
#include "broker/auth/auth.h"
#include "broker/auth/password_checker.h"
#include "broker/conn.h"
#include "broker/net/tls.h"
#include "broker/server.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"

struct request {
    struct conn_options options;
    struct auth_credentials given;
    bool account; /* asks for another account */
};

/* Who waits for a check. The user may be gone when it is done: hence the name. */
struct waiting {
    struct conn *conn; /* NULL: closed or refused meanwhile */
    struct password_check *check;
    struct conn_options options;
    char *user; /* NULL: the token's */
};

/* ---- reading ---- */

static struct str text_of(struct json root, const char *name,
                          struct arena *arena)
{
    struct str text = STR("");
    if (json_string(json_get(root, name), arena, &text) != 0)
        return str_make("", 0);
    return text;
}

static void text_copy(char *to, size_t room, struct str text)
{
    size_t n = text.len < room ? text.len : room - 1;
    memcpy(to, text.p, n);
    to[n] = '\0';
}

static void flag_read(struct json root, const char *name, bool *flag)
{
    json_bool(json_get(root, name), flag);
}

static void options_read(struct conn_options *o, struct json root,
                         struct arena *arena)
{
    *o = (struct conn_options){.verbose = true, .pedantic = true, .echo = true};
    flag_read(root, "verbose", &o->verbose);
    flag_read(root, "pedantic", &o->pedantic);
    flag_read(root, "echo", &o->echo);
    flag_read(root, "headers", &o->headers);
    flag_read(root, "no_responders", &o->no_responders);
    int64_t protocol = 0;
    json_i64(json_get(root, "protocol"), &protocol);
    o->protocol = protocol == 0 || protocol == 1 ? (int)protocol : -1;
    text_copy(o->name, sizeof(o->name), text_of(root, "name", arena));
    text_copy(o->lang, sizeof(o->lang), text_of(root, "lang", arena));
    text_copy(o->version, sizeof(o->version), text_of(root, "version", arena));
}

static bool request_read(struct request *request, struct str text,
                         struct arena *arena)
{
    struct json_doc doc;
    if (json_parse(&doc, text, arena, NULL) != 0 ||
        json_type(json_root(&doc)) != JSON_OBJECT)
        return false;
    struct json root = json_root(&doc);
    options_read(&request->options, root, arena);
    request->given.user = text_of(root, "user", arena);
    request->given.pass = text_of(root, "pass", arena);
    request->given.token = text_of(root, "auth_token", arena);
    request->given.nkey = text_of(root, "nkey", arena);
    request->given.sig = text_of(root, "sig", arena);
    request->account = text_of(root, "account", arena).len > 0;
    return true;
}

/* ---- refusing and letting in ---- */

static void refuse(struct conn *conn)
{
    log_warn("authorization refused", LOG_I64("client", conn->id),
             LOG_STR("address", conn->host));
    conn_fail(conn, "Authorization Violation");
}

static struct account *account_of(const struct conn *conn,
                                  const struct auth_user *user)
{
    if (user == NULL || user->account == NULL)
        return conn->server->account;
    return server_account(conn->server, user->account);
}

/* False: the account has as many connections as it may. */
static bool join_account(struct conn *conn, struct account *account)
{
    int64_t most = account->limits.connections_max;
    if (account == conn->account)
        return true;
    if (most >= 0 && account->conn_count >= most) {
        conn_fail(conn, "maximum account active connections exceeded");
        return false;
    }
    conn_move(conn, account);
    return true;
}

static int64_t lesser_limit(int64_t limit, int64_t other)
{
    return other >= 0 && (limit < 0 || other < limit) ? other : limit;
}

static void take_limits(struct conn *conn)
{
    const struct server_config *config = &conn->server->config;
    const struct account_limits *limits = &conn->account->limits;
    conn->subs_max = lesser_limit(config->subs_max > 0 ? config->subs_max : -1,
                                  limits->subs_max);
    conn->parser.payload_max =
        (size_t)lesser_limit(config->payload_max, limits->payload_max);
    conn->parser.control_line_max = (size_t)config->control_line_max;
    conn->info_due = conn->options.protocol > 0 &&
                     (int64_t)conn->parser.payload_max != config->payload_max;
}

static void take_permissions(struct conn *conn, const struct permissions *p)
{
    if (p == NULL)
        grants_free(&conn->grants);
    else if (conn->grants == NULL)
        conn->grants = grants_new(p);
    else
        grants_change(conn->grants, p);
}

static void name_lost_sub(struct conn *conn, const struct sub *sub)
{
    conn_error(conn,
               "Permissions Violation for Subscription to \"%.*s\" (sid "
               "\"%.*s\")",
               STR_ARG(sub->subject), STR_ARG(sub->sid));
}

/* What it may not hear any more, it does not; it is told unless it has asked
 * to be somebody else. */
static void review_subs(struct conn *conn, bool asked)
{
    struct sub *next;
    for (struct sub *sub = conn->subs; sub != NULL; sub = next) {
        next = sub->hh.next;
        sub->guarded =
            conn->grants != NULL && grants_guard(conn->grants, sub->subject);
        if (conn_may_subscribe(conn, sub->subject, sub->queue))
            continue;
        conn_sub_remove(conn, sub);
        if (!asked)
            name_lost_sub(conn, sub);
        if (conn->state == CONN_CLOSED) /* it could not be told */
            return;
    }
}

/* False: it was refused after all. */
static bool become(struct conn *conn, const struct auth_user *user, bool asked)
{
    if (!join_account(conn, account_of(conn, user)))
        return false;
    conn->user = user;
    take_permissions(conn, user != NULL ? user->permissions : NULL);
    take_limits(conn);
    review_subs(conn, asked);
    conn->authorized = true;
    return true;
}

static void welcome(struct conn *conn, const struct auth_user *user,
                    const struct conn_options *options)
{
    conn->options = *options;
    conn->parser.headers = options->headers;
    if (become(conn, user, true) && options->verbose)
        conn_send_text(conn, "+OK\r\n");
}

/* ---- waiting for a hash ---- */

static void check_free(struct password_check *check)
{
    struct waiting *waiting = check->owner;
    free(waiting->user);
    free(waiting);
    password_check_free(check);
}

static void wait_for_check(struct conn *conn, const struct auth_answer *answer,
                           const struct conn_options *options)
{
    struct server *server = conn->server;
    struct waiting *waiting = mem_zalloc(sizeof(*waiting));
    waiting->conn = conn;
    waiting->options = *options;
    if (answer->user != NULL)
        waiting->user = mem_strdup(answer->user->name);
    conn->waiting = waiting;
    conn_hold(conn);
    if (server->passwords == NULL)
        server->passwords = password_checker_new(server->wake_fd);
    waiting->check = password_check_new(waiting, answer->hash, answer->secret);
    password_checker_submit(server->passwords, waiting->check);
}

/* The hash is still the one in force. */
static bool still_holds(const struct auth_config *config,
                        const struct waiting *waiting,
                        const struct auth_user *user, const char *hash)
{
    const char *now = waiting->user == NULL ? config->token
                      : user != NULL        ? user->password
                                            : NULL;
    return now != NULL && strcmp(now, hash) == 0;
}

static void finish_check(const struct password_check *check,
                         const struct waiting *waiting)
{
    struct conn *conn = waiting->conn;
    const struct auth_config *config = &conn->server->config.auth;
    const struct auth_user *user =
        waiting->user != NULL ? auth_user(config, str_of(waiting->user)) : NULL;
    conn->waiting = NULL;
    conn_release(conn);
    if (check->good && still_holds(config, waiting, user, check->hash))
        welcome(conn, user, &waiting->options);
    else
        refuse(conn);
    conn_go_on(conn);
}

void sign_in_checked(struct server *server)
{
    struct password_check *check;
    if (server->passwords == NULL)
        return;
    while ((check = password_checker_done(server->passwords)) != NULL) {
        struct waiting *waiting = check->owner;
        if (waiting->conn != NULL)
            finish_check(check, waiting);
        check_free(check);
    }
}

/* ---- by certificate ---- */

struct search {
    const struct auth_config *config;
    const struct auth_user *found;
};

static bool take_name(void *arg, struct str name)
{
    struct search *search = arg;
    const struct auth_user *user = auth_user(search->config, name);
    if (user == NULL || user->by_nkey)
        return false;
    search->found = user;
    return true;
}

enum auth_way sign_in_way(const struct conn *conn)
{
    if (conn->transport == NULL ||
        strcmp(conn->transport->ops->type, "websocket") != 0)
        return AUTH_TCP;
    return AUTH_WEBSOCKET;
}

/* Where the door maps certificates to users, nothing else counts. */
static void look_at_door(const struct conn *conn,
                         struct auth_credentials *given)
{
    const struct server_config *config = &conn->server->config;
    const struct tls_config *rules = &config->tls;
    struct search search = {.config = &config->auth};
    given->way = sign_in_way(conn);
    if (conn->transport == NULL)
        return;
    if (given->way == AUTH_WEBSOCKET)
        rules = &config->websocket.tls;
    const struct tls *tls = conn->transport->ops->tls(conn->transport);
    if (tls == NULL || !rules->verify_and_map)
        return;
    tls_peer_names(tls, take_name, &search);
    given->by_certificate = true;
    given->certified = search.found;
}

/* ---- what others call ---- */

static void apply(struct conn *conn, struct request *request)
{
    if (request->options.protocol < 0) {
        conn_fail(conn, "invalid client protocol");
        return;
    }
    if (request->options.no_responders && !request->options.headers) {
        conn_fail(conn, "no responders requires headers support");
        return;
    }
    request->given.nonce = str_of(conn->nonce);
    look_at_door(conn, &request->given);
    struct auth_answer answer =
        auth_check(&conn->server->config.auth, &request->given);
    if (request->account || answer.verdict == AUTH_REFUSED)
        refuse(conn);
    else if (answer.verdict == AUTH_CHECK_HASH)
        wait_for_check(conn, &answer, &request->options);
    else
        welcome(conn, answer.user, &request->options);
}

void sign_in(struct conn *conn, struct str options)
{
    struct arena arena = {0};
    struct request request = {0};
    if (request_read(&request, options, &arena))
        apply(conn, &request);
    else
        conn_close(conn, "malformed CONNECT");
    arena_fini(&arena);
}

void sign_in_stop(struct server *server)
{
    password_checker_free(&server->passwords, check_free);
}

bool sign_in_as_anybody(struct conn *conn)
{
    const struct auth_config *config = &conn->server->config.auth;
    enum auth_way way = sign_in_way(conn);
    if (!auth_required(config, way))
        return become(conn, auth_anybody(config, way), true);
    refuse(conn);
    return false;
}

/* Who came in without being a user: by the token, or because everybody
 * could. */
static bool userless_stays(const struct auth_config *was,
                           const struct auth_config *is)
{
    if (is->token == NULL)
        return auth_open(is);
    return was->token != NULL && strcmp(was->token, is->token) == 0;
}

static void dismiss(struct conn *conn)
{
    if (conn->state == CONN_HELD)
        conn_close(conn, "Authorization Violation");
    else
        conn_fail(conn, "Authorization Violation");
}

/* Nothing of the old configuration stays with it. */
static void forget_user(struct conn *conn)
{
    conn->user = NULL;
    grants_free(&conn->grants);
}

void sign_in_again(struct conn *conn, const struct auth_config *was)
{
    const struct auth_config *is = &conn->server->config.auth;
    const struct auth_user *before = conn->user, *user = NULL;
    if (!conn->authorized || conn->state == CONN_LINGERING) {
        forget_user(conn);
        return;
    }
    if (before != NULL)
        user = auth_user(is, str_of(before->name));
    bool stays = before != NULL ? user != NULL && auth_user_same(before, user)
                                : userless_stays(was, is);
    if (!stays) {
        dismiss(conn);
        forget_user(conn);
    } else {
        become(conn, user, false);
    }
}

void sign_in_end(struct conn *conn)
{
    struct waiting *waiting = conn->waiting;
    if (waiting == NULL)
        return;
    waiting->conn = NULL;
    conn->waiting = NULL;
    if (password_checker_withdraw(conn->server->passwords, waiting->check))
        check_free(waiting->check);
}
