/* Evaluation: every statement, until one denies. */
#include "policy/policy.h"

#include "policy/policy_impl.h"

void policy_free(struct policy *p)
{
    if (!p)
        return;
    struct policy_room room = p->room; /* p itself lies in it */
    policy_room_done(&room);
}

static bool action_fits(const struct policy_statement *s, struct view action)
{
    for (unsigned i = 0; i < s->actions.count; i++)
        if (policy_match_plain(s->actions.at[i].text, action, POLICY_WILD | POLICY_NOCASE))
            return !s->is_not_action;
    return s->is_not_action;
}

/* A variable without a value names nothing, and all but nothing must not be allowed. */
static bool resource_fits(const struct policy_statement *s, struct policy_run *run)
{
    bool is_unknown = false;

    for (unsigned i = 0; i < s->resources.count; i++) {
        enum policy_fit fit = policy_match(&s->resources.at[i], run->q->resource, POLICY_WILD, run);

        if (fit == POLICY_FITS)
            return !s->is_not_resource;
        is_unknown = is_unknown || fit == POLICY_FITS_UNKNOWN;
    }
    return s->is_not_resource && !(is_unknown && s->effect == POLICY_ALLOW);
}

static bool
statement_fits(const struct policy *p, const struct policy_statement *s, struct policy_run *run)
{
    if (!action_fits(s, run->q->action))
        return false;
    if (p->kind == POLICY_BUCKET && !policy_principal_fits(s, run->q->principal))
        return false;
    if (!resource_fits(s, run))
        return false;
    for (unsigned i = 0; i < s->condition_count; i++)
        if (!policy_condition_holds(&s->conditions[i], s->effect, run))
            return false;
    return true;
}

enum policy_effect policy_evaluate(const struct policy *p, const struct policy_request *q)
{
    enum policy_effect effect = POLICY_NONE;
    struct policy_run run = {q, POLICY_STEPS_MAX};

    for (unsigned i = 0; p && i < p->count && effect != POLICY_DENY; i++) {
        const struct policy_statement *s = &p->statements[i];

        if (s->effect != effect && statement_fits(p, s, &run))
            effect = s->effect;
    }
    return run.steps ? effect : POLICY_DENY;
}

/* --- what a policy wants to know ----------------------------------------------------------------
 */

static bool is_key(struct view key, struct view asked)
{
    return view_ends(asked, VIEW("/")) ? view_starts(key, asked) : view_eq(key, asked);
}

static bool texts_ask(const struct policy_texts *t, struct view asked)
{
    struct view rest, key, fallback;

    for (unsigned i = 0; i < t->count; i++) {
        rest = t->at[i].text;
        while (t->at[i].has_variables && policy_match_variable(&rest, &key, &fallback))
            if (is_key(key, asked))
                return true;
    }
    return false;
}

static bool statement_asks(const struct policy_statement *s, struct view asked)
{
    for (unsigned i = 0; i < s->condition_count; i++)
        if (is_key(s->conditions[i].key, asked) || texts_ask(&s->conditions[i].values, asked))
            return true;
    return texts_ask(&s->resources, asked);
}

bool policy_asks(const struct policy *p, struct view action, struct view key)
{
    for (unsigned i = 0; p && i < p->count; i++)
        if (action_fits(&p->statements[i], action) && statement_asks(&p->statements[i], key))
            return true;
    return false;
}
