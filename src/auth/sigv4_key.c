/*
 * The signing key: four HMACs from the secret over day, region, service and "aws4_request". It is
 * the same for all requests of a day, so that each thread keeps the last few.
 *
 * Thread-local and never shared: no lock, nothing to race. Entries are replaced in turn; a secret
 * or scope too long for an entry is derived each time.
 */
#include <assert.h>

#include "auth/sigv4_impl.h"
#include "base/digest.h"

enum { ENTRIES = 16, SECRET_MAX = 128, SCOPE_MAX = 96 };

struct entry {
    size_t secret_len, scope_len; /* scope_len 0: unused */
    uint8_t secret[SECRET_MAX], scope[SCOPE_MAX];
    uint8_t key[32];
};

static _Thread_local struct entry entries[ENTRIES];
static _Thread_local unsigned next_entry;

static void derive(struct view secret, struct view scope, uint8_t out[32])
{
    uint8_t start[4 + SIGV4_SECRET_BYTES_MAX], part_key[32];
    struct buf b = buf_over(start, sizeof start);
    struct view key, part;

    buf_put(&b, VIEW("AWS4"));
    buf_put(&b, secret);
    assert(!b.overflow);
    key = buf_view(&b);
    while (view_split(&scope, '/', &part)) {
        digest_hmac_sha256(key, part, part_key);
        key = view_of(part_key, sizeof part_key);
    }
    assert(key.len == 32);
    memcpy(out, part_key, 32);
    explicit_bzero(start, sizeof start);
}

static struct entry *find(struct view secret, struct view scope)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct entry *e = &entries[i];

        if (view_eq(view_of(e->scope, e->scope_len), scope) &&
            view_eq(view_of(e->secret, e->secret_len), secret))
            return e;
    }
    return NULL;
}

void sigv4_key(struct view secret, struct view scope, uint8_t out[32])
{
    assert(scope.len > 0);
    struct entry *e = find(secret, scope);

    if (!e && secret.len <= SECRET_MAX && scope.len <= SCOPE_MAX) {
        e = &entries[next_entry++ % ENTRIES];
        e->secret_len = secret.len;
        if (secret.len)
            memcpy(e->secret, secret.at, secret.len);
        e->scope_len = scope.len;
        memcpy(e->scope, scope.at, scope.len);
        derive(secret, scope, e->key);
    }
    if (e)
        memcpy(out, e->key, 32);
    else
        derive(secret, scope, out);
}
