/*
 * What is stored, decoded: one document per user, group and policy. Constant once it is in a
 * snapshot; shared by snapshots, counted.
 */
#ifndef PENSTOCK_IAM_IAM_DOC_H
#define PENSTOCK_IAM_IAM_DOC_H

#include "iam/iam_heap.h"
#include "policy/policy.h"

enum {
    IAM_NAME_BYTES_MAX = 128,
    IAM_USER_NAME_BYTES_MAX = 256,
    IAM_ID_BYTES_MAX = 128,
    IAM_EMAIL_BYTES_MAX = 254,
    IAM_ACCESS_BYTES_MAX = 128,
    IAM_SECRET_BYTES_MAX = 128,
    IAM_KEYS_MAX = 16,  /* of a user */
    IAM_LINKS_MAX = 32, /* groups of a user; policies of a user, of a group */
    IAM_DOC_BYTES_MAX = 65536
};

enum iam_kind { IAM_USER, IAM_GROUP, IAM_POLICY, IAM_KINDS };

struct iam_doc_key {
    struct view access, secret;
    bool is_enabled;
    int64_t created_ms;
};

struct iam_names {
    struct view *list;
    unsigned count;
};

struct iam_doc {
    _Atomic unsigned refs;
    enum iam_kind kind;
    struct iam_heap heap; /* everything below */
    struct view name;
    int64_t created_ms;
    /* users */
    struct view id; /* empty: one of root's people */
    struct view email;
    bool is_enabled;
    struct iam_doc_key *keys;
    unsigned key_count;
    struct iam_names groups;
    /* users and groups */
    struct iam_names policies;
    /* policies */
    struct view json;
    struct policy *policy; /* parsed */
    bool is_builtin;       /* not stored */
};

/* Empty, refs is 1; NULL when memory is short. */
struct iam_doc *iam_doc_new(enum iam_kind kind) MUST_CHECK;
struct iam_doc *iam_doc_ref(struct iam_doc *doc);
void iam_doc_unref(struct iam_doc *doc); /* NULL is fine; frees the parsed policy, too */

/* All of a kind, in the order of their names. */
struct iam_doc_set {
    struct iam_doc **list;
    unsigned count;
};

#endif
