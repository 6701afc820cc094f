/*
 * An immutable picture of all people: what requests search. Made of documents; they are shared
 * with the snapshots before and after it.
 */
#ifndef PENSTOCK_IAM_IAM_SNAPSHOT_H
#define PENSTOCK_IAM_IAM_SNAPSHOT_H

#include "iam/iam.h"
#include "iam/iam_doc.h"

struct iam_snapshot_key {
    struct view access, secret;
    const struct iam_user *user;
    bool is_enabled;
};

struct iam_snapshot {
    _Atomic unsigned refs;
    struct iam_seat *seats; /* whoever holds it may count there (iam.c); NULL: in refs */
    struct iam_heap heap;   /* everything below but the documents */
    struct iam_doc_set docs[IAM_KINDS];
    struct iam_user *users; /* root first, then in the order of docs[IAM_USER] */
    unsigned user_count;
    struct iam_snapshot_key *keys; /* by access key */
    unsigned key_count;
    const struct iam_user **accounts; /* by id */
    unsigned account_count;
    const struct iam_user **mailboxes; /* those with an e-mail, by it */
    unsigned mailbox_count;
    const struct iam_user *shadowed; /* has an access key that is root's by now; or NULL */
};

/*
 * iam_snapshot_new(config, docs, s_out, why): takes references of the documents of docs[IAM_KINDS];
 * refs is 1. ERR_NO_MEMORY; ERR_CORRUPT when they do not fit together, and `why` says how.
 */
enum err iam_snapshot_new(
    const struct iam_config *config, const struct iam_doc_set *docs, struct iam_snapshot **s_out,
    struct buf *why) MUST_CHECK;
void iam_snapshot_unref(struct iam_snapshot *s); /* NULL is fine */

/* The document of that name, or NULL. */
struct iam_doc *
iam_snapshot_doc(const struct iam_snapshot *s, enum iam_kind kind, struct view name);
/* The user (also a disabled one) that has this key, or NULL. */
const struct iam_snapshot_key *iam_snapshot_key(const struct iam_snapshot *s, struct view access);
/* By canonical id; by e-mail. NULL when unknown. */
const struct iam_user *iam_snapshot_account(const struct iam_snapshot *s, struct view id);
const struct iam_user *iam_snapshot_mailbox(const struct iam_snapshot *s, struct view email);
/* What a document of s[IAM_USER] has become. */
const struct iam_user *iam_snapshot_user(const struct iam_snapshot *s, const struct iam_doc *doc);

#endif
