/* Connection strings, and errors that keep the password to themselves. */
#include "unit/test.h"

#include <errno.h>

#include "lib/pg.h"

#define PASSWORD "s3cret'\\ pass"

/* libpq's reading of the connection string. */
static void assert_setting(const char *conninfo, const char *key,
                           const char *expected)
{
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &error);
    if (options == NULL)
        fail_msg("%s: %s", conninfo, error);
    const char *value = NULL;
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, key) == 0)
            value = o->val;
    if (expected == NULL)
        assert_null(value);
    else if (value == NULL)
        fail_msg("%s is not set", key);
    else
        assert_string_equal(value, expected);
    PQconninfoFree(options);
}

static void settings_read_back_whatever_is_in_them(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "plain", "with space", "it's",         "back\\slash",
        "\\'",   "a='b'",      "\xC3\xA9\n\t", "host=evil port=1",
        "'"};
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct pg_settings s = {.host = odd[i],
                                .user = odd[i],
                                .password = odd[i],
                                .name = odd[i],
                                .port = 5433};
        char *conninfo = pg_conninfo(&s, "tester");
        assert_setting(conninfo, "host", odd[i]);
        assert_setting(conninfo, "user", odd[i]);
        assert_setting(conninfo, "password", odd[i]);
        assert_setting(conninfo, "dbname", odd[i]);
        assert_setting(conninfo, "port", "5433");
        free(conninfo);
    }
}

static void what_is_empty_is_left_to_libpq(void **state)
{
    (void)state;
    struct pg_settings s = {.host = "", .name = "nexus", .port = 5432};
    char *conninfo = pg_conninfo(&s, "tester");
    assert_setting(conninfo, "host", NULL);
    assert_setting(conninfo, "user", NULL);
    assert_setting(conninfo, "password", NULL);
    assert_setting(conninfo, "dbname", "nexus");
    free(conninfo);
}

static void the_url_wins(void **state)
{
    (void)state;
    struct pg_settings s = {.url = "postgresql://u:p@h:1/d",
                            .host = "other",
                            .name = "other",
                            .port = 5432};
    char *conninfo = pg_conninfo(&s, "tester");
    assert_string_equal(conninfo, s.url);
    free(conninfo);
    s.url = "";
    conninfo = pg_conninfo(&s, "tester");
    assert_setting(conninfo, "host", "other");
    free(conninfo);
}

static void the_program_names_its_connections(void **state)
{
    (void)state;
    unsetenv("PGAPPNAME");
    struct pg_settings s = {.url = "postgresql:///d"};
    free(pg_conninfo(&s, "collector-7"));
    assert_string_equal(getenv("PGAPPNAME"), "collector-7");
    free(pg_conninfo(&s, "another"));
    assert_string_equal(getenv("PGAPPNAME"), "collector-7");
}

static void
connecting_takes_seconds_unless_somebody_says_otherwise(void **state)
{
    (void)state;
    struct pg_settings s = {.url = "postgresql:///d"};
    unsetenv("PGCONNECT_TIMEOUT");
    free(pg_conninfo(&s, "tester"));
    assert_string_equal(getenv("PGCONNECT_TIMEOUT"), "10");
    setenv("PGCONNECT_TIMEOUT", "3", 1);
    free(pg_conninfo(&s, "tester"));
    assert_string_equal(getenv("PGCONNECT_TIMEOUT"), "3");
}

static void connect_in_vain(const char *conninfo, struct errmsg *err)
{
    PGconn *conn = PQconnectdb(conninfo);
    assert_int_not_equal(PQstatus(conn), CONNECTION_OK);
    pg_error(conn, err, "the database does not answer");
    PQfinish(conn);
}

static void an_error_is_one_line_without_the_password(void **state)
{
    (void)state;
    struct pg_settings s = {.host = "/nonexistent",
                            .user = "nexus",
                            .password = PASSWORD,
                            .name = "nexus",
                            .port = 5432};
    char *conninfo = pg_conninfo(&s, "tester");
    struct errmsg err;
    connect_in_vain(conninfo, &err);
    free(conninfo);
    assert_contains(err.text, "the database does not answer: connection to ");
    assert_contains(err.text, "/nonexistent");
    assert_null(strpbrk(err.text, "\r\n"));
    assert_null(strstr(err.text, "s3cret"));
}

static void a_string_that_cannot_be_read_is_known_at_once(void **state)
{
    (void)state;
    struct errmsg err = {.text = ""};
    assert_int_equal(pg_check_conninfo("postgresql:///nexus", &err), 0);
    assert_int_equal(pg_check_conninfo("host=/tmp dbname='a b'", &err), 0);
    assert_string_equal(err.text, "");
    const char *broken = "postgresql://nexus:" PASSWORD "%zz@/nexus";
    assert_int_equal(pg_check_conninfo(broken, &err), -EINVAL);
    assert_contains(err.text, "DATABASE_URL cannot be read");
    assert_null(strstr(err.text, "s3cret"));
}

static void a_string_that_cannot_be_read_is_not_repeated(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "postgresql://nexus:s3cret%zz@h/d",
        "postgresql://nexus:s3cret@[::1/d",
        "s3cret",
        "password=s3cret host",
        "password='s3cret",
        "postgresql://nexus:s3cret@h/d?no_such=s3cret"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct errmsg err;
        connect_in_vain(bad[i], &err);
        assert_string_equal(
            err.text,
            "the database does not answer: DATABASE_URL cannot be read: "
            "expected postgresql://user:password@host:port/name with odd "
            "characters as %XX");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_read_back_whatever_is_in_them),
        cmocka_unit_test(what_is_empty_is_left_to_libpq),
        cmocka_unit_test(the_url_wins),
        cmocka_unit_test(the_program_names_its_connections),
        cmocka_unit_test(
            connecting_takes_seconds_unless_somebody_says_otherwise),
        cmocka_unit_test(an_error_is_one_line_without_the_password),
        cmocka_unit_test(a_string_that_cannot_be_read_is_known_at_once),
        cmocka_unit_test(a_string_that_cannot_be_read_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
