#include "engine/engine_versions.h"

#include <assert.h>

enum { BUCKET_ANY = ENGINE_BUCKET_VERSIONED | ENGINE_BUCKET_SUSPENDED };

/* ERR_NOT_FOUND becomes *is_out = false. */
static enum err is_there(enum err e, bool *is_out)
{
    *is_out = !e;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static bool is_null(const struct engine_info *info)
{
    return !(info->flags & ENGINE_VERSION_NAMED);
}

/* ---- finding ----------------------------------------------------------------------------- */

/* The older one with this seq. */
static enum err find_older(const struct engine_peek *peek, uint64_t seq, struct engine_found *f)
{
    struct engine_info info;
    bool is;

    if (seq == UINT64_MAX)
        return ERR_OK;
    TRY(is_there(peek->older(peek->ctx, seq + 1, &info), &is));
    if (!is || info.seq != seq)
        return ERR_OK;
    f->at = FOUND_OLDER;
    f->info = info;
    return ERR_OK;
}

static enum err find_null(const struct engine_peek *peek, struct engine_found *f)
{
    uint64_t seq;
    bool is;

    TRY(is_there(peek->pointer(peek->ctx, &seq), &is));
    if (!is)
        return ERR_OK;
    TRY(find_older(peek, seq, f));
    return f->at == FOUND_OLDER && is_null(&f->info) ? ERR_OK : ERR_CORRUPT;
}

/* There is no itself: the first of the older ones is the latest, and a marker. */
static enum err find_marker(const struct engine_peek *peek, struct engine_found *f)
{
    TRY(is_there(peek->older(peek->ctx, UINT64_MAX, &f->info), &f->is_marker));
    if (f->is_marker && !(f->info.flags & ENGINE_MARKER))
        return ERR_CORRUPT;
    return ERR_OK;
}

static bool is_meant(const struct engine_info *itself, struct engine_version version)
{
    switch (version.kind) {
    case VERSION_LATEST:
        return true;
    case VERSION_NULL:
        return is_null(itself);
    case VERSION_SEQ:
        return itself->seq == version.seq;
    }
    return false;
}

/* No itself that is meant, in a bucket that may have older ones. */
static enum err find_behind(
    const struct engine_peek *peek, struct engine_version version, bool has_itself,
    struct engine_found *f)
{
    struct engine_info first;
    bool is;

    if (version.kind == VERSION_LATEST)
        return find_marker(peek, f);
    if (version.kind == VERSION_NULL)
        TRY(find_null(peek, f));
    else
        TRY(find_older(peek, version.seq, f));
    if (f->at == FOUND_NOTHING || has_itself)
        return ERR_OK;
    TRY(is_there(peek->older(peek->ctx, UINT64_MAX, &first), &is));
    f->is_latest = is && first.seq == f->info.seq;
    return ERR_OK;
}

enum err engine_versions_find(
    const struct engine_peek *peek, unsigned flags, struct engine_version version,
    struct engine_found *found_out)
{
    struct engine_found *f = found_out;
    struct engine_info itself;
    bool is;

    *f = (struct engine_found){.at = FOUND_NOTHING};
    TRY(is_there(peek->itself(peek->ctx, &itself), &is));
    if (is && is_meant(&itself, version)) {
        f->at = FOUND_ITSELF;
        f->is_latest = true;
        f->info = itself;
        return ERR_OK;
    }
    return flags & BUCKET_ANY ? find_behind(peek, version, is, f) : ERR_OK;
}

/* ---- conditions -------------------------------------------------------------------------- */

static enum err check_found(const struct engine_ask *ask, const struct engine_found *f)
{
    const struct engine_condition *c = ask->condition;
    bool is = f->at != FOUND_NOTHING;

    if (c->rev != 0 && !is)
        return ERR_NOT_FOUND;
    if (c->rev != 0 && f->info.rev != c->rev)
        return ERR_CHANGED;
    switch (c->kind) {
    case IF_ANY:
        return ERR_OK;
    case IF_ABSENT:
        if (!is)
            return ERR_OK;
        return ask->key.space == SPACE_BUCKET ? ERR_EXISTS : ERR_PRECONDITION;
    case IF_EXISTS:
        return is ? ERR_OK : ERR_NOT_FOUND;
    case IF_ETAG:
        if (!is)
            return ERR_NOT_FOUND;
        return view_eq(f->info.etag, c->etag) ? ERR_OK : ERR_PRECONDITION;
    case IF_NOT_ETAG:
        return is && view_eq(f->info.etag, c->etag) ? ERR_PRECONDITION : ERR_OK;
    }
    return ERR_INVALID;
}

/* What was once versioned has older ones: without a flag they would never be looked for. */
static enum err check_bucket(const struct engine_ask *ask, const struct engine_found *f)
{
    if (ask->key.space != SPACE_BUCKET || !ask->has_flags || f->at == FOUND_NOTHING)
        return ERR_OK;
    return (f->info.flags & BUCKET_ANY) && !(ask->flags & BUCKET_ANY) ? ERR_INVALID : ERR_OK;
}

/* ---- what moves -------------------------------------------------------------------------- */

/* A further older one must not share names with another key. */
static bool is_versionable(const struct engine_ask *ask)
{
    return view_index(ask->key.name, 0) == SIZE_MAX;
}

static void move_down(struct engine_plan *p, const struct engine_info *itself)
{
    p->move = MOVE_DOWN;
    p->moved_seq = itself->seq;
    if (is_null(itself))
        p->pointer = POINTER_TO_MOVED;
}

/* Before a new latest one in a versioned bucket: nothing is lost. */
static void keep(struct engine_plan *p, const struct engine_found *latest)
{
    if (latest->at == FOUND_ITSELF)
        move_down(p, &latest->info);
}

/* Before a new null version: the one there is goes, a named latest one is kept. */
static enum err replace_null(
    const struct engine_peek *peek, const struct engine_found *latest, struct engine_plan *p)
{
    bool is;

    if (latest->at == FOUND_ITSELF && is_null(&latest->info)) {
        p->removes_itself = true;
        return ERR_OK;
    }
    keep(p, latest);
    TRY(is_there(peek->pointer(peek->ctx, &p->removes_seq), &is));
    if (is)
        p->pointer = POINTER_GOES;
    else
        p->removes_seq = 0;
    return ERR_OK;
}

/* p->found is the latest one, if there is one. */
static enum err
plan_new(const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *p)
{
    if (!is_versionable(ask))
        return ERR_INVALID;
    if (ask->bucket_flags & ENGINE_BUCKET_VERSIONED) {
        keep(p, &p->found);
        p->flags = ENGINE_VERSION_NAMED;
    } else {
        TRY(replace_null(peek, &p->found, p));
    }
    return ERR_OK;
}

static enum err
plan_marker(const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *p)
{
    TRY(plan_new(ask, peek, p));
    p->makes_marker = true;
    p->flags |= ENGINE_MARKER;
    if (is_null(&(struct engine_info){.flags = p->flags}))
        p->pointer = POINTER_TO_NEW;
    return ERR_OK;
}

/* The next older one becomes itself, unless it is a marker. Its predecessor had this seq. */
static enum err promote(const struct engine_peek *peek, uint64_t seq, struct engine_plan *p)
{
    struct engine_info next;
    bool is;

