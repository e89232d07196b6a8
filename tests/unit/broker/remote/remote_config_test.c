/* remote_config: URLs and lists of other servers. */
#include "tests/unit/test.h"

#include "broker/remote/remote_config.h"

static void check(const char *text, const char *host, const char *port,
                  const char *user, const char *pass)
{
    struct remote_url url;
    struct errmsg err = {0};
    assert_int_equal(remote_url_parse(&url, text, &err), 0);
    assert_string_equal(url.host, host);
    assert_string_equal(url.port, port);
    assert_true(user == NULL ? url.user == NULL : strcmp(url.user, user) == 0);
    assert_true(pass == NULL ? url.pass == NULL : strcmp(url.pass, pass) == 0);
    remote_url_fini(&url);
}

static void urls(void **state)
{
    (void)state;
    check("nats://a", "a", "4222", NULL, NULL);
    check("nats://a.example:1/", "a.example", "1", NULL, NULL);
    check("nats://u:p@h:99", "h", "99", "u", "p");
    check("nats://u:p@ss@h", "h", "4222", "u", "p@ss");
    check("nats://u%3a:%70%20@h", "h", "4222", "u:", "p ");
    check("nats://token@h", "h", "4222", "token", NULL);
    check("nats://[::1]:5", "::1", "5", NULL, NULL);
    check("nats://[fe80::1]", "fe80::1", "4222", NULL, NULL);
    check("tls://u:p@h", "h", "4222", "u", "p");
}

static void wrong_urls(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "a",           "http://a",     "nats://",
        "nats://:5",  "nats://a:",   "nats://a:0",   "nats://a:65536",
        "nats://a:x", "nats://[::1", "nats://u%@a",  "nats://u%0@a",
        "nats://@",   "nats://[]",   "nats://%00@a", "nats://u:%zz@a"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct remote_url url;
        struct errmsg err = {0};
        if (remote_url_parse(&url, wrong[i], &err) == 0)
            fail_msg("%s was taken", wrong[i]);
        assert_true(err.text[0] != '\0');
        remote_url_fini(&url);
    }
}

static void an_error_never_shows_the_secret(void **state)
{
    (void)state;
    struct remote_config remotes[REMOTES_MAX];
    struct errmsg err = {0};
    size_t count;
    assert_true(remote_list_parse("HUB=nats://u:secret@a:x", remotes, &count,
                                  &err) != 0);
    assert_null(strstr(err.text, "secret"));
    assert_true(
        remote_list_parse("nats://u:secret=@a", remotes, &count, &err) != 0);
    assert_null(strstr(err.text, "secret"));
}

static void lists(void **state)
{
    (void)state;
    struct remote_config remotes[REMOTES_MAX];
    struct errmsg err = {0};
    size_t count = 9;
    assert_int_equal(remote_list_parse(NULL, remotes, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(remote_list_parse("HUB=nats://a,EAST=nats://b:1", remotes,
                                       &count, &err),
                     0);
    assert_int_equal(count, 2);
    assert_string_equal(remotes[1].domain, "EAST");
    assert_string_equal(remotes[1].url, "nats://b:1");
    assert_true(remote_list_parse("HUB", remotes, &count, &err) != 0);
    assert_true(remote_list_parse("A.B=nats://a", remotes, &count, &err) != 0);
    assert_int_equal(remote_list_parse("HUB=nats://a", remotes, &count, &err),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls), cmocka_unit_test(wrong_urls),
        cmocka_unit_test(an_error_never_shows_the_secret),
        cmocka_unit_test(lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
