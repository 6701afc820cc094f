/* The calls users/...; users as everybody sees them. */
#include "iam/iam_ask.h"
#include "iam/iam_check.h"
#include "iam/iam_keys.h"

static json_t *json_of(const struct iam_decision *d, const struct iam_doc *doc)
{
    struct view id = doc->id.len ? doc->id : d->config->root_id;

    return json_pack(
        "{s:o, s:o, s:b, s:o, s:b, s:o}", "name", iam_ask_json_text(doc->name), "id",
        iam_ask_json_text(id), "owns_account", doc->id.len > 0, "email",
        iam_ask_json_text(doc->email), "enabled", doc->is_enabled, "created",
        iam_ask_json_time(doc->created_ms));
}

static enum err answer_user(struct iam_decision *d, const struct iam_doc *doc)
{
    json_t *j = json_of(d, doc);

    if (!j)
        return ERR_NO_MEMORY;
    (void)json_object_set_new(j, "keys", iam_keys_json(doc));
    (void)json_object_set_new(j, "groups", iam_ask_json_names(&doc->groups));
    (void)json_object_set_new(j, "policies", iam_ask_json_names(&doc->policies));
    return iam_ask_answer(d, "user", j);
}

/* Names, ids and addresses are one user's. self: the one that may have them; NULL: none. */
static enum err check_unique(struct iam_decision *d, const struct iam_doc *self)
{
    const struct iam_doc *doc = d->made;
    const struct iam_doc *twin = iam_snapshot_doc(d->from, IAM_USER, doc->name);

    if (twin && twin != self)
        return iam_ask_no(d, ERR_EXISTS, "there is a user '%.*s' already", VIEW_FMT(doc->name));
    const struct iam_user *other = doc->id.len ? iam_snapshot_account(d->from, doc->id) : NULL;
    if (other && (!self || !view_eq(other->name, self->name)))
        return iam_ask_no(
            d, ERR_EXISTS, "the id '%.*s' is that of user '%.*s'", VIEW_FMT(doc->id),
            VIEW_FMT(other->name));
    other = doc->email.len ? iam_snapshot_mailbox(d->from, doc->email) : NULL;
    if (other && (!self || !view_eq(other->name, self->name)))
        return iam_ask_no(
            d, ERR_EXISTS, "the e-mail address is that of user '%.*s'", VIEW_FMT(other->name));
    return ERR_OK;
}

/* A text member that has been checked, copied into the document; empty when it is not there. */
static enum err
take(struct iam_decision *d, const char *member, iam_ask_check_fn *check, struct view *to)
{
    struct view v;

    TRY(iam_ask_text_if(d, member, check, &v));
    if (!v.at)
        return ERR_OK;
    *to = iam_heap_copy(&d->made->heap, v);
    return to->at ? ERR_OK : ERR_NO_MEMORY;
}

enum err iam_users_add(struct iam_decision *d)
{
    struct iam_doc *doc = iam_doc_new(IAM_USER);
    struct view name;

    d->made = doc;
    if (!doc)
        return ERR_NO_MEMORY;
    doc->is_enabled = true;
    doc->created_ms = d->now_ms;
    doc->keys = iam_heap_take(&doc->heap, sizeof *doc->keys);
    if (!doc->keys)
        return ERR_NO_MEMORY;
    TRY(iam_ask_text(d, "name", iam_check_user_name, &name));
    TRY(take(d, "name", iam_check_user_name, &doc->name));
    TRY(take(d, "id", iam_check_id, &doc->id));
    TRY(take(d, "email", iam_check_email, &doc->email));
    TRY(iam_ask_flag_if(d, "enabled", &doc->is_enabled));
    TRY(check_unique(d, NULL));
    TRY(iam_ask_names_if(d, "policies", IAM_POLICY, doc, &doc->policies));
    TRY(iam_ask_names_if(d, "groups", IAM_GROUP, doc, &doc->groups));
    TRY(iam_keys_make(d));
    return answer_user(d, doc);
}

enum err iam_users_list(struct iam_decision *d)
{
    json_t *list = json_array();
    unsigned at, end;

    TRY(iam_ask_answer(d, "users", list));
    TRY(iam_ask_page(d, IAM_USER, &at, &end));
    for (; at < end; at++)
        if (json_array_append_new(list, json_of(d, d->from->docs[IAM_USER].list[at])) != 0)
            return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err iam_users_show(struct iam_decision *d)
{
    struct iam_doc *doc;

    TRY(iam_ask_doc(d, "name", IAM_USER, &doc));
    return answer_user(d, doc);
}

enum err iam_users_set(struct iam_decision *d)
{
    struct iam_doc *doc;

    TRY(iam_ask_doc(d, "name", IAM_USER, &doc));
    TRY(iam_ask_edit(d, doc));
    TRY(take(d, "new_name", iam_check_user_name, &d->made->name));
    TRY(take(d, "email", iam_check_email, &d->made->email));
    TRY(iam_ask_flag_if(d, "enabled", &d->made->is_enabled));
    TRY(check_unique(d, doc));
    return answer_user(d, d->made);
}

enum err iam_users_remove(struct iam_decision *d)
{
    return iam_ask_doc(d, "name", IAM_USER, &d->gone);
}
