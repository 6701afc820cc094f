#include "s3/errors.h"

#include <assert.h>

static const struct {
    const char *name;
    unsigned status;
    const char *text;
} codes[S3_CODE_COUNT] = {
#define S3_CODE_ROW(name, status, text) {#name, status, text},
    S3_CODE_LIST(S3_CODE_ROW)
#undef S3_CODE_ROW
};

const char *s3_code_name(enum s3_code c)
{
    assert((unsigned)c < S3_CODE_COUNT);
    return codes[c].name;
}

unsigned s3_code_status(enum s3_code c)
{
    assert((unsigned)c < S3_CODE_COUNT);
    return codes[c].status;
}

const char *s3_code_text(enum s3_code c)
{
    assert((unsigned)c < S3_CODE_COUNT);
    return codes[c].text;
}

static const struct {
    enum s3_code code;
    const char *detail;
} verdicts[] = {
    [SIGV4_OK] = {S3_None, NULL},
    [SIGV4_MALFORMED_HEADER] = {S3_AuthorizationHeaderMalformed, NULL},
    [SIGV4_MALFORMED_QUERY] = {S3_AuthorizationQueryParametersError, NULL},
    [SIGV4_BOTH] =
        {S3_InvalidArgument, "Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                             "parameter, Signature query string parameter or the Authorization "
                             "header should be specified"},
    [SIGV4_UNSUPPORTED] =
        {S3_InvalidRequest, "The authorization mechanism you have provided is not supported. "
                            "Please use AWS4-HMAC-SHA256."},
    [SIGV4_NO_DATE] =
        {S3_AccessDenied, "AWS authentication requires a valid Date or x-amz-date header"},
    [SIGV4_SKEWED] = {S3_RequestTimeTooSkewed, NULL},
    [SIGV4_EXPIRED] = {S3_AccessDenied, "Request has expired"},
    [SIGV4_NOT_YET] = {S3_AccessDenied, "Request is not valid yet"},
    [SIGV4_UNSIGNED_HEADER] =
        {S3_AccessDenied, "There were headers present in the request which were not signed"},
    [SIGV4_NO_PAYLOAD_HASH] =
        {S3_InvalidRequest, "Missing required header for this request: x-amz-content-sha256"},
    [SIGV4_V2_MALFORMED_HEADER] =
        {S3_InvalidArgument,
         "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"},
    [SIGV4_V2_MALFORMED_QUERY] =
        {S3_AccessDenied, "Query-string authentication requires the Signature, Expires and "
                          "AWSAccessKeyId parameters"},
    [SIGV4_MALFORMED_FORM] =
        {S3_InvalidArgument,
         "Bucket POST must contain the fields of one signature: policy, AWSAccessKeyId and "
         "signature; or policy, x-amz-algorithm, x-amz-credential, x-amz-date and "
         "x-amz-signature."},
    [SIGV4_BAD_PAYLOAD_HASH] =
        {S3_InvalidArgument,
         "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
         "valid sha256 value."},
    [SIGV4_MISMATCH] = {S3_SignatureDoesNotMatch, NULL},
};

enum s3_code s3_code_from_verdict(enum sigv4_verdict v)
{
    assert((size_t)v < ARRAY_COUNT(verdicts));
    return verdicts[v].code;
}

const char *s3_code_detail_of_verdict(enum sigv4_verdict v)
{
    assert((size_t)v < ARRAY_COUNT(verdicts));
    return verdicts[v].detail;
}

enum s3_code s3_code_from_err(enum err e, bool is_object)
{
    switch (e) {
    case ERR_OK:
        return S3_None;
    case ERR_NO_MEMORY:
    case ERR_BUSY:
        return S3_SlowDown;
    case ERR_NO_SPACE:
        return S3_InsufficientStorage;
    case ERR_NOT_FOUND:
        return is_object ? S3_NoSuchKey : S3_NoSuchBucket;
    case ERR_NO_BUCKET:
        return S3_NoSuchBucket;
    case ERR_NO_UPLOAD:
        return S3_NoSuchUpload;
    case ERR_EXISTS:
        return S3_BucketAlreadyOwnedByYou;
    case ERR_NOT_EMPTY:
        return S3_BucketNotEmpty;
    case ERR_PRECONDITION:
        return S3_PreconditionFailed;
    case ERR_CHANGED: /* by others, more often than we try again */
        return S3_OperationAborted;
    case ERR_CONFLICT:
        return S3_ConditionalRequestConflict;
    case ERR_INVALID:
        return S3_InvalidArgument;
    case ERR_MALFORMED:
        return S3_InvalidRequest;
    case ERR_TOO_LARGE:
        return S3_EntityTooLarge;
    case ERR_UNSUPPORTED:
        return S3_NotImplemented;
    case ERR_DENIED:
        return S3_AccessDenied;
    case ERR_BAD_DIGEST:
        return S3_BadDigest;
    case ERR_BAD_SIGNATURE:
        return S3_SignatureDoesNotMatch;
    case ERR_TRUNCATED:
        return S3_IncompleteBody;
    case ERR_TIMEOUT:
    case ERR_CLOSED:
        return S3_RequestTimeout;
    case ERR_CANCELLED:
        return S3_ServiceUnavailable;
    case ERR_IO:
    case ERR_CHECKSUM:
    case ERR_CORRUPT:
    case ERR_UNKNOWN_OUTCOME:
    case ERR_SYSTEM:
    case ERR_COUNT:
        break;
    }
    return S3_InternalError;
}
