#include "s3/post_policy.h"

#include <jansson.h>

#include "base/text.h"

static struct view text_of(const json_t *v)
{
    return view_of(json_string_value(v), json_string_length(v));
}

static enum s3_code malformed(struct buf *why, const char *what)
{
    buf_printf(why, "Invalid Policy: %s", what);
    return S3_InvalidPolicyDocument;
}

/* --- conditions --------------------------------------------------------------------------- */

/* What a form does not say is empty. */
static struct view take_field(struct post_policy *p, struct view name)
{
    struct view value = VIEW_EMPTY;

    for (unsigned i = 0; i < p->field_count; i++) {
        if (!view_eq_nocase(p->fields[i].name, name))
            continue;
        p->fields[i].is_covered = true;
        if (!value.at) /* the first: it is the one that is used */
            value = p->fields[i].value;
    }
    return value;
}

static enum s3_code
require(bool holds, const char *operator, struct view name, struct view value, struct buf *why)
{
    if (holds)
        return S3_None;
    buf_printf(
        why, "Invalid according to Policy: Policy Condition failed: [\"%s\", \"$%.*s\", \"%.*s\"]",
             operator, VIEW_FMT(view_upto(name, 64)), VIEW_FMT(view_upto(value, 128)));
    return S3_AccessDenied;
}

/* {"name": "value"} */
static enum s3_code check_exact(struct post_policy *p, json_t *condition, struct buf *why)
{
    const char *key = json_object_iter_key(json_object_iter(condition));
    const json_t *value = json_object_iter_value(json_object_iter(condition));

    if (json_object_size(condition) != 1)
        return malformed(why, "Invalid Simple-Condition: must have exactly one property.");
    if (!json_is_string(value))
        return malformed(why, "Invalid Simple-Condition: value must be a string.");
    struct view name = view_str(key);
    return require(view_eq(take_field(p, name), text_of(value)), "eq", name, text_of(value), why);
}

/* Figures, also as text: browsers' authors write both. */
static bool read_bytes(const json_t *v, uint64_t *n_out)
{
    if (json_is_string(v))
        return !text_to_u64(text_of(v), n_out);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *n_out = (uint64_t)json_integer_value(v);
    return true;
}

static enum s3_code check_range(struct post_policy *p, const json_t *condition, struct buf *why)
{
    uint64_t min, max;

    if (json_array_size(condition) != 3)
        return malformed(why, "content-length-range must have two arguments.");
    if (!read_bytes(json_array_get(condition, 1), &min) ||
        !read_bytes(json_array_get(condition, 2), &max) || min > max)
        return malformed(why, "Invalid content-length-range.");
    p->bytes_min = MAX(p->bytes_min, min);
    p->bytes_max = MIN(p->bytes_max, max);
    return S3_None;
}

/* ["eq", "$name", "value"], ["starts-with", "$name", "value"] */
static enum s3_code check_list(struct post_policy *p, const json_t *condition, struct buf *why)
{
    const json_t *first = json_array_get(condition, 0), *second = json_array_get(condition, 1);
    const json_t *third = json_array_get(condition, 2);

    if (!json_is_string(first))
        return malformed(why, "a condition begins with its operator.");
    struct view operator= text_of(first);
    if (view_eq_nocase(operator, VIEW("content-length-range")))
        return check_range(p, condition, why);
    bool is_eq = view_eq_nocase(operator, VIEW("eq"));
    if (!is_eq && !view_eq_nocase(operator, VIEW("starts-with")))
        return malformed(why, "unknown operator of a condition.");
    if (json_array_size(condition) != 3 || !json_is_string(second) || !json_is_string(third))
        return malformed(why, "a condition names a field and a value.");
    struct view name = text_of(second), value = text_of(third);
    if (name.len < 2 || name.at[0] != '$')
        return malformed(why, "the field of a condition begins with $.");
    name = view_from(name, 1);
    struct view got = take_field(p, name);
    return is_eq ? require(view_eq(got, value), "eq", name, value, why)
                 : require(view_starts(got, value), "starts-with", name, value, why);
}

/* --- the document ------------------------------------------------------------------------- */

static enum s3_code check_expiration(const struct post_policy *p, json_t *root, struct buf *why)
{
    const json_t *expiration = json_object_get(root, "expiration");
    int64_t until_ms;

    if (!json_is_string(expiration))
        return malformed(why, "Policy missing expiration.");
    if (text_to_iso_date(text_of(expiration), &until_ms))
        return malformed(why, "Invalid 'expiration' value.");
    if (p->now_ms <= until_ms)
        return S3_None;
    buf_put_str(why, "Invalid according to Policy: Policy expired.");
    return S3_AccessDenied;
}

static enum s3_code check_condition(struct post_policy *p, json_t *one, struct buf *why)
{
    if (json_is_object(one))
        return check_exact(p, one, why);
    if (json_is_array(one))
        return check_list(p, one, why);
    return malformed(why, "a condition is an object or a list.");
}

static enum s3_code check_conditions(struct post_policy *p, json_t *root, struct buf *why)
{
    const json_t *conditions = json_object_get(root, "conditions");
    enum s3_code code = S3_None;

    if (!json_is_array(conditions))
        return malformed(why, "Policy missing conditions.");
    if (json_array_size(conditions) > POST_POLICY_CONDITIONS_MAX)
        return malformed(why, "too many conditions.");
    for (size_t i = 0; i < json_array_size(conditions) && !code; i++)
        code = check_condition(p, json_array_get(conditions, i), why);
    return code;
}

static bool is_exempt(struct view name)
{
    static const char *const names[] = {
        "policy", "signature", "x-amz-signature", "AWSAccessKeyId", "file"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (view_eq_nocase(name, view_str(names[i])))
            return true;
    return view_starts_nocase(name, VIEW("x-ignore-")) ||
           view_starts_nocase(name, VIEW("x-amz-checksum-"));
}

static enum s3_code check_coverage(const struct post_policy *p, struct buf *why)
{
    for (unsigned i = 0; i < p->field_count; i++) {
        struct view name = p->fields[i].name;

        if (p->fields[i].is_covered || is_exempt(name))
            continue;
        buf_printf(
            why, "Invalid according to Policy: Extra input fields: %.*s",
            VIEW_FMT(view_upto(name, 64)));
        return S3_AccessDenied;
    }
    return S3_None;
}

static enum s3_code check(struct post_policy *p, json_t *root, struct buf *why)
{
    enum s3_code code;

    if (!json_is_object(root))
        return malformed(why, "it is no JSON object.");
    code = check_expiration(p, root, why);
    if (!code)
        code = check_conditions(p, root, why);
    return code ? code : check_coverage(p, why);
}

enum s3_code post_policy_check(struct post_policy *p, struct buf *why)
{
    p->bytes_min = 0;
    p->bytes_max = UINT64_MAX;
    if (p->json.len > POST_POLICY_BYTES_MAX)
        return malformed(why, "it is too long.");
    json_t *root = json_loadb((const char *)p->json.at, p->json.len, JSON_REJECT_DUPLICATES, NULL);
    enum s3_code code = check(p, root, why);
    json_decref(root);
    return code;
}
