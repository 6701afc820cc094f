#include "s3/tags.h"

#include <assert.h>

#include "base/text.h"
#include "s3/finish.h"
#include "s3/xml.h"

enum { KEY_CHARACTERS_MAX = 128, VALUE_CHARACTERS_MAX = 256, XML_EACH_BYTES = 64, XML_BYTES = 256 };

static const char bad_key[] = "The TagKey you have provided is invalid";
static const char bad_value[] = "The TagValue you have provided is invalid";
static const char system_key[] = "System tags cannot be added/updated by requester";
static const char same_key[] = "Cannot provide multiple Tags with the same key";
static const char too_many_of_object[] = "Object tags cannot be greater than 10";
static const char too_many_of_bucket[] = "Bucket tag count cannot be greater than 50";
static const char bad_header[] =
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
    "without tag name duplicates.";

/* --- one tag ------------------------------------------------------------------------------ */

/* Letters of any language, digits, spaces and + - = . _ : / @. */
static bool is_allowed(uint8_t c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

    return is_letter || (c >= '0' && c <= '9') || c >= 0x80 ||
           (c != '\0' && strchr(" +-=._:/@", c) != NULL);
}

static bool is_text(struct view v, size_t characters_max)
{
    size_t characters = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (!is_allowed(v.at[i]) || finish_is_noncharacter(view_from(v, i)))
            return false;
        characters += (v.at[i] & 0xc0) != 0x80; /* not the inside of a UTF-8 sequence */
    }
    return characters <= characters_max && text_is_utf8(v);
}

static enum s3_code check(const struct tag *t, const char **detail_out)
{
    if (t->key.len == 0 || !is_text(t->key, KEY_CHARACTERS_MAX))
        *detail_out = bad_key;
    else if (!is_text(t->value, VALUE_CHARACTERS_MAX))
        *detail_out = bad_value;
    else if (view_starts_nocase(t->key, VIEW("aws:")))
        *detail_out = system_key;
    else
        return S3_None;
    return S3_InvalidTag;
}

/* Kept in the order of keys, as they are answered. There is room for one more. */
static enum s3_code add(struct tags *set, struct tag t, const char **detail_out)
{
    unsigned at = set->count;
    enum s3_code code = check(&t, detail_out);

    if (code)
        return code;
    while (at > 0 && view_compare(set->at[at - 1].key, t.key) > 0)
        at--;
    if (at > 0 && view_eq(set->at[at - 1].key, t.key)) {
        *detail_out = same_key;
        return S3_InvalidTag;
    }
    memmove(&set->at[at + 1], &set->at[at], (set->count - at) * sizeof *set->at);
    set->at[at] = t;
    set->count++;
    return S3_None;
}

/* --- the header form ---------------------------------------------------------------------- */

static enum s3_code decode(struct view text, struct region *R, struct view *out)
{
    uint8_t *to = region_take(R, text.len + 1);
    size_t len = 0;

    if (!to)
        return S3_SlowDown;
    if (text_from_uri(text, true, to, text.len, &len))
        return S3_InvalidArgument;
    *out = view_of(to, len);
    return text_is_utf8(*out) ? S3_None : S3_InvalidArgument;
}

static enum s3_code
take_pair(struct view pair, struct region *R, struct tags *set, const char **detail_out)
{
    size_t equals = MIN(view_index(pair, '='), pair.len);
    struct tag t;
    enum s3_code code = decode(view_upto(pair, equals), R, &t.key);

    if (set->count == TAGS_OBJECT_MAX) {
        *detail_out = too_many_of_object;
        return S3_InvalidTag;
    }
    if (!code)
        code = decode(view_from(pair, equals + 1), R, &t.value);
    if (!code)
        code = add(set, t, detail_out);
    if (code == S3_InvalidArgument || *detail_out == same_key) {
        *detail_out = bad_header;
        return S3_InvalidArgument;
    }
    return code;
}

enum s3_code
tags_from_header(struct view text, struct region *R, struct tags *t_out, const char **detail_out)
{
    struct tags set = {.at = region_take(R, TAGS_OBJECT_MAX * sizeof *set.at)};
    struct view pair;

    *detail_out = NULL;
    if (!set.at)
        return S3_SlowDown;
    while (view_split(&text, '&', &pair)) {
        enum s3_code code = pair.len > 0 ? take_pair(pair, R, &set, detail_out) : S3_None;

        if (code)
            return code;
    }
    *t_out = set;
    return S3_None;
}

