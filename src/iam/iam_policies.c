/* The calls policies/... */
#include <stdlib.h>

#include "iam/iam_ask.h"
#include "iam/iam_check.h"

static json_t *json_of(const struct iam_doc *p)
{
    json_t *j =
        json_pack("{s:o, s:b}", "name", iam_ask_json_text(p->name), "builtin", (int)p->is_builtin);

    if (j && !p->is_builtin)
        (void)json_object_set_new(j, "created", iam_ask_json_time(p->created_ms));
    return j;
}

/* As a text it is kept as it is; as an object, as jansson writes it. */
static enum err take_json(struct iam_decision *d, struct iam_doc *doc)
{
    const json_t *t = json_object_get(d->in, "policy");
    char *text = json_is_object(t) ? json_dumps(t, JSON_COMPACT) : NULL;

    if (text)
        doc->json = iam_heap_copy(&doc->heap, view_str(text));
    else if (json_is_string(t))
        doc->json = iam_heap_copy(&doc->heap, view_of(json_string_value(t), json_string_length(t)));
    free(text);
    if (!doc->json.at)
        return iam_ask_no(d, ERR_INVALID, "'policy' must be a policy, as an object or as a text");
    enum err e = policy_parse(doc->json, POLICY_IDENTITY, VIEW_EMPTY, &doc->policy, &d->why_buf);
    return e == ERR_MALFORMED ? ERR_INVALID : e;
}

enum err iam_policies_add(struct iam_decision *d)
{
    struct iam_doc *doc = iam_doc_new(IAM_POLICY);
    struct view name;
    bool replaces = false;

    d->made = doc;
    if (!doc)
        return ERR_NO_MEMORY;
    TRY(iam_ask_text(d, "name", iam_check_name, &name));
    TRY(iam_ask_flag_if(d, "replace", &replaces));
    d->gone = iam_snapshot_doc(d->from, IAM_POLICY, name);
    if (d->gone && d->gone->is_builtin)
        return iam_ask_no(d, ERR_CONFLICT, "'%.*s' is built in", VIEW_FMT(name));
    if (d->gone && !replaces)
        return iam_ask_no(d, ERR_EXISTS, "there is a policy '%.*s' already", VIEW_FMT(name));
    TRY(take_json(d, doc));
    doc->name = iam_heap_copy(&doc->heap, name);
    doc->created_ms = d->gone ? d->gone->created_ms : d->now_ms;
    return doc->name.at ? iam_ask_answer(d, "policy", json_of(doc)) : ERR_NO_MEMORY;
}

enum err iam_policies_list(struct iam_decision *d)
{
    json_t *list = json_array();
    unsigned at, end;

    TRY(iam_ask_answer(d, "policies", list));
    TRY(iam_ask_page(d, IAM_POLICY, &at, &end));
    for (; at < end; at++)
        if (json_array_append_new(list, json_of(d->from->docs[IAM_POLICY].list[at])) != 0)
            return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err iam_policies_show(struct iam_decision *d)
{
    struct iam_doc *doc;

    TRY(iam_ask_doc(d, "name", IAM_POLICY, &doc));
    json_t *j = json_of(doc);
    (void)json_object_set_new(j, "policy", iam_ask_json_text(doc->json));
    return iam_ask_answer(d, "policy", j);
}

enum err iam_policies_remove(struct iam_decision *d)
{
    TRY(iam_ask_doc(d, "name", IAM_POLICY, &d->gone));
    if (d->gone->is_builtin)
        return iam_ask_no(d, ERR_CONFLICT, "'%.*s' is built in", VIEW_FMT(d->gone->name));
    for (unsigned k = IAM_USER; k <= IAM_GROUP; k++) {
        for (unsigned i = 0; i < d->from->docs[k].count; i++) {
            const struct iam_doc *doc = d->from->docs[k].list[i];
            if (iam_ask_has(&doc->policies, d->gone->name))
                return iam_ask_no(
                    d, ERR_CONFLICT, "%s '%.*s' has this policy", k == IAM_USER ? "user" : "group",
                    VIEW_FMT(doc->name));
        }
    }
    return ERR_OK;
}

/* d->made becomes the user or group that the request names. */
static enum err edit_holder(struct iam_decision *d, struct iam_doc **policy_out)
{
    bool has_user = json_object_get(d->in, "user"), has_group = json_object_get(d->in, "group");
    struct iam_doc *holder;

    TRY(iam_ask_doc(d, "policy", IAM_POLICY, policy_out));
    if (has_user == has_group)
        return iam_ask_no(d, ERR_INVALID, "one of 'user' and 'group' must be there");
    TRY(iam_ask_doc(d, has_user ? "user" : "group", has_user ? IAM_USER : IAM_GROUP, &holder));
    return iam_ask_edit(d, holder);
}

enum err iam_policies_attach(struct iam_decision *d)
{
    struct iam_doc *policy;

    TRY(edit_holder(d, &policy));
    return iam_ask_link(d, &d->made->policies, policy->name);
}

enum err iam_policies_detach(struct iam_decision *d)
{
    struct iam_doc *policy;

    TRY(edit_holder(d, &policy));
    return iam_ask_unlink(d, &d->made->policies, policy->name);
}
