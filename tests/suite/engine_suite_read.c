/* Payloads: sizes, ranges, both forms of read; several operations in flight. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

static const size_t sizes[] = {
    0,     1,     511,           512,     4095,          4096,    4097,      32767,         32768,
    32769, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 19, (2 << 20), (5 << 20) + 3,
};

void payloads_of_all_sizes_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint8_t *bytes = stand_bytes(sizes[i], i);

        assert_int_equal(stand_put(stand_key("a"), view_of(bytes, sizes[i]), "e"), ERR_OK);
        stand_holds(stand_key("a"), view_of(bytes, sizes[i]), "e");
        free(bytes);
    }
}

void a_size_hint_may_be_wrong(void **state)
{
    static const size_t lens[] = {0, 10, 5000, (2 << 20) + 9};
    static const uint64_t hints[] = {1, 4096, 1 << 20, (uint64_t)1 << 30};
    uint8_t *bytes = stand_bytes((2 << 20) + 9, 15);

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lens) * ARRAY_COUNT(hints); i++) {
        size_t len = lens[i / ARRAY_COUNT(hints)];
        struct engine_put p;

        stand_put_init(&p, stand_key("a"), "e");
        p.size_hint = hints[i % ARRAY_COUNT(hints)];
        assert_int_equal(stand_write(&p, view_of(bytes, len)), ERR_OK);
        assert_int_equal(stand_commit(&p), ERR_OK);
        stand_holds(stand_key("a"), view_of(bytes, len), "e");
    }
    free(bytes);
}

static void range_holds(struct engine_object *o, const uint8_t *bytes, size_t off, size_t len)
{
    uint8_t *got = malloc(len + 2);

    /* Not a byte beside the range is touched. */
    got[0] = got[len + 1] = 0x5a;
    assert_int_equal(stand_read(o, off, len, got + 1), ERR_OK);
    assert_memory_equal(got + 1, bytes + off, len);
    assert_int_equal(stand_read_lent(o, off, len, got + 1), ERR_OK);
    assert_memory_equal(got + 1, bytes + off, len);
    assert_true(got[0] == 0x5a && got[len + 1] == 0x5a);
    free(got);
}

void ranges_come_back(void **state)
{
    static const size_t whole[] = {1, 3000, 70000, (3 << 20) + 5};
    uint64_t seed = 6;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(whole); i++) {
        uint8_t *bytes = stand_bytes(whole[i], i);
        struct engine_object *o;

        assert_int_equal(stand_put(stand_key("a"), view_of(bytes, whole[i]), "e"), ERR_OK);
        assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
        range_holds(o, bytes, 0, 1);
        range_holds(o, bytes, whole[i] - 1, 1);
        for (unsigned k = 0; k < 20; k++) {
            size_t off = (size_t)(stand_random(&seed) % whole[i]);
            size_t len = 1 + (size_t)(stand_random(&seed) % (whole[i] - off));

            range_holds(o, bytes, off, len);
        }
        engine_release(o);
        free(bytes);
    }
}

