/* The calls groups/... Who is in a group stands with the user. */
#include "iam/iam_ask.h"
#include "iam/iam_check.h"

static unsigned count_members(const struct iam_decision *d, const struct iam_doc *group)
{
    const struct iam_doc_set *users = &d->from->docs[IAM_USER];
    unsigned count = 0;

    for (unsigned i = 0; i < users->count; i++)
        count += iam_ask_has(&users->list[i]->groups, group->name);
    return count;
}

static json_t *json_of(const struct iam_doc *group)
{
    return json_pack(
        "{s:o, s:o, s:o}", "name", iam_ask_json_text(group->name), "created",
        iam_ask_json_time(group->created_ms), "policies", iam_ask_json_names(&group->policies));
}

enum err iam_groups_add(struct iam_decision *d)
{
    struct iam_doc *doc = iam_doc_new(IAM_GROUP);
    struct view name;

    d->made = doc;
    if (!doc)
        return ERR_NO_MEMORY;
    TRY(iam_ask_text(d, "name", iam_check_name, &name));
    if (iam_snapshot_doc(d->from, IAM_GROUP, name))
        return iam_ask_no(d, ERR_EXISTS, "there is a group '%.*s' already", VIEW_FMT(name));
    doc->name = iam_heap_copy(&doc->heap, name);
    doc->created_ms = d->now_ms;
    return doc->name.at ? iam_ask_answer(d, "group", json_of(doc)) : ERR_NO_MEMORY;
}

enum err iam_groups_list(struct iam_decision *d)
{
    json_t *list = json_array();
    unsigned at, end;

    TRY(iam_ask_answer(d, "groups", list));
    TRY(iam_ask_page(d, IAM_GROUP, &at, &end));
    for (; at < end; at++)
        if (json_array_append_new(list, json_of(d->from->docs[IAM_GROUP].list[at])) != 0)
            return ERR_NO_MEMORY;
    return ERR_OK;
}

enum err iam_groups_show(struct iam_decision *d)
{
    const struct iam_doc_set *users = &d->from->docs[IAM_USER];
    struct iam_doc *group;

    TRY(iam_ask_doc(d, "name", IAM_GROUP, &group));
    json_t *members = json_array(), *j = json_of(group);
    for (unsigned i = 0; i < users->count; i++)
        if (iam_ask_has(&users->list[i]->groups, group->name))
            (void)json_array_append_new(members, iam_ask_json_text(users->list[i]->name));
    (void)json_object_set_new(j, "members", members);
    return iam_ask_answer(d, "group", j);
}

enum err iam_groups_remove(struct iam_decision *d)
{
    TRY(iam_ask_doc(d, "name", IAM_GROUP, &d->gone));
    unsigned count = count_members(d, d->gone);
    if (count > 0)
        return iam_ask_no(d, ERR_CONFLICT, "the group has %u members", count);
    return ERR_OK;
}

static enum err edit_member(struct iam_decision *d, struct iam_doc **group_out)
{
    struct iam_doc *user;

    TRY(iam_ask_doc(d, "group", IAM_GROUP, group_out));
    TRY(iam_ask_doc(d, "user", IAM_USER, &user));
    return iam_ask_edit(d, user);
}

enum err iam_groups_join(struct iam_decision *d)
{
    struct iam_doc *group;

    TRY(edit_member(d, &group));
    return iam_ask_link(d, &d->made->groups, group->name);
}

enum err iam_groups_leave(struct iam_decision *d)
{
    struct iam_doc *group;

    TRY(edit_member(d, &group));
    return iam_ask_unlink(d, &d->made->groups, group->name);
}
