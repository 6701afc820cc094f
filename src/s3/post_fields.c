/*
 * The fields of a POST form as the headers of a write.
 *
 * A form says in fields what PutObject says in headers, under the same names but for two. Put in
 * their place, everything that reads headers (metadata, ACLs, tags, locks, checksums, conditions,
 * the keys of policies) means the form, and nothing has to be told twice. What stands in the head
 * of the POST itself is about the form or not signed: it must not reach the object.
 */
#include <assert.h>

#include "base/text.h"
#include "s3/post_object_impl.h"
#include "s3/route.h"
#include "s3/tags.h"

static const char no_key[] =
    "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of "
    "the fields.";
static const char twice[] = "A field of the form was given more than once.";
static const char bad_value[] = "A field of the form has characters a header cannot have.";

/* --- the key ------------------------------------------------------------------------------ */

/* Of a path only what follows the last slash of either kind. */
static struct view base_name(struct view path)
{
    size_t from = path.len;

    while (from > 0 && path.at[from - 1] != '/' && path.at[from - 1] != '\\')
        from--;
    return view_from(path, from);
}

static enum s3_code fill_in(struct post_object *p, struct view key, struct view *out)
{
    static const struct view variable = VIEW("${filename}");
    struct view name = base_name(p->body.form.file_name);
    uint8_t text[ROUTE_KEY_BYTES_MAX];
    struct buf b = buf_over(text, sizeof text);

    for (;;) {
        size_t at = MIN(view_find(key, variable), key.len);

        buf_put(&b, view_upto(key, at));
        if (at == key.len)
            break;
        buf_put(&b, name);
        key = view_from(key, at + variable.len);
    }
    if (b.overflow)
        return S3_KeyTooLongError;
    *out = region_copy(p->request->region, buf_view(&b));
    return out->at ? S3_None : S3_SlowDown;
}

enum s3_code post_fields_key(struct post_object *p)
{
    struct view field = form_value(&p->body.form, "key"), key;
    enum s3_code code;

    if (field.len == 0) {
        p->detail = no_key;
        return S3_UserKeyMustBeSpecified;
    }
    code = fill_in(p, field, &key);
    if (code)
        return code;
    if (key.len == 0) {
        p->detail = no_key;
        return S3_UserKeyMustBeSpecified;
    }
    if (!text_is_utf8(key) || view_index(key, 0) != SIZE_MAX)
        return S3_InvalidURI;
    p->request->key = key;
    return S3_None;
}

/* --- for the policy ----------------------------------------------------------------------- */

enum s3_code post_fields_list(struct post_object *p)
{
    const struct form *f = &p->body.form;
    struct s3_request *r = p->request;
    struct post_policy_field *list =
        region_take_zero(r->region, (f->field_count + 1) * sizeof *list);

    if (!list)
        return S3_SlowDown;
    for (unsigned i = 0; i < f->field_count; i++) {
        struct view name = f->fields[i].name;

        list[i].name = name;
        /* Where the form was sent to, not what it says of that. */
        list[i].value = view_eq_nocase(name, VIEW("key"))      ? r->key
                        : view_eq_nocase(name, VIEW("bucket")) ? r->bucket
                                                               : f->fields[i].value;
    }
    list[f->field_count] = (struct post_policy_field){.name = VIEW("bucket"), .value = r->bucket};
    p->policy.fields = list;
    p->policy.field_count = f->field_count + 1;
    return S3_None;
}

/* --- headers ------------------------------------------------------------------------------ */

struct headers {
    struct http_header *at;
    unsigned count;
};

static bool is_among(struct view name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq_nocase(name, view_str(names[i])))
            return true;
    return false;
}

/* Of the POST's own head: who asks from where, nothing about what is sent. */
static bool is_kept(struct view name)
{
    static const char *const names[] = {
        "host",
        "origin",
        "user-agent",
        "referer",
        "access-control-request-method",
        "access-control-request-headers"};

    return is_among(name, names, ARRAY_COUNT(names));
}

