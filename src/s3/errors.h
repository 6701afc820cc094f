/*
 * S3 error codes: one table of code, HTTP status and message, and the mapping from enum err.
 * Source: Amazon S3 API reference, "Error responses".
 */
#ifndef PENSTOCK_S3_ERRORS_H
#define PENSTOCK_S3_ERRORS_H

#include "auth/sigv4.h"
#include "base/err.h"

/* clang-format off */
#define S3_CODE_LIST(X)                                                                            \
    X(None, 200, "")                                                                               \
    X(AccessDenied, 403, "Access Denied")                                                          \
    X(AccessForbidden, 403, "CORSResponse: CORS is not enabled for this bucket.")                  \
    X(AuthorizationHeaderMalformed, 400, "The authorization header is malformed.")                 \
    X(AuthorizationQueryParametersError, 400, "Error parsing the X-Amz-Credential parameter.")     \
    X(BadDigest, 400, "The Content-MD5 or checksum value that you specified did not match what the server received.") \
    X(BadRequest, 400, "Bad Request")                                                              \
    X(BucketAlreadyExists, 409, "The requested bucket name is not available.")                     \
    X(BucketAlreadyOwnedByYou, 409, "Your previous request to create the named bucket succeeded and you already own it.") \
    X(BucketNotEmpty, 409, "The bucket you tried to delete is not empty")                         \
    X(ConditionalRequestConflict, 409, "The conditional request cannot succeed due to a conflicting operation against this resource.")            \
    X(EntityTooLarge, 400, "Your proposed upload exceeds the maximum allowed size")        \
    X(EntityTooSmall, 400, "Your proposed upload is smaller than the minimum allowed size") \
    X(IllegalLocationConstraintException, 400, "The specified location-constraint is not valid.")  \
    X(IncompleteBody, 400, "You did not provide the number of bytes specified by the Content-Length HTTP header.") \
    X(InternalError, 500, "We encountered an internal error. Please try again.")                   \
    X(InvalidAccessKeyId, 403, "The AWS Access Key Id you provided does not exist in our records.") \
    X(InvalidArgument, 400, "Invalid Argument")                                                    \
    X(InvalidBucketName, 400, "The specified bucket is not valid.")                                \
    X(InvalidDigest, 400, "The Content-MD5 you specified was invalid.")                              \
    X(InvalidPart, 400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.") \
    X(InvalidPartNumber, 416, "The requested partnumber is not satisfiable.")                      \
    X(InvalidPartOrder, 400, "The list of parts was not in ascending order.")                      \
    X(InvalidRange, 416, "The requested range is not satisfiable")                                \
    X(InvalidRDMAToken, 400, "The RDMA token is malformed.")                                       \
    X(InvalidRequest, 400, "Invalid Request")                                                      \
    X(InvalidRetentionPeriod, 400, "Default retention period must be a positive integer value.")   \
    X(InvalidStorageClass, 400, "The storage class you specified is not valid")                   \
    X(InvalidURI, 400, "Couldn't parse the specified URI.")                                        \
    X(KeyTooLongError, 400, "Your key is too long")                                               \
    X(MalformedXML, 400, "The XML you provided was not well-formed or did not validate against our published schema") \
    X(MaxMessageLengthExceeded, 400, "Your request was too big.")                                  \
    X(MetadataTooLarge, 400, "Your metadata headers exceed the maximum allowed metadata size")    \
    X(MethodNotAllowed, 405, "The specified method is not allowed against this resource.")         \
    X(MissingContentLength, 411, "You must provide the Content-Length HTTP header.")               \
    X(MaxPostPreDataLengthExceededError, 400, "Your POST request fields preceding the upload file were too large.") \
    X(MissingSecurityHeader, 400, "Your request was missing a required header.")                   \
    X(NoSuchBucket, 404, "The specified bucket does not exist")                                   \
    X(NoSuchKey, 404, "The specified key does not exist.")                                         \
    X(NoSuchUpload, 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.") \
    X(NoSuchVersion, 404, "The specified version does not exist.")                                 \
    X(NotImplemented, 501, "A header or query you provided implies functionality that is not implemented.") \
    X(NotModified, 304, "Not Modified")                                                            \
    X(PreconditionFailed, 412, "At least one of the pre-conditions you specified did not hold")    \
    X(RDMANotSupported, 501, "The direct path is not available for this request.")                 \
    X(RDMATransferFailed, 500, "The direct transfer failed.")                                      \
    X(RequestTimeout, 400, "Your socket connection to the server was not read from or written to within the timeout period.") \
    X(RequestTimeTooSkewed, 403, "The difference between the request time and the current time is too large.") \
    X(ServiceUnavailable, 503, "Service is unable to handle request.")                             \
    X(SignatureDoesNotMatch, 403, "The request signature we calculated does not match the signature you provided. Check your key and signing method.") \
    X(SlowDown, 503, "Please reduce your request rate.")                                           \
    X(InsufficientStorage, 507, "The store is full.")                                              \
        X(XAmzContentChecksumMismatch, 400, "The provided 'x-amz-checksum' header does not match what was computed.") \
    X(XAmzContentSHA256Mismatch, 400, "The provided 'x-amz-content-sha256' header does not match what was computed.") \
    X(InvalidTag, 400, "The tag provided was not a valid tag.") \
    X(AccessControlListNotSupported, 400, "The bucket does not allow ACLs") \
    X(IllegalVersioningConfigurationException, 400, "The Versioning element must be specified") \
    X(InvalidBucketAclWithObjectOwnership, 400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting") \
    X(InvalidBucketState, 409, "The request is not valid with the current state of the bucket.") \
    X(InvalidPolicyDocument, 400, "The content of the form does not meet the conditions specified in the policy document.") \
    X(MalformedACLError, 400, "The XML you provided was not well-formed or did not validate against our published schema") \
    X(MalformedPOSTRequest, 400, "The body of your POST request is not well-formed multipart/form-data.") \
    X(MalformedPolicy, 400, "This policy contains invalid Json") \
    X(NoSuchBucketPolicy, 404, "The bucket policy does not exist") \
    X(NoSuchConfiguration, 404, "The specified configuration does not exist.") \
    X(NoSuchCORSConfiguration, 404, "The CORS configuration does not exist") \
    X(NoSuchLifecycleConfiguration, 404, "The lifecycle configuration does not exist") \
    X(NoSuchObjectLockConfiguration, 404, "The specified object does not have a ObjectLock configuration") \
    X(NoSuchPublicAccessBlockConfiguration, 404, "The public access block configuration was not found") \
    X(NoSuchTagSet, 404, "The TagSet does not exist") \
    X(NoSuchWebsiteConfiguration, 404, "The specified bucket does not have a website configuration") \
    X(ObjectLockConfigurationNotFoundError, 404, "Object Lock configuration does not exist for this bucket") \
    X(OperationAborted, 409, "A conflicting conditional operation is currently in progress against this resource. Please try again.") \
    X(OwnershipControlsNotFoundError, 404, "The bucket ownership controls were not found") \
    X(ReplicationConfigurationNotFoundError, 404, "The replication configuration was not found") \
    X(ServerSideEncryptionConfigurationNotFoundError, 404, "The server side encryption configuration was not found") \
    X(UnexpectedContent, 400, "This request does not support content") \
    X(UnresolvableGrantByEmailAddress, 400, "The email address you provided does not match any account on record.") \
    X(UserKeyMustBeSpecified, 400, "The bucket POST must contain the specified field name. If it is specified, please check the order of the fields.")
/* clang-format on */

enum s3_code {
#define S3_CODE_ENUM(name, status, text) S3_##name,
    S3_CODE_LIST(S3_CODE_ENUM)
#undef S3_CODE_ENUM
        S3_CODE_COUNT
};

const char *s3_code_name(enum s3_code c);
unsigned s3_code_status(enum s3_code c);
const char *s3_code_text(enum s3_code c);
enum s3_code s3_code_from_verdict(enum sigv4_verdict v);
/* What AWS adds to a verdict's code as message; NULL when the code's own text says it. */
const char *s3_code_detail_of_verdict(enum sigv4_verdict v);
/* From the err of an engine or transport call. is_object: a key was named, so "not found" is it. */
enum s3_code s3_code_from_err(enum err e, bool is_object);

#endif
