#include "engine/drives/drives_tree.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/digest.h"

/* How a key lies in LMDB. */
struct tree_key {
    MDB_val val;
    uint8_t bytes[TREE_LONG_BYTES];
    bool is_long;
    struct view rest; /* of a long key: what goes in front of the value; may be empty */
};

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

static MDB_val val_of(struct view v)
{
    return (MDB_val){v.len, (void *)(uintptr_t)v.at};
}

static struct view view_val(MDB_val v)
{
    return view_of(v.mv_data, v.mv_size);
}

static void tree_key_make(struct view key, struct tree_key *k)
{
    uint8_t hash[32];

    k->is_long = key.len > TREE_SHORT_MAX;
    if (!k->is_long) {
        k->val = val_of(key);
        return;
    }
    digest_sha256(key, hash);
    memcpy(k->bytes, key.at, TREE_PREFIX_BYTES);
    memcpy(k->bytes + TREE_PREFIX_BYTES, hash, TREE_LONG_BYTES - TREE_PREFIX_BYTES);
    k->val = (MDB_val){TREE_LONG_BYTES, k->bytes};
    k->rest = view_from(key, TREE_PREFIX_BYTES);
}

/* The value of a long key: the rest of the key as le16 length and bytes, then the entry. */
static enum err split_long(struct view value, struct view *rest_out, struct view *entry_out)
{
    uint16_t len;

    if (view_take_le16(&value, &len) || view_take(&value, len, rest_out))
        return ERR_CORRUPT;
    if (TREE_PREFIX_BYTES + rest_out->len > DRIVES_KEY_BYTES_MAX)
        return ERR_CORRUPT;
    *entry_out = value;
    return ERR_OK;
}

static enum err
get_in(const struct drives_tree *t, MDB_txn *txn, struct view key, struct view *entry_out)
{
    struct tree_key k;
    struct view rest;
    MDB_val value;

    tree_key_make(key, &k);
    TRY(drives_tree_err(mdb_get(txn, t->index, &k.val, &value)));
    if (!k.is_long) {
        *entry_out = view_val(value);
        return ERR_OK;
    }
    TRY(split_long(view_val(value), &rest, entry_out));
    return view_eq(rest, k.rest) ? ERR_OK : ERR_CORRUPT;
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
    code = mdb_cursor_open(r->txn, t->index, &r->cursor);
    mdb_txn_reset(r->txn);
    return drives_tree_err(code);
}

void drives_tree_reader_close(struct drives_tree_reader *r)
{
    if (r->cursor)
        mdb_cursor_close(r->cursor);
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
    code = mdb_cursor_renew(r->txn, r->cursor);
    if (code) {
        mdb_txn_reset(r->txn);
        return drives_tree_err(code);
    }
    r->is_open = true;
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
    return get_in(r->tree, r->txn, key, entry_out);
}

/* The smallest member of the family at the cursor that is >= least; the cursor moves behind the
 * family. ERR_NOT_FOUND: all are smaller. val is where the cursor is, on return as well. */
static enum err family_least(
    struct drives_tree_cursor *c, struct view least, MDB_val *key, MDB_val *value, int *code)
{
    uint8_t prefix[TREE_PREFIX_BYTES];
    struct view best = VIEW_EMPTY;
    bool is_same;

    memcpy(prefix, key->mv_data, sizeof prefix);
    is_same = least.len >= sizeof prefix && memcmp(least.at, prefix, sizeof prefix) == 0;
    least = is_same ? view_from(least, sizeof prefix) : VIEW_EMPTY;
    while (*code == 0 && key->mv_size == TREE_LONG_BYTES &&
           memcmp(key->mv_data, prefix, sizeof prefix) == 0) {
        struct view rest, entry;

        TRY(split_long(view_val(*value), &rest, &entry));
        if (view_compare(rest, least) >= 0 && (!best.at || view_compare(rest, best) < 0)) {
            best = rest;
            c->entry = entry;
        }
        *code = mdb_cursor_get(c->reader->cursor, key, value, MDB_NEXT);
    }
    if (!best.at)
        return ERR_NOT_FOUND;
    memcpy(c->long_key, prefix, sizeof prefix);
    memcpy(c->long_key + sizeof prefix, best.at, best.len);
    c->key = view_of(c->long_key, sizeof prefix + best.len);
    c->is_long = true;
    return ERR_OK;
}

