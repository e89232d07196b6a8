/* The CSV reader: every corner of RFC 4180, limits, and what is malformed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/streamer/csv.h"
#include "lib/buf.h"

static struct csv_row row;
static struct errmsg err;

/* ---- one row ---- */

/* Text that ends where the next byte cannot be read. */
struct guarded {
    char *map;
    size_t pages;
    const char *text;
};

static struct guarded guard(const char *text, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guarded g = {.pages = (len / page + 2) * page};
    g.map = mmap(NULL, g.pages, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(g.map, MAP_FAILED);
    char *wall = g.map + g.pages - page;
    assert_int_equal(mprotect(wall, page, PROT_NONE), 0);
    memcpy(wall - len, text, len);
    g.text = wall - len;
    return g;
}

static void unguard(struct guarded *g)
{
    munmap(g->map, g->pages);
}

static ssize_t parse(const char *text, size_t len, bool last)
{
    struct guarded g = guard(text, len);
    ssize_t used = csv_parse_row(str_make(g.text, len), last, &row, &err);
    /* The row borrows from the guarded page: let it point to text. */
    for (int i = 0; used > 0 && i < row.count; i++)
        row.fields[i].raw.p = text + (row.fields[i].raw.p - g.text);
    unguard(&g);
    return used;
}

static void assert_field(int i, const char *expected)
{
    struct arena arena = {0};
    struct str text = csv_text(&row.fields[i], &arena);
    char *copy = arena_text(&arena, text);
    assert_string_equal(copy, expected);
    arena_fini(&arena);
}

/* A row and what its fields are; complete in itself, with a line end. However
 * little of it has come, the parser asks for more; never does it refuse. */
static void check_row(const char *text, int count, const char *const *fields)
{
    size_t len = strlen(text);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse(text, n, false), 0);
    assert_int_equal(parse(text, len, false), len);
    assert_int_equal(row.count, count);
    for (int i = 0; i < count; i++)
        assert_field(i, fields[i]);
}

#define ROW(text, ...)                                                      \
    check_row(text, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
              (const char *[]){__VA_ARGS__})

static void rows_of_every_kind(void **state)
{
    (void)state;
    ROW("a,b,c\n", "a", "b", "c");
    ROW("a,b,c\r\n", "a", "b", "c");
    ROW(",,\n", "", "", "");
    ROW(",\r\n", "", "");
    ROW("\n", "");
    ROW("\"a\",\"b\"\n", "a", "b");
    ROW("\"a\",\"b\"\r\n", "a", "b");
    ROW("\"\",\"\"\n", "", "");
    ROW("\"a,b\",c\n", "a,b", "c");
    ROW("\"a\nb\",\"c\r\nd\"\n", "a\nb", "c\r\nd");
    ROW("\"say \"\"hi\"\"\",x\n", "say \"hi\"", "x");
    ROW("\"\"\"\",\"\"\"\"\"\"\n", "\"", "\"\"");
    ROW("a\rb,c\n", "a\rb", "c");
    ROW(" a , b \n", " a ", " b ");
    ROW("\xC3\xBC,\xFF\n", "\xC3\xBC", "\xFF");
    ROW("0123456789abcdef0123456789abcdef,0123456789abcdef\n",
        "0123456789abcdef0123456789abcdef", "0123456789abcdef");
    ROW("\"0123456789abcdef0123456789abc\"\"ef\",0123456789abcdef0\n",
        "0123456789abcdef0123456789abc\"ef", "0123456789abcdef0");
}

static void nothing_is_copied_that_needs_no_unescaping(void **state)
{
    (void)state;
    static const char text[] = "plain,\"quoted\",\"doub\"\"led\"\n";
    struct arena arena = {0};
    parse(text, strlen(text), false);
    assert_ptr_equal(csv_text(&row.fields[0], &arena).p, text);
    assert_ptr_equal(csv_text(&row.fields[1], &arena).p, text + 7);
    assert_int_equal(arena.allocated, 0);
    assert_true(row.fields[2].escaped);
    assert_int_equal(row.fields[2].raw.len, 9);
    arena_fini(&arena);
}

static void the_last_line_may_end_without_a_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int count;
        const char *last;
    } cases[] = {
        {"a,b", 2, "b"},   {"a,", 2, ""},         {"a,\"b\"", 2, "b"},
        {"a,b\r", 2, "b"}, {"a,\"b\"\r", 2, "b"}, {"\"\"\"\"", 1, "\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text);
        assert_int_equal(parse(cases[i].text, len, false), 0);
        assert_int_equal(parse(cases[i].text, len, true), len);
        assert_int_equal(row.count, cases[i].count);
        assert_field(row.count - 1, cases[i].last);
    }
    assert_int_equal(parse("", 0, true), 0);
}

