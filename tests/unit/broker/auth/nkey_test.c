/* nkey: the key and signature of the user in NATS's own documentation. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/auth/nkey.h"

#define PUBLIC "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
#define SEED   "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
#define NONCE  "PXoWU7zWAMt75FY"

static const char *const sigs[] = {
    "zHsjAXoXbo2tbVRLf6_3-"
    "aHC2CGLiez1yMSLOyF4Z2wmzmO4ppyieii5IZsQSBgfdppsi6wMHWzYYXUv6A-8DQ",
    "zHsjAXoXbo2tbVRLf6/"
    "3+aHC2CGLiez1yMSLOyF4Z2wmzmO4ppyieii5IZsQSBgfdppsi6wMHWzYYXUv6A+8DQ==",
};

static unsigned char key[NKEY_BYTES];

static void a_public_key_is_read(void **state)
{
    (void)state;
    assert_true(nkey_decode_user(str_of(PUBLIC), key));
    assert_int_equal(key[0], 0xef);
}

static void what_is_no_public_key(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "U", "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF5",
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF",
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF44",
        "udxu4rcsjnzoiqhznwxhxordprtgnjahahfrgzneejcpqtt2m7nlcnf4",
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCN 4",
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
        /* an account's */
        "ABSGCJOZ246LPORN2PNGHO2KQUBKTIEEMIU2XGHHECFIEFIHVMO3DKPR"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(nkey_decode_user(str_of(wrong[i]), key));
}

static void a_signature_is_verified(void **state)
{
    (void)state;
    assert_true(nkey_decode_user(str_of(PUBLIC), key));
    for (size_t i = 0; i < COUNT(sigs); i++)
        assert_true(nkey_verify(key, str_of(NONCE), str_of(sigs[i])));
}

static void a_wrong_signature_is_not(void **state)
{
    (void)state;
    char sig[128];
    size_t len = strlen(sigs[0]);
    assert_true(nkey_decode_user(str_of(PUBLIC), key));
    for (size_t i = 0; i < len; i++) {
        memcpy(sig, sigs[0], len + 1);
        sig[i] = sig[i] == 'A' ? 'Q' : 'A';
        assert_false(nkey_verify(key, str_of(NONCE), str_of(sig)));
        assert_false(nkey_verify(key, str_of(NONCE), str_make(sig, i)));
    }
    assert_false(nkey_verify(key, str_of("another nonce"), str_of(sigs[0])));
    assert_false(nkey_verify(key, str_of(NONCE), str_of("")));
    assert_false(nkey_verify(key, str_of(NONCE), str_of("!!!")));
    key[5] ^= 1;
    assert_false(nkey_verify(key, str_of(NONCE), str_of(sigs[0])));
}

static void a_seed_signs(void **state)
{
    (void)state;
    unsigned char seed[NKEY_BYTES];
    char text[NKEY_TEXT_LEN + 1], sig[NKEY_SIG_LEN + 1];
    assert_true(nkey_decode_seed(str_of(SEED), seed));
    assert_true(nkey_sign(seed, str_of(NONCE), text, sig));
    assert_string_equal(text, PUBLIC);
    assert_string_equal(sig, sigs[0]);
    static const char *const wrong[] = {
        "", PUBLIC, "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3V",
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VA",
        "SAACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(nkey_decode_seed(str_of(wrong[i]), seed));
}

static void a_seed_is_read_from_its_file(void **state)
{
    (void)state;
    unsigned char seed[NKEY_BYTES];
    struct errmsg err;
    char path[] = "/tmp/nkey_test.XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, SEED "\n", NKEY_SEED_LEN + 1),
                     NKEY_SEED_LEN + 1);
    assert_int_equal(nkey_read_seed(path, seed, &err), 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(nkey_read_seed(path, seed, &err), -EINVAL);
    assert_null(strstr(err.text, "SUAC"));
    close(fd);
    unlink(path);
    assert_int_equal(nkey_read_seed(path, seed, &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
}

static void no_nonce_comes_twice(void **state)
{
    (void)state;
    char a[NKEY_NONCE_LEN + 1], b[NKEY_NONCE_LEN + 1];
    nkey_nonce(a);
    nkey_nonce(b);
    assert_int_equal(strlen(a), NKEY_NONCE_LEN);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_key_is_read),
        cmocka_unit_test(what_is_no_public_key),
        cmocka_unit_test(a_signature_is_verified),
        cmocka_unit_test(a_wrong_signature_is_not),
        cmocka_unit_test(a_seed_signs),
        cmocka_unit_test(a_seed_is_read_from_its_file),
        cmocka_unit_test(no_nonce_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
