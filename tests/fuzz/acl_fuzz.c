/*
 * Input: what it is (XML, a header, a canned name, a stored list), then its text.
 *
 * Invariants. Whatever is read has at most ACL_GRANTS_MAX grants of known kinds, each permission
 * one of the five. Stored and decoded it is the same list; written as XML and read it is the same
 * grants, groups first. A list gives an account at least what it gives to everybody, and without
 * public grants no more than with them.
 */
#include "s3/acl_text.h"
#include "s3/acl_xml.h"

#include "fuzz.h"

enum { TEXT_BYTES_MAX = 1 << 15, BLOCKS_MAX = 2048 };

static void check_grants(const struct acl *a)
{
    MUST(a->count <= ACL_GRANTS_MAX && (a->is_explicit || a->count == 0));
    for (unsigned i = 0; i < a->count; i++) {
        const struct acl_grant *g = &a->grants[i];

        MUST(acl_text_permission(view_str(acl_text_permission_name(g->permission))));
        MUST(g->grantee >= ACL_ACCOUNT && g->grantee <= ACL_EMAIL);
        MUST((g->grantee == ACL_ACCOUNT || g->grantee == ACL_EMAIL) == (g->id.len > 0));
    }
}

static bool has_email(const struct acl *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->grants[i].grantee == ACL_EMAIL)
            return true;
    return false;
}

static bool is_same(const struct acl_grant *a, const struct acl_grant *b)
{
    return a->grantee == b->grantee && a->permission == b->permission && view_eq(a->id, b->id);
}

static void check_stored(const struct acl *a, struct region *R)
{
    struct view blob;
    struct acl back;

    if (acl_encode(a, R, &blob))
        return;
    enum err e = acl_decode(blob, R, &back);
    if (e == ERR_BUSY)
        return;
    MUST(e == ERR_OK && back.count == a->count && back.is_explicit == a->is_explicit);
    for (unsigned i = 0; i < a->count; i++)
        MUST(is_same(&a->grants[i], &back.grants[i]));
}

static void check_allows(const struct acl *a)
{
    const struct view account = a->count ? a->grants[a->count - 1].id : VIEW_EMPTY;

    for (unsigned p = 1; p <= ACL_FULL_CONTROL; p++) {
        MUST(acl_allows(a, p, account) || !acl_allows(a, p, VIEW_EMPTY));
        MUST(acl_allows(a, p, account) || !acl_allows_account(a, p, account));
        MUST(!acl_allows_account(a, p, VIEW_EMPTY));
        MUST(!acl_allows(a, p, VIEW_EMPTY) || acl_is_public(a));
    }
}

/* XML has no form for control characters, and space around an id is none of it. */
static bool is_plain(const struct acl *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        struct view id = a->grants[i].id;

        if (view_trim(id).len != id.len)
            return false;
        for (size_t c = 0; c < id.len; c++)
            if (id.at[c] < ' ' || id.at[c] >= 0x7f)
                return false;
    }
    return true;
}

static void check_written(const struct acl *a, struct region *R)
{
    struct view xml = acl_xml_make(a, VIEW("owner"), NULL, R), owner;
    struct acl back;
    const char *detail;
    unsigned seen = 0;

    if (!xml.at || !a->is_explicit || !is_plain(a))
        return;
    enum s3_code code = acl_xml_read(xml, R, &owner, &back, &detail);
    if (code == S3_SlowDown)
        return;
    MUST(code == S3_None && view_is(owner, "owner") && back.count == a->count);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < a->count; i++)
            if ((a->grants[i].grantee == ACL_ACCOUNT) == (pass == 1))
                MUST(is_same(&a->grants[i], &back.grants[seen++]));
}

static enum s3_code read_text(uint8_t choice, struct view v, struct region *R, struct acl *a)
{
    const struct acl_text_of of = {
        .is_bucket = choice & 4, .owner = VIEW("o"), .bucket_owner = VIEW("b")};
    struct acl_text t = {{0}};
    const char *detail;

    v = view_of(v.at ? v.at : (const uint8_t *)"", v.len);
    if (choice & 1)
        t.canned = v;
    else
        t.grants[choice / 8 % ACL_TEXT_GRANTS] = v;
    return acl_text_read(&t, &of, R, a, &detail);
}

static bool read_input(uint8_t choice, struct view v, struct region *R, struct acl *a)
{
    struct view owner;
    const char *detail;

    switch (choice & 3) {
    case 0:
    case 1:
        return read_text(choice, v, R, a) == S3_None;
    case 2:
        return acl_xml_read(v, R, &owner, a, &detail) == S3_None;
    default:
        return acl_decode(v, R, a) == ERR_OK;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, TEXT_BYTES_MAX));
    uint8_t choice = fuzz_byte(&v);
    struct region_pool pool;
    struct region region;
    struct acl a;

    region_pool_init(&pool, choice < 192 ? BLOCKS_MAX : choice % 8u);
    region_init(&region, &pool);
    if (read_input(choice, v, &region, &a)) {
        check_grants(&a);
        check_allows(&a);
        if (!has_email(&a)) {
            check_stored(&a, &region);
            check_written(&a, &region);
        }
    }
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
