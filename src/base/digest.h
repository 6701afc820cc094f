/*
 * Streaming digests over OpenSSL (MD5, SHA-1, SHA-256, SHA-512) with prefetched algorithms: about
 * half the cost of a lookup per use. A struct digest begins zeroed; digest_start may be called
 * again at any time and keeps the context, digest_done frees it; a digest that is done may be
 * started again.
 */
#ifndef PENSTOCK_BASE_DIGEST_H
#define PENSTOCK_BASE_DIGEST_H

#include "base/bytes.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };
enum { DIGEST_BYTES_MAX = 64 };

struct digest {
    void *ctx; /* EVP_MD_CTX, re-used between starts */
    enum digest_kind kind;
};

enum err digest_start(struct digest *d, enum digest_kind kind) MUST_CHECK;
void digest_update(struct digest *d, const void *at, size_t len);
/* Writes digest_bytes(kind) bytes. */
void digest_finish(struct digest *d, uint8_t *out);
void digest_done(struct digest *d);
size_t digest_bytes(enum digest_kind kind);

/* One-shot. */
void digest_sha256(struct view v, uint8_t out[32]);
void digest_md5(struct view v, uint8_t out[16]);
/* HMAC (RFC 2104). SHA-1 is for Signature Version 2 only. */
void digest_hmac_sha256(struct view key, struct view data, uint8_t out[32]);
void digest_hmac_sha1(struct view key, struct view data, uint8_t out[20]);
/* Random bytes from the kernel (getrandom); never fails after boot. */
void digest_random(void *to, size_t len);

#endif
