#include "iam/iam_store.h"

#include <stdlib.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/text.h"

enum { FORMAT = 1, SHOWN_BYTES_MAX = 200 };

struct view iam_store_prefix(enum iam_kind kind)
{
    static const char *const prefixes[IAM_KINDS] = {"user/", "group/", "policy/"};

    return view_str(prefixes[kind]);
}

struct view iam_store_name(struct iam_heap *h, enum iam_kind kind, struct view name)
{
    struct view prefix = iam_store_prefix(kind);
    uint8_t *at = iam_heap_take(h, prefix.len + name.len);

    if (!at)
        return VIEW_EMPTY;
    memcpy(at, prefix.at, prefix.len);
    memcpy(at + prefix.len, name.at, name.len);
    return view_of(at, prefix.len + name.len);
}

static void drop(json_t **j)
{
    json_decref(*j);
}

/* ---- writing ------------------------------------------------------------------------------- */

static json_t *text_of(struct view v)
{
    return json_stringn(v.at ? (const char *)v.at : "", v.len);
}

static json_t *names_of(const struct iam_names *names)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < names->count; i++)
        (void)json_array_append_new(list, text_of(names->list[i]));
    return list;
}

static json_t *key_of(const struct iam_doc_key *k, struct view record, const uint8_t *key)
{
    const struct iam_seal seal = {.key = key, .record = record, .access = k->access};
    uint8_t sealed[IAM_SECRET_BYTES_MAX + IAM_SEAL_EXTRA_BYTES];
    char text[(sizeof sealed + 2) / 3 * 4];
    struct buf b = buf_over(text, sizeof text);

    if (iam_seal_put(&seal, k->secret, sealed))
        return NULL;
    text_put_base64(&b, view_of(sealed, k->secret.len + IAM_SEAL_EXTRA_BYTES));
    return json_pack(
        "{s:o, s:o, s:b, s:I}", "access", text_of(k->access), "sealed", text_of(buf_view(&b)),
        "enabled", k->is_enabled, "created", (json_int_t)k->created_ms);
}

static json_t *user_of(const struct iam_doc *doc, struct view record, const uint8_t *key)
{
    CLEANUP(drop) json_t *keys = json_array();
    char key_id[IAM_SEAL_ID_LEN + 1];

    iam_seal_key_id(key, key_id);
    for (unsigned i = 0; i < doc->key_count; i++)
        if (json_array_append_new(keys, key_of(&doc->keys[i], record, key)) != 0)
            return NULL;
    return json_pack(
        "{s:i, s:s, s:o, s:o, s:b, s:I, s:O, s:o, s:o}", "format", FORMAT, "store_key", key_id,
        "id", text_of(doc->id), "email", text_of(doc->email), "enabled", doc->is_enabled, "created",
        (json_int_t)doc->created_ms, "keys", keys, "groups", names_of(&doc->groups), "policies",
        names_of(&doc->policies));
}

static json_t *json_of(const struct iam_doc *doc, struct view record, const uint8_t *key)
{
    json_int_t created = doc->created_ms;

    if (doc->kind == IAM_USER)
        return user_of(doc, record, key);
    if (doc->kind == IAM_GROUP)
        return json_pack(
            "{s:i, s:I, s:o}", "format", FORMAT, "created", created, "policies",
            names_of(&doc->policies));
    return json_pack(
        "{s:i, s:I, s:o}", "format", FORMAT, "created", created, "policy", text_of(doc->json));
}

enum err iam_store_encode(
    const struct iam_doc *doc, const uint8_t *key, struct iam_heap *h, struct view *blob_out)
{
    struct view record = iam_store_name(h, doc->kind, doc->name);
    CLEANUP(drop) json_t *j = record.at ? json_of(doc, record, key) : NULL;
    size_t bytes = j ? json_dumpb(j, NULL, 0, JSON_COMPACT) : 0;

    if (bytes == 0)
        return ERR_NO_MEMORY;
    if (bytes > IAM_DOC_BYTES_MAX)
        return ERR_TOO_LARGE;
    char *at = iam_heap_take(h, bytes);
    if (!at)
        return ERR_NO_MEMORY;
    (void)json_dumpb(j, at, bytes, JSON_COMPACT);
    *blob_out = view_of(at, bytes);
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum err take_text(struct iam_doc *doc, const json_t *j, const char *name, struct view *to)
{
    const json_t *t = json_object_get(j, name);

    if (!json_is_string(t))
        return ERR_CORRUPT;
    *to = iam_heap_copy(&doc->heap, view_of(json_string_value(t), json_string_length(t)));
    return to->at ? ERR_OK : ERR_NO_MEMORY;
}

static enum err take_flag(const json_t *j, const char *name, bool *to)
{
    const json_t *t = json_object_get(j, name);

    if (!json_is_boolean(t))
        return ERR_CORRUPT;
    *to = json_is_true(t);
    return ERR_OK;
}

static enum err take_time(const json_t *j, int64_t *to)
{
    const json_t *t = json_object_get(j, "created");

    if (!json_is_integer(t))
        return ERR_CORRUPT;
    *to = json_integer_value(t);
    return ERR_OK;
}

static enum err
take_names(struct iam_doc *doc, const json_t *j, const char *name, struct iam_names *to)
{
    const json_t *list = json_object_get(j, name);
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count > IAM_LINKS_MAX)
        return ERR_CORRUPT;
    to->list = iam_heap_take(&doc->heap, sizeof(struct view) * count);
    if (!to->list)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *t = json_array_get(list, i);
        if (!json_is_string(t))
            return ERR_CORRUPT;
        struct view v = view_of(json_string_value(t), json_string_length(t));
        to->list[i] = iam_heap_copy(&doc->heap, v);
        if (!to->list[i].at)
            return ERR_NO_MEMORY;
    }
    to->count = (unsigned)count;
    return ERR_OK;
}

