/*
 * Routing, pure: Host and path name the bucket and the key, query and headers name the operation.
 *
 * The key is the decoded path and nothing else: `//`, `.`, `..` and '+' stay what they are, because
 * S3 keys are opaque. Sources: Amazon S3 API reference (operations and their query parameters);
 * Amazon S3 User Guide, "Virtual hosting of general purpose buckets", "Bucket naming rules".
 */
#ifndef PENSTOCK_S3_ROUTE_H
#define PENSTOCK_S3_ROUTE_H

#include "s3/s3.h"

enum { ROUTE_KEY_BYTES_MAX = 1024 };

struct route {
    enum s3_level level;
    struct view bucket, key; /* decoded, in the region */
};

/* "bucket.DOMAIN:port" -> "bucket" as sent; at == NULL when the host is not of that form. */
struct view route_host_bucket(const struct s3_service *S, struct view host);
/* Host and raw path -> bucket and key. S3_None when they are well-formed. */
enum s3_code route_target(
    const struct s3_service *S, struct view host, struct view path, struct region *R,
    struct route *route_out);
/* Raw query -> at most S3_PARAMS_MAX decoded parameters. */
enum s3_code
route_params(struct view query, struct region *R, struct s3_param *params_out, unsigned *count_out);
/*
 * The row of the table for r (method, params and headers are there), or NULL: the method does not
 * fit the level. *is_foreign_out: a parameter asks for something the row does not do, answer
 * NotImplemented.
 */
const struct s3_op *route_op(const struct s3_request *r, enum s3_level level, bool *is_foreign_out);

/* 3 to 63 bytes of a-z 0-9 . -, no address, none of the reserved beginnings and ends. */
bool route_bucket_is_valid(struct view bucket);

#endif
