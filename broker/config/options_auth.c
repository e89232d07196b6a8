/* options_auth: authorization { } and accounts { } of the configuration, and
 * what comes of them together with the command line's user or token. */
#include <errno.h>
#include <strings.h>

#include "broker/account.h"
#include "broker/config/options.h"
#include "broker/config/reader.h"
#include "broker/subject.h"
#include "lib/clock.h"

#define ACCOUNT_SYSTEM "$SYS"

#define RESPONSES_MAX 1
#define RESPONSES_NS  (120 * NS_PER_S)

#define PERMISSIONS(member) offsetof(struct permissions, member)
#define LIMITS(member)      offsetof(struct account_limits, member)
#define ANY_NUMBER          .min = -1, .max = INT64_MAX

#define SETTINGS_END  \
    {                 \
        .names = NULL \
    }

/* ---- permissions ---- */

/* "subject", or for subscriptions "subject queue". */
static int read_rule(struct reader *r, const struct conf_value *value,
                     bool with_queue, struct subject_rule *rule)
{
    if (value->text == NULL)
        return expect_type(r, value, CONF_TEXT);
    struct str subject = str_trim(str_of(value->text)), queue = STR("");
    const char *space = memchr(subject.p, ' ', subject.len);
    if (space != NULL && with_queue) {
        size_t len = (size_t)(space - subject.p);
        queue = str_trim(str_make(space, subject.len - len));
        subject.len = len;
    }
    *rule = (struct subject_rule){.subject = subject, .queue = queue};
    if (!subject_valid(subject) || (queue.len > 0 && !subject_valid(queue)))
        return conf_refuse(value, r->err, "\"%s\" is no valid subject%s",
                           value->text, with_queue ? " or subject queue" : "");
    return 0;
}

static uint32_t count_values(const struct conf_value *list)
{
    uint32_t count = 0;
    for (const struct conf_value *v = list->first; v != NULL; v = v->next)
        count++;
    return count;
}

/* One rule, or a list of them. */
static int read_rules(struct reader *r, const struct conf_value *value,
                      bool with_queue, struct subject_rules *out)
{
    bool list = value->type == CONF_ARRAY;
    uint32_t count = list ? count_values(value) : 1;
    struct subject_rule *rules =
        arena_zalloc(r->arena, (count + 1) * sizeof(*rules));
    *out = (struct subject_rules){.rules = rules, .count = count, .set = true};
    if (!list)
        return read_rule(r, value, with_queue, rules);
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        if (read_rule(r, v, with_queue, rules++) != 0)
            return -EINVAL;
    }
    return 0;
}

struct rule_pair {
    struct subject_rules *allow, *deny;
    bool with_queue;
};

/* Subjects alone are what is allowed; a block has both. */
static int read_pair(struct reader *r, const struct conf_value *value,
                     const struct rule_pair *pair)
{
    if (value->type != CONF_MAP)
        return read_rules(r, value, pair->with_queue, pair->allow);
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        bool allow = strcasecmp(v->key, "allow") == 0;
        if (!allow && strcasecmp(v->key, "deny") != 0)
            return conf_refuse(v, r->err,
                               "unknown key \"%s\": expected allow or deny",
                               v->key);
        if (read_rules(r, v, pair->with_queue,
                       allow ? pair->allow : pair->deny) != 0)
            return -EINVAL;
    }
    return 0;
}

static int read_publish(struct reader *r, const struct conf_value *value,
                        const struct setting *setting, void *at)
{
    struct permissions *p = at;
    (void)setting;
    const struct rule_pair pair = {.allow = &p->publish_allow,
                                   .deny = &p->publish_deny};
    return read_pair(r, value, &pair);
}

static int read_subscribe(struct reader *r, const struct conf_value *value,
                          const struct setting *setting, void *at)
{
    struct permissions *p = at;
    (void)setting;
    const struct rule_pair pair = {.allow = &p->subscribe_allow,
                                   .deny = &p->subscribe_deny,
                                   .with_queue = true};
    return read_pair(r, value, &pair);
}

static const struct setting response_settings[] = {
    {"max|max_msgs|max_messages|max_responses", read_number,
     PERMISSIONS(responses_max), ANY_NUMBER},
    {"expires|expiration|ttl", read_duration, PERMISSIONS(responses_ns)},
    SETTINGS_END,
};

static int read_responses(struct reader *r, const struct conf_value *value,
                          const struct setting *setting, void *at)
{
    struct permissions *p = at;
    p->responses = true;
    p->responses_max = RESPONSES_MAX;
    p->responses_ns = RESPONSES_NS;
    if (value->type != CONF_MAP)
        return read_flag(r, value, setting, &p->responses);
    if (read_settings(r, value, response_settings, p) != 0)
        return -EINVAL;
    if (p->responses_max == 0)
        p->responses_max = RESPONSES_MAX;
    return 0;
}

