/* A program's settings: where they come from and what is refused. */
#include "unit/capture.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/opts.h"

static struct {
    const char *name, *password;
    bool loop;
    int64_t batch, count, size, port;
    int64_t interval, pause;
    int format;
} got;

static const char *const formats[] = {"logfmt", "json", NULL};

static const struct opt table[] = {
    {.flag = "name",
     .alias = "n",
     .env = "TEST_NAME",
     .type = OPT_TEXT,
     .value = &got.name,
     .initial = "nobody",
     .help = "who"},
    {.flag = "test-password",
     .type = OPT_TEXT,
     .value = &got.password,
     .initial = "changeme",
     .secret = true,
     .help = "what nobody sees"},
    {.flag = "test-loop",
     .type = OPT_BOOL,
     .value = &got.loop,
     .help = "again and again"},
    {.flag = "test-batch",
     .alias = "b",
     .type = OPT_INT,
     .value = &got.batch,
     .initial = "100",
     .min = 1,
     .max = 10000,
     .help = "how many"},
    {.flag = "test-count",
     .env = "",
     .type = OPT_INT,
     .value = &got.count,
     .help = "any number"},
    {.flag = "test-size",
     .type = OPT_SIZE,
     .value = &got.size,
     .initial = "1MB",
     .min = 1024,
     .max = INT64_C(1) << 40,
     .help = "how large"},
    {.flag = "test-interval",
     .type = OPT_DURATION,
     .value = &got.interval,
     .initial = "1s",
     .min = NS_PER_MS,
     .max = 86400 * NS_PER_S,
     .help = "how often"},
    {.flag = "test-port",
     .type = OPT_INT,
     .value = &got.port,
     .initial = "0",
     .max = 65535,
     .help = "where"},
    {.flag = "test-pause",
     .type = OPT_DURATION,
     .value = &got.pause,
     .initial = "0s",
     .help = "how long not"},
    {.flag = "test-format",
     .type = OPT_CHOICE,
     .value = &got.format,
     .choices = formats,
     .initial = "logfmt",
     .help = "how it looks"},
    OPTS_END,
};

static const char *const variables[] = {
    "TEST_PORT",  "TEST_PAUSE", "TEST_NAME", "TEST_PASSWORD", "TEST_LOOP",
    "TEST_BATCH", "TEST_COUNT", "TEST_SIZE", "TEST_INTERVAL", "TEST_FORMAT"};

static struct errmsg err;

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(variables); i++)
        unsetenv(variables[i]);
    return 0;
}

#define ARGUMENTS_MAX 8

/* Parses the arguments, NULL at the end. */
static int parse(const char *first, ...)
{
    char *argv[ARGUMENTS_MAX] = {(char[]){"program"}, (char *)(uintptr_t)first};
    int argc = 1;
    va_list rest;
    va_start(rest, first);
    while (argv[argc] != NULL)
        argv[++argc] = va_arg(rest, char *);
    va_end(rest);
    memset(&got, 0xA5, sizeof got);
    err.text[0] = '\0';
    return opts_parse(table, "program", "does things", argc, argv, &err);
}

#define assert_taken(...) assert_int_equal(parse(__VA_ARGS__, NULL), 0)

#define assert_refused(message, ...)                         \
    do {                                                     \
        assert_int_equal(parse(__VA_ARGS__, NULL), -EINVAL); \
        assert_string_equal(err.text, message);              \
    } while (0)

static void defaults_fill_every_value(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL), 0);
    assert_string_equal(got.name, "nobody");
    assert_string_equal(got.password, "changeme");
    assert_false(got.loop);
    assert_int_equal(got.batch, 100);
    assert_int_equal(got.count, 0);
    assert_int_equal(got.size, 1024 * 1024);
    assert_true(got.interval == NS_PER_S);
    assert_int_equal(got.format, 0);
}

static void a_flag_is_written_in_several_ways(void **state)
{
    (void)state;
    assert_taken("--test-batch", "500");
    assert_int_equal(got.batch, 500);
    assert_taken("--test-batch=501");
    assert_int_equal(got.batch, 501);
    assert_taken("-test-batch", "502");
    assert_int_equal(got.batch, 502);
    assert_taken("-b", "503", "-n=x=y");
    assert_int_equal(got.batch, 503);
    assert_string_equal(got.name, "x=y");
    assert_taken("--name", "--strange");
    assert_string_equal(got.name, "--strange");
    assert_taken("--name=");
    assert_string_equal(got.name, "");
}

