#include "s3/bucket_meta.h"

#include <ctype.h>

enum { BUCKET_META_VERSION = 1, TAG_LOCATION = 1 };

bool bucket_meta_location_is_valid(struct view location)
{
    for (size_t i = 0; i < location.len; i++)
        if (!isalnum(location.at[i]) && location.at[i] != '-')
            return false;
    return location.len <= 64;
}

enum err bucket_meta_encode(struct view location, struct region *R, struct view *blob_out)
{
    size_t cap = 1 + 2 + 4 + location.len;
    struct buf b = buf_over(region_take(R, cap), cap);

    if (!b.at)
        return ERR_BUSY;
    buf_put_byte(&b, BUCKET_META_VERSION);
    if (location.len) {
        buf_put_le16(&b, TAG_LOCATION);
        buf_put_lv(&b, location);
    }
    *blob_out = buf_view(&b);
    return ERR_OK;
}

enum err bucket_meta_decode(struct view blob, struct view *location_out)
{
    struct view rest = view_from(blob, 1), value;
    uint16_t tag;

    *location_out = VIEW_EMPTY;
    if (blob.len == 0 || blob.at[0] != BUCKET_META_VERSION)
        return ERR_CORRUPT;
    while (rest.len > 0) {
        if (view_take_le16(&rest, &tag) || view_take_lv(&rest, &value))
            return ERR_CORRUPT;
        if (tag == TAG_LOCATION)
            *location_out = value;
    }
    return ERR_OK;
}
