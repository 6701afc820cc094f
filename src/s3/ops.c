/*
 * The table of operations: every operation of the Amazon S3 API reference, implemented or not. Rows
 * of one method and level stand from the most specific to the plainest: the first that fits wins.
 * The index of a row is what metrics call an operation (METRICS_OPS_MAX bounds it), so row 0 stands
 * for requests that were refused before they had one.
 *
 * Actions: Service authorization reference, "Actions, resources, and condition keys for Amazon S3";
 * rights: Amazon S3 user guide, "Access control list (ACL) overview", the mapping of permissions.
 * ListParts and AbortMultipartUpload are the initiator's, too: of those who may write by ACL, his
 * account's alone (upload_check_caller).
 */
#include "s3/ops.h"

#include <assert.h>

#include "base/metrics.h"

/* clang-format off */
#define OVERRIDES                                                                                  \
    "response-content-type response-content-language response-expires response-cache-control "    \
    "response-content-disposition response-content-encoding"
#define S3_LISTING "delimiter encoding-type prefix max-keys"
#define START(fn) .start = (fn)
#define TOKEN .takes_token = true
#define ACTION(name) .action = "s3:" name
#define ACTIONS(name, of_version) .action = "s3:" name, .version_action = "s3:" of_version
#define ASKS(what) .asks = (what)
#define FINDS .finds = true

