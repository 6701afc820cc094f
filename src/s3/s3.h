/*
 * The S3 service: what turns an HTTP request into engine and transport operations.
 *
 *   http handler -> s3_handle: route (route.c) -> find the bucket (bucket.c) -> authenticate
 *   (authenticate.c) -> may the caller? (access.c) -> op->start
 *   operation files (get_object.c, put_object.c, ...) run their state machine and end with one of
 *   the s3_finish_* functions, after which the request is gone.
 *
 * One struct s3_request per HTTP request, in its region. Every operation has one file, one struct
 * that embeds struct op (allocated from the region in its start function), one *_advance.
 */
#ifndef PENSTOCK_S3_S3_H
#define PENSTOCK_S3_S3_H

#include "auth/sigv4.h"
#include "base/cidr.h"
#include "direct/transport.h"
#include "engine/engine.h"
#include "http/request.h"
#include "iam/iam.h"
#include "s3/acl.h"
#include "s3/errors.h"

struct bucket_cache;
struct lock;
struct tags;

/* Secrets by access key. An interface, because users come later; lookups are synchronous. */
struct s3_credentials {
    /* False when unknown. *secret_out lives as long as the process. */
    bool (*find)(const struct s3_credentials *C, struct view access_key, struct view *secret_out);
};

/* Set once at start, shared by all reactors, constant. */
struct s3_service {
    struct engine *engine;
    struct arena *arena;
    struct transport_set transports; /* empty: direct is off */
    bool direct_is_on;
    bool put_decline_is_200; /* s3-rdma-protocol.md 2.7: answer declined PUTs 200 + reply 501 */
    const struct s3_credentials *credentials; /* until iam takes over */
    struct iam *iam;
    struct bucket_cache *buckets; /* bucket.h */
    /* Of buckets made without x-amz-object-ownership: AWS's default is BucketOwnerEnforced. */
    unsigned ownership_default; /* enum bucket_ownership */
    bool refuses_sigv2;
    struct cidr trusted_proxies[16]; /* proxy.h */
    unsigned trusted_proxy_count;
    struct view region;     /* default "us-east-1" */
    struct view domains[8]; /* virtual-host style: bucket.DOMAIN */
    unsigned domain_count;
    struct view owner_id, owner_name; /* 64 hex; display name: the one root account */
    /* What GET /-/direct tells an authenticated client: JSON text, made at start. */
    struct view direct_json;
};

struct s3_param {
    struct view name, value; /* decoded */
};
enum {
    S3_PARAMS_MAX = 64,
    S3_CHUNK_WAIT_MS = 8000 /* for payload memory; then 503 SlowDown */
};

struct bucket;
struct s3_request;

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

/* One row of the operations table (ops.c): routing, metrics and docs come from it. */
struct s3_op {
    const char *name; /* "GetObject" */
    enum http_method method;
    enum s3_level level;
    const char *subresource; /* query parameter that selects it, or NULL */
    const char *header;      /* request header that selects it ("x-amz-copy-source"), or NULL */
    /* Query parameters it understands besides; others that name an S3 subresource give 501. */
    const char *params;
    bool takes_token; /* the direct path applies */
    /* What the caller must be allowed before it starts (access.h); NULL: it asks itself. */
    const char *action;         /* "s3:GetObject" */
    const char *version_action; /* the same when versionId names one; NULL: action */
    const char *asks;           /* of a row that asks itself: what, and when it knows enough */
    enum acl_right right;       /* the ACL permission that would do, too */
    /* It goes through find.c with its row's action: the answer may depend on the object. Without,
     * a decision that would is a refusal. */
    bool finds;
    /* It asks again when it has read its body, unless r->is_decided. */
    bool asks_again;
    void (*start)(struct s3_request *r); /* NULL: NotImplemented */
};

