/*
 * Digests over OpenSSL's EVP. The algorithms are fetched once per process (pthread_once) and never
 * given back: a fetch by name costs more than hashing a request head.
 *
 * The one-shots and HMAC use one EVP_MD_CTX per thread, made at the thread's first use and freed by
 * the key's destructor. HMAC is two plain digests over the padded key: OpenSSL 3's HMAC() spends
 * most of its microseconds on looking its parts up.
 *
 * A failure of EVP after a successful fetch can only be a bug or exhausted memory in a place that
 * cannot report it: assert.
 */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { KIND_COUNT = 4, HMAC_BLOCK_BYTES = 64 };

static const struct {
    const char *name;
    size_t bytes;
} kinds[KIND_COUNT] = {
    [DIGEST_MD5] = {"MD5", 16},
    [DIGEST_SHA1] = {"SHA1", 20},
    [DIGEST_SHA256] = {"SHA256", 32},
    [DIGEST_SHA512] = {"SHA512", 64},
};

/* set once, by fetch_all */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *fetched[KIND_COUNT];
static pthread_key_t thread_key;

/* the calling thread's context; thread_key frees it */
static _Thread_local EVP_MD_CTX *thread_ctx;

static void must(int ok)
{
    if (ok != 1)
        abort();
}

static void free_thread_ctx(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void fetch_all(void)
{
    for (unsigned i = 0; i < KIND_COUNT; i++)
        fetched[i] = EVP_MD_fetch(NULL, kinds[i].name, NULL);
    must(pthread_key_create(&thread_key, free_thread_ctx) == 0);
}

static EVP_MD *md_of(enum digest_kind kind)
{
    assert((unsigned)kind < KIND_COUNT);
    must(pthread_once(&fetch_once, fetch_all) == 0);
    return fetched[kind];
}

static EVP_MD_CTX *ctx_of_thread(void)
{
    if (!thread_ctx) {
        thread_ctx = EVP_MD_CTX_new();
        must(thread_ctx && pthread_setspecific(thread_key, thread_ctx) == 0);
    }
    return thread_ctx;
}

size_t digest_bytes(enum digest_kind kind)
{
    assert((unsigned)kind < KIND_COUNT);
    return kinds[kind].bytes;
}

enum err digest_start(struct digest *d, enum digest_kind kind)
{
    EVP_MD *md = md_of(kind);

    if (!md)
        return ERR_UNSUPPORTED; /* a FIPS configuration without MD5 */
    if (!d->ctx)
        d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, md, NULL) != 1)
        return ERR_NO_MEMORY;
    d->kind = kind;
    return ERR_OK;
}

void digest_update(struct digest *d, const void *at, size_t len)
{
    assert(d->ctx);
    if (len > 0)
        must(EVP_DigestUpdate(d->ctx, at, len));
}

void digest_finish(struct digest *d, uint8_t *out)
{
    assert(d->ctx);
    must(EVP_DigestFinal_ex(d->ctx, out, NULL));
}

void digest_done(struct digest *d)
{
    EVP_MD_CTX_free(d->ctx);
    d->ctx = NULL;
}

static void one_shot(enum digest_kind kind, struct view a, struct view b, uint8_t *out)
{
    EVP_MD *md = md_of(kind);
    EVP_MD_CTX *ctx = ctx_of_thread();

    must(md && EVP_DigestInit_ex(ctx, md, NULL));
    if (a.len > 0)
        must(EVP_DigestUpdate(ctx, a.at, a.len));
    if (b.len > 0)
        must(EVP_DigestUpdate(ctx, b.at, b.len));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
}

void digest_sha256(struct view v, uint8_t out[32])
{
    one_shot(DIGEST_SHA256, v, VIEW_EMPTY, out);
}

void digest_md5(struct view v, uint8_t out[16])
{
    one_shot(DIGEST_MD5, v, VIEW_EMPTY, out);
}

/* RFC 2104; both digests have blocks of HMAC_BLOCK_BYTES. */
static void hmac(enum digest_kind kind, struct view key, struct view data, uint8_t *out)
{
    uint8_t short_key[DIGEST_BYTES_MAX], inner[DIGEST_BYTES_MAX], pad[HMAC_BLOCK_BYTES];

    if (key.len > HMAC_BLOCK_BYTES) {
        one_shot(kind, key, VIEW_EMPTY, short_key);
        key = view_of(short_key, digest_bytes(kind));
    }
    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < key.len; i++)
        pad[i] ^= key.at[i];
    one_shot(kind, view_of(pad, sizeof pad), data, inner);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    one_shot(kind, view_of(pad, sizeof pad), view_of(inner, digest_bytes(kind)), out);
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(short_key, sizeof short_key);
}

void digest_hmac_sha256(struct view key, struct view data, uint8_t out[32])
{
    hmac(DIGEST_SHA256, key, data, out);
}

void digest_hmac_sha1(struct view key, struct view data, uint8_t out[20])
{
    hmac(DIGEST_SHA1, key, data, out);
}

void digest_random(void *to, size_t len)
{
    uint8_t *at = to;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        must(n > 0);
        at += n;
        len -= (size_t)n;
    }
}
