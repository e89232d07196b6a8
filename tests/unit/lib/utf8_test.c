/* Well-formed UTF-8 and nothing else. */
#include "unit/test.h"

#include "lib/utf8.h"

static bool scalar(uint32_t code)
{
    return code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

static void every_code_point_is_written_and_recognised(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        char text[4];
        size_t n = utf8_encode(code, text);
        size_t expected = code < 0x80      ? 1
                          : code < 0x800   ? 2
                          : code < 0x10000 ? 3
                                           : 4;
        assert_int_equal(n, expected);
        assert_int_equal(utf8_sequence(text, n), scalar(code) ? n : 0);
    }
}

static void a_cut_off_sequence_is_malformed(void **state)
{
    (void)state;
    assert_int_equal(utf8_sequence("", 0), 0);
    for (uint32_t code = 0x80; code <= 0x10FFFF; code += 97) {
        char text[4];
        size_t n = utf8_encode(code, text);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(utf8_sequence(text, cut), 0);
    }
}

/* What the bytes say by RFC 3629's rules, found by decoding them. */
static size_t decoded_length(const unsigned char p[4])
{
    size_t n = p[0] < 0x80             ? 1
               : (p[0] & 0xE0) == 0xC0 ? 2
               : (p[0] & 0xF0) == 0xE0 ? 3
               : (p[0] & 0xF8) == 0xF0 ? 4
                                       : 0;
    if (n < 2)
        return n;
    uint32_t code = p[0] & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3FU);
    }
    char shortest[4];
    return scalar(code) && utf8_encode(code, shortest) == n ? n : 0;
}

static void all_bytes_agree_with_a_decoder(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x41, 0x7F, 0x80,
                                          0xA5, 0xBF, 0xC0, 0xFF};
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t i = 0; i < COUNT(tails) * COUNT(tails); i++) {
                unsigned char p[4] = {
                    (unsigned char)first, (unsigned char)second,
                    tails[i / COUNT(tails)], tails[i % COUNT(tails)]};
                assert_int_equal(utf8_sequence((char *)p, 4),
                                 decoded_length(p));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_written_and_recognised),
        cmocka_unit_test(a_cut_off_sequence_is_malformed),
        cmocka_unit_test(all_bytes_agree_with_a_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
