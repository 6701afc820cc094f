/*
 * Access control lists, pure: the stored form, and what a list allows. acl_text.h reads canned
 * names and grant headers, acl_xml.h reads and writes XML, acl_request.h knows ownership and
 * people.
 *
 * Sources: Amazon S3 user guide, "Access control list (ACL) overview" (canned ACLs, grantees, the
 * mapping of permissions); API reference, PutBucketAcl, PutObjectAcl.
 */
#ifndef PENSTOCK_S3_ACL_H
#define PENSTOCK_S3_ACL_H

#include "base/region.h"
#include "s3/errors.h"

enum { ACL_GRANTS_MAX = 100 };

enum acl_permission { /* bits; the numbers are stored */
                      ACL_READ = 1,
                      ACL_WRITE = 2,
                      ACL_READ_ACP = 4,
                      ACL_WRITE_ACP = 8,
                      ACL_FULL_CONTROL = 15
};
enum acl_grantee {
    ACL_ACCOUNT = 1,
    ACL_ALL_USERS = 2,
    ACL_AUTHENTICATED = 3,
    ACL_LOG_DELIVERY = 4,
    ACL_EMAIL = 5 /* as asked; an ACCOUNT before it is stored (acl_request.h) */
};

struct acl_grant {
    enum acl_grantee grantee;
    struct view id;      /* ACL_ACCOUNT: canonical id; ACL_EMAIL: the address */
    unsigned permission; /* one of the five */
};
/* Views of what it was made of. Not explicit: the default, the owner has FULL_CONTROL (count 0).
 * An explicit one may be empty: it gives nothing to anybody. */
struct acl {
    const struct acl_grant *grants;
    unsigned count;
    bool is_explicit;
};

/* Which permission of which list would also allow an operation (struct s3_op). */
enum acl_right {
    ACL_NO_RIGHT, /* no ACL gives this: owner and policies only */
    ACL_BUCKET_READ,
    ACL_BUCKET_WRITE,
    ACL_BUCKET_READ_ACP,
    ACL_BUCKET_WRITE_ACP,
    ACL_OBJECT_READ,
    ACL_OBJECT_READ_ACP,
    ACL_OBJECT_WRITE_ACP
};

/* The stored form: docs/formats/meta.md. Decode into the region; ERR_CORRUPT, ERR_BUSY. An empty
 * blob is the default. The views are of `blob`. */
enum err acl_decode(struct view blob, struct region *R, struct acl *a_out) MUST_CHECK;
enum err acl_encode(const struct acl *a, struct region *R, struct view *blob_out) MUST_CHECK;
/* Does a give `permission` (bits: all of them) to account id (empty: anonymous)? What the owner may
 * besides is not asked here. */
bool acl_allows(const struct acl *a, unsigned permission, struct view account);
/* The same where public ACLs are without effect (IGNORE_PUBLIC_ACLS): only what is given to the
 * account by its id. */
bool acl_allows_account(const struct acl *a, unsigned permission, struct view account);
/* Does it give anything to everybody or to all authenticated users? */
bool acl_is_public(const struct acl *a);
/* Does it give nothing to anybody but `owner`? */
bool acl_is_private(const struct acl *a, struct view owner);

#endif
