/* nkey: see nkey.h. */
#include "broker/auth/nkey.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#define KIND_USER (20u << 3) /* the first letter is then "U" */
#define RAW_BYTES (1 + NKEY_BYTES + 2)
#define SIG_BYTES 64

/* A seed's first byte, with the upper bits of the kind behind; the lower five
 * begin the second. */
#define KIND_SEED  (18u << 3)
#define SEED_BYTES (2 + NKEY_BYTES + 2)
#define FILE_MAX   256

static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* Bits that are left over at the end fill no byte. */
static bool base32_decode(struct str text, unsigned char *out, size_t size)
{
    uint32_t bits = 0, count = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base32_value(text.p[i]);
        if (value < 0)
            return false;
        bits = bits << 5 | (uint32_t)value;
        count += 5;
        if (count >= 8) {
            count -= 8;
            if (n == size)
                return false;
            out[n++] = (unsigned char)(bits >> count);
        }
    }
    return n == size;
}

/* bytes << 3 must be a multiple of 5. */
static void base32_encode(const unsigned char *bytes, size_t n, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 5; out++) {
            count -= 5;
            *out = letters[bits >> count & 31];
        }
    }
    *out = '\0';
}

static uint16_t crc16(const unsigned char *bytes, size_t n)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint16_t)(bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc =
                (uint16_t)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static bool crc_fits(const unsigned char *raw, size_t size)
{
    unsigned expected = raw[size - 2] | (unsigned)raw[size - 1] << 8;
    return crc16(raw, size - 2) == expected;
}

bool nkey_decode_user(struct str text, unsigned char key[NKEY_BYTES])
{
    unsigned char raw[RAW_BYTES];
    if (text.len != NKEY_TEXT_LEN || !base32_decode(text, raw, RAW_BYTES) ||
        raw[0] != KIND_USER || !crc_fits(raw, RAW_BYTES))
        return false;
    memcpy(key, raw + 1, NKEY_BYTES);
    return true;
}

bool nkey_decode_seed(struct str text, unsigned char seed[NKEY_BYTES])
{
    unsigned char raw[SEED_BYTES];
    bool good = text.len == NKEY_SEED_LEN &&
                base32_decode(text, raw, SEED_BYTES) &&
                raw[0] == (KIND_SEED | KIND_USER >> 5) &&
                raw[1] == (KIND_USER & 31) << 3 && crc_fits(raw, SEED_BYTES);
    if (good)
        memcpy(seed, raw + 2, NKEY_BYTES);
    OPENSSL_cleanse(raw, sizeof(raw));
    return good;
}

int nkey_read_seed(const char *path, unsigned char seed[NKEY_BYTES],
                   struct errmsg *err)
{
    char text[FILE_MAX];
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return errmsg_set(err, -errno, "cannot read %s: %s", path,
                          strerror(errno));
    setvbuf(f, NULL, _IONBF, 0); /* no copy of it stays behind */
    size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    bool good = nkey_decode_seed(str_trim(str_make(text, n)), seed);
    OPENSSL_cleanse(text, sizeof(text));
    return good ? 0
                : errmsg_set(err, -EINVAL,
                             "%s: expected the seed \"SU…\" of a user's nkey",
                             path);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || c == '+')
        return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

static bool sig_decode(struct str text, unsigned char out[SIG_BYTES])
{
    uint32_t bits = 0, count = 0;
    size_t n = 0;
    while (text.len > 0 && text.p[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.p[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        if (n == SIG_BYTES)
            return false;
        out[n++] = (unsigned char)(bits >> count);
    }
    return n == SIG_BYTES;
}

bool nkey_verify(const unsigned char key[NKEY_BYTES], struct str nonce,
                 struct str sig)
{
    unsigned char bytes[SIG_BYTES];
    if (!sig_decode(sig, bytes))
        return false;
    EVP_PKEY *public =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, NKEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        public != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
        EVP_DigestVerify(context, bytes, sizeof(bytes),
                         (const unsigned char *)nonce.p, nonce.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    return good;
}

static size_t base64_encode(const unsigned char *bytes, size_t n, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0, count = 0;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; len++) {
            count -= 6;
            out[len] = letters[bits >> count & 63];
        }
    }
    if (count > 0)
        out[len++] = letters[bits << (6 - count) & 63];
    out[len] = '\0';
    return len;
}

static void write_public(EVP_PKEY *pair, char key[NKEY_TEXT_LEN + 1])
{
    unsigned char raw[RAW_BYTES] = {KIND_USER};
    size_t len = NKEY_BYTES;
    EVP_PKEY_get_raw_public_key(pair, raw + 1, &len);
    uint16_t crc = crc16(raw, RAW_BYTES - 2);
    raw[RAW_BYTES - 2] = (unsigned char)crc;
    raw[RAW_BYTES - 1] = (unsigned char)(crc >> 8);
    base32_encode(raw, sizeof(raw), key);
}

bool nkey_sign(const unsigned char seed[NKEY_BYTES], struct str nonce,
               char key[NKEY_TEXT_LEN + 1], char sig[NKEY_SIG_LEN + 1])
{
    unsigned char bytes[SIG_BYTES];
    size_t len = sizeof(bytes);
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NKEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = pair != NULL && context != NULL &&
                EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, bytes, &len,
                               (const unsigned char *)nonce.p, nonce.len) == 1;
    if (good) {
        write_public(pair, key);
        base64_encode(bytes, len, sig);
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    return good;
}

void nkey_nonce(char out[NKEY_NONCE_LEN + 1])
{
    unsigned char bytes[NKEY_NONCE_BYTES];
    ssize_t n = getrandom(bytes, sizeof(bytes), 0);
    assert(n == (ssize_t)sizeof(bytes));
    size_t len = base64_encode(bytes, sizeof(bytes), out);
    assert(len == NKEY_NONCE_LEN);
}
