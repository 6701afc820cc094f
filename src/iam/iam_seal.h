/*
 * Secrets at rest: AES-256-GCM under the store key, a random nonce each time. What they belong to
 * is authenticated with them: a sealed secret moved to another key or user does not open.
 *
 *   sealed  u8 nonce[12], the secret's bytes encrypted, u8 tag[16]
 *   AAD     name of the record, 0x00, access key
 */
#ifndef PENSTOCK_IAM_IAM_SEAL_H
#define PENSTOCK_IAM_IAM_SEAL_H

#include "base/bytes.h"

enum { IAM_SEAL_EXTRA_BYTES = 28, IAM_SEAL_KEY_BYTES = 32, IAM_SEAL_ID_LEN = 16 };

struct iam_seal {
    const uint8_t *key; /* IAM_SEAL_KEY_BYTES */
    struct view record, access;
};

/* to: secret.len + IAM_SEAL_EXTRA_BYTES bytes. ERR_NO_MEMORY. */
enum err iam_seal_put(const struct iam_seal *s, struct view secret, uint8_t *to) MUST_CHECK;
/* to: sealed.len - IAM_SEAL_EXTRA_BYTES bytes. ERR_CORRUPT: altered, or another key. */
enum err iam_seal_take(const struct iam_seal *s, struct view sealed, uint8_t *to) MUST_CHECK;
/* What tells one store key from another: hex, and nothing about the key can be learnt from it. */
void iam_seal_key_id(const uint8_t key[IAM_SEAL_KEY_BYTES], char to[IAM_SEAL_ID_LEN + 1]);

#endif