static void malformed_rows_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int column;
        const char *what;
    } cases[] = {
        {"a,b\"c\n", 1, "a quote stands inside a field that is not quoted"},
        {"\"a\"b,c\n", 0, "text follows a closing quote"},
        {"x,\"a\" ,c\n", 1, "text follows a closing quote"},
        {"\"a\"\rb\n", 0, "text follows a closing quote"},
        {"x,y,\"a\n", 2, "a quoted field is never closed"},
        {"\"a\"\"\n", 0, "a quoted field is never closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].text, strlen(cases[i].text), true),
                         -EBADMSG);
        assert_string_equal(err.text, cases[i].what);
        assert_int_equal(row.count, cases[i].column);
    }
}

static void columns_have_a_limit(void **state)
{
    (void)state;
    char text[CSV_COLUMNS_MAX + 2];
    memset(text, ',', sizeof text);
    text[CSV_COLUMNS_MAX - 1] = '\n';
    assert_int_equal(parse(text, CSV_COLUMNS_MAX, false), CSV_COLUMNS_MAX);
    assert_int_equal(row.count, CSV_COLUMNS_MAX);
    text[CSV_COLUMNS_MAX - 1] = ',';
    text[CSV_COLUMNS_MAX] = '\n';
    assert_int_equal(parse(text, CSV_COLUMNS_MAX + 1, false), -EBADMSG);
    assert_string_equal(err.text, "the row has more than 64 columns");
}

static void rows_have_a_limit(void **state)
{
    (void)state;
    static char text[CSV_ROW_MAX + 100];
    const char *ends[] = {"\n", "\r\n"};
    for (int i = 0; i < 2; i++) {
        size_t end = strlen(ends[i]);
        memset(text, 'x', sizeof text);
        memcpy(text + CSV_ROW_MAX, ends[i], end);
        assert_int_equal(parse(text, CSV_ROW_MAX + end, false),
                         CSV_ROW_MAX + end);
        memset(text, 'x', sizeof text);
        memcpy(text + CSV_ROW_MAX + 1, ends[i], end);
        assert_int_equal(parse(text, sizeof text, false), -EBADMSG);
        assert_string_equal(err.text, "the row is longer than 65536 bytes");
    }
    memset(text, 'x', sizeof text);
    assert_int_equal(parse(text, CSV_ROW_MAX, true), CSV_ROW_MAX);
    assert_int_equal(parse(text, CSV_ROW_MAX, false), 0);
    assert_int_equal(parse(text, CSV_ROW_MAX + 1, true), -EBADMSG);
    assert_int_equal(parse(text, sizeof text, true), -EBADMSG);
}

/* ---- a file ---- */

static char path[] = "/tmp/nexus_csv_test_XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static struct csv *open_text(const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    struct csv *csv = csv_open(path, &err);
    assert_non_null(csv);
    return csv;
}

static void expect_row(struct csv *csv, uint64_t line, const char *first)
{
    assert_int_equal(csv_next(csv, &row, &err), 1);
    assert_int_equal(row.line, line);
    assert_field(0, first);
}

static void expect_bad(struct csv *csv, uint64_t line, const char *what)
{
    assert_int_equal(csv_next(csv, &row, &err), -EBADMSG);
    assert_int_equal(row.line, line);
    assert_string_equal(err.text, what);
}

static void expect_end(struct csv **csv)
{
    assert_int_equal(csv_next(*csv, &row, &err), 0);
    assert_int_equal(csv_next(*csv, &row, &err), 0);
    csv_close(csv);
    assert_null(*csv);
}

static void lines_are_counted_through_quoted_line_breaks(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBFone,1\r\n\"two\nand\nmore\",2\n\n"
                               "\r\nthree,3\n\"four\"\n";
    struct csv *csv = open_text(text, strlen(text));
    expect_row(csv, 1, "one");
    expect_row(csv, 2, "two\nand\nmore");
    expect_row(csv, 7, "three");
    expect_row(csv, 8, "four");
    assert_int_equal(csv_offset(csv), strlen(text));
    expect_end(&csv);
}

static void files_with_next_to_nothing_in_them(void **state)
{
    (void)state;
    const char *empty[] = {"", "\n", "\r\n\n", "\xEF\xBB\xBF"};
    for (int i = 0; i < 4; i++) {
        struct csv *csv = open_text(empty[i], strlen(empty[i]));
        expect_end(&csv);
    }
    struct csv *csv = open_text("\xEF\xBB", 2);
    expect_row(csv, 1, "\xEF\xBB");
    expect_end(&csv);
    csv = open_text("\"\"\n", 3);
    expect_row(csv, 1, "");
    expect_end(&csv);
}