static enum err take_secret(
    struct iam_doc *doc, const json_t *j, const struct iam_seal *seal, struct view *secret_out)
{
    uint8_t sealed[IAM_SECRET_BYTES_MAX + IAM_SEAL_EXTRA_BYTES];
    size_t len;
    const json_t *t = json_object_get(j, "sealed");

    if (!json_is_string(t))
        return ERR_CORRUPT;
    struct view text = view_of(json_string_value(t), json_string_length(t));
    if (text_from_base64(text, sealed, sizeof sealed, &len) || len <= IAM_SEAL_EXTRA_BYTES)
        return ERR_CORRUPT;
    uint8_t *at = iam_heap_take(&doc->heap, len - IAM_SEAL_EXTRA_BYTES);
    if (!at)
        return ERR_NO_MEMORY;
    TRY(iam_seal_take(seal, view_of(sealed, len), at));
    *secret_out = view_of(at, len - IAM_SEAL_EXTRA_BYTES);
    return ERR_OK;
}

static enum err
take_keys(struct iam_doc *doc, const json_t *j, struct view record, const uint8_t *key)
{
    const json_t *list = json_object_get(j, "keys");
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count > IAM_KEYS_MAX)
        return ERR_CORRUPT;
    doc->keys = iam_heap_take(&doc->heap, sizeof *doc->keys * count);
    if (!doc->keys)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct iam_doc_key *k = &doc->keys[i];
        TRY(take_text(doc, item, "access", &k->access));
        TRY(take_flag(item, "enabled", &k->is_enabled));
        TRY(take_time(item, &k->created_ms));
        const struct iam_seal seal = {.key = key, .record = record, .access = k->access};
        TRY(take_secret(doc, item, &seal, &k->secret));
    }
    doc->key_count = (unsigned)count;
    return ERR_OK;
}

static enum err take_user(
    struct iam_doc *doc, const json_t *j, struct view record, const uint8_t *key, struct buf *why)
{
    char key_id[IAM_SEAL_ID_LEN + 1];
    const char *other = json_string_value(json_object_get(j, "store_key"));

    iam_seal_key_id(key, key_id);
    if (!other)
        return ERR_CORRUPT;
    if (strcmp(other, key_id) != 0) {
        buf_printf(
            why, "the users of this store are sealed with the store key %.32s, this one is %s",
            other, key_id);
        return ERR_DENIED;
    }
    TRY(take_text(doc, j, "id", &doc->id));
    TRY(take_text(doc, j, "email", &doc->email));
    TRY(take_flag(j, "enabled", &doc->is_enabled));
    TRY(take_names(doc, j, "groups", &doc->groups));
    TRY(take_names(doc, j, "policies", &doc->policies));
    return take_keys(doc, j, record, key);
}

static enum err take_policy(struct iam_doc *doc, const json_t *j, struct buf *why)
{
    TRY(take_text(doc, j, "policy", &doc->json));
    return policy_parse(doc->json, POLICY_IDENTITY, VIEW_EMPTY, &doc->policy, why);
}

static enum err take_all(
    struct iam_doc *doc, const json_t *j, struct view record, const uint8_t *key, struct buf *why)
{
    const json_t *format = json_object_get(j, "format");

    if (!json_is_integer(format))
        return ERR_CORRUPT;
    if (json_integer_value(format) != FORMAT)
        return ERR_UNSUPPORTED;
    TRY(take_time(j, &doc->created_ms));
    if (doc->kind == IAM_USER)
        return take_user(doc, j, record, key, why);
    if (doc->kind == IAM_GROUP)
        return take_names(doc, j, "policies", &doc->policies);
    return take_policy(doc, j, why);
}

static bool kind_of(struct view record, enum iam_kind *kind_out, struct view *name_out)
{
    for (unsigned k = 0; k < IAM_KINDS; k++) {
        struct view prefix = iam_store_prefix((enum iam_kind)k);
        if (record.len > prefix.len && view_starts(record, prefix)) {
            *kind_out = (enum iam_kind)k;
            *name_out = view_from(record, prefix.len);
            return true;
        }
    }
    return false;
}

enum err iam_store_decode(
    struct view record, struct view blob, const uint8_t *key, struct iam_doc **doc_out,
    struct buf *why)
{
    CLEANUP(drop)
    json_t *j = json_loadb((const char *)blob.at, blob.len, JSON_REJECT_DUPLICATES, NULL);
    enum iam_kind kind;
    struct view name;

    if (!kind_of(record, &kind, &name)) {
        buf_printf(
            why, "the record %.*s: no such kind", VIEW_FMT(view_upto(record, SHOWN_BYTES_MAX)));
        return ERR_CORRUPT;
    }
    struct iam_doc *doc = iam_doc_new(kind);
    if (!doc)
        return ERR_NO_MEMORY;
    doc->name = iam_heap_copy(&doc->heap, name);
    size_t before = why->len;
    enum err e = doc->name.at ? take_all(doc, j, record, key, why) : ERR_NO_MEMORY;
    if (!e) {
        *doc_out = doc;
        return ERR_OK;
    }
    if (why->len == before)
        buf_printf(
            why, "the record %.*s: %s", VIEW_FMT(view_upto(record, SHOWN_BYTES_MAX)),
            e == ERR_UNSUPPORTED ? "written by a newer version" : err_text(e));
    iam_doc_unref(doc);
    return e;
}
