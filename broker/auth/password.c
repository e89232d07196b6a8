/* password: see password.h. */
#include "broker/auth/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "lib/mem.h"

bool password_is_hash(const char *expected)
{
    return expected[0] == '$' && expected[1] == '2' && expected[2] != '\0' &&
           strchr("aby", expected[2]) != NULL && expected[3] == '$';
}

/* Of digests, so that the lengths do not show either. */
bool password_same(const char *expected, struct str given)
{
    unsigned char a[SHA256_DIGEST_LENGTH], b[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)expected, strlen(expected), a);
    SHA256((const unsigned char *)(given.len > 0 ? given.p : ""), given.len, b);
    return CRYPTO_memcmp(a, b, sizeof(a)) == 0;
}

/* crypt_rn, as the address sanitizer stands in the way of crypt_r where libcrypt
 * is linked in statically. */
bool password_matches_hash(const char *hash, const char *given)
{
    struct crypt_data *data = mem_zalloc(sizeof(*data));
    const char *made = crypt_rn(given, hash, data, sizeof(*data));
    bool same = made != NULL && strlen(made) == strlen(hash) &&
                CRYPTO_memcmp(made, hash, strlen(hash)) == 0;
    password_wipe(data, sizeof(*data));
    free(data);
    return same;
}

void password_wipe(void *bytes, size_t n)
{
    OPENSSL_cleanse(bytes, n);
}
