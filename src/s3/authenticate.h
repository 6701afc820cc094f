/* Who asks: the request's signature against the keys of iam's people. */
#ifndef PENSTOCK_S3_AUTHENTICATE_H
#define PENSTOCK_S3_AUTHENTICATE_H

#include "s3/s3.h"

/*
 * S3_None: r->auth is verified, r->people is held, r->user and r->http->user are set; r->user is
 * NULL for a request that nobody signed: access.c decides what strangers may. Otherwise the answer:
 * a code, a message (or NULL) and ready-made XML elements, those AWS adds so that people can find
 * their mistake.
 */
enum s3_code
authenticate_request(struct s3_request *r, const char **detail_out, struct view *extra_out);
/*
 * Who has this access key: the secret to verify with, and r->user set (it counts only once the
 * signature held). S3_InvalidAccessKeyId, S3_AccessDenied. For signatures that are not in the head:
 * POST forms.
 */
enum s3_code
authenticate_key(struct s3_request *r, struct view access_key, struct view *secret_out);

#endif
