#include "s3/upload.h"

enum err upload_entry(struct s3_request *r, struct engine_key *key_out, struct view *id_out)
{
    *id_out = s3_param(r, "uploadId");
    if (!upload_name_is_valid(*id_out))
        return ERR_NO_UPLOAD;
    *key_out = (struct engine_key){
        .space = SPACE_UPLOAD,
        .bucket = r->bucket,
        .name = upload_name(r->region, r->key, *id_out),
    };
    return key_out->name.at ? ERR_OK : ERR_BUSY;
}

struct view upload_parts_prefix(struct region *R, struct view id)
{
    struct buf b = buf_over(region_take(R, id.len + 1), id.len + 1);

    if (!b.at)
        return VIEW_EMPTY;
    buf_put(&b, id);
    buf_put_byte(&b, '/');
    return buf_view(&b);
}

bool upload_split(struct view name, struct view *key_out, struct view *id_out)
{
    size_t at = view_index(name, 0);

    if (at == SIZE_MAX)
        return false;
    *key_out = view_upto(name, at);
    *id_out = view_from(name, at + 1);
    return true;
}
