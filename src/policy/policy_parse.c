/*
 * From JSON to the compact form. Everything that is not in the grammar is refused: an element we
 * skip may be a condition. Source: IAM user guide, "Grammar of the IAM JSON policy language".
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "policy/policy_impl.h"

enum { SID_BYTES_MAX = 256 };

enum err policy_parse_refuse(struct policy_parse *P, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct view said = view_str(text);
    for (size_t cut = 0; cut < 3 && !text_is_utf8(said); cut++) /* a %.80s ends where it ends */
        said.len--;
    if (P->why && P->why->len == 0)
        buf_put(P->why, view_upto(said, P->why->cap));
    return ERR_MALFORMED;
}

enum err policy_parse_copy(struct policy_parse *P, const json_t *j, struct view *v_out)
{
    size_t len = json_string_length(j);
    void *at = policy_room_take_text(&P->p->room, len);

    if (!at)
        return ERR_NO_MEMORY;
    memcpy(at, json_string_value(j), len);
    *v_out = view_of(at, len);
    return ERR_OK;
}

void policy_parse_fold_key(struct view key)
{
    uint8_t *at = (uint8_t *)(uintptr_t)key.at; /* our own copy */

    for (size_t i = 0; i < key.len && at[i] != '/'; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (uint8_t)(at[i] + 32);
}

/* --- texts -------------------------------------------------------------------------------------
 */

/* Checks and folds what stands in ${...}. */
static enum err read_variables(struct policy_parse *P, struct policy_text *t)
{
    struct view rest = t->text, key, fallback;
    size_t at, end = 0;
    unsigned count = 0;

    while ((at = view_find(rest, VIEW("${"))) != SIZE_MAX && end != SIZE_MAX) {
        rest = view_from(rest, at);
        end = view_index(rest, '}');
        rest = view_from(rest, end);
        t->has_variables = true;
    }
    if (end == SIZE_MAX)
        return policy_parse_refuse(P, "Invalid policy variable");
    rest = t->text;
    while (t->has_variables && policy_match_variable(&rest, &key, &fallback)) {
        if (++count > POLICY_VARIABLES_MAX || key.len == 0 ||
            view_find(key, VIEW("${")) != SIZE_MAX || view_find(fallback, VIEW("${")) != SIZE_MAX)
            return policy_parse_refuse(P, "Invalid policy variable");
        policy_parse_fold_key(key);
    }
    return ERR_OK;
}

/* A string; in conditions also a number or a truth value, as JSON writes it. */
static enum err
read_text(struct policy_parse *P, const json_t *j, const char *field, struct policy_text *t)
{
    bool is_scalar = json_is_number(j) || json_is_boolean(j);

    if (json_is_string(j))
        return policy_parse_copy(P, j, &t->text);
    if (!is_scalar || strcmp(field, "Condition") != 0)
        return policy_parse_refuse(P, "Invalid type of a value of %s", field);
    char text[64];
    if (json_is_boolean(j))
        snprintf(text, sizeof text, "%s", json_is_true(j) ? "true" : "false");
    else if (json_is_integer(j))
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    else
        snprintf(text, sizeof text, "%.15g", json_real_value(j));
    json_t *string = json_string(text);
    enum err e = string ? policy_parse_copy(P, string, &t->text) : ERR_NO_MEMORY;
    json_decref(string);
    return e;
}

enum err policy_parse_texts(
    struct policy_parse *P, const json_t *j, const char *field, bool variables,
    struct policy_texts *t_out)
{
    size_t count = json_is_array(j) ? json_array_size(j) : 1;
    struct policy_text *at = policy_room_take(&P->p->room, count * sizeof *at);

    if (!at)
        return ERR_NO_MEMORY;
    if (count == 0)
        return policy_parse_refuse(P, "%s must not be empty", field);
    for (size_t i = 0; i < count; i++) {
        TRY(read_text(P, json_is_array(j) ? json_array_get(j, i) : j, field, &at[i]));
        if (variables && P->p->has_variables)
            TRY(read_variables(P, &at[i]));
    }
    *t_out = (struct policy_texts){at, (unsigned)count};
    return ERR_OK;
}

/* --- a statement --------------------------------------------------------------------------------
 */

static enum err read_sid(struct policy_parse *P, const json_t *j)
{
    const char *text = json_string_value(j);

    if (!j)
        return ERR_OK;
    if (!text || json_string_length(j) > SID_BYTES_MAX)
        return policy_parse_refuse(P, "Invalid Sid");
    for (; *text; text++) {
        bool is_plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                        (*text >= '0' && *text <= '9');

        /* Amazon S3 takes more than IAM does: sentences. */
        if (!is_plain && (P->p->kind == POLICY_IDENTITY || (uint8_t)*text < ' ' || *text == 0x7f))
            return policy_parse_refuse(
                P, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
                   "regular expression [0-9A-Za-z]*");
    }
    return ERR_OK;
}

static enum err read_effect(struct policy_parse *P, const json_t *j, struct policy_statement *s)
{
    const char *text = json_string_value(j);

    if (!j)
        return policy_parse_refuse(P, "Missing required field Effect");
    if (!text || (strcmp(text, "Allow") != 0 && strcmp(text, "Deny") != 0))
        return policy_parse_refuse(P, "Invalid effect: %.40s", text ? text : "");
    s->effect = *text == 'A' ? POLICY_ALLOW : POLICY_DENY;
    return ERR_OK;
}

/* One of the two: j, or `not`, its opposite. */
static enum err one_of(
    struct policy_parse *P, const json_t *statement, const char *field, const json_t **j_out,
    bool *is_not_out)
{
    char opposite[32];

    snprintf(opposite, sizeof opposite, "Not%s", field);
    const json_t *yes = json_object_get(statement, field);
    const json_t *no = json_object_get(statement, opposite);
    if (yes && no)
        return policy_parse_refuse(P, "Statement has both %s and %s", field, opposite);
    if (!yes && !no)
        return policy_parse_refuse(P, "Missing required field %s", field);
    *j_out = yes ? yes : no;
    *is_not_out = no != NULL;
    return ERR_OK;
}

static enum err
read_principal(struct policy_parse *P, const json_t *statement, struct policy_statement *s)
{
    const json_t *j;

    if (P->p->kind == POLICY_IDENTITY) {
        if (json_object_get(statement, "Principal") || json_object_get(statement, "NotPrincipal"))
            return policy_parse_refuse(P, "Policy document should not specify a principal.");
        return ERR_OK;
    }
    TRY(one_of(P, statement, "Principal", &j, &s->is_not_principal));
    if (s->is_not_principal && s->effect == POLICY_ALLOW)
        return policy_parse_refuse(P, "Allow with NotPrincipal is not allowed.");
    return policy_principal_parse(P, j, &s->people);
}

static enum err check_fields(struct policy_parse *P, const json_t *statement)
{
    static const char *const fields[] = {"Sid",          "Effect",      "Principal",
                                         "NotPrincipal", "Action",      "NotAction",
                                         "Resource",     "NotResource", "Condition"};
    const char *name;
    json_t *value;

    if (!json_is_object(statement))
        return policy_parse_refuse(P, "Statement must be an object");
    json_object_foreach((json_t *)(uintptr_t)statement, name, value)
    {
        size_t i = 0;

        while (i < ARRAY_COUNT(fields) && strcmp(name, fields[i]) != 0)
            i++;
        if (i == ARRAY_COUNT(fields))
            return policy_parse_refuse(P, "Unknown field %.80s", name);
    }
    return ERR_OK;
}

static enum err
read_statement(struct policy_parse *P, const json_t *statement, struct policy_statement *s)
{
    const json_t *j;

    TRY(check_fields(P, statement));
    TRY(read_sid(P, json_object_get(statement, "Sid")));
    TRY(read_effect(P, json_object_get(statement, "Effect"), s));
    TRY(read_principal(P, statement, s));
    TRY(one_of(P, statement, "Action", &j, &s->is_not_action));
    TRY(policy_parse_texts(P, j, "Action", false, &s->actions));
    TRY(one_of(P, statement, "Resource", &j, &s->is_not_resource));
    TRY(policy_parse_texts(P, j, "Resource", true, &s->resources));
    TRY(policy_resource_check(P, s));
    j = json_object_get(statement, "Condition");
    return j ? policy_condition_parse(P, j, s) : ERR_OK;
}

/* Identity policies: each Sid once. */
static enum err check_sids(struct policy_parse *P, const json_t *statements)
{
    json_t *seen = json_object();
    enum err e = seen ? ERR_OK : ERR_NO_MEMORY;

    for (size_t i = 0; !e && i < json_array_size(statements); i++) {
        const char *sid = json_string_value(json_object_get(json_array_get(statements, i), "Sid"));

        if (!sid || !*sid)
            continue;
        if (json_object_get(seen, sid))
            e = policy_parse_refuse(P, "Statement IDs (SID) in a single policy must be unique.");
        else if (json_object_set_new(seen, sid, json_true()))
            e = ERR_NO_MEMORY;
    }
    json_decref(seen);
    return e;
}

/* --- the document -------------------------------------------------------------------------------
 */

static enum err read_head(struct policy_parse *P, const json_t *document)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)document, name, value)
    {
        if (strcmp(name, "Version") == 0) {
            const char *version = json_string_value(value);

            P->p->has_variables = version && strcmp(version, "2012-10-17") == 0;
            if (!P->p->has_variables && (!version || strcmp(version, "2008-10-17") != 0))
                return policy_parse_refuse(P, "The policy must contain a valid version string");
        } else if (strcmp(name, "Id") == 0) {
            if (!json_is_string(value))
                return policy_parse_refuse(P, "Invalid Id");
        } else if (strcmp(name, "Statement") != 0) {
            return policy_parse_refuse(P, "Unknown field %.80s", name);
        }
    }
    return ERR_OK;
}

