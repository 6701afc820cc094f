#include "s3/cors.h"

enum s3_code cors_parse(struct view xml, struct cors **c_out, struct buf *why)
{
    (void)xml;
    (void)c_out;
    (void)why;
    return S3_NotImplemented;
}

void cors_free(struct cors *c)
{
    (void)c;
}

void cors_preflight(struct s3_request *r)
{
    s3_finish_error(r, S3_AccessForbidden, NULL);
}

void cors_reply(struct s3_request *r)
{
    (void)r;
}
