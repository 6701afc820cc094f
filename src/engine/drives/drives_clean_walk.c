/*
 * The walk over the tree, on a helper thread: it may fault pages in. Entries only memtables have
 * are not seen; what they point at is young, or was seen under its older key.
 */
#include "engine/drives/drives_clean_impl.h"

/* As drives_record.c writes it: head, key, entry with its fields. */
uint64_t drives_clean_record_bytes(const struct drives_entry *e, size_t key_len)
{
    return DRIVES_RECORD_HEAD_BYTES + drives_field_bytes(key_len) + DRIVES_FIELD_HEAD_BYTES +
           DRIVES_ENTRY_HEAD_BYTES + drives_field_bytes(e->etag.len) +
           drives_field_bytes(e->meta.len) + drives_field_bytes(e->layout.len);
}

/* What moving it would place: with the record in a log, whole blocks in a data segment. */
static void
count(struct drives_clean *c, const struct drives_entry *e, size_t key_len, struct drives_usage u)
{
    struct drives *D = c->drives;
    bool is_log = false;
    uint64_t room;

    (void)pthread_mutex_lock(&D->segments.lock);
    if (u.segment < c->counted_segments && D->segments.at[u.segment])
        is_log = D->segments.at[u.segment]->kind == SEGMENT_LOG;
    (void)pthread_mutex_unlock(&D->segments.lock);
    if (u.segment >= c->counted_segments)
        return;
    room = is_log ? u.bytes + DRIVES_FIELD_HEAD_BYTES + drives_clean_record_bytes(e, key_len)
                  : drives_align(u.bytes);
    c->counted[2 * (size_t)u.segment] += u.bytes;
    c->counted[2 * (size_t)u.segment + 1] += room;
}

static void find(struct drives_clean *c, struct view key, const struct drives_layout *l)
{
    struct clean_found *f = &c->found[c->found_count];
    struct drives_usage u;
    uint64_t most = 0;

    for (uint32_t i = 0; drives_layout_usage(l, i, &u); i++)
        if (drives_clean_is_victim(c, u.segment))
            most = MAX(most, u.bytes);
    if (most == 0)
        return;
    f->need = l->kind == LAYOUT_MAPS ? 2 * CHUNK_BYTES_MAX : drives_align(most) + 4096;
    f->key_len = key.len;
    memcpy(f->key, key.at, key.len);
    c->found_count++;
}

/* A damaged entry is whoever reads it to report. */
static void look(struct drives_clean *c, const struct drives_tree_cursor *at)
{
    struct drives_entry e;
    struct drives_layout l;
    struct drives_usage u;

    if (drives_format_entry_get(at->entry, &e) || drives_layout_get(e.layout, &l))
        return;
    if (c->is_pass) {
        find(c, at->key, &l);
        return;
    }
    for (uint32_t i = 0; drives_layout_usage(&l, i, &u); i++)
        count(c, &e, at->key.len, u);
}

static enum err walk(struct drives_clean *c)
{
    struct drives_tree_cursor at = {.reader = &c->reader};
    enum err e = drives_tree_seek(&at, view_of(c->at, c->at_len));

    for (unsigned steps = 0; !e; steps++) {
        if (steps == CLEAN_WALK_STEPS || c->found_count == CLEAN_FOUND_MAX) {
            c->at_len = at.key.len;
            memcpy(c->at, at.key.at, at.key.len);
            return ERR_OK;
        }
        look(c, &at);
        e = drives_tree_next(&at);
    }
    c->is_walked = true;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err drives_clean_walk(struct drives_clean *c)
{
    enum err e;

    c->found_count = c->found_next = 0;
    TRY(drives_tree_begin(&c->reader));
    e = walk(c);
    drives_tree_end(&c->reader);
    return e;
}
