/* nkey: keys of people and programs (Ed25519) as NATS writes them.
 *
 * A public key's text is base32 without padding: one byte of kind ("U" for a
 * user), 32 of key, 2 of CRC-16 (XMODEM), little-endian. A client proves that it has the
 * private part by signing the nonce that INFO gave it. */
#ifndef NEXUS_BROKER_NKEY_H
#define NEXUS_BROKER_NKEY_H

#include <stdbool.h>

#include "lib/str.h"

#define NKEY_BYTES       32
#define NKEY_TEXT_LEN    56
#define NKEY_NONCE_BYTES 11
#define NKEY_NONCE_LEN   15 /* as text: base64url without padding */

/* The key of a user's public key "U…". False: it is none. */
bool nkey_decode_user(struct str text, unsigned char key[NKEY_BYTES]);

/* sig is base64url or base64, with or without padding, as clients send it. */
bool nkey_verify(const unsigned char key[NKEY_BYTES], struct str nonce,
                 struct str sig);

/* A fresh nonce, as text and a NUL. */
void nkey_nonce(char out[NKEY_NONCE_LEN + 1]);

#endif
