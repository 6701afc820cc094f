/* The meta blob of a bucket: the TLV form of docs/formats/meta.md; tag 1 = location constraint. */
#ifndef PENSTOCK_S3_BUCKET_META_H
#define PENSTOCK_S3_BUCKET_META_H

#include "base/region.h"

/* Empty, or 1 to 64 of letters, digits and '-'. */
bool bucket_meta_location_is_valid(struct view location);
enum err
bucket_meta_encode(struct view location, struct region *R, struct view *blob_out) MUST_CHECK;
enum err bucket_meta_decode(struct view blob, struct view *location_out) MUST_CHECK;

#endif