void reads_in_flight_together_come_back(void **state)
{
    enum { READS = 16, STEP = 100000, LEN = 123456 };
    size_t size = READS * STEP + LEN;
    uint8_t *bytes = stand_bytes(size, 7), *got = malloc(READS * LEN);
    struct engine_read reads[READS];
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_put(stand_key("a"), view_of(bytes, size), "e"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    for (size_t i = 0; i < READS; i++) {
        reads[i] = (struct engine_read){
            .object = o, .off = i * STEP, .len = LEN, .dst = got + i * LEN, .wants_crc64 = true};
        stand_arm(&reads[i].op);
        engine_read(&reads[i]);
    }
    stand_wait();
    for (size_t i = 0; i < READS; i++) {
        assert_int_equal(reads[i].op.err, ERR_OK);
        assert_int_equal(reads[i].got, LEN);
        assert_memory_equal(got + i * LEN, bytes + i * STEP, LEN);
        assert_true(reads[i].crc64 == crc64_nvme(0, bytes + i * STEP, LEN));
    }
    engine_release(o);
    free(bytes);
    free(got);
}

/* Fills a chunk of its own for each write and starts it. */
static void write_start(struct engine_put *p, struct engine_write *w, struct view bytes)
{
    *w = (struct engine_write){.put = p, .len = bytes.len};
    w->chunk = arena_try_take(stand.A, bytes.len);
    assert_non_null(w->chunk);
    memcpy(w->chunk->at, bytes.at, bytes.len);
    stand_arm(&w->op);
    engine_write(w);
}

void writes_in_flight_together_keep_their_order(void **state)
{
    enum { WRITES = 5, LAST = 777 };
    size_t size = (WRITES - 1) * CHUNK_BYTES_MAX + LAST;
    uint8_t *bytes = stand_bytes(size, 8);
    struct engine_write writes[WRITES];
    struct view rest = view_of(bytes, size);
    struct engine_put p;

    (void)state;
    stand_put_init(&p, stand_key("a"), "e");
    for (size_t i = 0; i < WRITES; i++, rest = view_from(rest, CHUNK_BYTES_MAX))
        write_start(&p, &writes[i], view_upto(rest, CHUNK_BYTES_MAX));
    stand_wait();
    for (size_t i = 0; i < WRITES; i++) {
        assert_int_equal(writes[i].op.err, ERR_OK);
        chunk_unref(writes[i].chunk);
    }
    assert_int_equal(stand_commit(&p), ERR_OK);
    stand_holds(stand_key("a"), view_of(bytes, size), "e");
    free(bytes);
}

void what_is_lent_does_not_change(void **state)
{
    uint8_t *old = stand_bytes(10000, 9), *new = stand_bytes(10000, 10);
    struct engine_read r = {.len = 10000};
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_put(stand_key("a"), view_of(old, 10000), "old"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    r.object = o;
    stand_arm(&r.op);
    engine_read(&r);
    stand_wait();
    assert_int_equal(r.op.err, ERR_OK);
    engine_release(o);
    assert_int_equal(stand_put(stand_key("a"), view_of(new, 10000), "new"), ERR_OK);
    stand_holds(stand_key("a"), view_of(new, 10000), "new");
    /* The chunk outlives the pin and the entry. */
    assert_memory_equal(r.lent.at, old, r.got);
    chunk_unref(r.chunk);
    free(old);
    free(new);
}

enum { COMMITS = 40 };

/* Puts with payloads of many sizes, all commits in flight at once. */
struct crowd {
    struct engine_put puts[COMMITS];
    char names[COMMITS][8];
    uint8_t *bytes;
};

static struct view crowd_bytes(const struct crowd *c, size_t i)
{
    return view_of(c->bytes + i, i * i * 53);
}

static void crowd_commit(struct crowd *c, const char *one_key)
{
    c->bytes = stand_bytes(COMMITS * COMMITS * 53, 16);
    for (size_t i = 0; i < COMMITS; i++) {
        (void)snprintf(c->names[i], sizeof c->names[i], "c%02zu", i);
        stand_put_init(&c->puts[i], stand_key(one_key ? one_key : c->names[i]), c->names[i]);
        assert_int_equal(stand_write(&c->puts[i], crowd_bytes(c, i)), ERR_OK);
    }
    for (size_t i = 0; i < COMMITS; i++) {
        stand_arm(&c->puts[i].op);
        engine_commit(&c->puts[i]);
    }
    stand_wait();
    for (size_t i = 0; i < COMMITS; i++)
        assert_int_equal(c->puts[i].op.err, ERR_OK);
}

void commits_in_flight_together_all_hold(void **state)
{
    static struct crowd c;

    (void)state;
    crowd_commit(&c, NULL);
    for (size_t i = 0; i < COMMITS; i++)
        stand_holds(stand_key(c.names[i]), crowd_bytes(&c, i), c.names[i]);
    free(c.bytes);
}

void of_overwrites_in_flight_together_the_highest_seq_stays(void **state)
{
    static struct crowd c;
    size_t last = 0;

    (void)state;
    crowd_commit(&c, "a");
    for (size_t i = 1; i < COMMITS; i++) {
        assert_true(c.puts[i].info.seq != c.puts[i - 1].info.seq);
        if (c.puts[i].info.seq > c.puts[last].info.seq)
            last = i;
    }
    stand_holds(stand_key("a"), crowd_bytes(&c, last), c.names[last]);
    free(c.bytes);
}
