/*
 * What a bucket's policy may speak of: this bucket and what is in it, and actions that act on what
 * the statement names. An identity policy may name anything.
 */
#include "policy/policy_impl.h"

static const struct view s3_arn = VIEW("arn:aws:s3:::");

/* What a resource can stand for: POLICY_ON_BUCKET, POLICY_ON_OBJECT; 0: not this bucket. */
static unsigned levels_of(struct view resource, struct view bucket)
{
    if (view_is(resource, "*"))
        return POLICY_ON_BUCKET | POLICY_ON_OBJECT;
    if (!view_starts(resource, s3_arn))
        return 0;
    struct view name = view_from(resource, s3_arn.len);
    size_t slash = view_index(name, '/');
    if (!policy_match_plain(view_upto(name, slash), bucket, POLICY_WILD))
        return 0;
    if (slash != SIZE_MAX)
        return POLICY_ON_OBJECT;
    /* a '*' goes on behind the slash, too */
    return POLICY_ON_BUCKET | (view_index(name, '*') != SIZE_MAX ? POLICY_ON_OBJECT : 0u);
}

/*
 * May this stand here? What NotAction and NotResource leave over is not looked into. To allow
 * something of objects on the bucket alone allows nothing; AWS refuses that, but ceph/s3-tests sets
 * it. To deny so would deny nothing, which nobody may take for a protection.
 */
static bool applies(const struct policy_statement *s, unsigned levels, unsigned on)
{
    if (s->is_not_action || s->is_not_resource || (levels & on))
        return true;
    return s->effect == POLICY_ALLOW && (levels & POLICY_ON_OBJECT) && (on & POLICY_ON_BUCKET);
}

static enum err check_actions(struct policy_parse *P, const struct policy_statement *s, unsigned on)
{
    for (unsigned i = 0; i < s->actions.count; i++) {
        unsigned levels = policy_actions_levels(s->actions.at[i].text);

        if (levels == 0)
            return policy_parse_refuse(P, "Policy has invalid action");
        if (!applies(s, levels, on))
            return policy_parse_refuse(P, "Action does not apply to any resource(s) in statement");
    }
    return ERR_OK;
}

static enum err check_of_bucket(struct policy_parse *P, const struct policy_statement *s)
{
    unsigned on = 0;

    for (unsigned i = 0; i < s->resources.count; i++) {
        unsigned levels = levels_of(s->resources.at[i].text, P->bucket);

        if (levels == 0)
            return policy_parse_refuse(P, "Policy has invalid resource");
        on |= levels;
    }
    return check_actions(P, s, on);
}

/* "service:Action", or all of it. */
static bool is_action(struct view action)
{
    size_t colon = view_index(action, ':');

    if (view_is(action, "*"))
        return true;
    if (colon == SIZE_MAX || colon == 0 || colon + 1 == action.len)
        return false;
    for (size_t i = 0; i < action.len; i++) {
        uint8_t c = action.at[i], lower = c | 0x20;

        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '*' &&
            c != '?' && i != colon)
            return false;
    }
    return true;
}

enum err policy_resource_check(struct policy_parse *P, const struct policy_statement *s)
{
    if (P->p->kind == POLICY_BUCKET)
        return check_of_bucket(P, s);
    for (unsigned i = 0; i < s->actions.count; i++)
        if (!is_action(s->actions.at[i].text))
            return policy_parse_refuse(P, "Policy has invalid action");
    for (unsigned i = 0; i < s->resources.count; i++) {
        struct view text = s->resources.at[i].text;

        if (!view_is(text, "*") && !view_starts(text, VIEW("arn:")))
            return policy_parse_refuse(P, "Policy has invalid resource");
    }
    return ERR_OK;
}