/* What LMDB's cursor found, as a key of ours that is >= least. */
static enum err
settle(struct drives_tree_cursor *c, struct view least, MDB_val key, MDB_val value, int code)
{
    while (code == 0 && key.mv_size > TREE_SHORT_MAX) {
        enum err e = family_least(c, least, &key, &value, &code);

        if (e != ERR_NOT_FOUND)
            return e;
    }
    TRY(drives_tree_err(code));
    c->key = view_val(key);
    c->entry = view_val(value);
    c->is_long = false;
    return ERR_OK;
}

enum err drives_tree_seek(struct drives_tree_cursor *c, struct view key)
{
    /* All members of a family sort behind their bare prefix. */
    MDB_val k = val_of(view_upto(key, TREE_PREFIX_BYTES)), value;
    int code = mdb_cursor_get(c->reader->cursor, &k, &value, MDB_SET_RANGE);

    assert(c->reader->is_open);
    return settle(c, key, k, value, code);
}

enum err drives_tree_next(struct drives_tree_cursor *c)
{
    MDB_val k, value;
    int code;

    if (c->is_long) {
        size_t len = c->key.len;

        memcpy(c->next_key, c->key.at, len);
        c->next_key[len] = 0;
        return drives_tree_seek(c, view_of(c->next_key, len + 1));
    }
    code = mdb_cursor_get(c->reader->cursor, &k, &value, MDB_NEXT);
    return settle(c, VIEW_EMPTY, k, value, code);
}

/* ---- writing ----------------------------------------------------------------------------- */

enum err drives_batch_begin(struct drives_tree *t, struct drives_batch *b)
{
    *b = (struct drives_batch){.tree = t};
    return drives_tree_err(mdb_txn_begin(t->env, NULL, 0, &b->txn));
}

enum err drives_batch_commit(struct drives_batch *b)
{
    MDB_txn *txn = b->txn;

    b->txn = NULL;
    return drives_tree_err(mdb_txn_commit(txn));
}

void drives_batch_abort(struct drives_batch *b)
{
    if (b->txn)
        mdb_txn_abort(b->txn);
    b->txn = NULL;
}

enum err drives_batch_get(struct drives_batch *b, struct view key, struct view *old_out)
{
    return get_in(b->tree, b->txn, key, old_out);
}

enum err drives_batch_put(struct drives_batch *b, struct view key, struct view entry)
{
    struct tree_key k;
    MDB_val value = {entry.len, NULL};
    struct buf to;

    tree_key_make(key, &k);
    if (k.is_long)
        value.mv_size += 2 + k.rest.len;
    TRY(drives_tree_err(mdb_put(b->txn, b->tree->index, &k.val, &value, MDB_RESERVE)));
    to = buf_over(value.mv_data, value.mv_size);
    if (k.is_long) {
        buf_put_le16(&to, (uint16_t)k.rest.len);
        buf_put(&to, k.rest);
    }
    buf_put(&to, entry);
    assert(!to.overflow && to.len == value.mv_size);
    return ERR_OK;
}

enum err drives_batch_remove(struct drives_batch *b, struct view key)
{
    struct tree_key k;

    tree_key_make(key, &k);
    return drives_tree_err(mdb_del(b->txn, b->tree->index, &k.val, NULL));
}

enum err drives_batch_state(struct drives_batch *b, struct view key, struct view *value_out)
{
    MDB_val k = val_of(key), value;

    TRY(drives_tree_err(mdb_get(b->txn, b->tree->state, &k, &value)));
    *value_out = view_val(value);
    return ERR_OK;
}

enum err drives_batch_set_state(struct drives_batch *b, struct view key, struct view value)
{
    MDB_val k = val_of(key), v = val_of(value);

    return drives_tree_err(mdb_put(b->txn, b->tree->state, &k, &v, 0));
}

enum err
drives_batch_states(struct drives_batch *b, struct view prefix, drives_state_fn *fn, void *ctx)
{
    MDB_val k = val_of(prefix), v;
    MDB_cursor *cursor;
    enum err e = drives_tree_err(mdb_cursor_open(b->txn, b->tree->state, &cursor));
    int code;

    if (e)
        return e;
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (!e && code == 0 && view_starts(view_val(k), prefix)) {
        e = fn(ctx, view_val(k), view_val(v));
        code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (!e && code != 0 && code != MDB_NOTFOUND)
        e = drives_tree_err(code);
    return e;
}
