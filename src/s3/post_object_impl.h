/* What the files of PostObject share. */
#ifndef PENSTOCK_S3_POST_OBJECT_IMPL_H
#define PENSTOCK_S3_POST_OBJECT_IMPL_H

#include "s3/form_body.h"
#include "s3/post_policy.h"
#include "s3/store.h"

enum { POST_OBJECT_WHY_BYTES = 512 };

struct post_object {
    struct s3_request *request;
    struct form_body body;
    struct meta meta;
    struct store store;
    struct post_policy policy;
    char why[POST_OBJECT_WHY_BYTES];
    const char *detail;
};

/* post_fields.c. r->key: the field, ${filename} filled in. S3_None, or the answer. */
enum s3_code post_fields_key(struct post_object *p);
/* The fields as the policy sees them: into p->policy. */
enum s3_code post_fields_list(struct post_object *p);
/* The headers of the request become what the fields say: from here on it is a PutObject. */
enum s3_code post_fields_to_headers(struct post_object *p);

/* post_answer.c: after success; the request is gone. */
void post_answer(struct post_object *p);

#endif
