/* nkey: see nkey.h. */
#include "broker/auth/nkey.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <sys/random.h>

#define KIND_USER (20u << 3) /* the first letter is then "U" */
#define RAW_BYTES (1 + NKEY_BYTES + 2)
#define SIG_BYTES 64

static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* 56 letters are exactly 35 bytes. */
static bool base32_decode(struct str text, unsigned char out[RAW_BYTES])
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
            out[n++] = (unsigned char)(bits >> count);
        }
    }
    return n == RAW_BYTES;
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

bool nkey_decode_user(struct str text, unsigned char key[NKEY_BYTES])
{
    unsigned char raw[RAW_BYTES];
    if (text.len != NKEY_TEXT_LEN || !base32_decode(text, raw) ||
        raw[0] != KIND_USER)
        return false;
    unsigned expected = raw[RAW_BYTES - 2] | (unsigned)raw[RAW_BYTES - 1] << 8;
    if (crc16(raw, RAW_BYTES - 2) != expected)
        return false;
    memcpy(key, raw + 1, NKEY_BYTES);
    return true;
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

void nkey_nonce(char out[NKEY_NONCE_LEN + 1])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[NKEY_NONCE_BYTES];
    ssize_t n = getrandom(bytes, sizeof(bytes), 0);
    assert(n == (ssize_t)sizeof(bytes));
    uint32_t bits = 0, count = 0;
    size_t len = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; len++) {
            count -= 6;
            out[len] = letters[bits >> count & 63];
        }
    }
    out[len++] = letters[bits << (6 - count) & 63];
    assert(len == NKEY_NONCE_LEN);
    out[len] = '\0';
}
