#include "iam/iam_ask.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum { PAGE_MAX = 1000 };

enum err iam_ask_no(struct iam_decision *d, enum err e, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(d->why, sizeof d->why, fmt, args);
    va_end(args);
    d->why_buf.len = strlen(d->why);
    return e;
}

/* ---- the request --------------------------------------------------------------------------- */

enum err iam_ask_text_if(
    struct iam_decision *d, const char *member, iam_ask_check_fn *check, struct view *to)
{
    const json_t *t = json_object_get(d->in, member);

    *to = VIEW_EMPTY;
    if (!t || json_is_null(t))
        return ERR_OK;
    if (!json_is_string(t))
        return iam_ask_no(d, ERR_INVALID, "'%s' must be a text", member);
    *to = view_of(json_string_value(t), json_string_length(t));
    const char *rule = check ? check(*to) : NULL;
    if (rule)
        return iam_ask_no(d, ERR_INVALID, "'%s' must %s", member, rule);
    return ERR_OK;
}

enum err
iam_ask_text(struct iam_decision *d, const char *member, iam_ask_check_fn *check, struct view *to)
{
    TRY(iam_ask_text_if(d, member, check, to));
    if (!to->at)
        return iam_ask_no(d, ERR_INVALID, "'%s' is missing", member);
    return ERR_OK;
}

enum err iam_ask_flag_if(struct iam_decision *d, const char *member, bool *to)
{
    const json_t *t = json_object_get(d->in, member);

    if (!t || json_is_null(t))
        return ERR_OK;
    if (!json_is_boolean(t))
        return iam_ask_no(d, ERR_INVALID, "'%s' must be true or false", member);
    *to = json_is_true(t);
    return ERR_OK;
}

static enum err
find_doc(struct iam_decision *d, enum iam_kind kind, struct view name, struct iam_doc **doc_out)
{
    static const char *const kinds[IAM_KINDS] = {"user", "group", "policy"};
    struct iam_doc *doc = iam_snapshot_doc(d->from, kind, name);

    if (!doc)
        return iam_ask_no(
            d, ERR_NOT_FOUND, "there is no %s '%.*s'", kinds[kind],
            VIEW_FMT(view_upto(name, IAM_USER_NAME_BYTES_MAX)));
    *doc_out = doc;
    return ERR_OK;
}

enum err iam_ask_doc(
    struct iam_decision *d, const char *member, enum iam_kind kind, struct iam_doc **doc_out)
{
    struct view name;

    TRY(iam_ask_text(d, member, NULL, &name));
    return find_doc(d, kind, name, doc_out);
}

enum err iam_ask_names_if(
    struct iam_decision *d, const char *member, enum iam_kind kind, struct iam_doc *doc,
    struct iam_names *to)
{
    const json_t *list = json_object_get(d->in, member);
    size_t count = json_array_size(list);

    if (list && !json_is_null(list) && !json_is_array(list))
        return iam_ask_no(d, ERR_INVALID, "'%s' must be a list of names", member);
    if (count > IAM_LINKS_MAX)
        return iam_ask_no(d, ERR_TOO_LARGE, "'%s' may have %d names", member, IAM_LINKS_MAX);
    to->list = iam_heap_take(&doc->heap, sizeof(struct view) * count);
    if (!to->list)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *t = json_array_get(list, i);
        struct iam_doc *found = NULL;
        if (!json_is_string(t))
            return iam_ask_no(d, ERR_INVALID, "'%s' must be a list of names", member);
        TRY(find_doc(d, kind, view_of(json_string_value(t), json_string_length(t)), &found));
        if (iam_ask_has(to, found->name))
            return iam_ask_no(d, ERR_INVALID, "'%s' has a name twice", member);
        to->list[to->count] = iam_heap_copy(&doc->heap, found->name);
        if (!to->list[to->count++].at)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

enum err
iam_ask_page(struct iam_decision *d, enum iam_kind kind, unsigned *at_out, unsigned *end_out)
{
    const json_t *max = json_object_get(d->in, "max");
    const struct iam_doc_set *set = &d->from->docs[kind];
    struct view after;
    unsigned at = 0;

    TRY(iam_ask_text_if(d, "after", NULL, &after));
    json_int_t count = max ? json_integer_value(max) : PAGE_MAX;
    if (count < 1 || count > PAGE_MAX)
        return iam_ask_no(d, ERR_INVALID, "'max' must be a number from 1 to %d", PAGE_MAX);
    while (after.at && at < set->count && view_compare(set->list[at]->name, after) <= 0)
        at++;
    *at_out = at;
    *end_out = MIN(set->count, at + (unsigned)count);
    return iam_ask_answer(d, "is_truncated", json_boolean(*end_out < set->count));
}

/* ---- documents ----------------------------------------------------------------------------- */

static enum err copy_text(struct iam_doc *to, struct view from, struct view *out)
{
    *out = iam_heap_copy(&to->heap, from);
    return out->at ? ERR_OK : ERR_NO_MEMORY;
}

static enum err copy_names(struct iam_doc *to, const struct iam_names *from, struct iam_names *out)
{
    out->list = iam_heap_take(&to->heap, sizeof(struct view) * (from->count + 1));
    if (!out->list)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < from->count; i++)
        TRY(copy_text(to, from->list[i], &out->list[i]));
    out->count = from->count;
    return ERR_OK;
}

