/* What the listings share: page sizes, encoding-type, owners, tokens. */
#ifndef PENSTOCK_S3_LIST_H
#define PENSTOCK_S3_LIST_H

#include "s3/s3.h"

enum { LIST_PAGE_MAX = 1000 };

/* Parameter `name` as a count into *n_io, which keeps its value when absent. S3_InvalidArgument
 * when it is no number up to INT32_MAX or (max != 0) over max. */
enum s3_code
list_take_count(struct s3_request *r, const char *name, unsigned max, unsigned *n_io) MUST_CHECK;
/* encoding-type: absent or "url", else S3_InvalidArgument. */
enum s3_code list_take_encoding(struct s3_request *r, bool *is_url_out) MUST_CHECK;
/*
 * <element>name</element>, percent-encoded when is_url. Without, a control character becomes a
 * reference, which XML 1.0 parsers refuse: AWS does the same, and another name in its place would
 * be a lie. An upper bound of its size is list_name_bytes.
 */
void list_put_name(struct buf *b, const char *element, struct view name, bool is_url);
static inline size_t list_name_bytes(struct view name)
{
    return 64 + 6 * name.len;
}
/* <CommonPrefixes> for each of the items that is one. */
void list_put_prefixes(struct buf *b, const struct engine_item *items, unsigned count, bool is_url);
/* Who owns an object or upload of the request's bucket, from the first META_LISTING_BYTES of its
 * meta; of which so many are needed (list_meta_bytes). */
struct view list_owner(const struct s3_request *r, struct view meta);
size_t list_meta_bytes(const struct s3_request *r);
/* Who began an upload, from the first META_UPLOAD_BYTES of its meta. */
struct view list_initiator(const struct s3_request *r, struct view meta);
/* <element><ID>..</ID><DisplayName>..</DisplayName></element>; list_person_bytes at most. */
void list_put_person(
    struct buf *b, const struct s3_request *r, const char *element, struct view id);
size_t list_person_bytes(const struct s3_request *r, struct view id);
/* Answers 200 with the page, or 500 when it did not fit: half a page must not look whole. */
void list_finish(struct s3_request *r, const struct buf *xml);
/* Continuation tokens: the last name in hex behind a version digit: opaque, safe in any URL. */
void list_put_token(struct buf *b, const char *element, struct view last);
enum s3_code
list_take_token(struct s3_request *r, struct view token, struct view *after_out) MUST_CHECK;

#endif
