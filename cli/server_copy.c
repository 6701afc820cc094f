#include "cli/server_copy.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/multipart.h"

static const uint64_t whole_max = 5 * GIB;

static bool
copy_parts(struct multipart *m, const char *from_bucket, const char *from_key, uint64_t bytes)
{
    /* As few as the limits allow, in steps of 512 MiB. */
    uint64_t step = 512 * MIB;
    uint64_t part = (bytes / MULTIPART_PARTS_MAX / step + 1) * step;

    for (uint64_t at = 0; at < bytes; at += part) {
        if (!multipart_copy(m, from_bucket, from_key, at, MIN(part, bytes - at))) {
            multipart_abort(m);
            return false;
        }
    }
    return multipart_finish(m);
}

/* CopyObject takes the type along; an upload has to be told. */
static bool copy_large(
    struct session *S, struct multipart *m, const char *from_bucket, const char *from_key,
    const struct url *to)
{
    struct ps_stat stat;

    m->result = (struct ps_result){0};
    m->result.err = ps_head(S->client, from_bucket, from_key, &stat, &m->result);
    if (m->result.err)
        return false;
    return multipart_begin(m, S->client, to->bucket, to->key, stat.content_type) &&
           copy_parts(m, from_bucket, from_key, stat.bytes);
}

void server_copy(
    struct session *S, const char *from_bucket, const char *from_key, uint64_t bytes,
    const struct url *to)
{
    uint64_t start_ns = clock_ns();
    char from_name[SESSION_NAME_MAX], to_name[SESSION_NAME_MAX];
    const struct report_what what = {"cp", from_name, to_name};
    struct multipart m = {0};

    session_name(from_name, from_bucket, from_key);
    session_name(to_name, to->bucket, to->key);
    bool is_fine =
        bytes > whole_max
            ? copy_large(S, &m, from_bucket, from_key, to)
            : ps_copy(S->client, from_bucket, from_key, to->bucket, to->key, &m.result) == PS_OK;
    if (!is_fine) {
        session_failed(S, "cp", from_name, &m.result);
        return;
    }
    m.result.bytes = bytes;
    report_transfer(&S->report, &what, &m.result, (double)(clock_ns() - start_ns) / 1e9);
}