static void the_flag_wins_over_the_environment(void **state)
{
    (void)state;
    setenv("TEST_BATCH", "7", 1);
    setenv("TEST_NAME", "someone", 1);
    assert_int_equal(parse(NULL), 0);
    assert_int_equal(got.batch, 7);
    assert_string_equal(got.name, "someone");
    assert_taken("--test-batch", "8");
    assert_int_equal(got.batch, 8);
    assert_taken("--test-batch", "8", "--test-batch", "9");
    assert_int_equal(got.batch, 9);
}

static void an_empty_variable_is_not_set(void **state)
{
    (void)state;
    setenv("TEST_BATCH", "", 1);
    setenv("TEST_COUNT", "5", 1); /* has none by that name */
    assert_int_equal(parse(NULL), 0);
    assert_int_equal(got.batch, 100);
    assert_int_equal(got.count, 0);
}

static void bools_are_said_in_many_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "YES", "on", "1"};
    static const char *const no[] = {"false", "no", "Off", "0"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        setenv("TEST_LOOP", yes[i], 1);
        assert_int_equal(parse(NULL), 0);
        assert_true(got.loop);
        setenv("TEST_LOOP", no[i], 1);
        assert_int_equal(parse(NULL), 0);
        assert_false(got.loop);
    }
    assert_taken("--test-loop");
    assert_true(got.loop);
    setenv("TEST_LOOP", "true", 1);
    assert_taken("--test-loop=false");
    assert_false(got.loop);
    assert_refused("--test-loop is \"maybe\": expected true or false",
                   "--test-loop=maybe");
    assert_refused("unexpected argument \"false\"", "--test-loop", "false");
}

static void numbers_stay_in_their_range(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0", "10001", "-1", "1.5", "x", "", "99999999999999999999", "1k"};
    assert_taken("--test-batch", "1");
    assert_taken("--test-batch", "10000");
    assert_taken("--test-port", "65535");
    assert_refused("--test-port is \"65536\": expected a whole number from 0 "
                   "to 65535",
                   "--test-port", "65536");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct errmsg expected;
        errmsg_set(&expected, 0,
                   "--test-batch is \"%s\": expected a whole number from 1 to "
                   "10000",
                   bad[i]);
        assert_refused(expected.text, "--test-batch", bad[i]);
    }
    setenv("TEST_BATCH", "many", 1);
    assert_refused(
        "TEST_BATCH is \"many\": expected a whole number from 1 to 10000",
        "--test-batch", "5");
}

static void without_a_range_only_the_negative_is_refused(void **state)
{
    (void)state;
    assert_taken("--test-count", "9223372036854775807");
    assert_true(got.count == INT64_MAX);
    assert_taken("--test-count", "0");
    assert_refused(
        "--test-count is \"-1\": expected a whole number, not negative",
        "--test-count", "-1");
    assert_taken("--test-pause", "9999d");
    assert_refused(
        "--test-pause is \"-1s\": expected a duration such as 250ms, "
        "5s or 2m, not negative",
        "--test-pause", "-1s");
}

static void sizes_have_units_of_1024(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"1024", 1024},
        {"2000B", 2000},
        {"64KB", 64 << 10},
        {"64k", 64 << 10},
        {"16MiB", 16 << 20},
        {"16m", 16 << 20},
        {"3gb", INT64_C(3) << 30},
        {"1T", INT64_C(1) << 40},
    };
    static const char *const bad[] = {"1023",
                                      "2TB",
                                      "MB",
                                      "-1K",
                                      "1.5M",
                                      "1 MB",
                                      "1XB",
                                      "1KX",
                                      "1KiBB",
                                      "",
                                      "9223372036854775807K"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_taken("--test-size", cases[i].text);
        assert_true(got.size == cases[i].bytes);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(parse("--test-size", bad[i], NULL), -EINVAL);
    assert_refused("--test-size is \"1\": expected a size such as 64MB from "
                   "1024 to 1099511627776",
                   "--test-size", "1");
}

static void durations_have_units(void **state)
{
    (void)state;
    assert_taken("--test-interval", "250ms");
    assert_true(got.interval == 250 * NS_PER_MS);
    assert_taken("--test-interval", "2");
    assert_true(got.interval == 2 * NS_PER_S);
    assert_taken("--test-interval", "1d");
    assert_true(got.interval == 86400 * NS_PER_S);
    assert_refused("--test-interval is \"25h\": expected a duration such as "
                   "250ms, 5s or 2m from 1ms to 1d",
                   "--test-interval", "25h");
    assert_refused("--test-interval is \"soon\": expected a duration such as "
                   "250ms, 5s or 2m from 1ms to 1d",
                   "--test-interval=soon");
}

