/*
 * Multipart uploads by plain requests: for what has no length yet (streams) and for copies inside
 * the store above the limit of one request. Blocking. Also what the bodies of such requests say.
 */
#ifndef PENSTOCK_CLI_MULTIPART_H
#define PENSTOCK_CLI_MULTIPART_H

#include "cli/session.h"

enum { MULTIPART_PARTS_MAX = 10000, MULTIPART_ID_MAX = 1024, MULTIPART_ETAG_MAX = 72 };

struct multipart {
    struct ps_client *client;
    const char *bucket, *key;
    char upload_id[MULTIPART_ID_MAX];
    char (*etags)[MULTIPART_ETAG_MAX];
    unsigned parts;
    struct ps_result result; /* of the last request; err and message also for what it means */
};

/* All: false on failure, told by m->result. After begin has succeeded, end with finish (which
 * aborts when it fails) or abort. */
bool multipart_begin(
    struct multipart *m, struct ps_client *client, const char *bucket, const char *key,
    const char *content_type);
bool multipart_put(struct multipart *m, const void *at, size_t bytes);
bool multipart_copy(
    struct multipart *m, const char *from_bucket, const char *from_key, uint64_t offset,
    uint64_t bytes);
bool multipart_finish(struct multipart *m);
void multipart_abort(struct multipart *m);

/* The text of the first element `name` in an answer, entities resolved. False when there is none
 * or it does not fit. Pure. */
bool multipart_element(const char *xml, const char *name, char *to, size_t cap);
/* text with the characters XML reserves written as entities, malloc'ed; NULL when XML 1.0 cannot
 * say it (control characters). Pure. */
char *multipart_escape(const char *text);

#endif
