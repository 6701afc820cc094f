/*
 * One error type for the whole project.
 *
 * Zero is success. Every function that returns it is MUST_CHECK. A caller's bug is an assert, an
 * operating error is one of these, a shortage is a wait list and, past the limit, ERR_BUSY.
 * The list below generates the enum, the names and the texts; src/s3/errors.c maps it to S3 codes.
 */
#ifndef PENSTOCK_BASE_ERR_H
#define PENSTOCK_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* clang-format off */
#define ERR_LIST(X)                                                                                \
    X(OK, "success")                                                                               \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(BUSY, "a limit is reached; try again")                                                       \
    X(IO, "input/output error")                                                                    \
    X(CHECKSUM, "stored data does not match its checksum")                                         \
    X(CORRUPT, "stored metadata is damaged")                                                       \
    X(NO_SPACE, "the store is full")                                                               \
    X(TIMEOUT, "the deadline has passed")                                                          \
    X(CANCELLED, "cancelled")                                                                      \
    X(CLOSED, "the peer has closed the connection")                                                \
    X(UNKNOWN_OUTCOME, "it is not known whether the operation took place")                         \
    X(NOT_FOUND, "no such entry")                                                                  \
    X(NO_BUCKET, "no such bucket")                                                                 \
    X(NO_UPLOAD, "no such upload")                                                                 \
    X(EXISTS, "the entry exists already")                                                          \
    X(NOT_EMPTY, "the bucket is not empty")                                                        \
    X(PRECONDITION, "a condition of the request does not hold")                                    \
    X(CHANGED, "the entry is not the one that was decided about")                                  \
    X(CONFLICT, "a conflicting operation is under way")                                            \
    X(INVALID, "invalid argument")                                                                 \
    X(MALFORMED, "the input is malformed")                                                         \
    X(TOO_LARGE, "larger than the limit")                                                          \
    X(UNSUPPORTED, "not supported here")                                                           \
    X(DENIED, "not permitted")                                                                     \
    X(BAD_DIGEST, "the data does not match the digest sent with it")                               \
    X(BAD_SIGNATURE, "the signature does not match")                                               \
    X(TRUNCATED, "the input ended early")                                                          \
    X(SYSTEM, "a system call failed")
/* clang-format on */

enum err {
#define ERR_ENUM(name, text) ERR_##name,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT
};

/* err_name(e): "NOT_FOUND"; err_text(e): one lower-case sentence without a full stop. Static. */
const char *err_name(enum err e);
const char *err_text(enum err e);

/* err_from_errno(sys): the nearest enum err of an errno value (positive). Never ERR_OK. */
enum err err_from_errno(int sys) MUST_CHECK;

/*
 * TRY(expr): return the error of expr, if any. Only in functions that own nothing, or own through
 * CLEANUP. The only control-flow macro.
 */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum err try_err = (expr);                                                                 \
        if (try_err)                                                                               \
            return try_err;                                                                        \
    } while (0)

/*
 * struct failure: the story of a failed request, kept with the request. The first failure wins.
 * failure_set does nothing when one is recorded already. text is for logs and error bodies: no
 * secrets in it.
 */
struct failure {
    enum err err;
    int sys;           /* errno, or 0 */
    const char *where; /* static */
    char text[160];
};

__attribute__((format(printf, 5, 6))) void
failure_set(struct failure *f, enum err e, int sys, const char *where, const char *fmt, ...);

#endif
