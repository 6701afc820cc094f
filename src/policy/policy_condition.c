/*
 * Conditions: all of a statement's must hold; one key holds when one of its values does.
 *
 * A key that is not there. Positive operators do not hold, negated ones do; ...IfExists holds
 * always, ForAllValues: holds, ForAnyValue: does not. Negated operators are the opposite of the
 * positive one over all values: StringNotEquals [a, b] is neither a nor b.
 * A variable without a value fits nothing. The opposite of nothing must not give anybody anything,
 * so a negated operator then does not hold where it would allow.
 */
#include "policy/policy_impl.h"

static const struct policy_operator operators[] = {
    {"StringEquals", POLICY_STRING},
    {"StringNotEquals", POLICY_STRING, .is_negated = true},
    {"StringEqualsIgnoreCase", POLICY_STRING_NOCASE},
    {"StringNotEqualsIgnoreCase", POLICY_STRING_NOCASE, .is_negated = true},
    {"StringLike", POLICY_STRING_LIKE},
    {"StringNotLike", POLICY_STRING_LIKE, .is_negated = true},
    {"NumericEquals", POLICY_NUMERIC, POLICY_EQUAL},
    {"NumericNotEquals", POLICY_NUMERIC, POLICY_EQUAL, true},
    {"NumericLessThan", POLICY_NUMERIC, POLICY_LESS},
    {"NumericLessThanEquals", POLICY_NUMERIC, POLICY_LESS_EQUAL},
    {"NumericGreaterThan", POLICY_NUMERIC, POLICY_MORE},
    {"NumericGreaterThanEquals", POLICY_NUMERIC, POLICY_MORE_EQUAL},
    {"DateEquals", POLICY_DATE, POLICY_EQUAL},
    {"DateNotEquals", POLICY_DATE, POLICY_EQUAL, true},
    {"DateLessThan", POLICY_DATE, POLICY_LESS},
    {"DateLessThanEquals", POLICY_DATE, POLICY_LESS_EQUAL},
    {"DateGreaterThan", POLICY_DATE, POLICY_MORE},
    {"DateGreaterThanEquals", POLICY_DATE, POLICY_MORE_EQUAL},
    {"Bool", POLICY_BOOL},
    {"BinaryEquals", POLICY_BINARY},
    {"IpAddress", POLICY_IP},
    {"NotIpAddress", POLICY_IP, .is_negated = true},
    {"ArnEquals", POLICY_ARN},
    {"ArnLike", POLICY_ARN},
    {"ArnNotEquals", POLICY_ARN, .is_negated = true},
    {"ArnNotLike", POLICY_ARN, .is_negated = true},
    {"Null", POLICY_NULL},
};

/* "ForAnyValue:StringLikeIfExists": the operator and what stands around it. */
static bool read_operator(struct view name, struct policy_condition *c)
{
    static const struct view all = VIEW("ForAllValues:"), any = VIEW("ForAnyValue:"),
                             if_exists = VIEW("IfExists");

    c->set = POLICY_ANY_OF_ONE;
    if (view_starts(name, all) || view_starts(name, any)) {
        c->set = view_starts(name, all) ? POLICY_FOR_ALL : POLICY_FOR_ANY;
        name = view_from(name, c->set == POLICY_FOR_ALL ? all.len : any.len);
    }
    c->if_exists = view_ends(name, if_exists);
    if (c->if_exists)
        name = view_upto(name, name.len - if_exists.len);
    for (size_t i = 0; i < ARRAY_COUNT(operators); i++) {
        if (!view_is(name, operators[i].name))
            continue;
        c->how = &operators[i];
        return operators[i].type != POLICY_NULL || (c->set == POLICY_ANY_OF_ONE && !c->if_exists);
    }
    return false;
}

static bool takes_variables(enum policy_type type)
{
    return type == POLICY_STRING || type == POLICY_STRING_NOCASE || type == POLICY_STRING_LIKE ||
           type == POLICY_ARN;
}