    TRY(is_there(peek->older(peek->ctx, seq, &next), &is));
    if (!is || (next.flags & ENGINE_MARKER))
        return ERR_OK;
    p->move = MOVE_UP;
    p->moved_seq = next.seq;
    p->removes_itself = false;
    if (is_null(&next))
        p->pointer = POINTER_GOES;
    return ERR_OK;
}

static enum err plan_removal_for_good(
    const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *p)
{
    const struct engine_found *f = &p->found;

    if (f->at == FOUND_NOTHING)
        return ERR_NOT_FOUND;
    if (f->at == FOUND_ITSELF) {
        p->removes_itself = true;
    } else {
        p->removes_seq = f->info.seq;
        if (is_null(&f->info))
            p->pointer = POINTER_GOES;
    }
    return f->is_latest && (ask->bucket_flags & BUCKET_ANY) ? promote(peek, f->info.seq, p)
                                                            : ERR_OK;
}

static enum err
plan_removal(const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *p)
{
    if ((ask->bucket_flags & BUCKET_ANY) && ask->version.kind == VERSION_LATEST)
        return plan_marker(ask, peek, p);
    return plan_removal_for_good(ask, peek, p);
}

static enum err plan_amendment(const struct engine_ask *ask, struct engine_plan *p)
{
    if (p->found.at == FOUND_NOTHING)
        return ERR_NOT_FOUND;
    p->flags = ask->has_flags ? ask->flags : p->found.info.flags;
    return ERR_OK;
}

static enum err
plan_put(const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *p)
{
    p->flags = ask->flags;
    if (ask->bucket_flags & BUCKET_ANY)
        TRY(plan_new(ask, peek, p));
    p->removes_itself = false; /* the new one takes its place */
    return ERR_OK;
}

enum err engine_versions_plan(
    const struct engine_ask *ask, const struct engine_peek *peek, struct engine_plan *plan_out)
{
    struct engine_plan *p = plan_out;
    unsigned flags = ask->bucket_flags;

    assert(ask->key.space == SPACE_OBJECT || !(flags & BUCKET_ANY));
    *p = (struct engine_plan){.move = MOVE_NOTHING};
    if (ask->what != ASK_PUT || ask->condition->kind != IF_ANY || ask->condition->rev != 0 ||
        (flags & BUCKET_ANY) || ask->key.space == SPACE_BUCKET)
        TRY(engine_versions_find(peek, flags, ask->version, &p->found));
    TRY(check_found(ask, &p->found));
    TRY(check_bucket(ask, &p->found));
    switch (ask->what) {
    case ASK_PUT:
        return plan_put(ask, peek, p);
    case ASK_REMOVE:
        return plan_removal(ask, peek, p);
    case ASK_AMEND:
        return plan_amendment(ask, p);
    }
    return ERR_INVALID;
}

/* ---- names ------------------------------------------------------------------------------- */

void engine_versions_name_put(struct buf *b, struct view key, uint64_t seq)
{
    buf_put(b, key);
    buf_put_byte(b, 0);
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_put_byte(b, (uint8_t)(~seq >> shift));
}

enum err engine_versions_name_get(struct view name, struct view *key_out, uint64_t *seq_out)
{
    uint64_t inverse = 0;

    if (name.len < VERSIONS_SUFFIX_BYTES || name.at[name.len - VERSIONS_SUFFIX_BYTES] != 0)
        return ERR_CORRUPT;
    *key_out = view_upto(name, name.len - VERSIONS_SUFFIX_BYTES);
    for (size_t i = name.len - 8; i < name.len; i++)
        inverse = inverse << 8 | name.at[i];
    *seq_out = ~inverse;
    return ERR_OK;
}

void engine_versions_pointer_put(uint8_t at[VERSIONS_POINTER_BYTES], uint64_t seq)
{
    struct buf b = buf_over(at, VERSIONS_POINTER_BYTES);

    buf_put_le64(&b, seq);
}

enum err engine_versions_pointer_get(struct view meta, uint64_t *seq_out)
{
    if (meta.len != VERSIONS_POINTER_BYTES || view_take_le64(&meta, seq_out))
        return ERR_CORRUPT;
    return ERR_OK;
}
