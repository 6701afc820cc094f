/* The bytes of the drives engine: what is written is read back, what is damaged is refused. */
#include "engine/drives/drives_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/drives/drives_layout.h"

static const uint8_t store_id[DRIVES_STORE_ID_BYTES] = "0123456789abcde";

static void any_changed_byte_of_a_superblock_is_seen(void **state)
{
    struct drives_super s = {.created_ms = 12345, .drive = 0, .drive_count = 1}, got;
    uint8_t block[DRIVES_HEAD_BYTES];

    (void)state;
    memcpy(s.store_id, store_id, sizeof store_id);
    drives_format_super_put(&s, block);
    assert_int_equal(drives_format_super_get(block, &got), ERR_OK);
    assert_memory_equal(got.store_id, store_id, sizeof store_id);
    assert_int_equal(got.created_ms, 12345);
    for (size_t i = 0; i < 512; i++) {
        block[i] ^= 0x10;
        assert_int_not_equal(drives_format_super_get(block, &got), ERR_OK);
        block[i] ^= 0x10;
    }
}

static void any_changed_byte_of_a_segment_head_is_seen(void **state)
{
    struct drives_segment_head h = {
        .kind = SEGMENT_LOG,
        .state = HEAD_OPENED,
        .segment = 7,
        .generation = 3,
        .stream = 2,
        .first_group = 1234567890123,
        .bytes = 1 << 26,
    };
    struct drives_segment_head got;
    uint8_t block[DRIVES_HEAD_BYTES];

    (void)state;
    drives_format_head_put(&h, block);
    assert_int_equal(drives_format_head_get(block, &got), ERR_OK);
    assert_int_equal(got.kind, SEGMENT_LOG);
    assert_int_equal(got.state, HEAD_OPENED);
    assert_int_equal(got.segment, 7);
    assert_int_equal(got.generation, 3);
    assert_int_equal(got.stream, 2);
    assert_int_equal(got.first_group, 1234567890123);
    assert_int_equal(got.bytes, 1 << 26);
    for (size_t i = 0; i < 512; i++) {
        block[i] ^= 1;
        assert_int_not_equal(drives_format_head_get(block, &got), ERR_OK);
        block[i] ^= 1;
    }
}

static void any_changed_byte_of_a_group_head_is_seen(void **state)
{
    struct drives_group_head g = {
        .stream = 1,
        .epoch = 2,
        .group = 3,
        .segment = 4,
        .generation = 5,
        .offset = 8192,
        .bytes = 1000,
        .records = 6,
        .crc = 0xdeadbeef,
    };
    struct drives_group_head got;
    uint8_t at[DRIVES_GROUP_HEAD_BYTES];

    (void)state;
    memcpy(g.store_id, store_id, sizeof store_id);
    drives_format_group_put(&g, at);
    assert_int_equal(drives_format_group_get(at, &got), ERR_OK);
    assert_memory_equal(&got, &g, sizeof g);
    for (size_t i = 0; i < sizeof at; i++) {
        at[i] ^= 0x80;
        assert_int_not_equal(drives_format_group_get(at, &got), ERR_OK);
        at[i] ^= 0x80;
    }
}

/* A put with every field; returns its length. */
static size_t make_record(uint8_t *at, size_t cap)
{
    uint8_t entry_bytes[512];
    struct buf b = buf_over(at, cap), entry = buf_over(entry_bytes, sizeof entry_bytes);
    struct drives_entry e = {
        .seq = 9,
        .mtime_ms = -5,
        .size = 3,
        .crc64 = 77,
        .home_segment = 1,
        .home_bytes = 2,
        .home_offset = 3,
        .etag = VIEW("etag"),
        .meta = VIEW("meta!"),
    };

    drives_format_entry_put(&entry, &e);
    drives_format_field_put(&entry, FIELD_LAYOUT, VIEW("layout"));
    drives_format_entry_seal(entry.at, entry.len);
    b.len = DRIVES_RECORD_HEAD_BYTES;
    drives_format_field_put(&b, FIELD_KEY, VIEW("\2bucket\0name"));
    drives_format_field_put(&b, FIELD_REMOVE, VIEW("\3bucket\0other"));
    drives_format_field_put(&b, FIELD_PAYLOAD, VIEW("abc"));
    drives_format_field_put(&b, FIELD_ENTRY, buf_view(&entry));
    assert_false(b.overflow);
    drives_format_record_head(at, b.len, RECORD_PUT, 9);
    return b.len;
}

