/*
 * Read, modify, write of what is known of an object: finds it (find.h), lets `edit` change the
 * decoded meta, amends exactly that version under the revision it saw; again when another change
 * came between. PutObjectTagging, PutObjectRetention, PutObjectLegalHold and PutObjectAcl.
 *
 *   FINDING --find.c--> edited -> AMENDING --engine--> done | changed meanwhile: FINDING
 */
#ifndef PENSTOCK_S3_OBJECT_EDIT_H
#define PENSTOCK_S3_OBJECT_EDIT_H

#include "s3/find.h"

struct object_edit {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    /* May run several times. S3_None, or the answer (with detail). Views it puts into *m must live
     * until advance. */
    enum s3_code (*edit)(struct object_edit *e, struct meta *m);
    void *ctx;

    /* out */
    enum s3_code code; /* set when op.err is */
    const char *detail;

    struct find find; /* the rest is private */
    struct engine_amend amend;
    unsigned tries;
};

/* The request's own bucket, key and versionId, with the action of its row. */
void object_edit_start(struct object_edit *e);

#endif
