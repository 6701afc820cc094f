#include "engine/drives/drives_tree.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crc32.h"

enum err drives_tree_err(int code)
{
    if (code == MDB_SUCCESS)
        return ERR_OK;
    if (code == MDB_NOTFOUND)
        return ERR_NOT_FOUND;
    if (code == MDB_MAP_FULL)
        return ERR_NO_SPACE;
    if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
        code == MDB_VERSION_MISMATCH)
        return ERR_CORRUPT;
    return code > 0 ? err_from_errno(code) : ERR_IO;
}

static struct view view_val(MDB_val v)
{
    return view_of(v.mv_data, v.mv_size);
}

/* A value: the CRC-32C of the whole key, then the entry, which has its own. */
static enum err value_get(struct view value, uint32_t *key_crc_out, struct view *entry_out)
{
    if (view_take_le32(&value, key_crc_out) || value.len == 0)
        return ERR_CORRUPT;
    *entry_out = value;
    return ERR_OK;
}

enum err
drives_tree_find(const struct drives_tree *t, MDB_txn *txn, struct view key, struct view *entry_out)
{
    struct drives_tree_key k;
    uint32_t crc;
    MDB_val value;

    drives_tree_key_make(key, drives_tree_key_depth(key), &k);
    TRY(drives_tree_err(mdb_get(txn, t->index, &k.val, &value)));
    TRY(value_get(view_val(value), &crc, entry_out));
    return crc == crc32_c(0, key.at, key.len) ? ERR_OK : ERR_CORRUPT;
}

/* ---- environment ------------------------------------------------------------------------- */

static int open_tables(struct drives_tree *t)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(t->env, NULL, 0, &txn);

    if (code)
        return code;
    code = mdb_dbi_open(txn, "index", MDB_CREATE, &t->index);
    if (!code)
        code = mdb_dbi_open(txn, "state", MDB_CREATE, &t->state);
    if (!code)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

enum err drives_tree_open(
    struct drives_tree *t, const char *path, uint64_t bytes_max, unsigned readers, struct buf *why)
{
    int code = mdb_env_create(&t->env);

    if (code)
        return ERR_NO_MEMORY;
    code = mdb_env_set_maxdbs(t->env, 4);
    if (!code)
        code = mdb_env_set_maxreaders(t->env, readers);
    if (!code)
        code = mdb_env_set_mapsize(t->env, bytes_max);
    if (!code)
        code = mdb_env_open(t->env, path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (!code)
        code = open_tables(t);
    if (!code)
        return ERR_OK;
    buf_printf(why, "cannot open the index %s: %s", path, mdb_strerror(code));
    drives_tree_close(t);
    return drives_tree_err(code);
}

void drives_tree_close(struct drives_tree *t)
{
    if (t->env)
        mdb_env_close(t->env);
    t->env = NULL;
}

void drives_tree_remove(int dir_fd, const char *name)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[64];

    for (unsigned i = 0; i < ARRAY_COUNT(files); i++) {
        (void)snprintf(path, sizeof path, "%.40s/%s", name, files[i]);
        (void)unlinkat(dir_fd, path, 0);
    }
    (void)unlinkat(dir_fd, name, AT_REMOVEDIR);
}

uint64_t drives_tree_entries(const struct drives_tree *t)
{
    MDB_txn *txn;
    MDB_stat stat;

    if (mdb_txn_begin(t->env, NULL, MDB_RDONLY, &txn))
        return 0;
    if (mdb_stat(txn, t->index, &stat))
        stat.ms_entries = 0;
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

/* ---- reading ----------------------------------------------------------------------------- */

enum err drives_tree_reader_open(struct drives_tree *t, struct drives_tree_reader *r)
{
    int code;

    *r = (struct drives_tree_reader){.tree = t};
    code = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &r->txn);
    if (code)
        return drives_tree_err(code);
    code = mdb_cursor_open(r->txn, t->index, &r->cursors[0]);
    if (!code)
        code = mdb_cursor_open(r->txn, t->index, &r->cursors[1]);
    mdb_txn_reset(r->txn);
    return drives_tree_err(code);
}

void drives_tree_reader_close(struct drives_tree_reader *r)
{
    for (unsigned i = 0; i < ARRAY_COUNT(r->cursors); i++)
        if (r->cursors[i])
            mdb_cursor_close(r->cursors[i]);
    if (r->txn)
        mdb_txn_abort(r->txn);
    *r = (struct drives_tree_reader){0};
}

enum err drives_tree_begin(struct drives_tree_reader *r)
{
    int code;

    assert(!r->is_open);
    code = mdb_txn_renew(r->txn);
    if (code)
        return drives_tree_err(code);
    code = mdb_cursor_renew(r->txn, r->cursors[0]);
    if (code) {
        mdb_txn_reset(r->txn);
        return drives_tree_err(code);
    }
    r->is_open = true;
    r->is_second_open = false;
    return ERR_OK;
}

void drives_tree_end(struct drives_tree_reader *r)
{
    assert(r->is_open);
    mdb_txn_reset(r->txn);
    r->is_open = false;
}

