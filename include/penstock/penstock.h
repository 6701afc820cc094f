/*
 * libpenstock: a client of S3 stores that moves object bytes straight into and out of memory it has
 * registered, where server and host allow it, and over HTTP otherwise. No verbs or CUDA types here.
 *
 *   ps_connect -> ps_buffer_alloc | ps_buffer_register -> ps_get / ps_put (blocking)
 *                                                      or ps_submit ... ps_wait (many in flight)
 *   -> ps_buffer_free -> ps_disconnect
 *
 * Threads: a ps_client and its buffers may be used from any number of threads. A ps_op belongs to
 * the thread that submitted it until it is returned by ps_wait, ps_poll. One buffer range must not
 * be the target of two operations at once. Errors: every function that can fail returns enum
 * ps_err; details in ps_client_error (per thread) or ps_result. Environment: AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3,
 * AWS_ENDPOINT_URL, AWS_PROFILE, AWS_CA_BUNDLE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE;
 * PENSTOCK_CLIENT_DIRECT.
 */
#ifndef PENSTOCK_PENSTOCK_H
#define PENSTOCK_PENSTOCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PS_VERSION "0.1.0"
#define PS_API __attribute__((visibility("default")))
#define PS_MUST_CHECK __attribute__((warn_unused_result))

enum ps_err {
    PS_OK = 0,
    PS_ERR_INVALID, /* an argument */
    PS_ERR_NO_MEMORY,
    PS_ERR_CREDENTIALS,  /* none found */
    PS_ERR_CONNECT,      /* the endpoint does not answer; TLS failure */
    PS_ERR_HTTP,         /* not a valid HTTP answer */
    PS_ERR_S3,           /* an S3 error answer: ps_result.status, .code, .message */
    PS_ERR_NOT_FOUND,    /* 404 */
    PS_ERR_PRECONDITION, /* 412, 304 */
    PS_ERR_NOT_DIRECT,   /* mode `require` and the direct path was not taken */
    PS_ERR_CHECKSUM,     /* what arrived is not what was stored, or the reverse */
    PS_ERR_SHORT,        /* fewer bytes than promised */
    PS_ERR_TOO_SMALL,    /* the buffer cannot take the object */
    PS_ERR_TIMEOUT,
    PS_ERR_CANCELLED,
    PS_ERR_SYSTEM
};
PS_API const char *ps_err_text(enum ps_err e);

enum ps_direct { PS_DIRECT_PREFER = 0, PS_DIRECT_REQUIRE, PS_DIRECT_OFF };
enum ps_way { PS_WAY_NONE = 0, PS_WAY_TCP, PS_WAY_LOCAL, PS_WAY_RC, PS_WAY_DC, PS_WAY_MIXED };
PS_API const char *ps_way_name(enum ps_way w); /* "tcp", "local" ... */

struct ps_client;
struct ps_buffer;

/* Zero value: everything from the environment, then ~/.aws, then the defaults named. */
struct ps_options {
    const char *endpoint; /* "http://127.0.0.1:9000" */
    const char *access_key, *secret_key, *session_token, *profile;
    const char *region;    /* "us-east-1" */
    const char *ca_file;   /* PEM; NULL: the system's */
    int insecure;          /* do not check the server's certificate */
    enum ps_direct direct; /* PENSTOCK_CLIENT_DIRECT=prefer|require|off */
    unsigned connections;  /* at most at once; 0: 16. As many worker threads are started, lazily */
    uint64_t part_bytes;   /* split transfers into ranges and parts of this size; 0: 16 MiB tcp, 64
                              MiB direct */
    uint64_t multipart_from_bytes; /* puts at least this large are multipart; 0: 64 MiB */
    unsigned retries;    /* of transfers that failed without an answer, 5xx and SlowDown; 0: 3 */
    unsigned timeout_ms; /* per request, without progress; 0: 30000 */
    int verify;          /* 1: check CRC-64/NVME of every direct transfer in the client, too */
};

PS_API enum ps_err
ps_connect(const struct ps_options *options, struct ps_client **client_out) PS_MUST_CHECK;
/* Waits for operations under way. Buffers must be freed before. NULL is fine. */
PS_API void ps_disconnect(struct ps_client *c);
/* What went wrong in the last failed call of this thread on any client; never NULL. */
PS_API const char *ps_client_error(void);
/* Which direct transports are up, as text: "local" or "none: server says off". Static per client.
 */
PS_API const char *ps_client_direct(struct ps_client *c);

/*
 * Memory. ps_buffer_alloc: `bytes` of memory made for the direct path (memfd, sealed, populated,
 * huge pages when there). ps_buffer_register: any memory of this process; it must stay mapped until
 * ps_buffer_free.
 */
PS_API enum ps_err
ps_buffer_alloc(struct ps_client *c, size_t bytes, struct ps_buffer **buffer_out) PS_MUST_CHECK;
PS_API enum ps_err ps_buffer_register(
    struct ps_client *c, void *at, size_t bytes, struct ps_buffer **buffer_out) PS_MUST_CHECK;
