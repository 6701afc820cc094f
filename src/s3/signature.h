/*
 * The signature of a request, whichever way it was made: Signature Version 4 or 2, header or
 * presigned. Who the key belongs to is authenticate.c's matter.
 */
#ifndef PENSTOCK_S3_SIGNATURE_H
#define PENSTOCK_S3_SIGNATURE_H

#include "s3/s3.h"

/* Fills r->auth and judges all that needs no secret. S3_None (also when anonymous), or the answer;
 * *detail_out is static text or NULL. */
enum s3_code signature_parse(struct s3_request *r, const char **detail_out);
/*
 * Against the secret of r->auth.access_key. Otherwise the answer and, in *extra_out, ready-made XML
 * elements: what the server computed, so that people can find their mistake.
 */
enum s3_code signature_verify(
    struct s3_request *r, struct view secret, const char **detail_out, struct view *extra_out);
/* The XML elements of a mismatch. canonical may be empty; all are when memory is short. */
struct view signature_explain(
    struct s3_request *r, struct view access_key, struct view signature, struct view to_sign,
    struct view canonical);
/* Is header `name` (lower case) among the signed ones? */
bool signature_covers(const struct s3_request *r, const char *name);

#endif
