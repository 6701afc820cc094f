#include "s3/upload.h"

#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/meta.h"

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

static bool is_callers(const struct s3_request *r, struct view meta)
{
    struct view initiator = meta_initiator(meta);

    if (r->user && r->user->is_root)
        return true;
    if (initiator.len == 0)
        initiator = r->service->owner_id;
    return view_eq(acl_request_account(r), initiator);
}

enum s3_code upload_check_writer(const struct s3_request *r, struct view meta)
{
    return !access_has_acls(r->conf) || is_callers(r, meta) ? S3_None : S3_AccessDenied;
}

enum s3_code upload_check_caller(struct s3_request *r, struct view meta)
{
    return is_callers(r, meta) ? S3_None : access_also(r, r->op->action);
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