static void a_bad_line_costs_itself_alone(void **state)
{
    (void)state;
    static const char text[] =
        "good,1\n bad\"line,2 \r\ngood,3\n\"never closed,4\n"
        "good,5\n\"text\"after,6\nlast,7";
    struct csv *csv = open_text(text, strlen(text));
    expect_row(csv, 1, "good");
    expect_bad(csv, 2, "a quote stands inside a field that is not quoted");
    assert_true(str_is(row.text, " bad\"line,2 "));
    expect_row(csv, 3, "good");
    expect_bad(csv, 4, "text follows a closing quote");
    assert_true(str_is(row.text, "\"never closed,4"));
    expect_row(csv, 5, "good");
    expect_bad(csv, 6, "text follows a closing quote");
    expect_row(csv, 7, "last");
    expect_end(&csv);
}

static void a_quote_never_closed_does_not_swallow_the_file(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "\"open,1\n");
    for (int i = 0; i < 100000; i++)
        buf_append_text(&text, "good,row,of,some,length\n");
    struct csv *csv = open_text(text.data, text.len);
    expect_bad(csv, 1, "the row is longer than 65536 bytes");
    for (uint64_t i = 0; i < 100000; i++)
        expect_row(csv, i + 2, "good");
    expect_end(&csv);
    buf_fini(&text);
}

static void a_line_too_long_is_passed_over(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "first,1\n");
    memset(buf_reserve(&text, 3000000), 'x', 3000000);
    text.len += 3000000;
    buf_append_text(&text, "\nafter,3\n");
    struct csv *csv = open_text(text.data, text.len);
    expect_row(csv, 1, "first");
    expect_bad(csv, 2, "the row is longer than 65536 bytes");
    assert_in_range(row.text.len, CSV_ROW_MAX, CSV_ROW_MAX + 2);
    expect_row(csv, 3, "after");
    expect_end(&csv);

    csv = open_text(text.data, 2000000);
    expect_row(csv, 1, "first");
    expect_bad(csv, 2, "the row is longer than 65536 bytes");
    expect_end(&csv);
    buf_fini(&text);
}

/* Rows of growing length stand across every edge of the reader's buffer. */
static void rows_across_the_buffers_edge(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; text.len < 5000000; i++) {
        buf_printf(&text, "%d,\"", i);
        for (int k = 0; k < i % 701; k++)
            buf_append_text(&text, k % 50 == 49 ? "\"\"\n" : "ab,c");
        buf_append_text(&text, "\"\r\n");
    }
    struct csv *csv = open_text(text.data, text.len);
    struct arena arena = {0};
    uint64_t line = 1;
    for (int i = 0; csv_offset(csv) < text.len; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        expect_row(csv, line, number);
        int breaks = i % 701 / 50;
        assert_int_equal(csv_text(&row.fields[1], &arena).len,
                         (i % 701 - breaks) * 4 + breaks * 2);
        line += (uint64_t)breaks + 1;
        arena_reset(&arena);
    }
    expect_end(&csv);
    arena_fini(&arena);
    buf_fini(&text);
}

static void files_that_cannot_be_opened(void **state)
{
    (void)state;
    assert_null(csv_open("/nonexistent/file.csv", &err));
    assert_string_equal(err.text,
                        "/nonexistent/file.csv: No such file or directory");
    assert_null(csv_open("/tmp", &err));
    assert_string_equal(err.text, "/tmp: not a regular file");
}

static void a_file_knows_itself_again(void **state)
{
    (void)state;
    struct csv *csv = open_text("a\n", 2);
    struct csv_file before = csv_file(csv);
    csv_close(&csv);
    assert_int_equal(before.bytes, 2);
    csv = open_text("a\nb\n", 4);
    struct csv_file after = csv_file(csv);
    csv_close(&csv);
    assert_int_equal(before.inode, after.inode);
    assert_int_equal(after.bytes, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_kind),
        cmocka_unit_test(nothing_is_copied_that_needs_no_unescaping),
        cmocka_unit_test(the_last_line_may_end_without_a_line_end),
        cmocka_unit_test(malformed_rows_are_refused),
        cmocka_unit_test(columns_have_a_limit),
        cmocka_unit_test(rows_have_a_limit),
        cmocka_unit_test(lines_are_counted_through_quoted_line_breaks),
        cmocka_unit_test(files_with_next_to_nothing_in_them),
        cmocka_unit_test(a_bad_line_costs_itself_alone),
        cmocka_unit_test(a_quote_never_closed_does_not_swallow_the_file),
        cmocka_unit_test(a_line_too_long_is_passed_over),
        cmocka_unit_test(rows_across_the_buffers_edge),
        cmocka_unit_test(files_that_cannot_be_opened),
        cmocka_unit_test(a_file_knows_itself_again),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