static const struct setting permission_settings[] = {
    {"publish|pub|import", read_publish},
    {"subscribe|sub|export", read_subscribe},
    {"allow_responses|publish_allow_responses|allow_response", read_responses},
    SETTINGS_END,
};

/* Who may answer and nothing was said of publishing may publish nothing else. */
static int read_permissions(struct reader *r, const struct conf_value *value,
                            const struct setting *setting, void *at)
{
    struct permissions *p = arena_zalloc(r->arena, sizeof(*p));
    (void)setting;
    if (read_settings(r, value, permission_settings, p) != 0)
        return -EINVAL;
    if (p->responses && !p->publish_allow.set && !p->publish_deny.set)
        p->publish_allow.set = true;
    *(const struct permissions **)at = p;
    return 0;
}

/* ---- users ---- */

static const struct {
    const char *name;
    enum auth_way way;
} ways[] = {{"STANDARD", AUTH_TCP}, {"WEBSOCKET", AUTH_WEBSOCKET}};

static int read_way(struct reader *r, const struct conf_value *value,
                    unsigned *out)
{
    if (value->text == NULL)
        return expect_type(r, value, CONF_TEXT);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcasecmp(value->text, ways[i].name) == 0) {
            *out |= ways[i].way;
            return 0;
        }
    }
    return conf_refuse(value, r->err,
                       "connection type %s: expected STANDARD or WEBSOCKET",
                       value->text);
}

static int read_ways(struct reader *r, const struct conf_value *value,
                     const struct setting *setting, void *at)
{
    (void)setting;
    if (value->type != CONF_ARRAY)
        return read_way(r, value, at);
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        if (read_way(r, v, at) != 0)
            return -EINVAL;
    }
    return 0;
}

/* A user as the file has it. */
struct user_entry {
    const char *name, *password, *nkey;
    const struct permissions *permissions;
    unsigned ways;
};

#define USER(member) offsetof(struct user_entry, member)

static const struct setting user_settings[] = {
    {"user|username", read_text, USER(name)},
    {"password|pass", read_text, USER(password)},
    {"nkey", read_text, USER(nkey)},
    {"permissions|permission|authorization", read_permissions,
     USER(permissions)},
    {"allowed_connection_types|connection_types|clients", read_ways,
     USER(ways)},
    SETTINGS_END,
};

static int check_entry(struct reader *r, const struct conf_value *value,
                       const struct user_entry *entry, struct auth_user *user)
{
    if ((entry->name == NULL) == (entry->nkey == NULL))
        return conf_refuse(value, r->err,
                           "expected a user with a name, or with an nkey");
    if (entry->nkey != NULL && entry->password != NULL)
        return conf_refuse(value, r->err,
                           "a user with an nkey has no password");
    if (entry->nkey != NULL &&
        !nkey_decode_user(str_of(entry->nkey), user->key))
        return conf_refuse(value, r->err,
                           "this is no public nkey of a user (U…, %d letters)",
                           NKEY_TEXT_LEN); /* maybe its secret one */
    return 0;
}

/* What stands around a user. */
struct user_place {
    const char *account; /* NULL: the default one */
    const struct permissions *permissions;
};

static int add_user(struct reader *r, const struct conf_value *value,
                    const struct user_place *place)
{
    struct user_entry entry = {0};
    if (read_settings(r, value, user_settings, &entry) != 0)
        return -EINVAL;
    struct auth_user *user = arena_zalloc(r->arena, sizeof(*user)), *other;
    if (check_entry(r, value, &entry, user) != 0)
        return -EINVAL;
    user->by_nkey = entry.nkey != NULL;
    user->name = user->by_nkey ? entry.nkey : entry.name;
    user->password = entry.password;
    user->account = place->account;
    user->ways = entry.ways;
    user->permissions =
        entry.permissions != NULL ? entry.permissions : place->permissions;
    HASH_FIND_STR(r->options->users, user->name, other);
    if (other != NULL)
        return conf_refuse(value, r->err, "there is a user \"%s\" already",
                           user->name);
    HASH_ADD_KEYPTR(hh, r->options->users, user->name, strlen(user->name),
                    user);
    return 0;
}

static int add_users(struct reader *r, const struct conf_value *list,
                     const struct user_place *place)
{
    if (list == NULL)
        return 0;
    if (expect_type(r, list, CONF_ARRAY) != 0)
        return -EINVAL;
    for (const struct conf_value *v = list->first; v != NULL; v = v->next) {
        if (add_user(r, v, place) != 0)
            return -EINVAL;
    }
    return 0;
}