struct s3_request {
    struct http_request *http;
    const struct s3_service *service;
    const struct s3_op *op;
    struct region *region;   /* == http->region */
    struct view bucket, key; /* decoded; empty when the level has none */
    struct s3_param params[S3_PARAMS_MAX];
    unsigned param_count;
    struct sigv4 auth;
    struct failure failure;
    int64_t now_ms;
    /* Who asks. user NULL: anonymous. Held until the request is gone. */
    const struct iam_snapshot *people;
    const struct iam_user *user;
    /* The client's address and whether it came by TLS: the proxy's word where one is trusted. */
    struct view source_ip;
    bool is_secure;
    struct view host;                                /* the one that routes */
    struct view forwarded_host, forwarded_host_port; /* a trusted proxy's; at == NULL: none */
    /* What the bucket is set to; NULL at service level, before the door has found it, and for
     * CreateBucket. Held until the request is gone. */
    const struct bucket *conf;
    bool is_decided; /* the door's answer was yes; else find.c asks again with the object */
    /* What the body of Put*Tagging, PutObjectRetention and PutObjectLegalHold says, for conditions
     * of policies: set before the object is found. NULL: the headers say it. */
    const struct tags *request_tags;
    const struct lock *request_lock;
    struct http_send send; /* for s3_finish_* */
    /* Goes into every answer from s3_reply on, errors too, when set. */
    unsigned rdma_reply; /* x-amz-rdma-reply; 0: none */
    bool is_marker;      /* x-amz-delete-marker: true */
    bool is_no_marker;   /* x-amz-delete-marker: false: no version of the key at all */
    int64_t marker_ms;   /* Last-Modified of a marker that was named; 0: none */
    char version_id[33]; /* x-amz-version-id; empty: none */
    bool has_total;      /* 416: Content-Range says how much there is */
    uint64_t total_bytes;
};

/* The table; op_index of a request is its index here. Row 0 stands for what could not be routed. */
extern const struct s3_op s3_ops[];
extern const unsigned s3_op_count;

/* http_handle_fn; ctx is the struct s3_service. */
void s3_handle(struct http_request *q, void *ctx);

/* Value of a query parameter; at == NULL when absent, empty but not NULL for "?acl" and "?acl=". */
struct view s3_param(const struct s3_request *r, const char *name);
/* Value of a header; x-amz-* names are looked for in the query, too, where presigners move them. */
struct view s3_header(const struct s3_request *r, const char *name);

/*
 * Waiting, for the metric "waits by state": s3_wait(r, "GetObject.reading") before a start call,
 * static text.
 */
void s3_wait(struct s3_request *r, const char *wait);

/*
 * Endings. Each starts the answer (headers added with http_reply_header after s3_reply stay) and
 * lets go of the request when it was sent: the operation must own nothing any more. Bodies are
 * copied or in the region.
 *
 * s3_reply(r, status): http_reply plus the headers every S3 answer has (x-amz-id-2).
 */
void s3_reply(struct s3_request *r, unsigned status);
void s3_finish_empty(struct s3_request *r); /* after s3_reply; Content-Length: 0 */
void s3_finish_head(struct s3_request *r);  /* after s3_reply, http_reply_length: only the head */
void s3_finish_body(
    struct s3_request *r, struct view body, const char *content_type);      /* after s3_reply */
void s3_finish_xml(struct s3_request *r, unsigned status, struct view xml); /* calls s3_reply */
/* The XML error document; resource and request id filled in; HEAD: no body. detail may be NULL;
 * extra XML elements may be given ready-made in `extra` (CanonicalRequest ...). When the head has
 * left already: closes. */
void s3_finish_error(struct s3_request *r, enum s3_code code, const char *detail);
void s3_finish_error_extra(
    struct s3_request *r, enum s3_code code, const char *detail, struct view extra);
/* The same, with another status than the code's own: a declined PUT may be answered 200. */
void s3_finish_error_as(
    struct s3_request *r, unsigned status, enum s3_code code, const char *detail,
    struct view extra);
/* From an engine or transport error: mapping in errors.c; level decides NoSuchKey / NoSuchBucket
 * ... */
void s3_finish_err(struct s3_request *r, enum err e);
/* Sent whole already (GetObject's last http_send is done): only let go. */
void s3_finish_sent(struct s3_request *r);

/*
 * A small body (XML), whole, in the region: bounded by bytes_max (EntityTooLarge / MalformedXML),
 * verified against x-amz-content-sha256, Content-MD5 and x-amz-checksum-*; aws-chunked removed.
 * (body.c)
 */
struct s3_small_body {
    struct op op;
    struct s3_request *request;
    size_t bytes_max;
    bool ignores_checksums; /* x-amz-checksum-* speaks of something else than this body */
    struct view body;       /* out */
    enum s3_code code;      /* out: what to answer when op.err is set */
    const char *detail;     /* out: with code; static, may be NULL */
    bool was_protected; /* out: a Content-MD5, a checksum or a signed sha256 was there and held */
    struct http_body read;
    void *state;
};
void s3_small_body(struct s3_small_body *b);

#endif
