/*
 * The meta blob of a bucket: what it is set to. The TLV form of docs/formats/meta.md, whose second
 * table lists the tags. Unknown tags are kept out of the way on reading and are lost on writing: a
 * store is not written by an older server (its version is checked at open).
 */
#ifndef PENSTOCK_S3_BUCKET_META_H
#define PENSTOCK_S3_BUCKET_META_H

#include "base/region.h"
#include "s3/lock.h"

/* The numbers are stored. A blob that says nothing: made before there was a choice,
 * BucketOwnerEnforced. */
enum bucket_ownership { OWNERSHIP_ENFORCED, OWNERSHIP_PREFERRED, OWNERSHIP_WRITER };
/* As headers, XML and settings name it: "BucketOwnerEnforced" ... False: none of the three. */
bool bucket_meta_read_ownership(struct view text, enum bucket_ownership *ownership_out);
const char *bucket_meta_ownership_name(enum bucket_ownership o);

enum bucket_block { /* bits of public access block; stored */
                    BLOCK_PUBLIC_ACLS = 1,
                    IGNORE_PUBLIC_ACLS = 2,
                    BLOCK_PUBLIC_POLICY = 4,
                    RESTRICT_PUBLIC_BUCKETS = 8
};

struct bucket_meta { /* empty views: not set */
    struct view location;
    struct view owner_id; /* empty: root's */
    enum bucket_ownership ownership;
    bool ownership_is_deleted; /* DeleteBucketOwnershipControls: acts as OWNERSHIP_WRITER */
    struct view acl;           /* stored form, acl.h */
    struct view policy;        /* JSON as sent */
    struct view cors;          /* XML as sent, checked */
    struct view tags;          /* stored form, tags.h */
    struct lock_default lock;
    bool has_block;
    unsigned block; /* enum bucket_block */
};

/* Empty, or 1 to 64 of letters, digits and '-'. */
bool bucket_meta_location_is_valid(struct view location);
enum err
bucket_meta_encode(const struct bucket_meta *m, struct region *R, struct view *blob_out) MUST_CHECK;
/*
 * What listings of buckets show, from the first BUCKET_META_LISTING_BYTES of a blob: these two are
 * encoded first for that. Empty: not set.
 */
enum { BUCKET_META_LISTING_BYTES = 256 };
void bucket_meta_listing(struct view blob, struct view *location_out, struct view *owner_id_out);
/* Views of blob. */
enum err bucket_meta_decode(struct view blob, struct bucket_meta *m_out) MUST_CHECK;

#endif