/* A list of users is kept until the permissions behind it are known. */
static int keep_value(struct reader *r, const struct conf_value *value,
                      const struct setting *setting, void *at)
{
    (void)r;
    (void)setting;
    *(const struct conf_value **)at = value;
    return 0;
}

/* ---- authorization { } ---- */

struct authorization {
    const char *user, *pass, *token;
    const struct permissions *permissions;
    const struct conf_value *users;
};

#define AUTHORIZATION(member) offsetof(struct authorization, member)

static int read_auth_timeout(struct reader *r, const struct conf_value *value,
                             const struct setting *setting, void *at)
{
    (void)at;
    return read_duration(r, value, setting,
                         &r->options->server.auth_timeout_ns);
}

static const struct setting authorization_settings[] = {
    {"user|username", read_text, AUTHORIZATION(user)},
    {"password|pass", read_text, AUTHORIZATION(pass)},
    {"token", read_text, AUTHORIZATION(token)},
    {"timeout", read_auth_timeout, .min = NS_PER_S / 100,
     .max = 3600 * NS_PER_S},
    {"users", keep_value, AUTHORIZATION(users)},
    {"default_permissions|default_permission|permissions", read_permissions,
     AUTHORIZATION(permissions)},
    {"auth_callout|auth_hook|proxy_required", read_unsupported},
    SETTINGS_END,
};

static int check_authorization(struct reader *r, const struct conf_value *value,
                               const struct authorization *a)
{
    int ways_in = (a->user != NULL) + (a->token != NULL) + (a->users != NULL);
    if (ways_in > 1)
        return conf_refuse(value, r->err,
                           "expected one of user, token and users");
    if ((a->user == NULL) != (a->pass == NULL))
        return conf_refuse(value, r->err,
                           "expected user and password together");
    return 0;
}

static struct auth_user *single_user(struct arena *arena, const char *name,
                                     const char *password)
{
    struct auth_user *user = arena_zalloc(arena, sizeof(*user));
    user->name = name;
    user->password = password;
    return user;
}

int read_authorization(struct reader *r, const struct conf_value *value,
                       const struct setting *setting, void *at)
{
    struct authorization a = {0};
    (void)setting;
    (void)at;
    if (read_settings(r, value, authorization_settings, &a) != 0 ||
        check_authorization(r, value, &a) != 0)
        return -EINVAL;
    r->options->server.auth.token = a.token;
    if (a.user != NULL) {
        struct auth_user *user = single_user(r->arena, a.user, a.pass);
        user->permissions = a.permissions;
        HASH_ADD_KEYPTR(hh, r->options->users, user->name, strlen(user->name),
                        user);
    }
    const struct user_place place = {.permissions = a.permissions};
    return add_users(r, a.users, &place);
}

/* ---- accounts { } ---- */

struct account_entry {
    struct auth_account account;
    const struct conf_value *users;
    const struct permissions *permissions;
};

#define ACCOUNT(member) offsetof(struct account_entry, member)

static const struct setting limit_settings[] = {
    {"max_connections|max_conn", read_number, LIMITS(connections_max),
     ANY_NUMBER},
    {"max_subscriptions|max_subs", read_number, LIMITS(subs_max), ANY_NUMBER},
    {"max_payload|max_pay", read_number, LIMITS(payload_max), ANY_NUMBER},
    {"max_leafnodes|max_leafs", read_ignored},
    SETTINGS_END,
};

static int read_limits(struct reader *r, const struct conf_value *value,
                       const struct setting *setting, void *at)
{
    (void)setting;
    return read_settings(r, value, limit_settings, at);
}

static const struct setting account_js_settings[] = {
    {"max_memory|max_mem|mem|memory", read_number, LIMITS(js_memory_max),
     ANY_NUMBER},
    {"max_store|max_file|max_disk|store|disk", read_number, LIMITS(js_file_max),
     ANY_NUMBER},
    {"max_streams|streams", read_number, LIMITS(js_streams_max), ANY_NUMBER},
    {"max_consumers|consumers", read_number, LIMITS(js_consumers_max),
     ANY_NUMBER},
    {"max_ack_pending|memory_max_stream_bytes|store_max_stream_bytes|"
     "disk_max_stream_bytes|max_bytes_required|mem_max_stream_bytes|"
     "cluster_traffic",
     read_unsupported},
    SETTINGS_END,
};

static int read_account_js(struct reader *r, const struct conf_value *value,
                           const struct setting *setting, void *at)
{
    struct auth_account *account = at;
    if (value->type != CONF_MAP)
        return read_flag(r, value, setting, &account->jetstream);
    account->jetstream = true;
    return read_settings(r, value, account_js_settings, &account->limits);
}

