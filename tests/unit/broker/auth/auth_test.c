/* auth: who may come in. */
#include "tests/unit/test.h"

#include "broker/auth/auth.h"

static bool lets_in(const struct auth_config *config, const char *user,
                    const char *pass, const char *token)
{
    return auth_check(config, str_of(user), str_of(pass), str_of(token));
}

static void everybody(void **state)
{
    (void)state;
    struct auth_config config = {0};
    assert_false(auth_required(&config));
    assert_true(lets_in(&config, "", "", ""));
}

static void user_and_password(void **state)
{
    (void)state;
    struct auth_config config = {.user = "u", .pass = "secret"};
    assert_true(auth_required(&config));
    assert_true(lets_in(&config, "u", "secret", ""));
    static const char *const wrong[] = {"",        "s",      "secre",
                                        "secrets", "Secret", "secretsecret"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(lets_in(&config, "u", wrong[i], ""));
    assert_false(lets_in(&config, "uu", "secret", ""));
    assert_false(lets_in(&config, "", "", "secret"));
}

static void token(void **state)
{
    (void)state;
    struct auth_config config = {.token = "t0"};
    assert_true(auth_required(&config));
    assert_true(lets_in(&config, "", "", "t0"));
    assert_false(lets_in(&config, "t0", "t0", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody),
        cmocka_unit_test(user_and_password),
        cmocka_unit_test(token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
