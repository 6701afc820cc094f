/*
 * Access control lists as headers and form fields say them, pure: canned names, and grants
 * (`id="...", uri="...", emailAddress="..."`).
 */
#ifndef PENSTOCK_S3_ACL_TEXT_H
#define PENSTOCK_S3_ACL_TEXT_H

#include "s3/acl.h"

enum { ACL_TEXT_GRANTS = 5 };
/* The permissions as x-amz-grant-* name them, in the order grants are listed: the headers' names
 * and the permissions they give. */
extern const struct acl_text_grant {
    const char *header;
    unsigned permission;
} acl_text_grants[ACL_TEXT_GRANTS];

/* What a request asks for; at == NULL: did not say. */
struct acl_text {
    struct view canned;                  /* x-amz-acl */
    struct view grants[ACL_TEXT_GRANTS]; /* x-amz-grant-*, in the order of acl_text_grants */
};

/* Whose list it is about: what the canned names grant to. */
struct acl_text_of {
    bool is_bucket;
    struct view owner, bucket_owner; /* canonical ids; the same for a bucket */
};

bool acl_text_is_empty(const struct acl_text *t);
/*
 * acl_text_read(t, of, R, a_out, detail_out): the list that t asks for; not empty. Grantees may be
 * ACL_EMAIL. Views of t and of.
 * Answers  S3_None; S3_InvalidArgument (unknown names, forms, groups); S3_InvalidRequest (canned
 *          and grants together, too many grants); S3_NotImplemented (aws-exec-read: nobody here is
 *          Amazon EC2); S3_SlowDown. detail is set with an answer, or NULL.
 */
enum s3_code acl_text_read(
    const struct acl_text *t, const struct acl_text_of *of, struct region *R, struct acl *a_out,
    const char **detail_out) MUST_CHECK;

/* "http://acs.amazonaws.com/groups/global/AllUsers" and the others; 0 and NULL when unknown. */
enum acl_grantee acl_text_group(struct view uri);
const char *acl_text_group_uri(enum acl_grantee g);
/* "FULL_CONTROL" and the others; 0 when unknown. */
unsigned acl_text_permission(struct view name);
const char *acl_text_permission_name(unsigned permission);

#endif
