/* auth: who may come in. */
#include "tests/unit/test.h"

#include "broker/auth/auth.h"
#include "broker/auth/password.h"

static struct auth_config config;

static void add_user(struct auth_user *user)
{
    HASH_ADD_KEYPTR(hh, config.users, user->name, strlen(user->name), user);
}

static int setup(void **state)
{
    (void)state;
    config = (struct auth_config){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    HASH_CLEAR(hh, config.users);
    return 0;
}

static struct auth_answer ask(const char *user, const char *pass,
                              const char *token)
{
    const struct auth_credentials given = {.user = str_of(user),
                                           .pass = str_of(pass),
                                           .token = str_of(token),
                                           .way = AUTH_TCP};
    return auth_check(&config, &given);
}

static bool lets_in(const char *user, const char *pass, const char *token)
{
    return ask(user, pass, token).verdict == AUTH_WELCOME;
}

static void everybody(void **state)
{
    (void)state;
    assert_true(auth_open(&config));
    assert_false(auth_required(&config, AUTH_TCP));
    assert_true(lets_in("", "", ""));
    assert_true(lets_in("anybody", "x", ""));
}

static void user_and_password(void **state)
{
    (void)state;
    static struct auth_user user;
    user = (struct auth_user){.name = "u", .password = "secret"};
    add_user(&user);
    assert_true(auth_required(&config, AUTH_TCP));
    assert_ptr_equal(ask("u", "secret", "").user, &user);
    assert_true(lets_in("u", "secret", ""));
    static const char *const wrong[] = {"",        "s",      "secre",
                                        "secrets", "Secret", "secretsecret"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(lets_in("u", wrong[i], ""));
    assert_false(lets_in("uu", "secret", ""));
    assert_false(lets_in("", "", "secret"));
}

static void several_users(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){.name = "a", .password = "1"};
    static struct auth_user b;
    b = (struct auth_user){.name = "b"};
    add_user(&a);
    add_user(&b);
    assert_true(lets_in("a", "1", ""));
    assert_false(lets_in("a", "", ""));
    assert_true(lets_in("b", "", ""));
    assert_false(lets_in("b", "1", ""));
    assert_false(lets_in("", "", ""));
}

static void token(void **state)
{
    (void)state;
    config.token = "t0";
    assert_true(auth_required(&config, AUTH_TCP));
    assert_true(lets_in("", "", "t0"));
    assert_false(lets_in("t0", "t0", ""));
    assert_false(lets_in("", "", ""));
}

static void who_brings_nothing_may_be_somebody(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){.name = "a", .password = "1"};
    add_user(&a);
    config.anybody = &a;
    assert_false(auth_required(&config, AUTH_TCP));
    assert_false(auth_open(&config));
    assert_true(lets_in("", "", ""));
    assert_ptr_equal(ask("", "", "").user, &a);
    assert_false(lets_in("a", "wrong", ""));
    assert_false(lets_in("b", "", ""));
    assert_false(lets_in("", "", "token"));
    assert_true(auth_required(&config, AUTH_WEBSOCKET));
    config.websocket_anybody = &a;
    assert_false(auth_required(&config, AUTH_WEBSOCKET));
}

static void a_hash_is_left_to_be_checked(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){.name = "a", .password = "$2a$04$abc"};
    add_user(&a);
    struct auth_answer answer = ask("a", "pw", "");
    assert_int_equal(answer.verdict, AUTH_CHECK_HASH);
    assert_string_equal(answer.hash, a.password);
    assert_str(answer.secret, "pw");
}

static void a_user_is_bound_to_ways(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){
        .name = "a", .password = "1", .ways = AUTH_WEBSOCKET};
    add_user(&a);
    assert_false(lets_in("a", "1", ""));
    a.ways |= AUTH_TCP;
    assert_true(lets_in("a", "1", ""));
}

static void an_nkey_needs_its_signature(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){.name = "UX", .by_nkey = true};
    add_user(&a);
    const struct auth_credentials given = {
        .nkey = str_of("UX"), .sig = str_of("AAAA"), .way = AUTH_TCP};
    assert_int_equal(auth_check(&config, &given).verdict, AUTH_REFUSED);
    assert_false(lets_in("UX", "", ""));
}

static void a_certificate_counts_alone(void **state)
{
    (void)state;
    static struct auth_user a;
    a = (struct auth_user){.name = "a", .password = "1"};
    add_user(&a);
    struct auth_credentials given = {.user = str_of("a"),
                                     .pass = str_of("1"),
                                     .by_certificate = true,
                                     .way = AUTH_TCP};
    assert_int_equal(auth_check(&config, &given).verdict, AUTH_REFUSED);
    given.certified = &a;
    assert_int_equal(auth_check(&config, &given).verdict, AUTH_WELCOME);
}

static void same_users(void **state)
{
    (void)state;
    const struct auth_user a = {.name = "a", .password = "1"};
    const struct auth_user other[] = {
        {.name = "a", .password = "1"},
        {.name = "a", .password = "2"},
        {.name = "a"},
        {.name = "a", .password = "1", .account = "X"}};
    assert_true(auth_user_same(&a, &other[0]));
    for (size_t i = 1; i < COUNT(other); i++)
        assert_false(auth_user_same(&a, &other[i]));
}

/* ---- hashes ---- */

static void known_hashes(void **state)
{
    (void)state;
    /* From the test vectors of bcrypt's author, and of the Openwall one. */
    static const char *const hash =
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    assert_true(password_is_hash(hash));
    assert_true(password_matches_hash(hash, "U*U"));
    assert_false(password_matches_hash(hash, "U*V"));
    assert_false(password_matches_hash(hash, ""));
}

static void what_is_no_hash(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "$", "$2", "$2a", "2a$", "$1$x", "$3a$05$", "$2c$05$", "secret"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(password_is_hash(texts[i]));
    assert_true(password_is_hash("$2y$10$"));
    assert_false(password_matches_hash("$2y$10$", "x"));
    assert_false(password_matches_hash("$2a$99$CCCCCCCCCCCCCCCCCCCCC.", "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody, setup, teardown),
        cmocka_unit_test_setup_teardown(user_and_password, setup, teardown),
        cmocka_unit_test_setup_teardown(several_users, setup, teardown),
        cmocka_unit_test_setup_teardown(token, setup, teardown),
        cmocka_unit_test_setup_teardown(who_brings_nothing_may_be_somebody,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_is_left_to_be_checked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_user_is_bound_to_ways, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_nkey_needs_its_signature, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_certificate_counts_alone, setup,
                                        teardown),
        cmocka_unit_test(same_users),
        cmocka_unit_test(known_hashes),
        cmocka_unit_test(what_is_no_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