static enum err read_document(struct policy_parse *P, const json_t *document)
{
    const json_t *j = json_object_get(document, "Statement");
    size_t count = json_is_array(j) ? json_array_size(j) : 1;

    TRY(read_head(P, document));
    if (!j)
        return policy_parse_refuse(P, "Missing required field Statement");
    if (count == 0)
        return policy_parse_refuse(P, "Could not parse the policy: Statement is empty!");
    struct policy_statement *at = policy_room_take(&P->p->room, count * sizeof *at);
    if (!at)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        TRY(read_statement(P, json_is_array(j) ? json_array_get(j, i) : j, &at[i]));
    P->p->statements = at;
    P->p->count = (unsigned)count;
    return P->p->kind == POLICY_IDENTITY ? check_sids(P, j) : ERR_OK;
}

static enum err read_json(struct policy_parse *P, struct view json)
{
    json_error_t error;

    if (json.len == 0 || json.at[0] != '{')
        return policy_parse_refuse(P, "Policies must be valid JSON and the first byte must be '{'");
    json_t *document = json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        return json_error_code(&error) == json_error_out_of_memory
                   ? ERR_NO_MEMORY
                   : policy_parse_refuse(P, "This policy contains invalid Json");
    enum err e = read_document(P, document);
    json_decref(document);
    return e;
}

enum err policy_parse(
    struct view json, enum policy_kind kind, struct view bucket, struct policy **p_out,
    struct buf *why)
{
    struct policy_room room = {0};
    struct policy_parse P = {.bucket = bucket, .why = why};

    if (json.len > POLICY_BYTES_MAX) {
        (void)!policy_parse_refuse(&P, "Policy exceeds the maximum allowed document size.");
        return ERR_TOO_LARGE;
    }
    P.p = policy_room_take(&room, sizeof *P.p);
    if (!P.p)
        return ERR_NO_MEMORY;
    P.p->room = room;
    P.p->kind = kind;
    enum err e = read_json(&P, json);
    if (e)
        policy_free(P.p);
    else
        *p_out = P.p;
    return e;
}