static const struct setting account_settings[] = {
    {"users", keep_value, ACCOUNT(users)},
    {"default_permissions|default_permission", read_permissions,
     ACCOUNT(permissions)},
    {"jetstream", read_account_js, ACCOUNT(account)},
    {"limits", read_limits, ACCOUNT(account.limits)},
    {"exports|imports|mappings|maps|nkey|cluster_traffic|msg_trace|trace_dest",
     read_unsupported},
    SETTINGS_END,
};

static int read_account(struct reader *r, const struct conf_value *value,
                        struct auth_account *out)
{
    struct account_entry entry = {
        .account = {.name = value->key, .limits = account_unlimited}};
    if (strcmp(value->key, ACCOUNT_DEFAULT) == 0)
        return conf_refuse(value, r->err,
                           "the account %s is there without being named",
                           value->key);
    if (read_settings(r, value, account_settings, &entry) != 0)
        return -EINVAL;
    const struct user_place place = {.account = value->key,
                                     .permissions = entry.permissions};
    *out = entry.account;
    return add_users(r, entry.users, &place);
}

int read_accounts(struct reader *r, const struct conf_value *value,
                  const struct setting *setting, void *at)
{
    struct auth_config *auth = &r->options->server.auth;
    (void)setting;
    (void)at;
    if (expect_type(r, value, CONF_MAP) != 0)
        return -EINVAL;
    struct auth_account *accounts =
        arena_zalloc(r->arena, (count_values(value) + 1) * sizeof(*accounts));
    auth->accounts = accounts;
    for (const struct conf_value *v = value->first; v != NULL; v = v->next) {
        if (read_account(r, v, &accounts[auth->account_count++]) != 0)
            return -EINVAL;
    }
    return 0;
}

/* ---- the whole ---- */

/* Alone it would leave the door open. */
static int check_password(const struct options *options, struct errmsg *err)
{
    if (options->pass == NULL || options->user != NULL)
        return 0;
    return errmsg_set(err, -EINVAL,
                      "pass: expected a user, too, whose password it is");
}

/* The user or token of the command line is the only one then. */
static void choose_users(struct options *options)
{
    struct auth_config *auth = &options->server.auth;
    auth->users = options->users;
    if (options->user == NULL && options->token == NULL)
        return;
    auth->users = NULL;
    auth->token = options->token;
    if (options->user == NULL)
        return;
    struct auth_user *user =
        single_user(&options->arena, options->user, options->pass);
    HASH_ADD_KEYPTR(hh, options->flag_user, user->name, strlen(user->name),
                    user);
    auth->users = options->flag_user;
}

static int find_user(const struct auth_config *auth, const char *setting,
                     const char *name, struct auth_user **out,
                     struct errmsg *err)
{
    *out = NULL;
    if (name == NULL)
        return 0;
    HASH_FIND_STR(auth->users, name, *out);
    if (*out == NULL)
        return errmsg_set(err, -EINVAL, "%s: there is no user \"%s\"", setting,
                          name);
    return 0;
}

static int find_anybody(struct options *options, struct errmsg *err)
{
    struct auth_config *auth = &options->server.auth;
    const char *websocket = options->server.websocket.no_auth_user;
    if (find_user(auth, "no_auth_user", options->no_auth_user, &auth->anybody,
                  err) != 0 ||
        find_user(auth, "websocket's no_auth_user", websocket,
                  &auth->websocket_anybody, err) != 0)
        return -EINVAL;
    if (websocket == NULL)
        auth->websocket_anybody = auth->anybody;
    return 0;
}

static int check_system_account(const struct options *options,
                                struct errmsg *err)
{
    const struct auth_config *auth = &options->server.auth;
    const char *name = options->system_account;
    bool found = name == NULL || strcmp(name, ACCOUNT_SYSTEM) == 0;
    for (uint32_t i = 0; !found && i < auth->account_count; i++)
        found = strcmp(auth->accounts[i].name, name) == 0;
    return found
               ? 0
               : errmsg_set(err, -EINVAL,
                            "system_account: there is no account \"%s\"", name);
}

int options_finish(struct options *options, struct errmsg *err)
{
    struct auth_config *auth = &options->server.auth;
    if (check_password(options, err) != 0)
        return -EINVAL;
    choose_users(options);
    auth->has_nkeys = false;
    for (const struct auth_user *u = auth->users; u != NULL; u = u->hh.next)
        auth->has_nkeys |= u->by_nkey;
    if (auth->token != NULL && auth->users != NULL)
        return errmsg_set(err, -EINVAL, "expected users or a token, not both");
    const struct tls_config *tls = &options->server.tls;
    if (tls->on && (tls->cert_file == NULL || tls->key_file == NULL))
        return errmsg_set(err, -EINVAL, "TLS needs a certificate and its key");
    if (find_anybody(options, err) != 0)
        return -EINVAL;
    return check_system_account(options, err);
}
