/*
 * <AccessControlPolicy>, read and written. Source: API reference, PutBucketAcl, GetBucketAcl.
 */
#ifndef PENSTOCK_S3_ACL_XML_H
#define PENSTOCK_S3_ACL_XML_H

#include "s3/acl.h"

struct iam_snapshot;

enum { ACL_XML_BYTES_MAX = 131072 };

/*
 * acl_xml_read(body, R, owner_out, a_out, detail_out): what a client sends. A grantee is what the
 * element inside it says (ID, URI or EmailAddress); xsi:type is not looked at, xml.h skips
 * attributes. Grantees may be ACL_EMAIL. owner_out: whom the client thinks the owner to be, the
 * caller compares. Views of the region.
 * Answers  S3_None; S3_MalformedACLError; S3_InvalidArgument (a group that is none of S3's);
 *          S3_SlowDown. detail is set with an answer, or NULL.
 */
enum s3_code acl_xml_read(
    struct view body, struct region *R, struct view *owner_out, struct acl *a_out,
    const char **detail_out) MUST_CHECK;

/* The whole document; the default list is written out. Groups come first. `people` gives display
 * names (NULL: none). at == NULL when the region is exhausted. */
struct view acl_xml_make(
    const struct acl *a, struct view owner, const struct iam_snapshot *people,
    struct region *R) MUST_CHECK;

/* <ID> and <DisplayName> inside <element>: an owner, an initiator, a grantee's inside. The room it
 * takes at most is acl_xml_person_bytes. */
size_t acl_xml_person_bytes(struct view id, const struct iam_snapshot *people);
void acl_xml_put_person(
    struct buf *x, const char *element, struct view id, const struct iam_snapshot *people);

/* Whom anonymous writers are: the canonical id that AWS gives them. */
extern const struct view acl_xml_anonymous;

#endif