static enum err copy_keys(struct iam_doc *to, const struct iam_doc *from)
{
    to->keys = iam_heap_take(&to->heap, sizeof *to->keys * (from->key_count + 1));
    if (!to->keys)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < from->key_count; i++) {
        to->keys[i] = from->keys[i];
        TRY(copy_text(to, from->keys[i].access, &to->keys[i].access));
        TRY(copy_text(to, from->keys[i].secret, &to->keys[i].secret));
    }
    to->key_count = from->key_count;
    return ERR_OK;
}

enum err iam_ask_edit(struct iam_decision *d, struct iam_doc *doc)
{
    struct iam_doc *to = iam_doc_new(doc->kind);

    if (!to)
        return ERR_NO_MEMORY;
    d->made = to;
    d->gone = doc;
    to->created_ms = doc->created_ms;
    to->is_enabled = doc->is_enabled;
    TRY(copy_text(to, doc->name, &to->name));
    TRY(copy_text(to, doc->id, &to->id));
    TRY(copy_text(to, doc->email, &to->email));
    TRY(copy_keys(to, doc));
    TRY(copy_names(to, &doc->groups, &to->groups));
    return copy_names(to, &doc->policies, &to->policies);
}

bool iam_ask_has(const struct iam_names *names, struct view name)
{
    for (unsigned i = 0; i < names->count; i++)
        if (view_eq(names->list[i], name))
            return true;
    return false;
}

enum err iam_ask_link(struct iam_decision *d, struct iam_names *to, struct view name)
{
    if (iam_ask_has(to, name))
        return iam_ask_no(d, ERR_EXISTS, "it has '%.*s' already", VIEW_FMT(name));
    if (to->count == IAM_LINKS_MAX)
        return iam_ask_no(d, ERR_TOO_LARGE, "more than %d of them", IAM_LINKS_MAX);
    TRY(copy_text(d->made, name, &to->list[to->count]));
    to->count++;
    return ERR_OK;
}

enum err iam_ask_unlink(struct iam_decision *d, struct iam_names *from, struct view name)
{
    for (unsigned i = 0; i < from->count; i++) {
        if (!view_eq(from->list[i], name))
            continue;
        memmove(&from->list[i], &from->list[i + 1], sizeof name * (from->count - i - 1));
        from->count--;
        return ERR_OK;
    }
    return iam_ask_no(d, ERR_NOT_FOUND, "it does not have '%.*s'", VIEW_FMT(name));
}

/* ---- answers ------------------------------------------------------------------------------- */

json_t *iam_ask_json_text(struct view v)
{
    return json_stringn(v.at ? (const char *)v.at : "", v.len);
}

json_t *iam_ask_json_time(int64_t ms)
{
    char text[40];
    struct buf b = buf_over(text, sizeof text);

    text_put_iso_date(&b, ms);
    return iam_ask_json_text(buf_view(&b));
}

json_t *iam_ask_json_names(const struct iam_names *names)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < names->count; i++)
        (void)json_array_append_new(list, iam_ask_json_text(names->list[i]));
    return list;
}

enum err iam_ask_answer(struct iam_decision *d, const char *member, json_t *value)
{
    return value && json_object_set_new(d->out, member, value) == 0 ? ERR_OK : ERR_NO_MEMORY;
}