enum err drives_tree_get(struct drives_tree_reader *r, struct view key, struct view *entry_out)
{
    assert(r->is_open);
    return drives_tree_find(r->tree, r->txn, key, entry_out);
}

/* ---- the cursor -------------------------------------------------------------------------- */

static MDB_cursor *cursor_of(const struct drives_tree_cursor *c)
{
    return c->reader->cursors[c->is_second ? 1 : 0];
}

/* To the first at or behind the place of `key` at the cursor's depth; its family is ours now. */
static int position(struct drives_tree_cursor *c, struct view key, MDB_val *k, MDB_val *value)
{
    struct drives_tree_key at;
    int code;

    drives_tree_key_make(key, c->depth, &at);
    if (c->depth > 0)
        memcpy(c->stem, at.bytes, sizeof c->stem);
    *k = at.val;
    code = mdb_cursor_get(cursor_of(c), k, value, MDB_SET_RANGE);
    if (code) /* k is not ours to look at any more */
        *k = (MDB_val){0, NULL};
    return code;
}

/* What is behind the stem, or all of it outside of families. */
static bool is_in_family(const struct drives_tree_cursor *c, struct view key, struct view *piece)
{
    struct view stem = view_of(c->stem, sizeof c->stem);

    *piece = c->depth == 0 ? key : view_from(key, sizeof c->stem);
    return c->depth == 0 ? key.len > 0 && key.at[0] != TREE_STEM_TAG : view_starts(key, stem);
}

/* Through the door `piece`, to the first that is >= least. */
static int
enter(struct drives_tree_cursor *c, struct view piece, struct view least, MDB_val *k, MDB_val *v)
{
    struct view family = {c->path, drives_tree_key_used(c->depth + 1)};
    bool is_whole;
    int code;

    if (c->depth == TREE_DEPTH_MAX || piece.len > drives_tree_key_door(c->depth))
        return MDB_CORRUPTED;
    memcpy(c->path + drives_tree_key_used(c->depth++), piece.at, piece.len);
    is_whole = !view_starts(least, family);
    code = position(c, is_whole ? family : least, k, v);
    if (is_whole && (code == MDB_NOTFOUND || (!code && !is_in_family(c, view_val(*k), &piece))))
        return MDB_CORRUPTED; /* a door to nothing */
    return code;
}

/* Behind the door we came through. */
static int leave(struct drives_tree_cursor *c, MDB_val *k, MDB_val *v)
{
    struct view family = {c->path, drives_tree_key_used(c->depth--)}, piece;
    int code = position(c, family, k, v);

    if (code || !is_in_family(c, view_val(*k), &piece) ||
        piece.len < drives_tree_key_door(c->depth))
        return code ? code : MDB_CORRUPTED; /* it is gone */
    return mdb_cursor_get(cursor_of(c), k, v, MDB_NEXT);
}

static enum err take(struct drives_tree_cursor *c, struct view piece, MDB_val value)
{
    size_t used = drives_tree_key_used(c->depth);

    TRY(value_get(view_val(value), &c->key_crc, &c->entry));
    if (used + piece.len > DRIVES_KEY_BYTES_MAX)
        return ERR_CORRUPT;
    c->key = piece;
    if (c->depth == 0)
        return ERR_OK;
    if (piece.len > 0)
        memcpy(c->path + used, piece.at, piece.len);
    c->key = view_of(c->path, used + piece.len);
    return ERR_OK;
}

/* From where LMDB's cursor is to a key of ours that is >= least. Few rounds: a family has a member,
 * so only those that `least` itself would be in can be entered and left again. */
static enum err
settle(struct drives_tree_cursor *c, struct view least, int code, MDB_val key, MDB_val value)
{
    for (;;) {
        struct view piece;
        bool is_end = code == MDB_NOTFOUND;

        if (code && !is_end)
            return drives_tree_err(code);
        is_end = is_end || !is_in_family(c, view_val(key), &piece);
        if (is_end && c->depth == 0)
            return ERR_NOT_FOUND;
        if (is_end)
            code = leave(c, &key, &value);
        else if (piece.len < drives_tree_key_door(c->depth))
            return take(c, piece, value);
        else
            code = enter(c, piece, least, &key, &value);
    }
}

enum err drives_tree_seek(struct drives_tree_cursor *c, struct view key)
{
    MDB_val k, value;
    int code;

    assert(c->reader->is_open);
    if (c->is_second && !c->reader->is_second_open) {
        TRY(drives_tree_err(mdb_cursor_renew(c->reader->txn, cursor_of(c))));
        c->reader->is_second_open = true;
    }
    c->depth = 0;
    code = position(c, key, &k, &value);
    return settle(c, key, code, k, value);
}

enum err drives_tree_next(struct drives_tree_cursor *c)
{
    MDB_val k, value;
    int code = mdb_cursor_get(cursor_of(c), &k, &value, MDB_NEXT);

    return settle(c, VIEW_EMPTY, code, k, value);
}

enum err drives_tree_check(const struct drives_tree_cursor *c)
{
    return crc32_c(0, c->key.at, c->key.len) == c->key_crc ? ERR_OK : ERR_CORRUPT;
}