static void a_record_is_read_back_whole(void **state)
{
    uint8_t at[1024];
    struct view rest = view_of(at, make_record(at, sizeof at));
    struct drives_record r;
    struct drives_entry e;

    (void)state;
    assert_int_equal(drives_format_record_take(&rest, &r), ERR_OK);
    assert_int_equal(rest.len, 0);
    assert_int_equal(r.type, RECORD_PUT);
    assert_int_equal(r.seq, 9);
    assert_true(view_eq(r.key, VIEW("\2bucket\0name")));
    assert_true(view_eq(drives_format_key_name(r.key), VIEW("name")));
    assert_true(view_eq(r.payload, VIEW("abc")));
    assert_int_equal(drives_format_entry_get(r.entry, &e), ERR_OK);
    assert_int_equal(e.seq, 9);
    assert_int_equal(e.mtime_ms, -5);
    assert_int_equal(e.size, 3);
    assert_int_equal(e.crc64, 77);
    assert_true(view_eq(e.etag, VIEW("etag")));
    assert_true(view_eq(e.meta, VIEW("meta!")));
    assert_true(view_eq(e.layout, VIEW("layout")));
}

static void records_cut_short_or_mangled_are_refused_or_read_inside_their_bytes(void **state)
{
    uint8_t whole[1024], at[1024];
    size_t len = make_record(whole, sizeof whole);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1); /* a read behind the end is the sanitizer's */
        struct view rest = view_of(exact, cut);
        struct drives_record r;

        memcpy(exact, whole, cut);
        assert_int_not_equal(drives_format_record_take(&rest, &r), ERR_OK);
        free(exact);
    }
    for (size_t i = 0; i < len; i++) {
        for (int value = 0; value < 256; value += 51) {
            struct view rest = view_of(at, len);
            struct drives_record r;
            struct drives_entry e;

            memcpy(at, whole, len);
            at[i] = (uint8_t)value;
            if (drives_format_record_take(&rest, &r))
                continue;
            assert_true(r.key.at >= at && r.key.at + r.key.len <= at + len);
            if (r.entry.at && !drives_format_entry_get(r.entry, &e))
                assert_true(e.etag.len <= len && e.meta.len <= len);
        }
    }
}

static void an_unknown_critical_field_is_refused_and_another_is_skipped(void **state)
{
    uint8_t at[1024];
    size_t len = make_record(at, sizeof at);
    struct view rest;
    struct drives_record r;

    (void)state;
    /* The tag of the payload field: behind the head, the key and the further key. */
    size_t field = DRIVES_RECORD_HEAD_BYTES + drives_field_bytes(12) + drives_field_bytes(13);
    assert_int_equal(at[field], FIELD_PAYLOAD);
    at[field] = 200;
    rest = view_of(at, len);
    assert_int_equal(drives_format_record_take(&rest, &r), ERR_OK);
    assert_null(r.payload.at);
    at[field + 2] = FIELD_CRITICAL;
    rest = view_of(at, len);
    assert_int_equal(drives_format_record_take(&rest, &r), ERR_UNSUPPORTED);
}

/* An entry as stores have it that were written before there were flags and revisions. */
static void an_entry_without_rev_has_its_seq_and_no_flags(void **state)
{
    uint8_t at[DRIVES_ENTRY_HEAD_BYTES];
    struct buf b = buf_over(at, sizeof at);
    struct drives_entry e = {.seq = 9, .size = 3}, got;

    (void)state;
    drives_format_entry_put(&b, &e);
    drives_format_entry_seal(at, sizeof at);
    assert_int_equal(at[0], 1);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(at[i], 0);
    for (unsigned i = 56; i < 64; i++)
        assert_int_equal(at[i], 0);
    assert_int_equal(drives_format_entry_get(buf_view(&b), &got), ERR_OK);
    assert_int_equal(got.rev, 9);
    assert_int_equal(got.flags, 0);
    /* What stood in the free bytes meant nothing. */
    at[2] = ENGINE_MARKER;
    drives_format_entry_seal(at, sizeof at);
    assert_int_equal(drives_format_entry_get(buf_view(&b), &got), ERR_OK);
    assert_int_equal(got.flags, 0);
}

static void an_entry_with_flags_is_of_a_version_that_older_readers_refuse(void **state)
{
    uint8_t at[DRIVES_ENTRY_HEAD_BYTES];
    struct buf b = buf_over(at, sizeof at);
    struct drives_entry got;
    struct drives_entry e = {.seq = 9, .rev = 12, .flags = ENGINE_MARKER | ENGINE_VERSION_NAMED};

    (void)state;
    drives_format_entry_put(&b, &e);
    drives_format_entry_seal(at, sizeof at);
    assert_int_equal(at[0], 2);
    assert_int_equal(drives_format_entry_get(buf_view(&b), &got), ERR_OK);
    assert_int_equal(got.seq, 9);
    assert_int_equal(got.rev, 12);
    assert_int_equal(got.flags, e.flags);
    at[0] = 3;
    drives_format_entry_seal(at, sizeof at);
    assert_int_equal(drives_format_entry_get(buf_view(&b), &got), ERR_UNSUPPORTED);
}

