/*
 * The start functions of all operations, one per file (get_object_start is in get_object.c). Each
 * takes over the request and ends with one of s3_finish_*.
 */
#ifndef PENSTOCK_S3_OPS_H
#define PENSTOCK_S3_OPS_H

#include "s3/s3.h"

void delete_object_start(struct s3_request *r);
void get_object_start(struct s3_request *r);
void head_object_start(struct s3_request *r);
void put_object_start(struct s3_request *r);
void upload_part_start(struct s3_request *r);

#endif
