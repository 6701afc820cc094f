#include "s3/acl_text.h"

#include <assert.h>

const struct acl_text_grant acl_text_grants[ACL_TEXT_GRANTS] = {
    {"x-amz-grant-read", ACL_READ},
    {"x-amz-grant-write", ACL_WRITE},
    {"x-amz-grant-read-acp", ACL_READ_ACP},
    {"x-amz-grant-write-acp", ACL_WRITE_ACP},
    {"x-amz-grant-full-control", ACL_FULL_CONTROL},
};

/* --- names ---------------------------------------------------------------------------------- */

static const struct {
    enum acl_grantee grantee;
    const char *uri;
} groups[] = {
    {ACL_ALL_USERS, "http://acs.amazonaws.com/groups/global/AllUsers"},
    {ACL_AUTHENTICATED, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"},
    {ACL_LOG_DELIVERY, "http://acs.amazonaws.com/groups/s3/LogDelivery"},
};

enum acl_grantee acl_text_group(struct view uri)
{
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
        if (view_is(uri, groups[i].uri))
            return groups[i].grantee;
    return (enum acl_grantee)0;
}

const char *acl_text_group_uri(enum acl_grantee g)
{
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
        if (groups[i].grantee == g)
            return groups[i].uri;
    return NULL;
}

static const struct {
    unsigned permission;
    const char *name;
} permissions[] = {
    {ACL_READ, "READ"},
    {ACL_WRITE, "WRITE"},
    {ACL_READ_ACP, "READ_ACP"},
    {ACL_WRITE_ACP, "WRITE_ACP"},
    {ACL_FULL_CONTROL, "FULL_CONTROL"},
};

unsigned acl_text_permission(struct view name)
{
    for (size_t i = 0; i < ARRAY_COUNT(permissions); i++)
        if (view_is(name, permissions[i].name))
            return permissions[i].permission;
    return 0;
}

const char *acl_text_permission_name(unsigned permission)
{
    for (size_t i = 0; i < ARRAY_COUNT(permissions); i++)
        if (permissions[i].permission == permission)
            return permissions[i].name;
    assert(false); /* one of the five */
    return "";
}

/* --- canned --------------------------------------------------------------------------------- */

/* What is granted besides FULL_CONTROL to the owner. ACL_ACCOUNT stands for the bucket's owner. */
static const struct canned {
    const char *name;
    bool fits_bucket, fits_object;
    struct {
        enum acl_grantee grantee;
        unsigned permission;
    } more[2];
} canned[] = {
    {"private", true, true, {{0}}},
    {"public-read", true, true, {{ACL_ALL_USERS, ACL_READ}}},
    {"public-read-write", true, true, {{ACL_ALL_USERS, ACL_READ}, {ACL_ALL_USERS, ACL_WRITE}}},
    {"authenticated-read", true, true, {{ACL_AUTHENTICATED, ACL_READ}}},
    {"log-delivery-write",
     true,
     false,
     {{ACL_LOG_DELIVERY, ACL_WRITE}, {ACL_LOG_DELIVERY, ACL_READ_ACP}}},
    /* Of a bucket they say what holds anyway. */
    {"bucket-owner-read", true, true, {{ACL_ACCOUNT, ACL_READ}}},
    {"bucket-owner-full-control", true, true, {{ACL_ACCOUNT, ACL_FULL_CONTROL}}},
};

static const struct canned *find_canned(struct view name, bool is_bucket)
{
    for (size_t i = 0; i < ARRAY_COUNT(canned); i++)
        if (view_is(name, canned[i].name))
            return (is_bucket ? canned[i].fits_bucket : canned[i].fits_object) ? &canned[i] : NULL;
    return NULL;
}

static enum s3_code read_canned(
    struct view name, const struct acl_text_of *of, struct region *R, struct acl *a_out,
    const char **detail_out)
{
    const struct canned *c = find_canned(name, of->is_bucket);
    bool owners_are_same = view_eq(of->owner, of->bucket_owner);

    if (view_is(name, "aws-exec-read")) {
        *detail_out = "aws-exec-read grants to Amazon EC2, which has no account here.";
        return S3_NotImplemented;
    }
    if (!c)
        return S3_InvalidArgument;
    struct acl_grant *g = region_take(R, (1 + ARRAY_COUNT(c->more)) * sizeof *g);
    if (!g)
        return S3_SlowDown;
    *a_out = (struct acl){.grants = g, .is_explicit = true};
    g[a_out->count++] = (struct acl_grant){ACL_ACCOUNT, of->owner, ACL_FULL_CONTROL};
    for (size_t i = 0; i < ARRAY_COUNT(c->more) && c->more[i].permission; i++) {
        bool is_account = c->more[i].grantee == ACL_ACCOUNT;

        if (is_account && owners_are_same)
            continue;
        g[a_out->count++] = (struct acl_grant){
            c->more[i].grantee, is_account ? of->bucket_owner : VIEW_EMPTY, c->more[i].permission};
    }
    return S3_None;
}

/* --- grants --------------------------------------------------------------------------------- */

/* One `type=value` or `type="value"` off the front of *rest, and the comma behind it. */
static bool take_pair(struct view *rest, struct view *type_out, struct view *value_out)
{
    size_t equals = view_index(*rest, '='), end;

    if (equals == SIZE_MAX)
        return false;
    *type_out = view_trim(view_upto(*rest, equals));
    *rest = view_trim(view_from(*rest, equals + 1));
    bool is_quoted = rest->len > 0 && rest->at[0] == '"';
    if (is_quoted)
        *rest = view_from(*rest, 1);
    end = view_index(*rest, is_quoted ? '"' : ',');
    if (is_quoted && end == SIZE_MAX)
        return false;
    end = MIN(end, rest->len);
    *value_out = is_quoted ? view_upto(*rest, end) : view_trim(view_upto(*rest, end));
    *rest = view_trim(view_from(*rest, is_quoted ? end + 1 : end));
    if (rest->len > 0 && rest->at[0] != ',')
        return false;
    *rest = view_trim(view_from(*rest, 1));
    return value_out->len > 0;
}

static enum s3_code
make_grant(struct view type, struct view value, struct acl_grant *g, const char **detail_out)
{
    *detail_out = NULL;
    g->id = value;
    if (view_eq_nocase(type, VIEW("id"))) {
        g->grantee = ACL_ACCOUNT;
    } else if (view_eq_nocase(type, VIEW("emailaddress"))) {
        g->grantee = ACL_EMAIL;
    } else if (view_eq_nocase(type, VIEW("uri"))) {
        g->grantee = acl_text_group(value);
        g->id = VIEW_EMPTY;
        *detail_out = "Invalid group uri";
    } else {
        *detail_out = "Argument format not recognized";
        return S3_InvalidArgument;
    }
    if (!g->grantee)
        return S3_InvalidArgument;
    *detail_out = NULL;
    return S3_None;
}

static enum s3_code read_header(
    struct view text, unsigned permission, struct acl_grant *grants, unsigned *count_io,
    const char **detail_out)
{
    struct view rest = view_trim(text), type, value;
    enum s3_code code = S3_None;

    *detail_out = "Argument format not recognized";
    if (rest.len == 0)
        return S3_InvalidArgument;
    while (rest.len > 0 && !code) {
        if (!take_pair(&rest, &type, &value)) {
            *detail_out = "Argument format not recognized";
            return S3_InvalidArgument;
        }
        if (*count_io == ACL_GRANTS_MAX) {
            *detail_out = "An access control list has 100 grants at most.";
            return S3_InvalidRequest;
        }
        grants[*count_io].permission = permission;
        code = make_grant(type, value, &grants[*count_io], detail_out);
        ++*count_io;
    }
    return code;
}

static enum s3_code
read_grants(const struct acl_text *t, struct region *R, struct acl *a_out, const char **detail_out)
{
    struct acl_grant *grants = region_take(R, ACL_GRANTS_MAX * sizeof *grants);
    enum s3_code code = S3_None;

    if (!grants)
        return S3_SlowDown;
    *a_out = (struct acl){.grants = grants, .is_explicit = true};
    for (unsigned i = 0; i < ACL_TEXT_GRANTS && !code; i++)
        if (t->grants[i].at)
            code = read_header(
                t->grants[i], acl_text_grants[i].permission, grants, &a_out->count, detail_out);
    return code;
}

static bool has_grants(const struct acl_text *t)
{
    for (unsigned i = 0; i < ACL_TEXT_GRANTS; i++)
        if (t->grants[i].at)
            return true;
    return false;
}

bool acl_text_is_empty(const struct acl_text *t)
{
    return !t->canned.at && !has_grants(t);
}

enum s3_code acl_text_read(
    const struct acl_text *t, const struct acl_text_of *of, struct region *R, struct acl *a_out,
    const char **detail_out)
{
    assert(!acl_text_is_empty(t));
    *detail_out = NULL;
    if (t->canned.at && has_grants(t)) {
        *detail_out = "Specifying both Canned ACLs and Header Grants is not allowed";
        return S3_InvalidRequest;
    }
    return t->canned.at ? read_canned(t->canned, of, R, a_out, detail_out)
                        : read_grants(t, R, a_out, detail_out);
}
