#include "s3/upload_name.h"

#include <assert.h>

bool upload_name_is_valid(struct view id)
{
    if (id.len < 1 || id.len > UPLOAD_NAME_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

struct view upload_name(struct region *R, struct view key, struct view id)
{
    size_t bytes = key.len + 1 + id.len;
    void *at = region_take(R, bytes);

    if (!at)
        return VIEW_EMPTY;
    struct buf b = buf_over(at, bytes);
    buf_put(&b, key);
    buf_put_byte(&b, 0);
    buf_put(&b, id);
    return buf_view(&b);
}

struct view upload_name_part_over(uint8_t *at, struct view id, unsigned number)
{
    struct buf b = buf_over(at, UPLOAD_NAME_PART_BYTES_MAX);

    assert(number <= 99999);
    buf_put(&b, id);
    buf_printf(&b, "/%05u", number);
    return buf_view(&b);
}

struct view upload_name_part(struct region *R, struct view id, unsigned number)
{
    uint8_t *at = region_take(R, UPLOAD_NAME_PART_BYTES_MAX);

    return at ? upload_name_part_over(at, id, number) : VIEW_EMPTY;
}
