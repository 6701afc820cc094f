#include "iam/iam_seal.h"

#include <openssl/evp.h>

#include "base/digest.h"
#include "base/text.h"

enum { NONCE_BYTES = 12, TAG_BYTES = 16 };

static void free_ctx(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

static bool add_aad(EVP_CIPHER_CTX *ctx, const struct iam_seal *s)
{
    const uint8_t zero = 0;
    int n;

    return EVP_CipherUpdate(ctx, NULL, &n, s->record.at, (int)s->record.len) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, &zero, 1) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, s->access.at, (int)s->access.len) == 1;
}

enum err iam_seal_put(const struct iam_seal *s, struct view secret, uint8_t *to)
{
    CLEANUP(free_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *body = to + NONCE_BYTES, *tag = body + secret.len;
    int n;

    digest_random(to, NONCE_BYTES);
    if (!ctx || EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, to) != 1 ||
        !add_aad(ctx, s) || EVP_EncryptUpdate(ctx, body, &n, secret.at, (int)secret.len) != 1 ||
        EVP_EncryptFinal_ex(ctx, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1)
        return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err iam_seal_take(const struct iam_seal *s, struct view sealed, uint8_t *to)
{
    CLEANUP(free_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[TAG_BYTES];
    int n;

    if (!ctx)
        return ERR_NO_MEMORY;
    if (sealed.len <= IAM_SEAL_EXTRA_BYTES)
        return ERR_CORRUPT;
    size_t len = sealed.len - IAM_SEAL_EXTRA_BYTES;
    memcpy(tag, sealed.at + sealed.len - TAG_BYTES, TAG_BYTES);
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, sealed.at) != 1 ||
        !add_aad(ctx, s) ||
        EVP_DecryptUpdate(ctx, to, &n, sealed.at + NONCE_BYTES, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, to + n, &n) != 1)
        return ERR_CORRUPT;
    return ERR_OK;
}

void iam_seal_key_id(const uint8_t key[IAM_SEAL_KEY_BYTES], char to[IAM_SEAL_ID_LEN + 1])
{
    uint8_t mac[32];
    struct buf b = buf_over(to, IAM_SEAL_ID_LEN);

    digest_hmac_sha256(view_of(key, IAM_SEAL_KEY_BYTES), VIEW("penstock store key id"), mac);
    text_put_hex(&b, view_of(mac, IAM_SEAL_ID_LEN / 2));
    to[IAM_SEAL_ID_LEN] = 0;
}
