/* What the multipart operations share besides the names (upload_name.h). */
#ifndef PENSTOCK_S3_UPLOAD_H
#define PENSTOCK_S3_UPLOAD_H

#include "s3/s3.h"
#include "s3/upload_name.h"

enum {
    UPLOAD_ID_LEN = 32, /* of the ids made here: lower-case hex, random */
    UPLOAD_PARTS_MAX = 10000,
    UPLOAD_PART_BYTES_MIN = 5 << 20 /* of every part but the last */
};

/* The entries of the request's uploadId: ERR_OK, ERR_NO_UPLOAD (no such id can exist), ERR_BUSY. */
enum err
upload_entry(struct s3_request *r, struct engine_key *key_out, struct view *id_out) MUST_CHECK;
/*
 * May the caller go on with the upload of this meta, who may write here anyway? Where lists count
 * the object will be its initiator's: his account's alone, and root. Elsewhere it will be the
 * bucket's owner's, whoever writes. S3_None or S3_AccessDenied.
 */
enum s3_code upload_check_writer(const struct s3_request *r, struct view meta);
/* May the caller see or end it: its initiator, or whom the bucket's owner and policy let. What
 * lists give is not enough for somebody else's. S3_None or S3_AccessDenied. */
enum s3_code upload_check_caller(struct s3_request *r, struct view meta);
/* What names all parts of an upload: "<id>/". at == NULL: no memory. */
struct view upload_parts_prefix(struct region *R, struct view id) MUST_CHECK;
/* Splits an entry's name in SPACE_UPLOAD. False when it is no such name. */
bool upload_split(struct view name, struct view *key_out, struct view *id_out);

#endif
