/*
 * Tag sets of objects and buckets, pure. The stored form is lv key, lv value, repeated.
 * Limits (Amazon S3 user guide, "Categorizing your storage using tags"): 10 tags an object, 50 a
 * bucket, keys of 1 to 128 and values of up to 256 characters, keys unique, no "aws:" prefix.
 */
#ifndef PENSTOCK_S3_TAGS_H
#define PENSTOCK_S3_TAGS_H

#include "base/region.h"
#include "s3/errors.h"

enum { TAGS_OBJECT_MAX = 10, TAGS_BUCKET_MAX = 50 };

struct tag {
    struct view key, value;
};
struct tags {
    struct tag *at;
    unsigned count;
};

/* In the order of keys. From the header form `k1=v1&k2=v2`, from XML <Tagging>, from the stored
 * form. */
enum s3_code
tags_from_header(struct view text, struct region *R, struct tags *t_out, const char **detail_out);
enum s3_code tags_from_xml(
    struct view body, unsigned max, struct region *R, struct tags *t_out, const char **detail_out);
/* The <Tag>s inside a node. */
struct xml_node;
enum s3_code tags_from_node(
    const struct xml_node *list, unsigned max, struct region *R, struct tags *t_out,
    const char **detail_out);
enum err tags_decode(struct view blob, struct region *R, struct tags *t_out) MUST_CHECK;
enum err tags_encode(const struct tags *t, struct region *R, struct view *blob_out) MUST_CHECK;
/* The document <Tagging>: how many bytes at most, and its bytes. */
size_t tags_xml_bytes(const struct tags *t);
void tags_put_xml(struct buf *x, const struct tags *t);

#endif
