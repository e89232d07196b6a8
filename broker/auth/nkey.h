/* nkey: keys of people and programs (Ed25519) as NATS writes them.
 *
 * A public key's text is base32 without padding: one byte of kind ("U" for a
 * user), 32 of key, 2 of CRC-16 (XMODEM), little-endian. A client proves that it has the
 * private part by signing the nonce that INFO gave it. The private part's text, the seed,
 * begins with two bytes of kind ("SU"). */
#ifndef NEXUS_BROKER_NKEY_H
#define NEXUS_BROKER_NKEY_H

#include <stdbool.h>

#include "lib/errmsg.h"
#include "lib/str.h"

#define NKEY_BYTES       32
#define NKEY_TEXT_LEN    56
#define NKEY_SEED_LEN    58
#define NKEY_SIG_LEN     86 /* as text: base64url without padding */
#define NKEY_NONCE_BYTES 11
#define NKEY_NONCE_LEN   15 /* as text: base64url without padding */

/* The key of a user's public key "U…". False: it is none. */
bool nkey_decode_user(struct str text, unsigned char key[NKEY_BYTES]);

/* sig is base64url or base64, with or without padding, as clients send it. */
bool nkey_verify(const unsigned char key[NKEY_BYTES], struct str nonce,
                 struct str sig);

/* The private part of a user's seed "SU…". False: it is none. */
bool nkey_decode_seed(struct str text, unsigned char seed[NKEY_BYTES]);

/* The same of a file, which holds nothing else. 0, or a negative errno with
 * *err, which names the file and never what stands in it. */
int nkey_read_seed(const char *path, unsigned char seed[NKEY_BYTES],
                   struct errmsg *err);

/* The public key "U…" of a seed and its signature of a nonce, as texts and a
 * NUL. False: the library refuses. */
bool nkey_sign(const unsigned char seed[NKEY_BYTES], struct str nonce,
               char key[NKEY_TEXT_LEN + 1], char sig[NKEY_SIG_LEN + 1]);

/* A fresh nonce, as text and a NUL. */
void nkey_nonce(char out[NKEY_NONCE_LEN + 1]);

#endif
