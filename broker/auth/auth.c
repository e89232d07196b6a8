/* auth: see auth.h. */
#include "broker/auth/auth.h"

#include "broker/auth/password.h"

const struct account_limits account_unlimited = {.connections_max = -1,
                                                 .subs_max = -1,
                                                 .payload_max = -1,
                                                 .js_memory_max = -1,
                                                 .js_file_max = -1,
                                                 .js_streams_max = -1,
                                                 .js_consumers_max = -1};

bool auth_open(const struct auth_config *config)
{
    return config->token == NULL && config->users == NULL;
}

const struct auth_user *auth_anybody(const struct auth_config *config,
                                     enum auth_way way)
{
    return way == AUTH_WEBSOCKET ? config->websocket_anybody : config->anybody;
}

bool auth_required(const struct auth_config *config, enum auth_way way)
{
    return !auth_open(config) && auth_anybody(config, way) == NULL;
}

const struct auth_user *auth_user(const struct auth_config *config,
                                  struct str name)
{
    struct auth_user *user;
    HASH_FIND(hh, config->users, name.p, name.len, user);
    return user;
}

static struct auth_answer check_secret(const struct auth_user *user,
                                       const char *expected, struct str given)
{
    struct auth_answer answer = {.user = user, .secret = given};
    if (password_is_hash(expected)) {
        answer.verdict = AUTH_CHECK_HASH;
        answer.hash = expected;
    } else if (password_same(expected, given)) {
        answer.verdict = AUTH_WELCOME;
    }
    return answer;
}

static struct auth_answer check_nkey(const struct auth_config *config,
                                     const struct auth_credentials *given)
{
    struct auth_answer answer = {.user = auth_user(config, given->nkey)};
    if (answer.user != NULL && answer.user->by_nkey &&
        nkey_verify(answer.user->key, given->nonce, given->sig))
        answer.verdict = AUTH_WELCOME;
    return answer;
}

static bool brought_nothing(const struct auth_credentials *given)
{
    return given->user.len == 0 && given->token.len == 0 &&
           given->nkey.len == 0;
}

static struct auth_answer check_user(const struct auth_config *config,
                                     const struct auth_credentials *given)
{
    const struct auth_user *user = auth_user(config, given->user);
    if (user == NULL || user->by_nkey)
        return (struct auth_answer){.verdict = AUTH_REFUSED};
    return check_secret(user, user->password != NULL ? user->password : "",
                        given->pass);
}

static struct auth_answer
check_certificate(const struct auth_credentials *given)
{
    struct auth_answer answer = {.user = given->certified};
    if (given->certified != NULL)
        answer.verdict = AUTH_WELCOME;
    return answer;
}

static struct auth_answer check_any(const struct auth_config *config,
                                    const struct auth_credentials *given)
{
    const struct auth_user *anybody = auth_anybody(config, given->way);
    if (auth_open(config))
        return (struct auth_answer){.verdict = AUTH_WELCOME};
    if (config->token != NULL)
        return check_secret(NULL, config->token, given->token);
    if (given->by_certificate)
        return check_certificate(given);
    if (given->nkey.len > 0)
        return check_nkey(config, given);
    if (brought_nothing(given) && anybody != NULL)
        return (struct auth_answer){.verdict = AUTH_WELCOME, .user = anybody};
    return check_user(config, given);
}

struct auth_answer auth_check(const struct auth_config *config,
                              const struct auth_credentials *given)
{
    struct auth_answer answer = check_any(config, given);
    if (answer.user != NULL && answer.user->ways != 0 &&
        (answer.user->ways & given->way) == 0)
        answer.verdict = AUTH_REFUSED;
    return answer;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool auth_user_same(const struct auth_user *a, const struct auth_user *b)
{
    return strcmp(a->name, b->name) == 0 && a->by_nkey == b->by_nkey &&
           same_text(a->password, b->password) &&
           same_text(a->account, b->account) && a->ways == b->ways;
}
