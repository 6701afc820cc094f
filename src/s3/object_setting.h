/*
 * Object setting: one change of what is known of an object, from the request to the answer, for
 * PutObjectTagging and its like. As setting.h is for buckets.
 *
 *   READING_BODY --body.c--> read -> EDITING --object_edit.c--> answer
 */
#ifndef PENSTOCK_S3_OBJECT_SETTING_H
#define PENSTOCK_S3_OBJECT_SETTING_H

#include "s3/object_edit.h"
#include "s3/xml.h"

struct object_setting;

struct object_setting_rule {
    const char *wait;  /* "PutObjectTagging.waiting" */
    unsigned status;   /* of the answer: 200, 204 */
    bool needs_digest; /* AWS insists on Content-MD5 or a checksum */
    /* What the body says, into s->tags or s->lock; NULL: there is no body. */
    enum s3_code (*read)(struct object_setting *s, struct view body);
    /* From there into *m; may run several times. */
    enum s3_code (*apply)(struct object_setting *s, struct meta *m);
};

struct object_setting {
    struct s3_request *request;
    const struct object_setting_rule *rule;
    struct view tags; /* stored form */
    struct lock lock;
    const char *detail; /* of what read and apply refuse */

    struct s3_small_body body; /* the rest is private */
    struct object_edit edit;
};

/* Takes the request over. */
void object_setting_start(struct s3_request *r, const struct object_setting_rule *rule);

#endif