static void a_choice_is_one_of_its_names(void **state)
{
    (void)state;
    assert_taken("--test-format", "json");
    assert_int_equal(got.format, 1);
    assert_taken("--test-format", "LogFmt");
    assert_int_equal(got.format, 0);
    assert_refused("--test-format is \"xml\": expected one of logfmt, json",
                   "--test-format", "xml");
}

static void what_is_no_option_is_refused(void **state)
{
    (void)state;
    assert_refused("unknown option \"--no-such\": --help lists them",
                   "--no-such");
    assert_refused("unknown option \"-x\": --help lists them", "-x");
    assert_refused("unknown option \"--\": --help lists them", "--");
    assert_refused("unknown option \"--test-batchx\": --help lists them",
                   "--test-batchx", "5");
    assert_refused("unexpected argument \"file.csv\"", "file.csv");
    assert_refused("unexpected argument \"-\"", "-");
    assert_refused("unexpected argument \"\"", "");
    assert_refused("--test-batch needs a value", "--test-batch");
    assert_refused("--test-batch needs a value", "-b");
}

static void a_secret_is_never_printed(void **state)
{
    (void)state;
    static const struct opt secrets[] = {
        {.flag = "test-pin",
         .type = OPT_INT,
         .value = &got.count,
         .secret = true,
         .help = "a number"},
        OPTS_END,
    };
    char *argv[] = {(char[]){"program"}, (char[]){"--test-pin=12x4"}, NULL};
    assert_int_equal(opts_parse(secrets, "program", "", 2, argv, &err),
                     -EINVAL);
    assert_string_equal(
        err.text,
        "--test-pin is \"***\": expected a whole number, not negative");
    /* A slip of the finger does not make it public either. */
    assert_refused("unknown option \"--test-pasword\": --help lists them",
                   "--test-pasword=hunter2");
}

static void help_lists_every_option(void **state)
{
    (void)state;
    struct buf out = {0};
    setenv("TEST_BATCH", "bad", 1);
    struct capture c = capture_begin(STDOUT_FILENO);
    int rc = parse("--no-such", "--help", NULL);
    capture_end(c, &out);
    assert_int_equal(rc, 1);
    const char *help = buf_text(&out);
    assert_contains(help, "program: does things\n");
    for (const struct opt *o = table; o->flag != NULL; o++) {
        assert_contains(help, o->flag);
        assert_contains(help, o->help);
    }
    assert_contains(help, "--name, -n");
    assert_contains(help, "(a whole number from 1 to 10000; default 100; "
                          "TEST_BATCH)");
    assert_contains(help, "one of logfmt, json; default logfmt");
    assert_contains(help, "TEST_PASSWORD");
    assert_null(strstr(help, "changeme"));
    assert_null(strstr(help, "TEST_COUNT"));
    buf_fini(&out);
}

static void parse_a_table_with_a_bad_default(void)
{
    static const struct opt wrong[] = {
        {.flag = "test-batch",
         .type = OPT_INT,
         .value = &got.batch,
         .initial = "0",
         .min = 1,
         .max = 2},
        OPTS_END,
    };
    char *argv[] = {(char[]){"program"}, NULL};
    opts_parse(wrong, "program", "", 1, argv, &err);
}

static void a_default_out_of_range_stops_the_program(void **state)
{
    (void)state;
    assert_aborts(parse_a_table_with_a_bad_default);
}

#define opts_test(t) cmocka_unit_test_setup(t, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        opts_test(defaults_fill_every_value),
        opts_test(a_flag_is_written_in_several_ways),
        opts_test(the_flag_wins_over_the_environment),
        opts_test(an_empty_variable_is_not_set),
        opts_test(bools_are_said_in_many_words),
        opts_test(numbers_stay_in_their_range),
        opts_test(without_a_range_only_the_negative_is_refused),
        opts_test(sizes_have_units_of_1024),
        opts_test(durations_have_units),
        opts_test(a_choice_is_one_of_its_names),
        opts_test(what_is_no_option_is_refused),
        opts_test(a_secret_is_never_printed),
        opts_test(help_lists_every_option),
        opts_test(a_default_out_of_range_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
