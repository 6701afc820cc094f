/*
 * Documents as records of the engine: SPACE_CONFIG, no bucket, the document in the meta blob as
 * JSON (docs/formats/iam.md). A record is one document whole, so that every change is one commit.
 *
 *   "user/NAME"    {"format":1,"store_key":KEYID,"id":ID,"email":MAIL,"enabled":BOOL,"created":MS,
 *                   "keys":[{"access":AK,"sealed":BASE64,"enabled":BOOL,"created":MS}...],
 *                   "groups":[NAME...],"policies":[NAME...]}
 *   "group/NAME"   {"format":1,"created":MS,"policies":[NAME...]}
 *   "policy/NAME"  {"format":1,"created":MS,"policy":TEXT}
 */
#ifndef PENSTOCK_IAM_IAM_STORE_H
#define PENSTOCK_IAM_IAM_STORE_H

#include "iam/iam_doc.h"
#include "iam/iam_seal.h"

enum { IAM_STORE_NAME_BYTES_MAX = IAM_USER_NAME_BYTES_MAX + 8 };

/* "user/" ... */
struct view iam_store_prefix(enum iam_kind kind);
/* The name of its record, in h. at == NULL: no memory. */
struct view iam_store_name(struct iam_heap *h, enum iam_kind kind, struct view name) MUST_CHECK;
/* The blob, in h; secrets sealed with `key`. ERR_NO_MEMORY, ERR_TOO_LARGE. */
enum err iam_store_encode(
    const struct iam_doc *doc, const uint8_t *key, struct iam_heap *h,
    struct view *blob_out) MUST_CHECK;
/*
 * iam_store_decode(record, blob, key, doc_out, why). ERR_DENIED: sealed with another store key;
 * ERR_UNSUPPORTED: a newer format; ERR_CORRUPT; ERR_NO_MEMORY; `why` is a sentence.
 */
enum err iam_store_decode(
    struct view record, struct view blob, const uint8_t *key, struct iam_doc **doc_out,
    struct buf *why) MUST_CHECK;

#endif
