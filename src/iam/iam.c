#include "iam/iam.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "iam/iam_impl.h"

enum err iam_new_root_only(const struct iam_config *config, struct iam **iam_out)
{
    const struct iam_doc_set docs[IAM_KINDS] = {{0}};
    struct iam *I = calloc(1, sizeof *I);

    if (!I)
        return ERR_NO_MEMORY;
    I->config = *config;
    (void)pthread_mutex_init(&I->lock, NULL);
    enum err e = iam_snapshot_new(config, docs, &I->current, NULL);
    if (e)
        iam_close(I);
    else
        *iam_out = I;
    return e;
}

void iam_close(struct iam *I)
{
    if (!I)
        return;
    iam_snapshot_unref(I->current);
    (void)pthread_mutex_destroy(&I->lock);
    OPENSSL_cleanse(I, sizeof *I);
    free(I);
}

const struct iam_snapshot *iam_hold(struct iam *I)
{
    (void)pthread_mutex_lock(&I->lock);
    struct iam_snapshot *s = I->current;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&I->lock);
    return s;
}

void iam_release(const struct iam_snapshot *s)
{
    iam_snapshot_unref((struct iam_snapshot *)(uintptr_t)s);
}

void iam_swap(struct iam *I, struct iam_snapshot *s)
{
    (void)pthread_mutex_lock(&I->lock);
    struct iam_snapshot *old = I->current;
    I->current = s;
    (void)pthread_mutex_unlock(&I->lock);
    iam_snapshot_unref(old);
}

bool iam_find_key(const struct iam_snapshot *s, struct view access, struct iam_key *key_out)
{
    const struct iam_snapshot_key *k = iam_snapshot_key(s, access);

    if (!k || !k->is_enabled)
        return false;
    *key_out = (struct iam_key){.access = k->access, .secret = k->secret, .user = k->user};
    return true;
}

const struct iam_user *iam_find_account(const struct iam_snapshot *s, struct view id)
{
    return iam_snapshot_account(s, id);
}

const struct iam_user *iam_find_email(const struct iam_snapshot *s, struct view email)
{
    return iam_snapshot_mailbox(s, email);
}
