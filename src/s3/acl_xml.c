#include "s3/acl_xml.h"

#include <assert.h>

#include "iam/iam.h"
#include "s3/acl_text.h"
#include "s3/xml.h"

const struct view acl_xml_anonymous = {(const uint8_t *)"65a011a29cdf8ec533ec3d1ccaae921c", 32};

/* --- reading -------------------------------------------------------------------------------- */

static enum s3_code read_grantee(const struct xml_node *n, struct acl_grant *g, const char **detail)
{
    struct view id = view_trim(xml_child_text(n, "ID"));
    struct view uri = view_trim(xml_child_text(n, "URI"));
    struct view email = view_trim(xml_child_text(n, "EmailAddress"));

    if (!xml_has_only(n, "ID DisplayName URI EmailAddress"))
        return S3_MalformedACLError;
    if ((id.len > 0) + (uri.len > 0) + (email.len > 0) != 1)
        return S3_MalformedACLError;
    g->id = id.len ? id : email;
    g->grantee = id.len ? ACL_ACCOUNT : uri.len ? acl_text_group(uri) : ACL_EMAIL;
    if (g->grantee)
        return S3_None;
    *detail = "Invalid group uri";
    return S3_InvalidArgument;
}

static enum s3_code read_grant(const struct xml_node *n, struct acl_grant *g, const char **detail)
{
    const struct xml_node *grantee = xml_child(n, "Grantee");

    if (!view_is(n->name, "Grant") || !grantee || !xml_has_only(n, "Grantee Permission"))
        return S3_MalformedACLError;
    g->permission = acl_text_permission(view_trim(xml_child_text(n, "Permission")));
    return g->permission ? read_grantee(grantee, g, detail) : S3_MalformedACLError;
}

static enum s3_code
read_list(const struct xml_node *list, struct region *R, struct acl *a_out, const char **detail_out)
{
    struct acl_grant *grants = region_take(R, ACL_GRANTS_MAX * sizeof *grants);
    enum s3_code code = S3_None;

    if (!grants)
        return S3_SlowDown;
    *a_out = (struct acl){.grants = grants, .is_explicit = true};
    for (const struct xml_node *n = list->first; n && !code; n = n->next) {
        if (a_out->count == ACL_GRANTS_MAX) {
            *detail_out = "An access control list has 100 grants at most.";
            return S3_MalformedACLError;
        }
        code = read_grant(n, &grants[a_out->count++], detail_out);
    }
    return code;
}

enum s3_code acl_xml_read(
    struct view body, struct region *R, struct view *owner_out, struct acl *a_out,
    const char **detail_out)
{
    struct xml_node *root = NULL;

    *detail_out = NULL;
    enum err e = xml_parse(body, R, &root);
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedACLError;
    const struct xml_node *owner = xml_child(root, "Owner");
    const struct xml_node *list = xml_child(root, "AccessControlList");
    if (!view_is(root->name, "AccessControlPolicy") ||
        !xml_has_only(root, "Owner AccessControlList") || !owner || !list)
        return S3_MalformedACLError;
    if (!xml_has_only(owner, "ID DisplayName"))
        return S3_MalformedACLError;
    *owner_out = view_trim(xml_child_text(owner, "ID"));
    return owner_out->len ? read_list(list, R, a_out, detail_out) : S3_MalformedACLError;
}

/* --- writing -------------------------------------------------------------------------------- */

enum { ESCAPE_BYTES_MAX = 6, PERSON_MARKUP_BYTES = 160, GRANT_MARKUP_BYTES = 320 };

static struct view name_of(struct view id, const struct iam_snapshot *people)
{
    if (view_eq(id, acl_xml_anonymous))
        return VIEW("anonymous");
    const struct iam_user *u = people ? iam_find_account(people, id) : NULL;
    return u ? u->name : VIEW_EMPTY;
}

size_t acl_xml_person_bytes(struct view id, const struct iam_snapshot *people)
{
    return PERSON_MARKUP_BYTES + ESCAPE_BYTES_MAX * (id.len + name_of(id, people).len);
}

static void put_person(struct buf *x, struct view id, const struct iam_snapshot *people)
{
    struct view name = name_of(id, people);

    xml_text(x, "ID", id);
    if (name.len > 0)
        xml_text(x, "DisplayName", name);
}

void acl_xml_put_person(
    struct buf *x, const char *element, struct view id, const struct iam_snapshot *people)
{
    xml_open(x, element);
    put_person(x, id, people);
    xml_close(x, element);
}

static void put_grant(struct buf *x, const struct acl_grant *g, const struct iam_snapshot *people)
{
    bool is_account = g->grantee == ACL_ACCOUNT;

    assert(g->grantee != ACL_EMAIL);
    buf_put_str(
        x, "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"");
    buf_put_str(x, is_account ? "CanonicalUser\">" : "Group\">");
    if (is_account)
        put_person(x, g->id, people);
    else
        xml_text(x, "URI", view_str(acl_text_group_uri(g->grantee)));
    xml_close(x, "Grantee");
    xml_text(x, "Permission", view_str(acl_text_permission_name(g->permission)));
    xml_close(x, "Grant");
}

static size_t
document_bytes(const struct acl *a, struct view owner, const struct iam_snapshot *people)
{
    size_t bytes = 512 + acl_xml_person_bytes(owner, people);

    for (unsigned i = 0; i < a->count; i++)
        bytes += GRANT_MARKUP_BYTES + acl_xml_person_bytes(a->grants[i].id, people);
    return bytes;
}

static void put_list(struct buf *x, const struct acl *a, const struct iam_snapshot *people)
{
    xml_open(x, "AccessControlList");
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < a->count; i++)
            if ((a->grants[i].grantee == ACL_ACCOUNT) == (pass == 1))
                put_grant(x, &a->grants[i], people);
    xml_close(x, "AccessControlList");
}

struct view acl_xml_make(
    const struct acl *a, struct view owner, const struct iam_snapshot *people, struct region *R)
{
    const struct acl_grant all = {ACL_ACCOUNT, owner, ACL_FULL_CONTROL};
    const struct acl written = {.grants = &all, .count = 1, .is_explicit = true};

    if (!a->is_explicit)
        a = &written;
    size_t bytes = document_bytes(a, owner, people);
    void *at = region_take(R, bytes);
    if (!at)
        return VIEW_EMPTY;
    struct buf x = buf_over(at, bytes);
    xml_open_root(&x, "AccessControlPolicy");
    acl_xml_put_person(&x, "Owner", owner, people);
    put_list(&x, a, people);
    xml_close(&x, "AccessControlPolicy");
    assert(!x.overflow);
    return buf_view(&x);
}
