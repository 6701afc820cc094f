/*
 * The table of operations: every operation of the Amazon S3 API reference, implemented or not. Rows
 * of one method and level stand from the most specific to the plainest: the first that fits wins.
 * The index of a row is what metrics call an operation (METRICS_OPS_MAX bounds it), so row 0 stands
 * for requests that were refused before they had one.
 */
#include "s3/ops.h"

#include "base/metrics.h"

/* clang-format off */
#define OVERRIDES                                                                                  \
    "response-content-type response-content-language response-expires response-cache-control "    \
    "response-content-disposition response-content-encoding"
#define S3_LISTING "delimiter encoding-type prefix max-keys"
#define START(fn) .start = (fn)
#define TOKEN .takes_token = true

const struct s3_op s3_ops[] = {
    {"Unknown", HTTP_METHOD_OTHER, S3_SERVICE, NULL, NULL, ""},

    /* GET, service */
    {"ListBuckets", HTTP_GET, S3_SERVICE,
     NULL, NULL, "max-buckets continuation-token prefix bucket-region", START(list_buckets_start)},

    /* GET, object */
    {"GetObjectAcl", HTTP_GET, S3_OBJECT, "acl", NULL, ""},
    {"GetObjectAttributes", HTTP_GET, S3_OBJECT, "attributes", NULL, ""},
    {"GetObjectAnnotation", HTTP_GET, S3_OBJECT, "annotation", NULL, ""},
    {"GetObjectLegalHold", HTTP_GET, S3_OBJECT, "legal-hold", NULL, ""},
    {"GetObjectRetention", HTTP_GET, S3_OBJECT, "retention", NULL, ""},
    {"GetObjectTagging", HTTP_GET, S3_OBJECT, "tagging", NULL, ""},
    {"GetObjectTorrent", HTTP_GET, S3_OBJECT, "torrent", NULL, ""},
    {"ListParts", HTTP_GET, S3_OBJECT, "uploadId", NULL, "max-parts part-number-marker",
     START(list_parts_start)},
    {"GetObject", HTTP_GET, S3_OBJECT,
     NULL, NULL, "partNumber versionId " OVERRIDES, TOKEN, START(get_object_start)},

    /* HEAD, object */
    {"HeadObject", HTTP_HEAD, S3_OBJECT,
     NULL, NULL, "partNumber versionId " OVERRIDES, START(head_object_start)},

    /* PUT, object */
    {"PutObjectAcl", HTTP_PUT, S3_OBJECT, "acl", NULL, ""},
    {"PutObjectLegalHold", HTTP_PUT, S3_OBJECT, "legal-hold", NULL, ""},
    {"PutObjectRetention", HTTP_PUT, S3_OBJECT, "retention", NULL, ""},
    {"PutObjectTagging", HTTP_PUT, S3_OBJECT, "tagging", NULL, ""},
    {"RenameObject", HTTP_PUT, S3_OBJECT, "renameObject", NULL, ""},
    {"UpdateObjectEncryption", HTTP_PUT, S3_OBJECT, "encryption", NULL, ""},
    {"AppendObject", HTTP_PUT, S3_OBJECT, "append", NULL, ""},
    {"UploadPartCopy", HTTP_PUT, S3_OBJECT, "uploadId", "x-amz-copy-source", "partNumber",
     START(upload_part_copy_start)},
    {"UploadPart", HTTP_PUT, S3_OBJECT,
     "uploadId", NULL, "partNumber", TOKEN, START(upload_part_start)},
    {"CopyObject", HTTP_PUT, S3_OBJECT, NULL, "x-amz-copy-source", "", START(copy_object_start)},
    {"PutObject", HTTP_PUT, S3_OBJECT, NULL, NULL, "", TOKEN, START(put_object_start)},

    /* POST, object */
    {"CreateMultipartUpload", HTTP_POST, S3_OBJECT, "uploads", NULL, "",
     START(create_upload_start)},
    {"CompleteMultipartUpload", HTTP_POST, S3_OBJECT, "uploadId", NULL, "",
     START(complete_upload_start)},
    {"RestoreObject", HTTP_POST, S3_OBJECT, "restore", NULL, ""},
    {"SelectObjectContent", HTTP_POST, S3_OBJECT, "select", NULL, "select-type"},

    /* DELETE, object */
    {"AbortMultipartUpload", HTTP_DELETE, S3_OBJECT, "uploadId", NULL, "",
     START(abort_upload_start)},
    {"DeleteObjectTagging", HTTP_DELETE, S3_OBJECT, "tagging", NULL, ""},
    {"DeleteObject", HTTP_DELETE, S3_OBJECT, NULL, NULL, "versionId", START(delete_object_start)},

    /* GET, bucket */
    {"GetBucketLocation", HTTP_GET, S3_BUCKET, "location", NULL, "",
     START(get_bucket_location_start)},
    {"ListMultipartUploads", HTTP_GET, S3_BUCKET,
     "uploads", NULL, "delimiter encoding-type key-marker max-uploads prefix upload-id-marker",
     START(list_uploads_start)},
    {"ListObjectVersions", HTTP_GET, S3_BUCKET,
     "versions", NULL, "delimiter encoding-type key-marker max-keys prefix version-id-marker",
     START(list_object_versions_start)},
    {"GetBucketAbac", HTTP_GET, S3_BUCKET, "abac", NULL, ""},
    {"GetBucketAccelerateConfiguration", HTTP_GET, S3_BUCKET, "accelerate", NULL, ""},
    {"GetBucketAcl", HTTP_GET, S3_BUCKET, "acl", NULL, ""},
    {"GetBucketCors", HTTP_GET, S3_BUCKET, "cors", NULL, ""},
    {"GetBucketEncryption", HTTP_GET, S3_BUCKET, "encryption", NULL, ""},
    {"GetBucketLifecycleConfiguration", HTTP_GET, S3_BUCKET, "lifecycle", NULL, ""},
    {"GetBucketLogging", HTTP_GET, S3_BUCKET, "logging", NULL, ""},
    {"GetBucketMetadataConfiguration", HTTP_GET, S3_BUCKET, "metadataConfiguration", NULL, ""},
    {"GetBucketMetadataTableConfiguration", HTTP_GET, S3_BUCKET, "metadataTable", NULL, ""},
    {"GetBucketNotificationConfiguration", HTTP_GET, S3_BUCKET, "notification", NULL, ""},
    {"GetBucketOwnershipControls", HTTP_GET, S3_BUCKET, "ownershipControls", NULL, ""},
    {"GetBucketPolicy", HTTP_GET, S3_BUCKET, "policy", NULL, ""},
    {"GetBucketPolicyStatus", HTTP_GET, S3_BUCKET, "policyStatus", NULL, ""},
    {"GetBucketReplication", HTTP_GET, S3_BUCKET, "replication", NULL, ""},
    {"GetBucketRequestPayment", HTTP_GET, S3_BUCKET, "requestPayment", NULL, ""},
    {"GetBucketTagging", HTTP_GET, S3_BUCKET, "tagging", NULL, ""},
    {"GetBucketVersioning", HTTP_GET, S3_BUCKET, "versioning", NULL, ""},
    {"GetBucketWebsite", HTTP_GET, S3_BUCKET, "website", NULL, ""},
    {"GetObjectLockConfiguration", HTTP_GET, S3_BUCKET, "object-lock", NULL, ""},
    {"GetPublicAccessBlock", HTTP_GET, S3_BUCKET, "publicAccessBlock", NULL, ""},
    {"CreateSession", HTTP_GET, S3_BUCKET, "session", NULL, ""},
    {"GetBucketAnalyticsConfiguration", HTTP_GET, S3_BUCKET,
     "analytics", NULL, "id continuation-token"},
    {"GetBucketIntelligentTieringConfiguration", HTTP_GET, S3_BUCKET,
     "intelligent-tiering", NULL, "id continuation-token"},
    {"GetBucketInventoryConfiguration", HTTP_GET, S3_BUCKET,
     "inventory", NULL, "id continuation-token"},
    {"GetBucketMetricsConfiguration", HTTP_GET, S3_BUCKET,
     "metrics", NULL, "id continuation-token"},
    {"ListObjectsV2", HTTP_GET, S3_BUCKET,
     "list-type", NULL, S3_LISTING " continuation-token fetch-owner start-after",
     START(list_objects_v2_start)},
    {"ListObjects", HTTP_GET, S3_BUCKET, NULL, NULL, S3_LISTING " marker",
     START(list_objects_start)},

    /* HEAD, bucket */
    {"HeadBucket", HTTP_HEAD, S3_BUCKET, NULL, NULL, "", START(head_bucket_start)},

    /* PUT, bucket */
    {"PutBucketAbac", HTTP_PUT, S3_BUCKET, "abac", NULL, ""},
    {"PutBucketAccelerateConfiguration", HTTP_PUT, S3_BUCKET, "accelerate", NULL, ""},
    {"PutBucketAcl", HTTP_PUT, S3_BUCKET, "acl", NULL, ""},
    {"PutBucketCors", HTTP_PUT, S3_BUCKET, "cors", NULL, ""},
    {"PutBucketEncryption", HTTP_PUT, S3_BUCKET, "encryption", NULL, ""},
    {"PutBucketLifecycleConfiguration", HTTP_PUT, S3_BUCKET, "lifecycle", NULL, ""},
    {"PutBucketLogging", HTTP_PUT, S3_BUCKET, "logging", NULL, ""},
    {"UpdateBucketMetadataInventoryTableConfiguration", HTTP_PUT, S3_BUCKET,
     "metadataInventoryTable", NULL, ""},
    {"UpdateBucketMetadataJournalTableConfiguration", HTTP_PUT, S3_BUCKET,
     "metadataJournalTable", NULL, ""},
    {"PutBucketNotificationConfiguration", HTTP_PUT, S3_BUCKET, "notification", NULL, ""},
    {"PutBucketOwnershipControls", HTTP_PUT, S3_BUCKET, "ownershipControls", NULL, ""},
    {"PutBucketPolicy", HTTP_PUT, S3_BUCKET, "policy", NULL, ""},
    {"PutBucketReplication", HTTP_PUT, S3_BUCKET, "replication", NULL, ""},
    {"PutBucketRequestPayment", HTTP_PUT, S3_BUCKET, "requestPayment", NULL, ""},
    {"PutBucketTagging", HTTP_PUT, S3_BUCKET, "tagging", NULL, ""},
    {"PutBucketVersioning", HTTP_PUT, S3_BUCKET, "versioning", NULL, ""},
    {"PutBucketWebsite", HTTP_PUT, S3_BUCKET, "website", NULL, ""},
    {"PutObjectLockConfiguration", HTTP_PUT, S3_BUCKET, "object-lock", NULL, ""},
    {"PutPublicAccessBlock", HTTP_PUT, S3_BUCKET, "publicAccessBlock", NULL, ""},
    {"PutBucketAnalyticsConfiguration", HTTP_PUT, S3_BUCKET, "analytics", NULL, ""},
    {"PutBucketIntelligentTieringConfiguration", HTTP_PUT, S3_BUCKET,
     "intelligent-tiering", NULL, ""},
    {"PutBucketInventoryConfiguration", HTTP_PUT, S3_BUCKET, "inventory", NULL, ""},
    {"PutBucketMetricsConfiguration", HTTP_PUT, S3_BUCKET, "metrics", NULL, ""},
    {"CreateBucket", HTTP_PUT, S3_BUCKET, NULL, NULL, "", START(create_bucket_start)},

    /* POST, bucket */
    {"DeleteObjects", HTTP_POST, S3_BUCKET, "delete", NULL, "", START(delete_objects_start)},
    {"CreateBucketMetadataConfiguration", HTTP_POST, S3_BUCKET, "metadataConfiguration", NULL, ""},
    {"CreateBucketMetadataTableConfiguration", HTTP_POST, S3_BUCKET, "metadataTable", NULL, ""},
    {"PostObject", HTTP_POST, S3_BUCKET, NULL, NULL, ""},

    /* DELETE, bucket */
    {"DeleteBucketAnalyticsConfiguration", HTTP_DELETE, S3_BUCKET, "analytics", NULL, ""},
    {"DeleteBucketCors", HTTP_DELETE, S3_BUCKET, "cors", NULL, ""},
    {"DeleteBucketEncryption", HTTP_DELETE, S3_BUCKET, "encryption", NULL, ""},
    {"DeleteBucketIntelligentTieringConfiguration", HTTP_DELETE, S3_BUCKET,
     "intelligent-tiering", NULL, ""},
    {"DeleteBucketInventoryConfiguration", HTTP_DELETE, S3_BUCKET, "inventory", NULL, ""},
    {"DeleteBucketLifecycle", HTTP_DELETE, S3_BUCKET, "lifecycle", NULL, ""},
    {"DeleteBucketMetadataConfiguration", HTTP_DELETE, S3_BUCKET,
     "metadataConfiguration", NULL, ""},
    {"DeleteBucketMetadataTableConfiguration", HTTP_DELETE, S3_BUCKET, "metadataTable", NULL, ""},
    {"DeleteBucketMetricsConfiguration", HTTP_DELETE, S3_BUCKET, "metrics", NULL, ""},
    {"DeleteBucketOwnershipControls", HTTP_DELETE, S3_BUCKET, "ownershipControls", NULL, ""},
    {"DeleteBucketPolicy", HTTP_DELETE, S3_BUCKET, "policy", NULL, ""},
    {"DeleteBucketReplication", HTTP_DELETE, S3_BUCKET, "replication", NULL, ""},
    {"DeleteBucketTagging", HTTP_DELETE, S3_BUCKET, "tagging", NULL, ""},
    {"DeleteBucketWebsite", HTTP_DELETE, S3_BUCKET, "website", NULL, ""},
    {"DeletePublicAccessBlock", HTTP_DELETE, S3_BUCKET, "publicAccessBlock", NULL, ""},
    {"DeleteBucket", HTTP_DELETE, S3_BUCKET, NULL, NULL, "", START(delete_bucket_start)},

    /* POST, service */
    {"WriteGetObjectResponse", HTTP_POST, S3_SERVICE, NULL, NULL, ""},
};
/* clang-format on */

const unsigned s3_op_count = ARRAY_COUNT(s3_ops);

_Static_assert(ARRAY_COUNT(s3_ops) <= METRICS_OPS_MAX, "the metrics have a place for every row");