PS_API void *ps_buffer_at(const struct ps_buffer *b);
PS_API size_t ps_buffer_bytes(const struct ps_buffer *b);
PS_API void ps_buffer_free(struct ps_buffer *b); /* no operation on it under way */

/* How an operation went. */
struct ps_result {
    enum ps_err err;
    unsigned status;       /* HTTP, of the last answer; 0: none */
    enum ps_way way;       /* how the payload went */
    uint64_t bytes;        /* payload moved */
    uint64_t object_bytes; /* size of the whole object, when known */
    uint64_t crc64;        /* CRC-64/NVME of the payload moved, when has_crc64 */
    int has_crc64;
    unsigned attempts;
    char etag[72];
    char request_id[40];
    char code[48]; /* S3 error code, or "" */
    char message[200];
};

enum ps_kind { PS_GET, PS_PUT };

/* One transfer. Fill the first block, submit; the rest is written by the library. Zero it first. */
struct ps_op {
    enum ps_kind kind;
    const char *bucket, *key; /* alive until returned */
    struct ps_buffer *buffer;
    size_t buffer_off;
    uint64_t bytes;            /* PUT: bytes to store. GET: at most; 0: to the end of the object */
    uint64_t object_off;       /* GET: first byte */
    const char *if_match;      /* etag, or NULL */
    const char *if_none_match; /* "*" or etag, or NULL */
    const char *content_type;  /* PUT, or NULL */
    void *user;                /* yours */

    struct ps_result result;
    struct ps_op *next; /* the library's */
    void *state;        /* the library's */
    uint64_t moved;     /* payload so far, part by part; read it with an atomic load */
};

/* ps_submit queues n operations; each comes back once from ps_wait or ps_poll. */
PS_API enum ps_err ps_submit(struct ps_client *c, struct ps_op **ops, unsigned n) PS_MUST_CHECK;
/* Up to n finished operations; waits for the first at most timeout_ms (-1: no limit). Returns how
 * many. */
PS_API unsigned ps_wait(struct ps_client *c, struct ps_op **done, unsigned n, int timeout_ms);
/* A descriptor that polls readable while finished operations wait to be fetched. The client's own.
 */
PS_API int ps_fd(struct ps_client *c);
/* Ask an operation to end early: it still comes back, with PS_ERR_CANCELLED or its result. */
PS_API void ps_cancel(struct ps_client *c, struct ps_op *op);

/* Blocking. ps_do runs one op; the others fill one for you. result may be NULL. */
PS_API enum ps_err ps_do(struct ps_client *c, struct ps_op *op) PS_MUST_CHECK;
PS_API enum ps_err ps_get(
    struct ps_client *c, const char *bucket, const char *key, struct ps_buffer *buffer,
    size_t buffer_off, struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err ps_get_range(
    struct ps_client *c, const char *bucket, const char *key, uint64_t object_off, uint64_t bytes,
    struct ps_buffer *buffer, size_t buffer_off, struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err ps_put(
    struct ps_client *c, const char *bucket, const char *key, struct ps_buffer *buffer,
    size_t buffer_off, uint64_t bytes, struct ps_result *result) PS_MUST_CHECK;

/* Plain HTTP commands, blocking. */
struct ps_stat {
    uint64_t bytes;
    int64_t mtime_ms;
    char etag[72];
    char content_type[128];
    int has_crc64; /* full-object CRC-64/NVME known to the server */
    uint64_t crc64;
};
PS_API enum ps_err ps_head(
    struct ps_client *c, const char *bucket, const char *key, struct ps_stat *stat_out,
    struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err
ps_bucket_create(struct ps_client *c, const char *bucket, struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err
ps_bucket_remove(struct ps_client *c, const char *bucket, struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err ps_remove(
    struct ps_client *c, const char *bucket, const char *key,
    struct ps_result *result) PS_MUST_CHECK;
PS_API enum ps_err ps_copy(
    struct ps_client *c, const char *from_bucket, const char *from_key, const char *bucket,
    const char *key, struct ps_result *result) PS_MUST_CHECK;

/* Listing: fn is called per entry in key order; a return other than 0 stops. name ends with the
 * delimiter for a common prefix. bucket NULL: lists buckets. */
struct ps_entry {
    const char *name;
    int is_prefix;
    uint64_t bytes;
    int64_t mtime_ms;
    const char *etag;
};
typedef int ps_list_fn(const struct ps_entry *entry, void *user);
PS_API enum ps_err ps_list(
    struct ps_client *c, const char *bucket, const char *prefix, const char *delimiter,
    ps_list_fn *fn, void *user, struct ps_result *result) PS_MUST_CHECK;

/* Any signed request, for what has no function: body and answer in memory. answer_out is malloc'ed
 * (free it). */
PS_API enum ps_err ps_request(
    struct ps_client *c, const char *method, const char *bucket, const char *key, const char *query,
    const char *const *headers, const void *body, size_t body_bytes, char **answer_out,
    size_t *answer_bytes_out, struct ps_result *result) PS_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