/* A removal that moves two entries. */
static size_t make_moves(uint8_t *at, size_t cap)
{
    struct buf b = buf_over(at, cap);

    b.len = DRIVES_RECORD_HEAD_BYTES;
    drives_format_field_put(&b, FIELD_KEY, VIEW("\2bucket\0name"));
    drives_format_further_put(&b, VIEW("\6bucket\0one"), VIEW("entry 1"));
    drives_format_field_put(&b, FIELD_REMOVE, VIEW("\3bucket\0other"));
    drives_format_further_put(&b, VIEW("\7bucket\0two"), VIEW("entry 2"));
    assert_false(b.overflow);
    drives_format_record_head(at, b.len, RECORD_REMOVE, 9);
    return b.len;
}

static void further_keys_are_read_back_in_order(void **state)
{
    uint8_t at[1024];
    struct view rest = view_of(at, make_moves(at, sizeof at)), key, entry;
    struct drives_record r;

    (void)state;
    assert_int_equal(drives_format_record_take(&rest, &r), ERR_OK);
    rest = r.fields;
    assert_int_equal(drives_format_further_take(&rest, &key, &entry), ERR_OK);
    assert_true(view_eq(key, VIEW("\6bucket\0one")));
    assert_true(view_eq(entry, VIEW("entry 1")));
    assert_int_equal(drives_format_further_take(&rest, &key, &entry), ERR_OK);
    assert_true(view_eq(key, VIEW("\7bucket\0two")));
    assert_true(view_eq(entry, VIEW("entry 2")));
    assert_int_equal(drives_format_further_take(&rest, &key, &entry), ERR_NOT_FOUND);
}

static void a_further_key_without_its_entry_is_refused(void **state)
{
    uint8_t whole[1024], at[1024];
    size_t len = make_moves(whole, sizeof whole);
    size_t first = DRIVES_RECORD_HEAD_BYTES + drives_field_bytes(12);
    size_t entry = first + drives_field_bytes(11);
    struct drives_record r;
    struct view rest;

    (void)state;
    assert_int_equal(whole[first], FIELD_FURTHER_KEY);
    assert_int_equal(whole[first + 2], FIELD_CRITICAL);
    assert_int_equal(whole[entry], FIELD_FURTHER_ENTRY);
    assert_int_equal(whole[entry + 2], FIELD_CRITICAL);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(at, whole, len);
        at[i ? entry : first] = FIELD_REMOVE;
        rest = view_of(at, len);
        assert_int_equal(drives_format_record_take(&rest, &r), ERR_CORRUPT);
    }
    memcpy(at, whole, len);
    at[first + 4] =
        1; /* a key of one byte: its entry is not where it should be, or the key no key */
    rest = view_of(at, len);
    assert_int_not_equal(drives_format_record_take(&rest, &r), ERR_OK);
}

/* ---- layouts ----------------------------------------------------------------------------- */

static void fill_extents(struct drives_extent *x, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        x[i] = (struct drives_extent){
            .offset = 4096 * (i + 1),
            .segment = i % 3,
            .len = 1000 + i * 70000 % (1 << 20),
            .crc64 = i,
            .crc = {i, i + 1},
        };
}

static void every_byte_is_found_in_its_extent(void **state)
{
    enum { COUNT = 33 };
    static struct drives_extent x[COUNT];
    static uint8_t at[COUNT * LAYOUT_EXTENT_BYTES_MAX + LAYOUT_HEAD_BYTES];
    struct buf b = buf_over(at, sizeof at);
    struct drives_layout l;
    uint64_t start = 0;

    (void)state;
    fill_extents(x, COUNT);
    drives_layout_put_extents(&b, x, COUNT);
    assert_false(b.overflow);
    assert_int_equal(b.len, drives_layout_extents_bytes(x, COUNT));
    assert_int_equal(drives_layout_get(buf_view(&b), &l), ERR_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct drives_extent got;

        drives_layout_extent(&l, i, &got);
        assert_int_equal(got.len, x[i].len);
        assert_int_equal(got.offset, x[i].offset);
        assert_int_equal(got.crc[1], drives_extent_crcs(x[i].len) > 1 ? x[i].crc[1] : 0);
        assert_int_equal(drives_layout_start(&l, i), start);
        assert_int_equal(drives_layout_find(&l, start), i);
        start += x[i].len;
        assert_int_equal(drives_layout_find(&l, start - 1), i);
    }
    assert_int_equal(drives_layout_end(&l), start);
}

