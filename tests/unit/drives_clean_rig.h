/*
 * What a cleaner's test looks at besides what callers see: the accounts of the segments, compared
 * with what the index says. Include after drives_rig.h.
 */
#ifndef PENSTOCK_TESTS_DRIVES_CLEAN_RIG_H
#define PENSTOCK_TESTS_DRIVES_CLEAN_RIG_H

#include "engine/drives/drives_clean_impl.h"

/* Bytes alive by segment, as the tree's entries have them. */
RIG void rig_count_live(struct drives *D, int64_t *live)
{
    struct drives_tree_reader *r = &D->shards[0].keys.reader;
    struct drives_tree_cursor c = {.reader = r};
    enum err e;

    assert_int_equal(drives_tree_begin(r), ERR_OK);
    for (e = drives_tree_seek(&c, view_of("", 1)); !e; e = drives_tree_next(&c)) {
        struct drives_entry entry;
        struct drives_layout l;
        struct drives_usage u;

        assert_int_equal(drives_format_entry_get(c.entry, &entry), ERR_OK);
        assert_int_equal(drives_layout_get(entry.layout, &l), ERR_OK);
        for (uint32_t i = 0; drives_layout_usage(&l, i, &u); i++)
            live[u.segment] += (int64_t)u.bytes;
    }
    drives_tree_end(r);
    assert_int_equal(e, ERR_NOT_FOUND);
}

/* Directly after an open: nothing is staged, the tree has everything. */
RIG bool rig_accounts_are_exact(void)
{
    struct drives *D = drives_of(rig.E);
    int64_t *live = calloc(SEGMENTS_MAX, sizeof *live);
    bool is_exact = true;

    rig_count_live(D, live);
    for (uint32_t id = 0; id < SEGMENTS_MAX; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (s ? s->live != live[id] || s->staged != 0 || s->pins != 0 : live[id] != 0) {
            print_error(
                "segment %u: %lld by the index, %lld by its account, %lld staged, %lld pins\n", id,
                (long long)live[id], s ? (long long)s->live : -1, s ? (long long)s->staged : -1,
                s ? (long long)s->pins : -1);
            is_exact = false;
        }
    }
    free(live);
    return is_exact;
}

#endif