/* --- XML ---------------------------------------------------------------------------------- */

static enum s3_code
take_node(const struct xml_node *n, unsigned max, struct tags *set, const char **detail_out)
{
    struct tag t = {xml_child_text(n, "Key"), xml_child_text(n, "Value")};

    if (!view_is(n->name, "Tag") || !xml_has_only(n, "Key Value") || !xml_child(n, "Key") ||
        !xml_child(n, "Value"))
        return S3_MalformedXML;
    if (set->count == max) {
        *detail_out = max == TAGS_OBJECT_MAX ? too_many_of_object : too_many_of_bucket;
        return S3_InvalidTag;
    }
    return add(set, t, detail_out);
}

enum s3_code tags_from_node(
    const struct xml_node *list, unsigned max, struct region *R, struct tags *t_out,
    const char **detail_out)
{
    struct tags set = {.at = region_take(R, max * sizeof *set.at)};

    *detail_out = NULL;
    assert(max == TAGS_OBJECT_MAX || max == TAGS_BUCKET_MAX);
    if (!set.at)
        return S3_SlowDown;
    for (const struct xml_node *n = list->first; n; n = n->next) {
        enum s3_code code = take_node(n, max, &set, detail_out);

        if (code)
            return code;
    }
    *t_out = set;
    return S3_None;
}

enum s3_code tags_from_xml(
    struct view body, unsigned max, struct region *R, struct tags *t_out, const char **detail_out)
{
    struct xml_node *root = NULL;
    enum err e = xml_parse(body, R, &root);

    *detail_out = NULL;
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    const struct xml_node *list = xml_child(root, "TagSet");
    if (!view_is(root->name, "Tagging") || !xml_has_only(root, "TagSet") || !list)
        return S3_MalformedXML;
    return tags_from_node(list, max, R, t_out, detail_out);
}

size_t tags_xml_bytes(const struct tags *t)
{
    size_t bytes = XML_BYTES;

    for (unsigned i = 0; i < t->count; i++)
        bytes +=
            XML_EACH_BYTES + finish_text_bytes(t->at[i].key) + finish_text_bytes(t->at[i].value);
    return bytes;
}

void tags_put_xml(struct buf *x, const struct tags *t)
{
    xml_open_root(x, "Tagging");
    xml_open(x, "TagSet");
    for (unsigned i = 0; i < t->count; i++) {
        xml_open(x, "Tag");
        xml_text(x, "Key", t->at[i].key);
        xml_text(x, "Value", t->at[i].value);
        xml_close(x, "Tag");
    }
    xml_close(x, "TagSet");
    xml_close(x, "Tagging");
}

/* --- the stored form ---------------------------------------------------------------------- */

enum err tags_decode(struct view blob, struct region *R, struct tags *t_out)
{
    struct tags set = {.at = region_take(R, TAGS_BUCKET_MAX * sizeof *set.at)};

    if (!set.at)
        return ERR_BUSY;
    while (blob.len > 0) {
        struct tag *t = &set.at[set.count];

        if (set.count == TAGS_BUCKET_MAX)
            return ERR_CORRUPT;
        if (view_take_lv(&blob, &t->key) || view_take_lv(&blob, &t->value))
            return ERR_CORRUPT;
        set.count++;
    }
    *t_out = set;
    return ERR_OK;
}

enum err tags_encode(const struct tags *t, struct region *R, struct view *blob_out)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < t->count; i++)
        bytes += 8 + t->at[i].key.len + t->at[i].value.len;
    struct buf b = buf_over(region_take(R, bytes + 1), bytes);
    if (!b.at)
        return ERR_BUSY;
    for (unsigned i = 0; i < t->count; i++) {
        buf_put_lv(&b, t->at[i].key);
        buf_put_lv(&b, t->at[i].value);
    }
    assert(!b.overflow && b.len == bytes);
    *blob_out = buf_view(&b);
    return ERR_OK;
}
