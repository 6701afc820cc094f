/* The calls keys/... */
#include "iam/iam_keys.h"

#include "base/digest.h"
#include "iam/iam_ask.h"
#include "iam/iam_check.h"

enum { ACCESS_MADE_LEN = 20, SECRET_MADE_LEN = 40 };

/* len characters of an alphabet of 32; no bias: 32 divides 256. */
static struct view make_text(struct iam_doc *doc, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t *at = iam_heap_take(&doc->heap, len);

    if (!at)
        return VIEW_EMPTY;
    digest_random(at, len);
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)alphabet[at[i] % 32];
    return view_of(at, len);
}

static json_t *json_of(const struct iam_doc_key *k)
{
    return json_pack(
        "{s:o, s:b, s:o}", "access_key", iam_ask_json_text(k->access), "enabled", k->is_enabled,
        "created", iam_ask_json_time(k->created_ms));
}

json_t *iam_keys_json(const struct iam_doc *user)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < user->key_count; i++)
        (void)json_array_append_new(list, json_of(&user->keys[i]));
    return list;
}

enum err iam_keys_make(struct iam_decision *d)
{
    struct iam_doc *doc = d->made;
    struct iam_doc_key *k = &doc->keys[doc->key_count];
    struct view access, secret;

    TRY(iam_ask_text_if(d, "access_key", iam_check_access, &access));
    TRY(iam_ask_text_if(d, "secret_key", iam_check_secret, &secret));
    if (secret.at && !access.at)
        return iam_ask_no(d, ERR_INVALID, "'secret_key' is there, but no 'access_key'");
    if (doc->key_count == IAM_KEYS_MAX)
        return iam_ask_no(d, ERR_TOO_LARGE, "a user has %d keys at most", IAM_KEYS_MAX);
    if (access.at && iam_snapshot_key(d->from, access))
        return iam_ask_no(d, ERR_EXISTS, "the access key is in use already");
    k->access = access.at ? iam_heap_copy(&doc->heap, access) : make_text(doc, ACCESS_MADE_LEN);
    k->secret = secret.at ? iam_heap_copy(&doc->heap, secret) : make_text(doc, SECRET_MADE_LEN);
    if (!k->access.at || !k->secret.at)
        return ERR_NO_MEMORY;
    k->is_enabled = true;
    k->created_ms = d->now_ms;
    doc->key_count++;
    json_t *j = json_of(k);
    if (j && !secret.at)
        (void)json_object_set_new(j, "secret_key", iam_ask_json_text(k->secret));
    return iam_ask_answer(d, "key", j);
}

enum err iam_keys_add(struct iam_decision *d)
{
    struct iam_doc *doc;

    TRY(iam_ask_doc(d, "user", IAM_USER, &doc));
    TRY(iam_ask_edit(d, doc));
    return iam_keys_make(d);
}

enum err iam_keys_list(struct iam_decision *d)
{
    struct iam_doc *doc;

    TRY(iam_ask_doc(d, "user", IAM_USER, &doc));
    return iam_ask_answer(d, "keys", iam_keys_json(doc));
}

/* d->made becomes the user who has it, with *index_out the key. */
static enum err edit_key(struct iam_decision *d, unsigned *index_out)
{
    struct view access;

    TRY(iam_ask_text(d, "access_key", NULL, &access));
    for (unsigned i = 0; i < d->from->docs[IAM_USER].count; i++) {
        struct iam_doc *doc = d->from->docs[IAM_USER].list[i];
        for (unsigned k = 0; k < doc->key_count; k++) {
            if (!view_eq(doc->keys[k].access, access))
                continue;
            *index_out = k;
            return iam_ask_edit(d, doc);
        }
    }
    return iam_ask_no(d, ERR_NOT_FOUND, "no user has that access key");
}

enum err iam_keys_set(struct iam_decision *d)
{
    unsigned index = 0;

    TRY(edit_key(d, &index));
    struct iam_doc_key *k = &d->made->keys[index];
    if (!json_object_get(d->in, "enabled"))
        return iam_ask_no(d, ERR_INVALID, "'enabled' is missing");
    TRY(iam_ask_flag_if(d, "enabled", &k->is_enabled));
    return iam_ask_answer(d, "key", json_of(k));
}

enum err iam_keys_remove(struct iam_decision *d)
{
    unsigned index = 0;

    TRY(edit_key(d, &index));
    struct iam_doc *doc = d->made;
    memmove(
        &doc->keys[index], &doc->keys[index + 1], sizeof *doc->keys * (doc->key_count - index - 1));
    doc->key_count--;
    return ERR_OK;
}
