/* What verbs have in common: members of the request, documents by name, changed copies, answers. */
#ifndef PENSTOCK_IAM_IAM_ASK_H
#define PENSTOCK_IAM_IAM_ASK_H

#include "iam/iam_decide.h"

/* Records `why` as a sentence; returns e. */
__attribute__((format(printf, 3, 4))) enum err
iam_ask_no(struct iam_decision *d, enum err e, const char *fmt, ...) MUST_CHECK;

typedef const char *iam_ask_check_fn(struct view v);
/* A text member that must be there; `check` may be NULL. ERR_INVALID. */
enum err iam_ask_text(
    struct iam_decision *d, const char *member, iam_ask_check_fn *check,
    struct view *to) MUST_CHECK;
/* The same, at == NULL when it is not there. */
enum err iam_ask_text_if(
    struct iam_decision *d, const char *member, iam_ask_check_fn *check,
    struct view *to) MUST_CHECK;
/* Left alone when it is not there. */
enum err iam_ask_flag_if(struct iam_decision *d, const char *member, bool *to) MUST_CHECK;
/* The document that a text member names. ERR_NOT_FOUND. */
enum err iam_ask_doc(
    struct iam_decision *d, const char *member, enum iam_kind kind,
    struct iam_doc **doc_out) MUST_CHECK;
/* A list of names of documents, into a list of doc; none when it is not there. */
enum err iam_ask_names_if(
    struct iam_decision *d, const char *member, enum iam_kind kind, struct iam_doc *doc,
    struct iam_names *to) MUST_CHECK;
/* "after" and "max" of a listing: the documents [*at_out, *end_out) of a kind; says in the answer
 * whether there are more. */
enum err iam_ask_page(
    struct iam_decision *d, enum iam_kind kind, unsigned *at_out, unsigned *end_out) MUST_CHECK;

/* d->made becomes a copy of doc with room for one more key, group and policy; d->gone = doc. */
enum err iam_ask_edit(struct iam_decision *d, struct iam_doc *doc) MUST_CHECK;
bool iam_ask_has(const struct iam_names *names, struct view name);
/* A name that is in neither `to` nor longer-lived than the request is copied. ERR_EXISTS. */
enum err iam_ask_link(struct iam_decision *d, struct iam_names *to, struct view name) MUST_CHECK;
enum err
iam_ask_unlink(struct iam_decision *d, struct iam_names *from, struct view name) MUST_CHECK;

/* Answers. Strings of a view; ISO times; a user, group or policy as everybody sees it. */
json_t *iam_ask_json_text(struct view v);
json_t *iam_ask_json_time(int64_t ms);
json_t *iam_ask_json_names(const struct iam_names *names);
/* Puts it into the answer; takes over `value`. */
enum err iam_ask_answer(struct iam_decision *d, const char *member, json_t *value) MUST_CHECK;

#endif