static void layouts_that_do_not_add_up_are_refused(void **state)
{
    static struct drives_extent x[3];
    uint8_t whole[1024], at[1024];
    struct buf b = buf_over(whole, sizeof whole);
    struct drives_layout l;

    (void)state;
    fill_extents(x, 3);
    drives_layout_put_extents(&b, x, 3);
    for (size_t cut = 1; cut < b.len; cut++)
        assert_int_equal(drives_layout_get(view_of(whole, cut), &l), ERR_CORRUPT);
    for (size_t i = 0; i < 16 + 8; i++) { /* kind, stride, counts, the first end */
        if (i == 1 || i >= 12)
            continue; /* not looked at */
        memcpy(at, whole, b.len);
        at[i] ^= 0x41;
        assert_int_equal(drives_layout_get(view_of(at, b.len), &l), ERR_CORRUPT);
    }
    memcpy(at, whole, b.len);
    at[16] ^= 1; /* the first end is not its length */
    assert_int_equal(drives_layout_get(view_of(at, b.len), &l), ERR_CORRUPT);
}

static void maps_and_their_usage_are_read_back(void **state)
{
    struct drives_map m[2] = {{100, 4096, 5, 60, 1}, {300, 8192, 6, 70, 2}}, got;
    struct drives_usage u[3] = {{5, 160}, {6, 70}, {9, 100}}, line;
    uint8_t at[256];
    struct buf b = buf_over(at, sizeof at);
    struct drives_layout l;

    (void)state;
    drives_layout_put_maps(&b, m, 2, u, 3);
    assert_int_equal(b.len, drives_layout_maps_bytes(2, 3));
    assert_int_equal(drives_layout_get(buf_view(&b), &l), ERR_OK);
    assert_int_equal(drives_layout_find(&l, 99), 0);
    assert_int_equal(drives_layout_find(&l, 100), 1);
    drives_layout_map(&l, 1, &got);
    assert_int_equal(got.offset, 8192);
    assert_int_equal(got.crc, 2);
    assert_true(drives_layout_usage(&l, 2, &line));
    assert_int_equal(line.segment, 9);
    assert_int_equal(line.bytes, 100);
    assert_false(drives_layout_usage(&l, 3, &line));
}

static void a_changed_bit_fails_the_check_of_its_block_only(void **state)
{
    enum { LEN = 200000 };
    uint8_t *bytes = calloc(1, LEN);
    struct drives_extent x = {0};

    (void)state;
    bytes[5] = 1;
    drives_layout_sum(&x, bytes, LEN);
    assert_int_equal(drives_extent_crcs(LEN), 4);
    assert_true(drives_layout_check(&x, bytes, 0, 4));
    bytes[70000] ^= 4;
    assert_true(drives_layout_check(&x, bytes, 0, 1));
    assert_false(drives_layout_check(&x, bytes + 65536, 1, 1));
    assert_true(drives_layout_check(&x, bytes + 131072, 2, 2));
    bytes[70000] ^= 4;
    bytes[LEN - 1] ^= 1;
    assert_false(drives_layout_check(&x, bytes, 0, 4));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_changed_byte_of_a_superblock_is_seen),
        cmocka_unit_test(any_changed_byte_of_a_segment_head_is_seen),
        cmocka_unit_test(any_changed_byte_of_a_group_head_is_seen),
        cmocka_unit_test(a_record_is_read_back_whole),
        cmocka_unit_test(records_cut_short_or_mangled_are_refused_or_read_inside_their_bytes),
        cmocka_unit_test(an_unknown_critical_field_is_refused_and_another_is_skipped),
        cmocka_unit_test(an_entry_without_rev_has_its_seq_and_no_flags),
        cmocka_unit_test(an_entry_with_flags_is_of_a_version_that_older_readers_refuse),
        cmocka_unit_test(further_keys_are_read_back_in_order),
        cmocka_unit_test(a_further_key_without_its_entry_is_refused),
        cmocka_unit_test(every_byte_is_found_in_its_extent),
        cmocka_unit_test(layouts_that_do_not_add_up_are_refused),
        cmocka_unit_test(maps_and_their_usage_are_read_back),
        cmocka_unit_test(a_changed_bit_fails_the_check_of_its_block_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
