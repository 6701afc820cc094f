/*
 * The stored form of a list (docs/formats/meta.md), and what it allows.
 *
 *   blob    u8 version (1), then grants; no bytes at all: the default
 *   grant   u8 grantee, u8 permission, u32 length, the canonical id (none for a group)
 */
#include "s3/acl.h"

#include <assert.h>

enum { ACL_VERSION = 1, GRANT_HEAD_BYTES = 6 };

/* --- the stored form ------------------------------------------------------------------------ */

static bool is_permission(unsigned p)
{
    return p == ACL_READ || p == ACL_WRITE || p == ACL_READ_ACP || p == ACL_WRITE_ACP ||
           p == ACL_FULL_CONTROL;
}

static enum err take_grant(struct view *blob, struct acl_grant *g)
{
    struct view head;

    if (view_take(blob, 2, &head) || view_take_lv(blob, &g->id))
        return ERR_CORRUPT;
    if (head.at[0] < ACL_ACCOUNT || head.at[0] > ACL_LOG_DELIVERY || !is_permission(head.at[1]))
        return ERR_CORRUPT;
    if ((head.at[0] == ACL_ACCOUNT) != (g->id.len > 0))
        return ERR_CORRUPT;
    g->grantee = (enum acl_grantee)head.at[0];
    g->permission = head.at[1];
    return ERR_OK;
}

static enum err count_grants(struct view blob, unsigned *count_out)
{
    struct acl_grant ignored;

    for (*count_out = 0; blob.len > 0; ++*count_out)
        if (*count_out == ACL_GRANTS_MAX || take_grant(&blob, &ignored))
            return ERR_CORRUPT;
    return ERR_OK;
}

enum err acl_decode(struct view blob, struct region *R, struct acl *a_out)
{
    unsigned count;

    *a_out = (struct acl){0};
    if (blob.len == 0)
        return ERR_OK;
    if (blob.at[0] != ACL_VERSION)
        return ERR_CORRUPT;
    blob = view_from(blob, 1);
    TRY(count_grants(blob, &count));
    struct acl_grant *grants = region_take(R, (count + 1) * sizeof *grants);
    if (!grants)
        return ERR_BUSY;
    for (unsigned i = 0; i < count; i++)
        TRY(take_grant(&blob, &grants[i]));
    *a_out = (struct acl){.grants = grants, .count = count, .is_explicit = true};
    return ERR_OK;
}

enum err acl_encode(const struct acl *a, struct region *R, struct view *blob_out)
{
    size_t bytes = 1;

    assert(a->count <= ACL_GRANTS_MAX && (a->is_explicit || a->count == 0));
    if (!a->is_explicit) {
        *blob_out = VIEW_EMPTY;
        return ERR_OK;
    }
    for (unsigned i = 0; i < a->count; i++)
        bytes += GRANT_HEAD_BYTES + a->grants[i].id.len;
    void *at = region_take(R, bytes);
    if (!at)
        return ERR_BUSY;
    struct buf b = buf_over(at, bytes);
    buf_put_byte(&b, ACL_VERSION);
    for (unsigned i = 0; i < a->count; i++) {
        const struct acl_grant *g = &a->grants[i];

        assert(g->grantee != ACL_EMAIL && is_permission(g->permission));
        buf_put_byte(&b, (uint8_t)g->grantee);
        buf_put_byte(&b, (uint8_t)g->permission);
        buf_put_lv(&b, g->grantee == ACL_ACCOUNT ? g->id : VIEW_EMPTY);
    }
    assert(!b.overflow);
    *blob_out = buf_view(&b);
    return ERR_OK;
}

/* --- what it allows ------------------------------------------------------------------------- */

static bool is_group(const struct acl_grant *g)
{
    return g->grantee == ACL_ALL_USERS || g->grantee == ACL_AUTHENTICATED;
}

static bool names(const struct acl_grant *g, struct view account)
{
    if (g->grantee == ACL_ALL_USERS)
        return true;
    if (account.len == 0)
        return false;
    return g->grantee == ACL_AUTHENTICATED ||
           (g->grantee == ACL_ACCOUNT && view_eq(g->id, account));
}

static unsigned given(const struct acl *a, struct view account, bool groups_count)
{
    unsigned permissions = 0;

    for (unsigned i = 0; i < a->count; i++)
        if ((groups_count || !is_group(&a->grants[i])) && names(&a->grants[i], account))
            permissions |= a->grants[i].permission;
    return permissions;
}

bool acl_allows(const struct acl *a, unsigned permission, struct view account)
{
    assert(permission != 0);
    return (given(a, account, true) & permission) == permission;
}

bool acl_allows_account(const struct acl *a, unsigned permission, struct view account)
{
    assert(permission != 0);
    return (given(a, account, false) & permission) == permission;
}

bool acl_is_public(const struct acl *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (is_group(&a->grants[i]))
            return true;
    return false;
}

bool acl_is_private(const struct acl *a, struct view owner)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->grants[i].grantee != ACL_ACCOUNT || !view_eq(a->grants[i].id, owner))
            return false;
    return true;
}
