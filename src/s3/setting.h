/*
 * Setting: one change of what a bucket is set to, from the request to the answer. Every PutBucket*
 * and DeleteBucket* of a small body is a rule and two functions.
 *
 *   READING_BODY --body.c--> read -> EDITING --bucket.c--> answer
 */
#ifndef PENSTOCK_S3_SETTING_H
#define PENSTOCK_S3_SETTING_H

#include "s3/bucket.h"
#include "s3/s3.h"
#include "s3/xml.h"

struct setting;

struct setting_rule {
    const char *wait;  /* "PutBucketTagging.waiting" */
    unsigned status;   /* of the answer: 200, 204 */
    bool needs_digest; /* AWS insists on Content-MD5 or a checksum */
    /* What the body says, into s->next; NULL: there is no body. S3_None, or the answer. */
    enum s3_code (*read)(struct setting *s, struct view body);
    /* From s->next into *m and the flags; may run several times. NULL: nothing changes. */
    enum s3_code (*apply)(struct setting *s, struct bucket_meta *m, unsigned *flags_io);
};

struct setting {
    struct s3_request *request;
    const struct setting_rule *rule;
    struct bucket_meta next; /* the fields that the rule is about */
    unsigned next_flags;     /* enum engine_flags */
    const char *detail;      /* of what read and apply refuse */

    struct s3_small_body body; /* the rest is private */
    struct bucket_edit edit;
};

/* Takes the request over. */
void setting_start(struct s3_request *r, const struct setting_rule *rule);

/* For read: the tree of a body whose root has this name. MalformedXML, SlowDown. */
enum s3_code
setting_parse(struct setting *s, struct view body, const char *root, struct xml_node **root_out);
/* For Gets: the answer, written by `put` into at most `bytes`. */
void setting_answer(
    struct s3_request *r, size_t bytes, void (*put)(struct buf *x, const struct bucket *b));

#endif
