/*
 * The start functions of all operations, one per file (get_object_start is in get_object.c). Each
 * takes over the request and ends with one of s3_finish_*.
 */
#ifndef PENSTOCK_S3_OPS_H
#define PENSTOCK_S3_OPS_H

#include "s3/s3.h"

/* Asserts what every row must have; once at start. */
void ops_check(void);

void abort_upload_start(struct s3_request *r);
void bucket_block_delete_start(struct s3_request *r);
void bucket_block_get_start(struct s3_request *r);
void bucket_block_put_start(struct s3_request *r);
void bucket_cors_delete_start(struct s3_request *r);
void bucket_cors_get_start(struct s3_request *r);
void bucket_cors_put_start(struct s3_request *r);
void bucket_lock_get_start(struct s3_request *r);
void bucket_lock_put_start(struct s3_request *r);
void bucket_off_delete_start(struct s3_request *r);
void bucket_off_get_start(struct s3_request *r);
void bucket_off_put_start(struct s3_request *r);
void bucket_ownership_delete_start(struct s3_request *r);
void bucket_ownership_get_start(struct s3_request *r);
void bucket_ownership_put_start(struct s3_request *r);
void bucket_policy_delete_start(struct s3_request *r);
void bucket_policy_get_start(struct s3_request *r);
void bucket_policy_put_start(struct s3_request *r);
void bucket_policy_status_start(struct s3_request *r);
void bucket_tagging_delete_start(struct s3_request *r);
void bucket_tagging_get_start(struct s3_request *r);
void bucket_tagging_put_start(struct s3_request *r);
void bucket_versioning_get_start(struct s3_request *r);
void bucket_versioning_put_start(struct s3_request *r);
void complete_upload_start(struct s3_request *r);
void copy_object_start(struct s3_request *r);
void create_bucket_start(struct s3_request *r);
void create_upload_start(struct s3_request *r);
void delete_bucket_start(struct s3_request *r);
void delete_object_start(struct s3_request *r);
void delete_objects_start(struct s3_request *r);
void get_attributes_start(struct s3_request *r);
void get_bucket_acl_start(struct s3_request *r);
void get_bucket_location_start(struct s3_request *r);
void get_object_acl_start(struct s3_request *r);
void get_object_start(struct s3_request *r);
void head_bucket_start(struct s3_request *r);
void head_object_start(struct s3_request *r);
void list_buckets_start(struct s3_request *r);
void list_object_versions_start(struct s3_request *r);
void list_objects_start(struct s3_request *r);
void list_objects_v2_start(struct s3_request *r);
void list_parts_start(struct s3_request *r);
void list_uploads_start(struct s3_request *r);
void object_lock_get_hold_start(struct s3_request *r);
void object_lock_get_retention_start(struct s3_request *r);
void object_lock_put_hold_start(struct s3_request *r);
void object_lock_put_retention_start(struct s3_request *r);
void object_tagging_delete_start(struct s3_request *r);
void object_tagging_get_start(struct s3_request *r);
void object_tagging_put_start(struct s3_request *r);
void put_bucket_acl_start(struct s3_request *r);
void put_object_acl_start(struct s3_request *r);
void post_object_start(struct s3_request *r);
void put_object_start(struct s3_request *r);
void upload_part_copy_start(struct s3_request *r);
void upload_part_start(struct s3_request *r);

#endif
