#include "s3/list.h"

#include "base/text.h"
#include "s3/access.h"
#include "s3/acl_xml.h"
#include "s3/finish.h"
#include "s3/xml.h"

enum s3_code list_take_count(struct s3_request *r, const char *name, unsigned max, unsigned *n_io)
{
    struct view v = s3_param(r, name);
    uint64_t n;

    if (!v.at || v.len == 0)
        return S3_None;
    if (text_to_u64(v, &n) || n > INT32_MAX || (max && n > max))
        return S3_InvalidArgument;
    *n_io = (unsigned)n;
    return S3_None;
}

enum s3_code list_take_encoding(struct s3_request *r, bool *is_url_out)
{
    struct view v = s3_param(r, "encoding-type");

    *is_url_out = v.at && view_is(v, "url");
    return v.at && v.len && !*is_url_out ? S3_InvalidArgument : S3_None;
}

static void put_plain(struct buf *b, struct view name)
{
    for (size_t i = 0, n; i < name.len; i += n) {
        struct view rest = view_from(name, i);
        uint8_t c = name.at[i];

        n = MAX(text_utf8_bytes(rest), 1u);
        if (c < 0x20 || c == 0x7f)
            buf_printf(b, "&#x%X;", c);
        else if (finish_is_noncharacter(rest))
            buf_printf(b, "&#xFFF%X;", rest.at[2] - 0xb0);
        else
            finish_put_text(b, view_upto(rest, n));
    }
}

void list_put_name(struct buf *b, const char *element, struct view name, bool is_url)
{
    xml_open(b, element);
    if (is_url)
        text_put_uri(b, name, true);
    else
        put_plain(b, name);
    xml_close(b, element);
}

size_t list_meta_bytes(const struct s3_request *r)
{
    return access_has_acls(r->conf) ? META_LISTING_BYTES : 0;
}

struct view list_owner(const struct s3_request *r, struct view meta)
{
    enum checksum_kind kind;
    enum checksum_type type;
    struct view owner;

    if (!access_has_acls(r->conf))
        return access_bucket_owner(r->service, r->conf);
    meta_listing(meta, &kind, &type, &owner);
    return owner.len > 0 ? owner : r->service->owner_id;
}

struct view list_initiator(const struct s3_request *r, struct view meta)
{
    struct view initiator = meta_initiator(meta);

    return initiator.len > 0 ? initiator : r->service->owner_id;
}

void list_put_person(struct buf *b, const struct s3_request *r, const char *element, struct view id)
{
    acl_xml_put_person(b, element, id, r->people);
}

size_t list_person_bytes(const struct s3_request *r, struct view id)
{
    return acl_xml_person_bytes(id, r->people);
}

void list_put_prefixes(struct buf *b, const struct engine_item *items, unsigned count, bool is_url)
{
    for (unsigned i = 0; i < count; i++) {
        if (!items[i].is_prefix)
            continue;
        xml_open(b, "CommonPrefixes");
        list_put_name(b, "Prefix", items[i].name, is_url);
        xml_close(b, "CommonPrefixes");
    }
}

void list_finish(struct s3_request *r, const struct buf *xml)
{
    if (xml->overflow)
        s3_finish_error(r, S3_InternalError, NULL);
    else
        s3_finish_xml(r, 200, buf_view(xml));
}

void list_put_token(struct buf *b, const char *element, struct view last)
{
    xml_open(b, element);
    buf_put_byte(b, '1');
    text_put_hex(b, last);
    xml_close(b, element);
}

enum s3_code list_take_token(struct s3_request *r, struct view token, struct view *after_out)
{
    uint8_t *to = region_take(r->region, token.len / 2 + 1);
    size_t len = 0;

    if (!to)
        return S3_SlowDown;
    if (token.len < 1 || token.at[0] != '1' ||
        text_from_hex(view_from(token, 1), to, token.len / 2 + 1, &len))
        return S3_InvalidArgument;
    *after_out = view_of(to, len);
    return S3_None;
}
