#include "iam/iam_snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ---- searching ----------------------------------------------------------------------------- */

struct iam_doc *iam_snapshot_doc(const struct iam_snapshot *s, enum iam_kind kind, struct view name)
{
    size_t low = 0, high = s->docs[kind].count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = view_compare(s->docs[kind].list[middle]->name, name);
        if (order == 0)
            return s->docs[kind].list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int by_access(const void *a, const void *b)
{
    const struct iam_snapshot_key *ka = a, *kb = b;

    return view_compare(ka->access, kb->access);
}

static int by_id(const void *a, const void *b)
{
    const struct iam_user *const *ua = a, *const *ub = b;

    return view_compare((*ua)->id, (*ub)->id);
}

static int by_email(const void *a, const void *b)
{
    const struct iam_user *const *ua = a, *const *ub = b;

    return view_compare((*ua)->email, (*ub)->email);
}

const struct iam_snapshot_key *iam_snapshot_key(const struct iam_snapshot *s, struct view access)
{
    const struct iam_snapshot_key wanted = {.access = access};

    return s->key_count ? bsearch(&wanted, s->keys, s->key_count, sizeof wanted, by_access) : NULL;
}

static const struct iam_user *find_user(
    const struct iam_user **list, unsigned count, const struct iam_user *wanted,
    int (*order)(const void *, const void *))
{
    const struct iam_user **found =
        count ? bsearch(&wanted, list, count, sizeof(const struct iam_user *), order) : NULL;

    return found ? *found : NULL;
}

const struct iam_user *iam_snapshot_account(const struct iam_snapshot *s, struct view id)
{
    const struct iam_user wanted = {.id = id};

    return find_user(s->accounts, s->account_count, &wanted, by_id);
}

const struct iam_user *iam_snapshot_mailbox(const struct iam_snapshot *s, struct view email)
{
    const struct iam_user wanted = {.email = email};

    return email.len ? find_user(s->mailboxes, s->mailbox_count, &wanted, by_email) : NULL;
}

const struct iam_user *iam_snapshot_user(const struct iam_snapshot *s, const struct iam_doc *doc)
{
    for (unsigned i = 1; i < s->user_count; i++)
        if (view_eq(s->users[i].name, doc->name))
            return &s->users[i];
    return NULL;
}

/* ---- making -------------------------------------------------------------------------------- */

static enum err take_docs(struct iam_snapshot *s, const struct iam_doc_set *docs)
{
    for (unsigned k = 0; k < IAM_KINDS; k++) {
        struct iam_doc_set *to = &s->docs[k];
        to->list = iam_heap_take(&s->heap, sizeof(struct iam_doc *) * docs[k].count);
        if (!to->list)
            return ERR_NO_MEMORY;
        for (unsigned i = 0; i < docs[k].count; i++)
            to->list[to->count++] = iam_doc_ref(docs[k].list[i]);
    }
    return ERR_OK;
}

static enum err take_tables(struct iam_snapshot *s)
{
    unsigned users = s->docs[IAM_USER].count + 1, keys = 1;

    for (unsigned i = 0; i < s->docs[IAM_USER].count; i++)
        keys += s->docs[IAM_USER].list[i]->key_count;
    s->users = iam_heap_take(&s->heap, sizeof(struct iam_user) * users);
    s->keys = iam_heap_take(&s->heap, sizeof(struct iam_snapshot_key) * keys);
    s->accounts = iam_heap_take(&s->heap, sizeof(struct iam_user *) * users);
    s->mailboxes = iam_heap_take(&s->heap, sizeof(struct iam_user *) * users);
    return s->users && s->keys && s->accounts && s->mailboxes ? ERR_OK : ERR_NO_MEMORY;
}

/* arn:aws:iam::ID:root of who owns an account, arn:aws:iam::ID:user/NAME of root's people. */
static enum err put_arn(struct iam_snapshot *s, struct iam_user *u)
{
    size_t bytes = 32 + u->id.len + u->name.len;
    char *at = iam_heap_take(&s->heap, bytes);

    if (!at)
        return ERR_NO_MEMORY;
    struct buf b = buf_over(at, bytes);
    buf_put_str(&b, "arn:aws:iam::");
    buf_put(&b, u->id);
    buf_put_str(&b, u->owns_account ? ":root" : ":user/");
    if (!u->owns_account)
        buf_put(&b, u->name);
    u->arn = buf_view(&b);
    return ERR_OK;
}

static enum err add_root(struct iam_snapshot *s, const struct iam_config *config)
{
    struct iam_user *u = &s->users[s->user_count++];
    struct iam_snapshot_key *k = &s->keys[s->key_count++];

