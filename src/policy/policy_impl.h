/*
 * A parsed policy, for the files of this room. Everything hangs together in the blocks of one room
 * and does not change after policy_parse.
 */
#ifndef PENSTOCK_POLICY_POLICY_IMPL_H
#define PENSTOCK_POLICY_POLICY_IMPL_H

#include <jansson.h>

#include "policy/policy.h"

enum { POLICY_VARIABLES_MAX = 16 }; /* in one text */

/* A text of the document; wildcards stand in it as written, the keys of its variables in lower
 * case. Only where has_variables is set does ${...} mean something. */
struct policy_text {
    struct view text;
    bool has_variables;
};
struct policy_texts {
    const struct policy_text *at;
    unsigned count;
};

enum policy_who_kind {
    POLICY_EVERYBODY,
    POLICY_ACCOUNT,   /* by its id, or the ARN of its root */
    POLICY_USER,      /* by the whole ARN */
    POLICY_CANONICAL, /* by canonical id */
    POLICY_NOT_OURS   /* services, federated users: never asks here */
};
struct policy_who {
    enum policy_who_kind kind;
    struct view name;
};
struct policy_people {
    const struct policy_who *at;
    unsigned count;
};

enum policy_type {
    POLICY_STRING,
    POLICY_STRING_NOCASE,
    POLICY_STRING_LIKE,
    POLICY_NUMERIC,
    POLICY_DATE,
    POLICY_BOOL,
    POLICY_BINARY,
    POLICY_IP,
    POLICY_ARN,
    POLICY_NULL
};
enum policy_relation {
    POLICY_EQUAL,
    POLICY_LESS,
    POLICY_LESS_EQUAL,
    POLICY_MORE,
    POLICY_MORE_EQUAL
};
struct policy_operator {
    const char *name;
    enum policy_type type;
    enum policy_relation relation; /* numbers and dates */
    bool is_negated;
};
enum policy_set { POLICY_ANY_OF_ONE, POLICY_FOR_ANY, POLICY_FOR_ALL };
struct policy_condition {
    const struct policy_operator *how;
    enum policy_set set;
    bool if_exists;
    struct view key; /* lower case up to the '/' */
    struct policy_texts values;
};

struct policy_statement {
    enum policy_effect effect;
    bool is_not_principal, is_not_action, is_not_resource;
    struct policy_people people;
    struct policy_texts actions, resources;
    const struct policy_condition *conditions;
    unsigned condition_count;
};

struct policy_block; /* policy_room.c */
struct policy_room {
    struct policy_block *first;
};
/* Cleared, and aligned unless it is text; NULL when memory is out. */
void *policy_room_take(struct policy_room *R, size_t bytes) MUST_CHECK;
void *policy_room_take_text(struct policy_room *R, size_t bytes) MUST_CHECK;
void policy_room_done(struct policy_room *R);

struct policy {
    struct policy_room room;
    enum policy_kind kind;
    bool has_variables; /* by its version */
    const struct policy_statement *statements;
    unsigned count;
};

/*
 * One evaluation. Its matching may take this many steps, milliseconds; a policy that needs more was
 * made to need more, and is answered with a denial.
 */
enum { POLICY_STEPS_MAX = 1 << 18 };
struct policy_run {
    const struct policy_request *q;
    unsigned steps; /* left; 0: spent, and whatever was found is worth nothing */
};

/* --- matching (policy_match.c) ------------------------------------------------------------- */

enum policy_fit {
    POLICY_FITS_NOT,
    POLICY_FITS,
    POLICY_FITS_UNKNOWN /* a variable has no value */
};
enum { POLICY_WILD = 1, POLICY_NOCASE = 2 };
/* how: bits of the above. */
enum policy_fit
policy_match(const struct policy_text *t, struct view text, unsigned how, struct policy_run *run);
/* A pattern without variables. */
bool policy_match_plain(struct view pattern, struct view text, unsigned how);
/* policy_match_variable(rest, key): takes the next variable off *rest; false when there is none.
 * ${*}, ${?} and ${$} are none. default_out->at == NULL: it has none. */
bool policy_match_variable(struct view *rest, struct view *key_out, struct view *default_out);
/* The six parts of an ARN, each by itself. */
enum policy_fit
policy_match_arn(const struct policy_text *t, struct view arn, struct policy_run *run);

/* --- typed values (policy_value.c) --------------------------------------------------------- */

/* Is it a number, a date, an address ...? */
bool policy_value_is_valid(enum policy_type type, struct view text);
enum policy_fit policy_value_fits(
    const struct policy_operator *o, const struct policy_text *want, struct view got,
    struct policy_run *run);
/* "192.0.2.0/24": bits of the prefix, whether of IPv6. */
bool policy_value_network(struct view text, unsigned *bits_out, bool *is_v6_out);

/* --- the tables (policy_actions.c, policy_keys.c) ------------------------------------------- */

enum { POLICY_ON_SERVICE = 1, POLICY_ON_BUCKET = 2, POLICY_ON_OBJECT = 4, POLICY_ON_OTHER = 8 };
/* What the actions that fit this pattern act on; 0: there is no such action. */
unsigned policy_actions_levels(struct view pattern);
/* Does this condition key, in its stored form, exist? */
bool policy_keys_has(struct view key);

/* --- parsing --------------------------------------------------------------------------------- */

struct policy_parse {
    struct policy *p;
    struct view bucket;
    struct buf *why; /* may be NULL */
};
/* Says why, once; answers ERR_MALFORMED. */
__attribute__((format(printf, 2, 3))) enum err
policy_parse_refuse(struct policy_parse *P, const char *fmt, ...) MUST_CHECK;
enum err policy_parse_copy(struct policy_parse *P, const json_t *j, struct view *v_out) MUST_CHECK;
/* One string, or a list of them. variables: whether ${...} may stand in them. */
enum err policy_parse_texts(
    struct policy_parse *P, const json_t *j, const char *field, bool variables,
    struct policy_texts *t_out) MUST_CHECK;
/* Lower case up to the first '/'. */
void policy_parse_fold_key(struct view key);

enum err policy_principal_parse(
    struct policy_parse *P, const json_t *j, struct policy_people *people_out) MUST_CHECK;
bool policy_principal_fits(const struct policy_statement *s, const struct policy_principal *who);

enum err policy_resource_check(struct policy_parse *P, const struct policy_statement *s) MUST_CHECK;

enum err policy_condition_parse(struct policy_parse *P, const json_t *j, struct policy_statement *s)
    MUST_CHECK;
bool policy_condition_holds(
    const struct policy_condition *c, enum policy_effect effect, struct policy_run *run);

#endif
