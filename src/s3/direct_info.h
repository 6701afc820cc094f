/* GET /-/direct: how an authenticated client reaches the direct path; JSON made at start (s3.h). */
#ifndef PENSTOCK_S3_DIRECT_INFO_H
#define PENSTOCK_S3_DIRECT_INFO_H

#include "s3/s3.h"

/* http_handle_fn; ctx is the struct s3_service. */
void direct_info_handle(struct http_request *q, void *ctx);

#endif