const struct s3_op s3_ops[] = {
    {"Unknown", HTTP_METHOD_OTHER, S3_SERVICE, NULL, NULL, ""},

    /* GET, service */
    {"ListBuckets", HTTP_GET, S3_SERVICE,
     NULL, NULL, "max-buckets continuation-token prefix bucket-region", ACTION("ListAllMyBuckets"),
     START(list_buckets_start)},

    /* GET, object */
    {"GetObjectAcl", HTTP_GET, S3_OBJECT, "acl", NULL, "versionId",
     ACTIONS("GetObjectAcl", "GetObjectVersionAcl"), .right = ACL_OBJECT_READ_ACP, FINDS,
     START(get_object_acl_start)},
    {"GetObjectAttributes", HTTP_GET, S3_OBJECT, "attributes", NULL, "versionId",
     ACTIONS("GetObjectAttributes", "GetObjectVersionAttributes"), .right = ACL_OBJECT_READ, FINDS,
     START(get_attributes_start)},
    {"GetObjectAnnotation", HTTP_GET, S3_OBJECT, "annotation", NULL, "",
     ACTION("GetObjectAnnotation")},
    {"GetObjectLegalHold", HTTP_GET, S3_OBJECT, "legal-hold", NULL, "versionId",
     ACTION("GetObjectLegalHold"), FINDS,
     START(object_lock_get_hold_start)},
    {"GetObjectRetention", HTTP_GET, S3_OBJECT, "retention", NULL, "versionId",
     ACTION("GetObjectRetention"), FINDS,
     START(object_lock_get_retention_start)},
    {"GetObjectTagging", HTTP_GET, S3_OBJECT, "tagging", NULL, "versionId",
     ACTIONS("GetObjectTagging", "GetObjectVersionTagging"), FINDS,
     START(object_tagging_get_start)},
    {"GetObjectTorrent", HTTP_GET, S3_OBJECT, "torrent", NULL, "",
     ACTIONS("GetObjectTorrent", "GetObjectVersionTorrent"), .right = ACL_OBJECT_READ},
    {"ListParts", HTTP_GET, S3_OBJECT, "uploadId", NULL, "max-parts part-number-marker",
     ACTION("ListMultipartUploadParts"), .right = ACL_BUCKET_WRITE, START(list_parts_start)},
    {"GetObject", HTTP_GET, S3_OBJECT,
     NULL, NULL, "partNumber versionId " OVERRIDES, TOKEN,
     ACTIONS("GetObject", "GetObjectVersion"), .right = ACL_OBJECT_READ, FINDS,
     START(get_object_start)},

    /* HEAD, object */
    {"HeadObject", HTTP_HEAD, S3_OBJECT,
     NULL, NULL, "partNumber versionId " OVERRIDES,
     ACTIONS("GetObject", "GetObjectVersion"), .right = ACL_OBJECT_READ, FINDS,
     START(head_object_start)},

    /* PUT, object */
    {"PutObjectAcl", HTTP_PUT, S3_OBJECT, "acl", NULL, "versionId",
     ACTIONS("PutObjectAcl", "PutObjectVersionAcl"), .right = ACL_OBJECT_WRITE_ACP, FINDS,
     START(put_object_acl_start)},
    {"PutObjectLegalHold", HTTP_PUT, S3_OBJECT, "legal-hold", NULL, "versionId",
     ACTION("PutObjectLegalHold"), FINDS,
     START(object_lock_put_hold_start)},
    {"PutObjectRetention", HTTP_PUT, S3_OBJECT, "retention", NULL, "versionId",
     ACTION("PutObjectRetention"), FINDS,
     START(object_lock_put_retention_start)},
    {"PutObjectTagging", HTTP_PUT, S3_OBJECT, "tagging", NULL, "versionId",
     ACTIONS("PutObjectTagging", "PutObjectVersionTagging"), FINDS,
     START(object_tagging_put_start)},
    {"RenameObject", HTTP_PUT, S3_OBJECT, "renameObject", NULL, "",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE},
    {"UpdateObjectEncryption", HTTP_PUT, S3_OBJECT, "encryption", NULL, "",
     ACTION("UpdateObjectEncryption")},
    {"AppendObject", HTTP_PUT, S3_OBJECT, "append", NULL, "",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE},
    {"UploadPartCopy", HTTP_PUT, S3_OBJECT, "uploadId", "x-amz-copy-source", "partNumber",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE, START(upload_part_copy_start)},
    {"UploadPart", HTTP_PUT, S3_OBJECT,
     "uploadId", NULL, "partNumber", TOKEN, ACTION("PutObject"), .right = ACL_BUCKET_WRITE,
     START(upload_part_start)},
    {"CopyObject", HTTP_PUT, S3_OBJECT, NULL, "x-amz-copy-source", "",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE, START(copy_object_start)},
    {"PutObject", HTTP_PUT, S3_OBJECT, NULL, NULL, "", TOKEN,
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE, START(put_object_start)},

    /* POST, object */
    {"CreateMultipartUpload", HTTP_POST, S3_OBJECT, "uploads", NULL, "",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE, START(create_upload_start)},
    {"CompleteMultipartUpload", HTTP_POST, S3_OBJECT, "uploadId", NULL, "",
     ACTION("PutObject"), .right = ACL_BUCKET_WRITE, START(complete_upload_start)},
    {"RestoreObject", HTTP_POST, S3_OBJECT, "restore", NULL, "", ACTION("RestoreObject")},
    {"SelectObjectContent", HTTP_POST, S3_OBJECT, "select", NULL, "select-type",
     ACTIONS("GetObject", "GetObjectVersion"), .right = ACL_OBJECT_READ},

    /* DELETE, object */
    {"AbortMultipartUpload", HTTP_DELETE, S3_OBJECT, "uploadId", NULL, "",
     ACTION("AbortMultipartUpload"), .right = ACL_BUCKET_WRITE, START(abort_upload_start)},
    {"DeleteObjectTagging", HTTP_DELETE, S3_OBJECT, "tagging", NULL, "versionId",
     ACTIONS("DeleteObjectTagging", "DeleteObjectVersionTagging"), FINDS,
     START(object_tagging_delete_start)},
    {"DeleteObject", HTTP_DELETE, S3_OBJECT, NULL, NULL, "versionId",
     ACTIONS("DeleteObject", "DeleteObjectVersion"), .right = ACL_BUCKET_WRITE,
     START(delete_object_start)},

    /* GET, bucket */
    {"GetBucketLocation", HTTP_GET, S3_BUCKET, "location", NULL, "", ACTION("GetBucketLocation"),
     START(get_bucket_location_start)},
    {"ListMultipartUploads", HTTP_GET, S3_BUCKET,
     "uploads", NULL, "delimiter encoding-type key-marker max-uploads prefix upload-id-marker",
     ACTION("ListBucketMultipartUploads"), .right = ACL_BUCKET_READ, START(list_uploads_start)},
    {"ListObjectVersions", HTTP_GET, S3_BUCKET,
     "versions", NULL, "delimiter encoding-type key-marker max-keys prefix version-id-marker",
     ACTION("ListBucketVersions"), .right = ACL_BUCKET_READ, START(list_object_versions_start)},
    {"GetBucketAbac", HTTP_GET, S3_BUCKET, "abac", NULL, "", ACTION("GetBucketAbac")},
    {"GetBucketAccelerateConfiguration", HTTP_GET, S3_BUCKET, "accelerate", NULL, "",
     ACTION("GetAccelerateConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketAcl", HTTP_GET, S3_BUCKET, "acl", NULL, "",
     ACTION("GetBucketAcl"), .right = ACL_BUCKET_READ_ACP,
     START(get_bucket_acl_start)},
    {"GetBucketCors", HTTP_GET, S3_BUCKET, "cors", NULL, "", ACTION("GetBucketCORS"),
     START(bucket_cors_get_start)},
    {"GetBucketEncryption", HTTP_GET, S3_BUCKET, "encryption", NULL, "",
     ACTION("GetEncryptionConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketLifecycleConfiguration", HTTP_GET, S3_BUCKET, "lifecycle", NULL, "",
     ACTION("GetLifecycleConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketLogging", HTTP_GET, S3_BUCKET, "logging", NULL, "", ACTION("GetBucketLogging"),
     START(bucket_off_get_start)},
    {"GetBucketMetadataConfiguration", HTTP_GET, S3_BUCKET, "metadataConfiguration", NULL, "",
     ACTION("GetBucketMetadataTableConfiguration")},
    {"GetBucketMetadataTableConfiguration", HTTP_GET, S3_BUCKET, "metadataTable", NULL, "",
     ACTION("GetBucketMetadataTableConfiguration")},
    {"GetBucketNotificationConfiguration", HTTP_GET, S3_BUCKET, "notification", NULL, "",
     ACTION("GetBucketNotification"),
     START(bucket_off_get_start)},
    {"GetBucketOwnershipControls", HTTP_GET, S3_BUCKET, "ownershipControls", NULL, "",
     ACTION("GetBucketOwnershipControls"),
     START(bucket_ownership_get_start)},
    {"GetBucketPolicy", HTTP_GET, S3_BUCKET, "policy", NULL, "",
     ACTION("GetBucketPolicy"), START(bucket_policy_get_start)},
    {"GetBucketPolicyStatus", HTTP_GET, S3_BUCKET, "policyStatus", NULL, "",
     ACTION("GetBucketPolicyStatus"), START(bucket_policy_status_start)},
    {"GetBucketReplication", HTTP_GET, S3_BUCKET, "replication", NULL, "",
     ACTION("GetReplicationConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketRequestPayment", HTTP_GET, S3_BUCKET, "requestPayment", NULL, "",
     ACTION("GetBucketRequestPayment"),
     START(bucket_off_get_start)},
    {"GetBucketTagging", HTTP_GET, S3_BUCKET, "tagging", NULL, "", ACTION("GetBucketTagging"),
     START(bucket_tagging_get_start)},
    {"GetBucketVersioning", HTTP_GET, S3_BUCKET, "versioning", NULL, "",
     ACTION("GetBucketVersioning"),
     START(bucket_versioning_get_start)},
    {"GetBucketWebsite", HTTP_GET, S3_BUCKET, "website", NULL, "", ACTION("GetBucketWebsite"),
     START(bucket_off_get_start)},
    {"GetObjectLockConfiguration", HTTP_GET, S3_BUCKET, "object-lock", NULL, "",
     ACTION("GetBucketObjectLockConfiguration"),
     START(bucket_lock_get_start)},
    {"GetPublicAccessBlock", HTTP_GET, S3_BUCKET, "publicAccessBlock", NULL, "",
     ACTION("GetBucketPublicAccessBlock"),
     START(bucket_block_get_start)},
    {"CreateSession", HTTP_GET, S3_BUCKET, "session", NULL, "", ACTION("CreateSession")},
    {"GetBucketAnalyticsConfiguration", HTTP_GET, S3_BUCKET,
     "analytics", NULL, "id continuation-token", ACTION("GetAnalyticsConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketIntelligentTieringConfiguration", HTTP_GET, S3_BUCKET,
     "intelligent-tiering", NULL, "id continuation-token",
     ACTION("GetIntelligentTieringConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketInventoryConfiguration", HTTP_GET, S3_BUCKET,
     "inventory", NULL, "id continuation-token", ACTION("GetInventoryConfiguration"),
     START(bucket_off_get_start)},
    {"GetBucketMetricsConfiguration", HTTP_GET, S3_BUCKET,
     "metrics", NULL, "id continuation-token", ACTION("GetMetricsConfiguration"),
     START(bucket_off_get_start)},
    {"ListObjectsV2", HTTP_GET, S3_BUCKET,
     "list-type", NULL, S3_LISTING " continuation-token fetch-owner start-after",
     ACTION("ListBucket"), .right = ACL_BUCKET_READ, START(list_objects_v2_start)},
    {"ListObjects", HTTP_GET, S3_BUCKET, NULL, NULL, S3_LISTING " marker",
     ACTION("ListBucket"), .right = ACL_BUCKET_READ, START(list_objects_start)},

    /* HEAD, bucket */
    {"HeadBucket", HTTP_HEAD, S3_BUCKET, NULL, NULL, "",
     ACTION("ListBucket"), .right = ACL_BUCKET_READ, START(head_bucket_start)},

    /* PUT, bucket */
    {"PutBucketAbac", HTTP_PUT, S3_BUCKET, "abac", NULL, "", ACTION("PutBucketAbac")},
    {"PutBucketAccelerateConfiguration", HTTP_PUT, S3_BUCKET, "accelerate", NULL, "",
     ACTION("PutAccelerateConfiguration")},
    {"PutBucketAcl", HTTP_PUT, S3_BUCKET, "acl", NULL, "",
     ACTION("PutBucketAcl"), .right = ACL_BUCKET_WRITE_ACP,
     START(put_bucket_acl_start)},
    {"PutBucketCors", HTTP_PUT, S3_BUCKET, "cors", NULL, "", ACTION("PutBucketCORS"),
     START(bucket_cors_put_start)},
    {"PutBucketEncryption", HTTP_PUT, S3_BUCKET, "encryption", NULL, "",
     ACTION("PutEncryptionConfiguration")},
    {"PutBucketLifecycleConfiguration", HTTP_PUT, S3_BUCKET, "lifecycle", NULL, "",
     ACTION("PutLifecycleConfiguration")},
    {"PutBucketLogging", HTTP_PUT, S3_BUCKET, "logging", NULL, "", ACTION("PutBucketLogging"),
     START(bucket_off_put_start)},
    {"UpdateBucketMetadataInventoryTableConfiguration", HTTP_PUT, S3_BUCKET,
     "metadataInventoryTable", NULL, "", ACTION("UpdateBucketMetadataInventoryTableConfiguration")},
    {"UpdateBucketMetadataJournalTableConfiguration", HTTP_PUT, S3_BUCKET,
     "metadataJournalTable", NULL, "", ACTION("UpdateBucketMetadataJournalTableConfiguration")},
    {"PutBucketNotificationConfiguration", HTTP_PUT, S3_BUCKET, "notification", NULL, "",
     ACTION("PutBucketNotification"),
     START(bucket_off_put_start)},
    {"PutBucketOwnershipControls", HTTP_PUT, S3_BUCKET, "ownershipControls", NULL, "",
     ACTION("PutBucketOwnershipControls"),
     START(bucket_ownership_put_start)},
    {"PutBucketPolicy", HTTP_PUT, S3_BUCKET, "policy", NULL, "",
     ACTION("PutBucketPolicy"), START(bucket_policy_put_start)},
    {"PutBucketReplication", HTTP_PUT, S3_BUCKET, "replication", NULL, "",
     ACTION("PutReplicationConfiguration")},
    {"PutBucketRequestPayment", HTTP_PUT, S3_BUCKET, "requestPayment", NULL, "",
     ACTION("PutBucketRequestPayment"),
     START(bucket_off_put_start)},
    {"PutBucketTagging", HTTP_PUT, S3_BUCKET, "tagging", NULL, "", ACTION("PutBucketTagging"),
     .asks_again = true, START(bucket_tagging_put_start)},
    {"PutBucketVersioning", HTTP_PUT, S3_BUCKET, "versioning", NULL, "",
     ACTION("PutBucketVersioning"),
     START(bucket_versioning_put_start)},
    {"PutBucketWebsite", HTTP_PUT, S3_BUCKET, "website", NULL, "", ACTION("PutBucketWebsite")},
    {"PutObjectLockConfiguration", HTTP_PUT, S3_BUCKET, "object-lock", NULL, "",
     ACTION("PutBucketObjectLockConfiguration"),
     START(bucket_lock_put_start)},
    {"PutPublicAccessBlock", HTTP_PUT, S3_BUCKET, "publicAccessBlock", NULL, "",
     ACTION("PutBucketPublicAccessBlock"),
     START(bucket_block_put_start)},
    {"PutBucketAnalyticsConfiguration", HTTP_PUT, S3_BUCKET, "analytics", NULL, "",
     ACTION("PutAnalyticsConfiguration")},
    {"PutBucketIntelligentTieringConfiguration", HTTP_PUT, S3_BUCKET,
     "intelligent-tiering", NULL, "", ACTION("PutIntelligentTieringConfiguration")},
    {"PutBucketInventoryConfiguration", HTTP_PUT, S3_BUCKET, "inventory", NULL, "",
     ACTION("PutInventoryConfiguration")},
    {"PutBucketMetricsConfiguration", HTTP_PUT, S3_BUCKET, "metrics", NULL, "",
     ACTION("PutMetricsConfiguration")},
    {"CreateBucket", HTTP_PUT, S3_BUCKET, NULL, NULL, "",
     ASKS("s3:CreateBucket, once the body has told where"), START(create_bucket_start)},

    /* POST, bucket */
    {"DeleteObjects", HTTP_POST, S3_BUCKET, "delete", NULL, "",
     ASKS("s3:DeleteObject or s3:DeleteObjectVersion for each key"), START(delete_objects_start)},
    {"CreateBucketMetadataConfiguration", HTTP_POST, S3_BUCKET, "metadataConfiguration", NULL, "",
     ACTION("CreateBucketMetadataTableConfiguration")},
    {"CreateBucketMetadataTableConfiguration", HTTP_POST, S3_BUCKET, "metadataTable", NULL, "",
     ACTION("CreateBucketMetadataTableConfiguration")},
    {"PostObject", HTTP_POST, S3_BUCKET, NULL, NULL, "",
     ASKS("s3:PutObject, once the form has told who asks"), START(post_object_start)},

    /* DELETE, bucket */
    {"DeleteBucketAnalyticsConfiguration", HTTP_DELETE, S3_BUCKET, "analytics", NULL, "id",
     ACTION("PutAnalyticsConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketCors", HTTP_DELETE, S3_BUCKET, "cors", NULL, "", ACTION("PutBucketCORS"),
     START(bucket_cors_delete_start)},
    {"DeleteBucketEncryption", HTTP_DELETE, S3_BUCKET, "encryption", NULL, "",
     ACTION("PutEncryptionConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketIntelligentTieringConfiguration", HTTP_DELETE, S3_BUCKET,
     "intelligent-tiering", NULL, "id", ACTION("PutIntelligentTieringConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketInventoryConfiguration", HTTP_DELETE, S3_BUCKET, "inventory", NULL, "id",
     ACTION("PutInventoryConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketLifecycle", HTTP_DELETE, S3_BUCKET, "lifecycle", NULL, "",
     ACTION("PutLifecycleConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketMetadataConfiguration", HTTP_DELETE, S3_BUCKET,
     "metadataConfiguration", NULL, "", ACTION("DeleteBucketMetadataTableConfiguration")},
    {"DeleteBucketMetadataTableConfiguration", HTTP_DELETE, S3_BUCKET, "metadataTable", NULL, "",
     ACTION("DeleteBucketMetadataTableConfiguration")},
    {"DeleteBucketMetricsConfiguration", HTTP_DELETE, S3_BUCKET, "metrics", NULL, "id",
     ACTION("PutMetricsConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketOwnershipControls", HTTP_DELETE, S3_BUCKET, "ownershipControls", NULL, "",
     ACTION("PutBucketOwnershipControls"),
     START(bucket_ownership_delete_start)},
    {"DeleteBucketPolicy", HTTP_DELETE, S3_BUCKET, "policy", NULL, "",
     ACTION("DeleteBucketPolicy"), START(bucket_policy_delete_start)},
    {"DeleteBucketReplication", HTTP_DELETE, S3_BUCKET, "replication", NULL, "",
     ACTION("PutReplicationConfiguration"),
     START(bucket_off_delete_start)},
    {"DeleteBucketTagging", HTTP_DELETE, S3_BUCKET, "tagging", NULL, "",
     ACTION("PutBucketTagging"),
     START(bucket_tagging_delete_start)},
    {"DeleteBucketWebsite", HTTP_DELETE, S3_BUCKET, "website", NULL, "",
     ACTION("DeleteBucketWebsite"),
     START(bucket_off_delete_start)},
    {"DeletePublicAccessBlock", HTTP_DELETE, S3_BUCKET, "publicAccessBlock", NULL, "",
     ACTION("PutBucketPublicAccessBlock"),
     START(bucket_block_delete_start)},
    {"DeleteBucket", HTTP_DELETE, S3_BUCKET, NULL, NULL, "", ACTION("DeleteBucket"),
     START(delete_bucket_start)},

    /* POST, service */
    {"WriteGetObjectResponse", HTTP_POST, S3_SERVICE, NULL, NULL, "",
     ACTION("WriteGetObjectResponse")},
};
/* clang-format on */

const unsigned s3_op_count = ARRAY_COUNT(s3_ops);

_Static_assert(ARRAY_COUNT(s3_ops) <= METRICS_OPS_MAX, "the metrics have a place for every row");

void ops_check(void)
{
    for (unsigned i = 1; i < s3_op_count; i++) {
        const struct s3_op *op = &s3_ops[i];

        /* An operation that nobody is asked about would be everybody's. */
        assert(!op->start || op->action || op->asks);
        assert(op->right == ACL_NO_RIGHT || op->action);
        assert(!op->finds || op->level == S3_OBJECT);
    }
}
