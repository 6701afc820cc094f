/*
 * Who the client is and what it called us, also when a proxy stands between: X-Forwarded-For,
 * -Host and -Proto count when the connection comes from a trusted proxy (--trusted-proxy), and are
 * nothing but headers otherwise.
 */
#ifndef PENSTOCK_S3_PROXY_H
#define PENSTOCK_S3_PROXY_H

#include "s3/s3.h"

/*
 * Fills r->source_ip, r->is_secure, r->host and the forwarded names. A signature may be made with
 * the name the client used or with the one the proxy calls us by (signature.c).
 */
void proxy_read(struct s3_request *r);

#endif