static enum err
read_key(struct policy_parse *P, const char *name, const json_t *values, struct policy_condition *c)
{
    json_t *text = json_string(name);
    enum policy_type type = c->how->type;
    enum err e = text ? policy_parse_copy(P, text, &c->key) : ERR_NO_MEMORY;

    json_decref(text);
    TRY(e);
    policy_parse_fold_key(c->key);
    if (P->p->kind == POLICY_BUCKET && !policy_keys_has(c->key))
        return policy_parse_refuse(P, "Policy has an invalid condition key");
    TRY(policy_parse_texts(P, values, "Condition", takes_variables(type), &c->values));
    for (unsigned i = 0; i < c->values.count; i++)
        if (!policy_value_is_valid(type, c->values.at[i].text))
            return policy_parse_refuse(
                P, "Invalid value in the condition %s: %.*s", c->how->name,
                VIEW_FMT(view_upto(c->values.at[i].text, 80)));
    return ERR_OK;
}

static enum err count_keys(struct policy_parse *P, const json_t *j, unsigned *count_out)
{
    const char *name;
    json_t *keys;

    *count_out = 0;
    if (!json_is_object(j))
        return policy_parse_refuse(P, "Condition must be an object");
    json_object_foreach((json_t *)(uintptr_t)j, name, keys)
    {
        if (!json_is_object(keys))
            return policy_parse_refuse(P, "Invalid Condition: %.80s must hold an object", name);
        *count_out += (unsigned)json_object_size(keys);
    }
    return ERR_OK;
}

enum err policy_condition_parse(struct policy_parse *P, const json_t *j, struct policy_statement *s)
{
    struct policy_condition *at, read = {0};
    const char *name, *key;
    json_t *keys, *values;

    TRY(count_keys(P, j, &s->condition_count));
    at = policy_room_take(&P->p->room, s->condition_count * sizeof *at);
    if (!at)
        return ERR_NO_MEMORY;
    s->conditions = at;
    json_object_foreach((json_t *)(uintptr_t)j, name, keys)
    {
        if (!read_operator(view_str(name), &read))
            return policy_parse_refuse(P, "Invalid Condition type : %.80s", name);
        json_object_foreach(keys, key, values)
        {
            TRY(read_key(P, key, values, &read));
            *at++ = read;
        }
    }
    return ERR_OK;
}

/* --- evaluation --------------------------------------------------------------------------------
 */

/* Does one of the condition's values fit, by the positive operator? */
static enum policy_fit
fits_one(const struct policy_condition *c, struct view got, struct policy_run *run)
{
    enum policy_fit result = POLICY_FITS_NOT;

    for (unsigned i = 0; i < c->values.count; i++) {
        enum policy_fit fit = policy_value_fits(c->how, &c->values.at[i], got, run);

        if (fit == POLICY_FITS)
            return fit;
        if (fit == POLICY_FITS_UNKNOWN)
            result = fit;
    }
    return result;
}

static bool null_holds(const struct policy_condition *c, struct policy_run *run)
{
    struct view got;
    bool is_there = run->q->value(run->q, c->key, 0, &got);

    for (unsigned i = 0; i < c->values.count; i++)
        if (view_eq_nocase(c->values.at[i].text, VIEW("true")) != is_there)
            return true;
    return false;
}

bool policy_condition_holds(
    const struct policy_condition *c, enum policy_effect effect, struct policy_run *run)
{
    bool is_negated = c->how->is_negated;
    unsigned count = 0, good = 0;
    struct view got;

    if (c->how->type == POLICY_NULL)
        return null_holds(c, run);
    for (; run->q->value(run->q, c->key, count, &got); count++) {
        enum policy_fit fit = fits_one(c, got, run);

        if (fit == POLICY_FITS_UNKNOWN)
            good += is_negated && effect == POLICY_DENY;
        else
            good += (fit == POLICY_FITS) != is_negated;
    }
    if (c->set == POLICY_FOR_ALL)
        return good == count;
    if (count == 0)
        return c->if_exists || (is_negated && c->set != POLICY_FOR_ANY);
    if (c->set == POLICY_FOR_ANY || !is_negated)
        return good > 0;
    return good == count; /* negated: no value fits */
}
