/* The parser of request heads: what it takes, what it refuses, and that it
 * reads no byte behind the text (an unreadable page stands there). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/http_head.h"

/* The text's copy ends where readable memory does. */
static struct str guarded(const char *text, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    static char *map;
    if (map == NULL) {
        map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(map, MAP_FAILED);
        assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    }
    assert_true(len <= page);
    char *copy = map + page - len;
    memmove(copy, text, len);
    return str_make(copy, len);
}

static int parse(const char *text, struct http_head *head)
{
    const char *why = NULL;
    int status = http_head_parse(guarded(text, strlen(text)), head, &why);
    if (status != 0)
        assert_non_null(why);
    return status;
}

static void assert_text(struct str s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.p, text, s.len);
}

static void head_is_cut_into_its_parts(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(parse("GET /a/b%20c?x=1&y HTTP/1.1\r\nHost: h\r\n"
                           "X-One:\t two words \r\nEmpty:\r\n\r\n",
                           &head),
                     0);
    assert_text(head.method, "GET");
    assert_text(head.path, "/a/b%20c");
    assert_text(head.query, "x=1&y");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.field_count, 3);
    assert_text(http_head_field(&head, str_of("x-one")), "two words");
    assert_text(http_head_field(&head, str_of("empty")), "");
    assert_text(http_head_field(&head, str_of("absent")), "");
    assert_true(head.keep_alive);
    assert_true(head.content_length == -1);
}

static void absolute_target_loses_its_authority(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(
        parse("GET HTTP://h:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n", &head), 0);
    assert_text(head.path, "/p");
    assert_text(head.query, "q");
    assert_int_equal(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", &head),
                     0);
    assert_text(head.path, "/");
}

static void connection_lasts_as_the_fields_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_head head;
        assert_int_equal(parse(cases[i].text, &head), 0);
        assert_int_equal(head.keep_alive, cases[i].keep_alive);
    }
}

static void framing_fields_are_read(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12"
                           "\r\nExpect: 100-continue\r\n\r\n",
                           &head),
                     0);
    assert_true(head.content_length == 12);
    assert_true(head.expect_continue);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: h\r\n"
                           "Transfer-Encoding: Chunked\r\n\r\n",
                           &head),
                     0);
    assert_true(head.chunked);
}

static void doubtful_heads_are_refused(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "GET\r\n\r\n"},
        {400, "GET /\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
        {400, "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
        {505, "GET / HTTP/1.2\r\nHost: h\r\n\r\n"},
        {400, "GET / http/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
              "Content-Length: 2\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: h\r\n"
              "Transfer-Encoding: chunked, chunked\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_head head;
        int status = parse(cases[i].text, &head);
        if (status != cases[i].status)
            fail_msg("%d, not %d: %s", status, cases[i].status, cases[i].text);
    }
}

static void fields_have_a_limit(void **state)
{
    (void)state;
    char text[HTTP_FIELDS_MAX * 8 + 64];
    struct http_head head;
    for (int extra = 0; extra <= 1; extra++) {
        size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
        for (int i = 1; i < HTTP_FIELDS_MAX + extra; i++)
            len += (size_t)sprintf(text + len, "A: b\r\n");
        strcpy(text + len, "\r\n");
        assert_int_equal(parse(text, &head), extra ? 431 : 0);
    }
}

/* However the bytes arrive, the end is found once and in the same place. */
static void end_is_found_byte_by_byte(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
    };
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t seen = 0, len = strlen(texts[t]);
        for (size_t n = 0; n < len; n++)
            assert_int_equal(http_head_end(guarded(texts[t], n), &seen), 0);
        assert_int_equal(http_head_end(guarded(texts[t], len), &seen), len);
        size_t fresh = 0;
        assert_int_equal(http_head_end(str_of(texts[t]), &fresh), len);
    }
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str out;
    static const struct {
        const char *text, *plain;
        bool plus;
    } good[] = {
        {"", "", false},        {"a%2Fb", "a/b", false},
        {"a+b", "a+b", false},  {"a+b%2b", "a b+", true},
        {"%c3%A9", "é", false}, {"%25", "%", true},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct str text = guarded(good[i].text, strlen(good[i].text));
        assert_int_equal(http_unescape(text, good[i].plus, &arena, &out), 0);
        assert_text(out, good[i].plain);
    }
    static const char *const bad[] = {"%",   "%4",  "a%",     "%4g",
                                      "%g4", "%00", "%ff%fe", "%ed%a0%80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct str text = guarded(bad[i], strlen(bad[i]));
        assert_int_equal(http_unescape(text, false, &arena, &out), -EINVAL);
    }
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_cut_into_its_parts),
        cmocka_unit_test(absolute_target_loses_its_authority),
        cmocka_unit_test(connection_lasts_as_the_fields_say),
        cmocka_unit_test(framing_fields_are_read),
        cmocka_unit_test(doubtful_heads_are_refused),
        cmocka_unit_test(fields_have_a_limit),
        cmocka_unit_test(end_is_found_byte_by_byte),
        cmocka_unit_test(escapes_are_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
