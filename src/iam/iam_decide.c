#include "iam/iam_decide.h"

#include "iam/iam_ask.h"
#include "iam/iam_store.h"

struct verb {
    struct iam_call call;
    const char *members; /* of the request; others are refused */
    iam_decide_fn *decide;
};

/* The actions are those of MinIO's admin API where it has one: policies can be taken along. */
static const struct verb verbs[] = {
    {{"users/add", "admin:CreateUser", true, true},
     "name id email enabled access_key secret_key policies groups",
     iam_users_add},
    {{"users/list", "admin:ListUsers", false, false}, "after max", iam_users_list},
    {{"users/show", "admin:GetUser", false, false}, "name", iam_users_show},
    {{"users/set", "admin:UpdateUser", false, true}, "name new_name email enabled", iam_users_set},
    {{"users/remove", "admin:DeleteUser", false, true}, "name", iam_users_remove},
    {{"keys/add", "admin:CreateServiceAccount", true, true},
     "user access_key secret_key",
     iam_keys_add},
    {{"keys/list", "admin:ListServiceAccounts", false, false}, "user", iam_keys_list},
    {{"keys/set", "admin:UpdateServiceAccount", false, true}, "access_key enabled", iam_keys_set},
    {{"keys/remove", "admin:RemoveServiceAccount", false, true}, "access_key", iam_keys_remove},
    {{"groups/add", "admin:AddUserToGroup", false, true}, "name", iam_groups_add},
    {{"groups/list", "admin:ListGroups", false, false}, "after max", iam_groups_list},
    {{"groups/show", "admin:GetGroup", false, false}, "name", iam_groups_show},
    {{"groups/remove", "admin:RemoveUserFromGroup", false, true}, "name", iam_groups_remove},
    {{"groups/join", "admin:AddUserToGroup", false, true}, "group user", iam_groups_join},
    {{"groups/leave", "admin:RemoveUserFromGroup", false, true}, "group user", iam_groups_leave},
    {{"policies/add", "admin:CreatePolicy", false, true}, "name policy replace", iam_policies_add},
    {{"policies/list", "admin:ListUserPolicies", false, false}, "after max", iam_policies_list},
    {{"policies/show", "admin:GetPolicy", false, false}, "name", iam_policies_show},
    {{"policies/remove", "admin:DeletePolicy", false, true}, "name", iam_policies_remove},
    {{"policies/attach", "admin:AttachUserOrGroupPolicy", false, true},
     "policy user group",
     iam_policies_attach},
    {{"policies/detach", "admin:AttachUserOrGroupPolicy", false, true},
     "policy user group",
     iam_policies_detach},
};

static const struct verb *verb_of(const struct iam_call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (&verbs[i].call == call)
            return &verbs[i];
    return NULL;
}

const struct iam_call *iam_find_call(struct view name)
{
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (view_is(name, verbs[i].call.name))
            return &verbs[i].call;
    return NULL;
}

static bool is_listed(const char *members, const char *name)
{
    struct view rest = view_str(members), part;

    while (view_split(&rest, ' ', &part))
        if (view_is(part, name))
            return true;
    return false;
}

static enum err read_request(struct iam_decision *d, const struct verb *verb)
{
    const char *name;
    json_t *value;
    struct view text = d->request.len ? d->request : VIEW("{}");

    d->in = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    d->out = json_object();
    if (!json_is_object(d->in))
        return iam_ask_no(d, ERR_MALFORMED, "the request must be a JSON object");
    json_object_foreach(d->in, name, value)
    {
        if (!is_listed(verb->members, name))
            return iam_ask_no(
                d, ERR_INVALID, "'%.64s' is not known here: %s takes %s", name, verb->call.name,
                verb->members);
    }
    return d->out ? ERR_OK : ERR_NO_MEMORY;
}

/* The documents of one kind with `made` in the place of `gone`, in order of name. */
static enum err replace(struct iam_decision *d, enum iam_kind kind, struct iam_doc_set *to)
{
    const struct iam_doc_set *from = &d->from->docs[kind];
    struct iam_doc *made = d->made;

    to->list = iam_heap_take(&d->heap, sizeof(struct iam_doc *) * (from->count + 1));
    to->count = 0;
    if (!to->list)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < from->count; i++) {
        struct iam_doc *doc = from->list[i];
        if (made && view_compare(made->name, doc->name) < 0) {
            to->list[to->count++] = made;
            made = NULL;
        }
        if (doc != d->gone)
            to->list[to->count++] = doc;
    }
    if (made)
        to->list[to->count++] = made;
    return ERR_OK;
}

static enum err make_records(struct iam_decision *d)
{
    const struct iam_doc *made = d->made, *gone = d->gone;

    if (made) {
        d->record = iam_store_name(&d->heap, made->kind, made->name);
        if (!d->record.at)
            return ERR_NO_MEMORY;
        d->is_new = !gone || !view_eq(made->name, gone->name);
        TRY(iam_store_encode(made, d->config->store_key, &d->heap, &d->blob));
    }
    if (!gone || (made && !d->is_new))
        return ERR_OK;
    d->old_record = iam_store_name(&d->heap, gone->kind, gone->name);
    return d->old_record.at ? ERR_OK : ERR_NO_MEMORY;
}

static enum err make_next(struct iam_decision *d)
{
    struct iam_doc_set docs[IAM_KINDS];

    if (!d->made && !d->gone)
        return ERR_OK;
    memcpy(docs, d->from->docs, sizeof docs);
    enum iam_kind kind = d->made ? d->made->kind : d->gone->kind;
    TRY(replace(d, kind, &docs[kind]));
    TRY(make_records(d));
    return iam_snapshot_new(d->config, docs, &d->next, &d->why_buf);
}

static enum err make_answer(struct iam_decision *d)
{
    size_t bytes = json_dumpb(d->out, NULL, 0, JSON_COMPACT);
    char *at = bytes ? iam_heap_take(&d->heap, bytes + 1) : NULL;

    if (!at)
        return ERR_NO_MEMORY;
    (void)json_dumpb(d->out, at, bytes, JSON_COMPACT);
    at[bytes] = '\n';
    d->answer = view_of(at, bytes + 1);
    return ERR_OK;
}

enum err iam_decide(struct iam_decision *d)
{
    const struct verb *verb = verb_of(d->call);

    d->why_buf = buf_over(d->why, sizeof d->why - 1);
    TRY(read_request(d, verb));
    TRY(verb->decide(d));
    TRY(make_next(d));
    return make_answer(d);
}

void iam_decide_done(struct iam_decision *d)
{
    json_decref(d->in);
    json_decref(d->out);
    iam_doc_unref(d->made);
    iam_snapshot_unref(d->next);
    iam_heap_done(&d->heap);
}