/* Fields of the form itself, of its signature, and headers of other ways to send bytes. */
static bool is_own(struct view name)
{
    static const char *const names[] = {
        "x-amz-algorithm",      "x-amz-credential",
        "x-amz-date",           "x-amz-signature",
        "x-amz-security-token", "x-amz-content-sha256",
        "x-amz-trailer",        "x-amz-decoded-content-length",
        "x-amz-rdma-token",     "x-amz-copy-source",
    };

    return is_among(name, names, ARRAY_COUNT(names));
}

/* The header a field stands for; empty: none. */
static struct view header_of(struct view field)
{
    static const char *const names[] = {
        "content-type",     "content-encoding", "content-disposition",
        "content-language", "content-md5",      "cache-control",
        "expires",          "if-match",         "if-none-match"};

    if (view_eq_nocase(field, VIEW("acl")))
        return VIEW("x-amz-acl");
    if (view_eq_nocase(field, VIEW("tagging")))
        return VIEW("x-amz-tagging");
    if (is_among(field, names, ARRAY_COUNT(names)))
        return field;
    return view_starts_nocase(field, VIEW("x-amz-")) && !is_own(field) ? field : VIEW_EMPTY;
}

/* <Tagging> as the header writes it: k=v&k=v. */
static enum s3_code tags_to_header(struct post_object *p, struct view xml, struct view *out)
{
    struct region *R = p->request->region;
    struct tags tags;
    enum s3_code code = tags_from_xml(xml, TAGS_OBJECT_MAX, R, &tags, &p->detail);
    size_t cap = 1;

    if (code)
        return code;
    for (unsigned i = 0; i < tags.count; i++)
        cap += 3 * (tags.at[i].key.len + tags.at[i].value.len) + 2;
    struct buf b = buf_over(region_take(R, cap), cap);
    if (!b.at)
        return S3_SlowDown;
    for (unsigned i = 0; i < tags.count; i++) {
        if (i > 0)
            buf_put_byte(&b, '&');
        text_put_uri(&b, tags.at[i].key, false);
        buf_put_byte(&b, '=');
        text_put_uri(&b, tags.at[i].value, false);
    }
    assert(!b.overflow);
    *out = buf_view(&b);
    return S3_None;
}

static bool is_header_text(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.at[i] < 0x20 && v.at[i] != '\t') || v.at[i] == 0x7f)
            return false;
    return true;
}

static enum s3_code add_field(struct post_object *p, struct headers *h, const struct form_field *f)
{
    struct view name = header_of(f->name), value = view_trim(f->value);

    if (name.len == 0)
        return S3_None;
    for (unsigned i = 0; i < h->count; i++)
        if (view_eq_nocase(h->at[i].name, name)) {
            p->detail = twice;
            return S3_InvalidArgument;
        }
    if (view_is(name, "x-amz-tagging")) {
        enum s3_code code = tags_to_header(p, f->value, &value);
        if (code)
            return code;
    }
    if (!is_header_text(name) || !is_header_text(value)) {
        p->detail = bad_value;
        return S3_InvalidArgument;
    }
    h->at[h->count++] = (struct http_header){name, value};
    return S3_None;
}

enum s3_code post_fields_to_headers(struct post_object *p)
{
    struct http_request *q = p->request->http;
    const struct form *f = &p->body.form;
    struct headers h = {0};
    enum s3_code code = S3_None;

    h.at = region_take(p->request->region, (q->header_count + f->field_count + 1) * sizeof *h.at);
    if (!h.at)
        return S3_SlowDown;
    for (unsigned i = 0; i < q->header_count; i++)
        if (is_kept(q->headers[i].name))
            h.at[h.count++] = q->headers[i];
    for (unsigned i = 0; i < f->field_count && !code; i++)
        code = add_field(p, &h, &f->fields[i]);
    if (code)
        return code;
    q->headers = h.at;
    q->header_count = h.count;
    p->request->param_count = 0; /* x-amz-* would be looked for there, too */
    return S3_None;
}
