/* Log lines as they leave on standard error. */
#include "unit/capture.h"

#include <math.h>
#include <pthread.h>

#include "lib/json.h"
#include "lib/log.h"
#include "lib/timestamp.h"

static struct buf lines;

static int set_up(void **state)
{
    (void)state;
    log_setup("tester", LOG_DEBUG, LOG_LOGFMT);
    log_set_correlation(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&lines);
    return 0;
}

/* Runs the statement and leaves what it logged in lines. */
#define LOGGED(statement)                                \
    do {                                                 \
        buf_reset(&lines);                               \
        struct capture c = capture_begin(STDERR_FILENO); \
        statement;                                       \
        capture_end(c, &lines);                          \
    } while (0)

/* The line without its time, which must be one, and its end. */
static struct str behind_time(void)
{
    struct str line = buf_str(&lines);
    int64_t ns;
    assert_true(line.len > 25);
    assert_int_equal(line.p[line.len - 1], '\n');
    assert_int_equal(timestamp_parse(str_make(line.p, 24), &ns), 0);
    assert_int_equal(line.p[24], ' ');
    return str_make(line.p + 25, line.len - 26);
}

static void logfmt_is_time_level_program_message_fields(void **state)
{
    (void)state;
    LOGGED(log_info("batch written", LOG_I64("rows", -5),
                    LOG_STR("id", "collector-1"), LOG_DOUBLE("share", 0.5),
                    LOG_SLICE("part", str_make("abc", 2))));
    assert_str(behind_time(), "info  tester: batch written rows=-5 "
                              "id=collector-1 share=0.5 part=ab");
    LOGGED(log_error("gone"));
    assert_str(behind_time(), "error tester: gone");
    LOGGED(log_warn("hm"));
    assert_str(behind_time(), "warn  tester: hm");
    LOGGED(log_debug("psst", LOG_DOUBLE("x", NAN)));
    assert_str(behind_time(), "debug tester: psst x=null");
}

static void what_could_be_misread_is_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"plain/value:1", "plain/value:1"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"no\"", "\"say \\\"no\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nbreak", "\"line\\nbreak\""},
        {"\x1b[31m", "\"\\u001b[31m\""},
        {"\x7f", "\"\x7f\""},
        {"gr\xC3\xBC\xC3\x9F", "\"gr\xC3\xBC\xC3\x9F\""},
        {"bad\xFF", "\"bad\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf expected = {0};
        LOGGED(log_info("m", LOG_STR("v", cases[i].value)));
        buf_printf(&expected, "info  tester: m v=%s", cases[i].written);
        assert_str(behind_time(), buf_text(&expected));
        buf_fini(&expected);
    }
    LOGGED(log_info("m", LOG_SLICE("v", str_make("a\0b", 3)),
                    LOG_STR("none", NULL)));
    assert_str(behind_time(), "info  tester: m v=\"a\\u0000b\" none=\"\"");
}

static void levels_below_the_least_are_silent(void **state)
{
    (void)state;
    log_setup("tester", LOG_WARN, LOG_LOGFMT);
    int evaluated = 0;
    LOGGED(log_info("no", LOG_I64("n", ++evaluated)));
    assert_int_equal(lines.len, 0);
    assert_int_equal(evaluated, 0);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    LOGGED(log_error("yes", LOG_I64("n", ++evaluated)));
    assert_str(behind_time(), "error tester: yes n=1");
}

static void assert_member(struct json object, const char *name, const char *raw)
{
    assert_str(json_raw(json_get(object, name)), raw);
}

static void json_lines_are_objects(void **state)
{
    (void)state;
    log_setup("tester", LOG_INFO, LOG_JSON);
    log_set_correlation("01ARZ");
    LOGGED(log_info("batch written", LOG_I64("rows", 7),
                    LOG_STR("path", "a \"b\"\n\xFF"), LOG_DOUBLE("s", 1.25),
                    LOG_DOUBLE("nan", NAN)));
    struct arena arena = {0};
    struct json_doc doc;
    assert_int_equal(json_parse(&doc, buf_str(&lines), &arena, NULL), 0);
    struct json line = json_root(&doc);
    int64_t ns;
    assert_int_equal(timestamp_parse(json_raw(json_get(line, "time")), &ns), 0);
    assert_member(line, "level", "info");
    assert_member(line, "program", "tester");
    assert_member(line, "message", "batch written");
    assert_member(line, "rows", "7");
    assert_member(line, "path", "a \\\"b\\\"\\n\xEF\xBF\xBD");
    assert_member(line, "s", "1.25");
    assert_member(line, "nan", "null");
    assert_member(line, "correlation_id", "01ARZ");
    assert_int_equal(json_count(line), 9);
    assert_ptr_equal(memchr(lines.data, '\n', lines.len),
                     lines.data + lines.len - 1);
    arena_fini(&arena);
}

static void *log_alone(void *arg)
{
    (void)arg;
    log_info("other");
    return NULL;
}

static void the_correlation_is_the_threads_own(void **state)
{
    (void)state;
    pthread_t other;
    log_set_correlation("req 1");
    LOGGED(log_info("mine", LOG_I64("n", 1)));
    assert_str(behind_time(),
               "info  tester: mine n=1 correlation_id=\"req 1\"");
    LOGGED(pthread_create(&other, NULL, log_alone, NULL);
           pthread_join(other, NULL));
    assert_str(behind_time(), "info  tester: other");
    log_set_correlation(NULL);
    LOGGED(log_info("mine"));
    assert_str(behind_time(), "info  tester: mine");
}

#define THREADS    4
#define LINES_EACH 500
#define LONG_TEXT  "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghij"

static void *log_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < LINES_EACH; i++)
        log_info("many", LOG_STR("text", LONG_TEXT));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    LOGGED(for (int i = 0; i < THREADS; i++)
               pthread_create(&threads[i], NULL, log_many, NULL);
           for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL));
    static const char tail[] = "Z info  tester: many text=" LONG_TEXT;
    int count = 0;
    for (char *
             rest = NULL,
            *line = strtok_r((char *)(uintptr_t)buf_text(&lines), "\n", &rest);
         line != NULL; line = strtok_r(NULL, "\n", &rest), count++)
        assert_string_equal(strchr(line, 'Z'), tail);
    assert_int_equal(count, THREADS * LINES_EACH);
}

#define log_test(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(logfmt_is_time_level_program_message_fields),
        log_test(what_could_be_misread_is_quoted),
        log_test(levels_below_the_least_are_silent),
        log_test(json_lines_are_objects),
        log_test(the_correlation_is_the_threads_own),
        log_test(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
