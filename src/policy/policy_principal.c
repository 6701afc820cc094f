/*
 * Principals: who a statement is about.
 *
 * An account's id, or the ARN of its root, names everybody in it. In NotPrincipal it names the root
 * alone: a user is left out of a Deny when the user is listed and the account, too ("NotPrincipal
 * with Deny", IAM user guide), as else the account was denied.
 */
#include "policy/policy_impl.h"

static const struct view iam_arn = VIEW("arn:aws:iam::");

static bool is_name(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= ' ' || v.at[i] == '*' || v.at[i] == '?' || v.at[i] == 0x7f)
            return false;
    return v.len > 0;
}

/* {"AWS": name}; nothing of it may be a pattern, but all of it. */
static bool read_aws(struct view name, struct policy_who *w)
{
    if (view_is(name, "*")) {
        w->kind = POLICY_EVERYBODY;
        return true;
    }
    if (!is_name(name))
        return false;
    w->name = name;
    if (!view_starts(name, VIEW("arn:"))) {
        w->kind = POLICY_ACCOUNT;
        return view_index(name, ':') == SIZE_MAX && view_index(name, '/') == SIZE_MAX;
    }
    if (view_starts(name, VIEW("arn:aws:sts::"))) { /* sessions of roles: there are none */
        w->kind = POLICY_NOT_OURS;
        return true;
    }
    if (!view_starts(name, iam_arn))
        return false;
    struct view rest = view_from(name, iam_arn.len);
    size_t colon = view_index(rest, ':');
    if (colon == SIZE_MAX || colon == 0)
        return false;
    struct view what = view_from(rest, colon + 1);
    w->kind = view_is(what, "root") ? POLICY_ACCOUNT : POLICY_USER;
    if (w->kind == POLICY_ACCOUNT)
        w->name = view_upto(rest, colon);
    return w->kind == POLICY_ACCOUNT || view_starts(what, VIEW("user/")) ||
           view_starts(what, VIEW("role/"));
}

static bool read_who(const char *type, struct view name, struct policy_who *w)
{
    if (strcmp(type, "AWS") == 0)
        return read_aws(name, w);
    w->name = name;
    w->kind = strcmp(type, "CanonicalUser") == 0 ? POLICY_CANONICAL : POLICY_NOT_OURS;
    if (w->kind == POLICY_NOT_OURS && strcmp(type, "Service") != 0 &&
        strcmp(type, "Federated") != 0)
        return false;
    return is_name(name);
}

static enum err read_list(
    struct policy_parse *P, const char *type, const json_t *j, struct policy_who *at,
    unsigned *count_io)
{
    struct policy_texts names;

    TRY(policy_parse_texts(P, j, "Principal", false, &names));
    for (unsigned i = 0; i < names.count; i++)
        if (!read_who(type, names.at[i].text, &at[(*count_io)++]))
            return policy_parse_refuse(P, "Invalid principal in policy");
    return ERR_OK;
}

enum err
policy_principal_parse(struct policy_parse *P, const json_t *j, struct policy_people *people_out)
{
    size_t max = 1;
    const char *type;
    json_t *names;

    json_object_foreach((json_t *)(uintptr_t)j, type, names) max +=
        json_is_array(names) ? json_array_size(names) : 1;
    struct policy_who *at = policy_room_take(&P->p->room, max * sizeof *at);
    if (!at)
        return ERR_NO_MEMORY;
    people_out->at = at;
    people_out->count = 0;
    if (json_is_string(j) && strcmp(json_string_value(j), "*") == 0) {
        at->kind = POLICY_EVERYBODY;
        people_out->count = 1;
        return ERR_OK;
    }
    if (!json_is_object(j) || json_object_size(j) == 0)
        return policy_parse_refuse(P, "Invalid principal in policy");
    json_object_foreach((json_t *)(uintptr_t)j, type, names)
        TRY(read_list(P, type, names, at, &people_out->count));
    return ERR_OK;
}

/* --- evaluation --------------------------------------------------------------------------------
 */

static bool is_root_of_account(const struct policy_principal *who)
{
    return view_starts(who->user_arn, iam_arn) && view_ends(who->user_arn, VIEW(":root"));
}

/* Is the account, or the user alone, among the people? */
static bool names_account(const struct policy_people *people, const struct policy_principal *who)
{
    for (unsigned i = 0; i < people->count; i++) {
        const struct policy_who *w = &people->at[i];

        if ((w->kind == POLICY_ACCOUNT && view_eq(w->name, who->account)) ||
            (w->kind == POLICY_CANONICAL && view_eq(w->name, who->canonical_id)))
            return true;
    }
    return false;
}

static bool names_user(const struct policy_people *people, const struct policy_principal *who)
{
    for (unsigned i = 0; i < people->count; i++)
        if (people->at[i].kind == POLICY_USER && view_eq(people->at[i].name, who->user_arn))
            return true;
    return false;
}

bool policy_principal_fits(const struct policy_statement *s, const struct policy_principal *who)
{
    bool everybody = false;

    for (unsigned i = 0; i < s->people.count; i++)
        everybody = everybody || s->people.at[i].kind == POLICY_EVERYBODY;
    if (everybody || who->is_anonymous)
        return everybody != s->is_not_principal;
    bool account = names_account(&s->people, who), user = names_user(&s->people, who);
    if (!s->is_not_principal)
        return user || (account && !(who->needs_own_name && s->effect == POLICY_ALLOW));
    return !(account && (user || is_root_of_account(who)));
}
