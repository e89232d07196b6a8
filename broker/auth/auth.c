/* auth: see auth.h. */
#include "broker/auth/auth.h"

static bool same_secret(const char *expected, struct str given)
{
    struct str secret = str_of(expected);
    unsigned char difference = secret.len != given.len;
    for (size_t i = 0; i < given.len; i++) {
        char c = secret.len > 0 ? secret.p[i % secret.len] : '\0';
        difference |= (unsigned char)(given.p[i] ^ c);
    }
    return difference == 0;
}

bool auth_required(const struct auth_config *config)
{
    return config->user != NULL || config->token != NULL;
}

bool auth_check(const struct auth_config *config, struct str user,
                struct str pass, struct str token)
{
    if (config->token != NULL)
        return same_secret(config->token, token);
    if (config->user == NULL)
        return true;
    const char *expected = config->pass != NULL ? config->pass : "";
    bool user_good = same_secret(config->user, user);
    bool pass_good = same_secret(expected, pass);
    return user_good && pass_good;
}
