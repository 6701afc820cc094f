/*
 * The body of a POST form as operations read it: first its fields, then the bytes of the file, in
 * the manner of http_body_read. One buffer lies between the connection and the form's parser.
 */
#ifndef PENSTOCK_S3_FORM_BODY_H
#define PENSTOCK_S3_FORM_BODY_H

#include "s3/form.h"
#include "s3/s3.h"

enum { FORM_BODY_BUFFER_BYTES = 65536 };

struct form_body {
    struct op op; /* the caller's */
    void *owner;  /* the caller's */
    struct s3_request *request;
    struct form form;
    uint64_t bytes_min, bytes_max; /* of the file: set before form_body_read */

    /* in, for form_body_read */
    uint8_t *to;
    size_t cap;

    /* out */
    size_t got;
    bool is_end;       /* the last boundary has come: the file is whole */
    enum s3_code code; /* set when op.err is */
    const char *detail;
    uint64_t bytes; /* of the file, so far */

    /* private */
    struct http_body read;
    uint8_t *buffer;
    struct view left; /* of it: not parsed yet */
    uint64_t received;
    bool body_ended;
};

/* form_body_init(b, r): S3_None, or the answer: no form, no length, memory. */
enum s3_code form_body_init(struct form_body *b, struct s3_request *r, const char **detail_out);
/* Until the file's first byte. A form without file is an error. */
void form_body_fields(struct form_body *b);
/* Fill b->to with exactly b->cap bytes of the file, fewer only at its end. */
void form_body_read(struct form_body *b);
/* An upper bound on what is left of the file. */
uint64_t form_body_left(const struct form_body *b);

#endif
