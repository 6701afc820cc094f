/*
 * Cross-origin resource sharing: what a bucket tells browsers about pages of other origins.
 *
 * A configuration is a list of rules; the first that fits origin, method and (preflight) headers
 * counts. The decision binds browsers only: it adds headers to answers and never lets anybody in.
 * Source: Amazon S3 user guide, "Using cross-origin resource sharing"; API reference,
 * PutBucketCors; WHATWG Fetch, "CORS protocol".
 */
#ifndef PENSTOCK_S3_CORS_H
#define PENSTOCK_S3_CORS_H

#include "s3/s3.h"

/* ASKED: headers that one preflight may name; each is looked for in up to 64 KiB of patterns. */
enum { CORS_BYTES_MAX = 65536, CORS_RULES_MAX = 100, CORS_ASKED_MAX = 100 };

struct cors_list {
    const struct view *at;
    unsigned count;
};
struct cors_rule {
    struct view id; /* at == NULL: none */
    struct cors_list methods, origins, headers, exposes;
    bool has_max_age;
    uint32_t max_age_s;
};
struct cors { /* one allocation, constant */
    unsigned rule_count;
    struct cors_rule rules[];
};

/*
 * cors_parse(xml, c_out, why): a CORSConfiguration. Allocates (control path: when it is set or
 * first read, never per request). S3_None, or what to answer; `why`: a sentence for it, may stay
 * empty. why may be NULL.
 */
enum s3_code cors_parse(struct view xml, struct cors **c_out, struct buf *why) MUST_CHECK;
void cors_free(struct cors *c); /* NULL is fine */

/* What is asked: headers is the value of Access-Control-Request-Headers, at == NULL: none. */
struct cors_ask {
    struct view origin, method, headers;
};
/* The first rule that fits, or NULL. */
const struct cors_rule *cors_match(const struct cors *c, const struct cors_ask *ask);
/* Does the rule let every origin in, by "*"? Then answers do not depend on which one asked. */
bool cors_is_open(const struct cors_rule *rule, struct view origin);

/* The configuration as XML; at most cors_xml_bytes. */
size_t cors_xml_bytes(const struct cors *c);
void cors_put_xml(struct buf *x, const struct cors *c);

/* OPTIONS, answered without authentication. The bucket has been found: r->conf is set. */
void cors_preflight(struct s3_request *r);
/* Adds the headers for r's Origin to the answer that was begun: s3_reply calls it, for errors too.
 * Nothing without Origin or without r->conf. */
void cors_reply(struct s3_request *r);

#endif
