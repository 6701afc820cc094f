/*
 * Who may ask: users, their access keys, groups and named policies, kept by the engine
 * (SPACE_CONFIG of the store), so that a store moved to another machine keeps them.
 *
 * Accounts. A canonical id is an account: it owns buckets and objects. A user made with an id of
 * its own is such an account and acts as its owner: everything on what it owns, when no policy is
 * attached (directly or by a group). A user made without is one of root's people: it owns nothing,
 * its buckets are root's, and it may do what its policies say. Attached policies decide for either;
 * they never reach into another account by themselves: there the bucket's policy or ACL must agree.
 * Root (from the configuration) is the owner of everything. docs/adr/0009-users.md.
 *
 * Reading. All of it is one immutable snapshot, swapped whole when something changes; a request
 * holds the one it was authenticated with until it ends.
 */
#ifndef PENSTOCK_IAM_IAM_H
#define PENSTOCK_IAM_IAM_H

#include "engine/engine.h"
#include "policy/policy.h"

struct iam;
struct iam_snapshot;

struct iam_user {
    struct view id;    /* canonical id: the account; root's for root's people */
    struct view name;  /* display name; unique among users */
    struct view email; /* may be empty */
    struct view arn;   /* arn:aws:iam::ID:user/NAME; arn:aws:iam::ID:root for account owners */
    bool is_root;      /* the store's own */
    bool owns_account; /* id is its own */
    bool is_enabled;
    const struct policy *const *policies; /* attached, and those of its groups */
    unsigned policy_count;
};

struct iam_key {
    struct view access, secret;
    const struct iam_user *user;
};

/*
 * iam_open(o): reads everything from the engine; completes on the calling reactor. store_key: 32
 * bytes that secret keys are encrypted with at rest (AES-256-GCM). ERR_DENIED: what is stored was
 * encrypted with another one.
 */
struct iam_config {
    struct engine *engine;
    struct view root_id, root_name, root_access, root_secret;
    uint8_t store_key[32];
};
struct iam_open {
    struct op op;
    struct iam_config config;
    struct iam *iam; /* out */
    char why[320];   /* out, with an error: a sentence, or empty */
    void *state;
};
void iam_open(struct iam_open *o);
void iam_close(struct iam *I); /* nothing is under way, nothing held; NULL is fine */
/* A snapshot of root alone, nothing stored, no calls: for tests. */
enum err iam_new_root_only(const struct iam_config *config, struct iam **iam_out) MUST_CHECK;

/* Any reactor, any thread; on reactors no lock and nothing shared is written. A reactor that nobody
 * asks keeps what it saw last in memory, until it is asked again. */
const struct iam_snapshot *iam_hold(struct iam *I);
void iam_release(const struct iam_snapshot *s); /* on the same thread; NULL is fine */
/*
 * False for a key that is unknown or disabled: InvalidAccessKeyId. Those of a disabled user are
 * found: key.user->is_enabled is false and the answer AccessDenied. The views live as long as s.
 */
bool iam_find_key(const struct iam_snapshot *s, struct view access, struct iam_key *key_out);
/* Accounts by canonical id, for owners and grantees; by e-mail. NULL when unknown. */
const struct iam_user *iam_find_account(const struct iam_snapshot *s, struct view id);
const struct iam_user *iam_find_email(const struct iam_snapshot *s, struct view email);
/* Any stored user by its name; not root. NULL when unknown. */
const struct iam_user *iam_find_user(const struct iam_snapshot *s, struct view name);

/* A user with an access key that the configuration has given to root since, so that it is
 * root's alone. NULL: none. */
const struct iam_user *iam_find_shadowed(const struct iam_snapshot *s);

/* The calls of the admin API, "users/add". NULL when there is none of that name. */
struct iam_call {
    const char *name;
    const char *action;  /* what a policy must allow: "admin:CreateUser" */
    bool carries_secret; /* there or back */
    bool changes;
};
const struct iam_call *iam_find_call(struct view name);

/*
 * One call: a change is durable when advance runs with ERR_OK, and seen by every request
 * authenticated after that. `request` is the JSON of the admin API (docs/wire/admin.md), `answer`
 * the JSON answer.
 */
struct iam_change {
    struct op op;
    struct iam *iam;
    const struct iam_call *call;
    struct view request;   /* lives until advance */
    struct region *region; /* answer's memory */
    struct view answer;    /* out */
    const char *why;       /* out, with an error: one sentence, static or in region */
    struct op hop;
    void *state;
};
void iam_change(struct iam_change *c);

#endif