    *u = (struct iam_user){.is_root = true, .owns_account = true, .is_enabled = true};
    u->id = iam_heap_copy(&s->heap, config->root_id);
    u->name = iam_heap_copy(&s->heap, config->root_name);
    k->access = iam_heap_copy(&s->heap, config->root_access);
    k->secret = iam_heap_copy(&s->heap, config->root_secret);
    k->user = u;
    k->is_enabled = true;
    s->accounts[s->account_count++] = u;
    return u->id.at && u->name.at && k->access.at && k->secret.at ? put_arn(s, u) : ERR_NO_MEMORY;
}

static enum err
link_policies(struct iam_snapshot *s, struct iam_user *u, const struct iam_names *names)
{
    const struct policy **to = (const struct policy **)(uintptr_t)u->policies + u->policy_count;

    for (unsigned i = 0; i < names->count; i++) {
        const struct iam_doc *p = iam_snapshot_doc(s, IAM_POLICY, names->list[i]);
        if (!p)
            return ERR_CORRUPT;
        to[i] = p->policy;
    }
    u->policy_count += names->count;
    return ERR_OK;
}

/*
 * Its own, then those of its groups. One that is not there is an error: going on without it may
 * mean going on without its Deny.
 */
static enum err add_policies(struct iam_snapshot *s, struct iam_user *u, const struct iam_doc *doc)
{
    unsigned count = doc->policies.count;

    for (unsigned i = 0; i < doc->groups.count; i++) {
        const struct iam_doc *g = iam_snapshot_doc(s, IAM_GROUP, doc->groups.list[i]);
        if (!g)
            return ERR_CORRUPT;
        count += g->policies.count;
    }
    u->policies = iam_heap_take(&s->heap, sizeof(struct policy *) * count);
    if (!u->policies)
        return ERR_NO_MEMORY;
    TRY(link_policies(s, u, &doc->policies));
    for (unsigned i = 0; i < doc->groups.count; i++)
        TRY(link_policies(s, u, &iam_snapshot_doc(s, IAM_GROUP, doc->groups.list[i])->policies));
    return ERR_OK;
}

static void add_keys(struct iam_snapshot *s, struct iam_user *u, const struct iam_doc *doc)
{
    struct view root = s->keys[0].access;

    for (unsigned i = 0; i < doc->key_count; i++) {
        const struct iam_doc_key *k = &doc->keys[i];
        if (view_eq(k->access, root)) { /* root's come from the configuration, and win */
            s->shadowed = u;
            continue;
        }
        s->keys[s->key_count++] = (struct iam_snapshot_key){
            .access = k->access, .secret = k->secret, .user = u, .is_enabled = k->is_enabled};
    }
}

static enum err add_user(struct iam_snapshot *s, const struct iam_doc *doc)
{
    struct iam_user *u = &s->users[s->user_count++];

    *u = (struct iam_user){
        .id = doc->id.len ? doc->id : s->users[0].id,
        .name = doc->name,
        .email = doc->email,
        .owns_account = doc->id.len > 0,
        .is_enabled = doc->is_enabled,
    };
    TRY(put_arn(s, u));
    TRY(add_policies(s, u, doc));
    add_keys(s, u, doc);
    if (u->owns_account)
        s->accounts[s->account_count++] = u;
    if (u->email.len)
        s->mailboxes[s->mailbox_count++] = u;
    return ERR_OK;
}

static bool
has_twins(const void *list, size_t count, size_t bytes, int (*order)(const void *, const void *))
{
    const uint8_t *at = list;

    for (size_t i = 1; i < count; i++)
        if (order(at + (i - 1) * bytes, at + i * bytes) == 0)
            return true;
    return false;
}

static enum err sort_tables(struct iam_snapshot *s, struct buf *why)
{
    const size_t pointer = sizeof(struct iam_user *);

    qsort(s->keys, s->key_count, sizeof *s->keys, by_access);
    qsort(s->accounts, s->account_count, pointer, by_id);
    qsort(s->mailboxes, s->mailbox_count, pointer, by_email);
    const char *what = NULL;
    if (has_twins(s->keys, s->key_count, sizeof *s->keys, by_access))
        what = "access key";
    else if (has_twins(s->accounts, s->account_count, pointer, by_id))
        what = "canonical id";
    else if (has_twins(s->mailboxes, s->mailbox_count, pointer, by_email))
        what = "e-mail address";
    if (!what)
        return ERR_OK;
    buf_printf(why, "two users have the same %s", what);
    return ERR_CORRUPT;
}

static enum err fill(
    struct iam_snapshot *s, const struct iam_config *config, const struct iam_doc_set *docs,
    struct buf *why)
{
    TRY(take_docs(s, docs));
    TRY(take_tables(s));
    TRY(add_root(s, config));
    for (unsigned i = 0; i < s->docs[IAM_USER].count; i++) {
        const struct iam_doc *doc = s->docs[IAM_USER].list[i];
        enum err e = add_user(s, doc);
        if (e == ERR_CORRUPT)
            buf_printf(
                why, "user '%.*s' has a group or policy that is not there", VIEW_FMT(doc->name));
        if (e)
            return e;
    }
    return sort_tables(s, why);
}

enum err iam_snapshot_new(
    const struct iam_config *config, const struct iam_doc_set *docs, struct iam_snapshot **s_out,
    struct buf *why)
{
    struct iam_snapshot *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_NO_MEMORY;
    s->refs = 1;
    enum err e = fill(s, config, docs, why);
    if (e)
        iam_snapshot_unref(s);
    else
        *s_out = s;
    return e;
}

void iam_snapshot_unref(struct iam_snapshot *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned k = 0; k < IAM_KINDS; k++)
        for (unsigned i = 0; i < s->docs[k].count; i++)
            iam_doc_unref(s->docs[k].list[i]);
    iam_heap_done(&s->heap);
    free(s);
}
