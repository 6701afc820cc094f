#include "transport_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop_help.h"
#include "mem/arena.h"

static const struct suite_kind *suite;

static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 65537, CHUNK_BYTES_MAX};

uint8_t suite_byte(uint64_t seed, uint64_t i)
{
    return (uint8_t)((i * 31 + (i >> 8) * 17 + seed * 101) ^ 0x5a);
}

void suite_fill(uint8_t *at, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        at[i] = suite_byte(seed, i);
}

struct suite_stand *suite_open(const struct suite_kind *kind)
{
    struct suite_stand *s = kind->new (); /* before the reactor: it may fork */

    s->kind = kind;
    loop_open(RING_EPOLL);
    suite_fill(s->memory, SUITE_BYTES, 1);
    return s;
}

static void stop(struct suite_stand *s)
{
    struct op op;

    op_init(&op, loop_nothing);
    transport_stop(s->transport, &op);
    s->transport = NULL;
    assert_int_equal(loop_wait(&op), ERR_OK);
}

void suite_close(struct suite_stand *s)
{
    if (s->transport)
        stop(s);
    loop_close();
    s->kind->free(s);
}

void suite_window(struct suite_window *w, struct view token, enum window_direction d)
{
    memset(&w->window, 0, sizeof(w->window));
    assert_true(token.len <= sizeof(w->text));
    memmove(w->text, token.at, token.len);
    op_init(&w->window.op, loop_nothing);
    w->window.token = view_of(w->text, token.len);
    w->window.user = VIEW("AKUSER");
    w->window.direction = d;
    w->window.deadline_ns = clock_ns() + 60 * UINT64_C(1000000000);
}

enum err suite_window_try(struct suite_stand *s, struct suite_window *w)
{
    transport_open_window(s->transport, &w->window);
    assert_false(op_is_idle(&w->window.op)); /* never inline */
    return loop_wait(&w->window.op);
}

enum err suite_window_open(
    struct suite_stand *s, struct suite_window *w, uint64_t off, uint64_t len,
    enum window_direction d)
{
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
    struct buf b = buf_over(text, sizeof(text));

    s->kind->token(s, off, len, d, &b);
    assert_false(b.overflow);
    suite_window(w, buf_view(&b), d);
    return suite_window_try(s, w);
}

enum err suite_window_close(struct suite_window *w)
{
    transport_close_window(&w->window);
    assert_false(op_is_idle(&w->window.op));
    return loop_wait(&w->window.op);
}

void suite_start(struct transfer *t, struct suite_window *w, uint64_t off, void *at, size_t len)
{
    *t = (struct transfer){.window = &w->window, .window_off = off, .at = at, .len = len};
    op_init(&t->op, loop_nothing);
    if (w->window.direction == WINDOW_WRITE)
        transport_write(t);
    else
        transport_read(t);
    assert_false(op_is_idle(&t->op)); /* never inline */
}

enum err suite_move(struct suite_window *w, uint64_t off, void *at, size_t len)
{
    struct transfer t;

    suite_start(&t, w, off, at, len);
    return loop_wait(&t.op);
}

/* What transfers use: memory of the arena, where the transport has one registered. One at a time.
 */
static uint8_t *arena_of(const struct suite_stand *s, size_t bytes)
{
    assert_true(bytes <= SUITE_ARENA_BYTES);
    return s->arena ? s->arena : malloc(bytes);
}

static void arena_back(const struct suite_stand *s, uint8_t *data)
{
    if (!s->arena)
        free(data);
}

/* The client's memory is the pattern of suite_open, but for [off, off + len). */
static void assert_untouched_but(const struct suite_stand *s, uint64_t off, uint64_t len)
{
    for (uint64_t i = 0; i < SUITE_BYTES; i++) {
        if (i == off)
            i += len;
        if (i < SUITE_BYTES && s->memory[i] != suite_byte(1, i))
            fail_msg("byte %llu changed", (unsigned long long)i);
    }
}

/* --- the cases --- */

static void writes_of_every_size_arrive_and_touch_nothing_else(void **state)
{
    struct suite_stand *s = *state;
    uint8_t *data = arena_of(s, CHUNK_BYTES_MAX);

    suite_fill(data, CHUNK_BYTES_MAX, 2);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct suite_window w;
        uint64_t off = 4096 * (i + 1) - i;

        assert_int_equal(suite_window_open(s, &w, off, sizes[i], WINDOW_WRITE), ERR_OK);
        assert_true(w.window.bytes == sizes[i]);
        assert_int_equal(suite_move(&w, 0, data, sizes[i]), ERR_OK);
        assert_int_equal(suite_window_close(&w), ERR_OK);
        assert_memory_equal(s->memory + off, data, sizes[i]);
        assert_untouched_but(s, off, sizes[i]);
        for (size_t j = 0; j < sizes[i]; j++)
            s->memory[off + j] = suite_byte(1, off + j);
    }
    arena_back(s, data);
}

static void reads_of_every_size_arrive_and_touch_nothing_else(void **state)
{
    struct suite_stand *s = *state;
    uint8_t *data = arena_of(s, CHUNK_BYTES_MAX + 64);

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct suite_window w;
        uint64_t off = 4096 * (i + 1) + i;

        memset(data, 0xee, CHUNK_BYTES_MAX + 64);
        assert_int_equal(suite_window_open(s, &w, off, sizes[i], WINDOW_READ), ERR_OK);
        assert_null(w.window.map);
        assert_int_equal(suite_move(&w, 0, data + 32, sizes[i]), ERR_OK);
        assert_int_equal(suite_window_close(&w), ERR_OK);
        assert_memory_equal(data + 32, s->memory + off, sizes[i]);
        for (size_t j = 0; j < 32; j++)
            assert_true(data[j] == 0xee && data[32 + sizes[i] + j] == 0xee);
    }
    assert_untouched_but(s, SUITE_BYTES, 0);
    arena_back(s, data);
}

/* Cuts [0, len) into pieces of drawn sizes, all in flight at once. */
static unsigned
start_pieces(struct suite_window *w, struct transfer *t, unsigned max, uint8_t *data, size_t len)
{
    unsigned count = 0;

    for (size_t off = 0; off < len; count++) {
        size_t piece = 1 + (size_t)rand() % (len / 16);

        piece = count + 1 == max ? len - off : MIN(piece, len - off);
        suite_start(&t[count], w, off, data + off, piece);
        off += piece;
    }
    return count;
}

static void many_pieces_in_flight_make_up_the_window(void **state)
{
    struct suite_stand *s = *state;
    uint8_t *data = arena_of(s, CHUNK_BYTES_MAX);
    struct transfer t[64];

    srand(7);
    suite_fill(data, CHUNK_BYTES_MAX, 3);
    for (int round = 0; round < 8; round++) {
        enum window_direction d = round % 2 ? WINDOW_READ : WINDOW_WRITE;
        uint64_t off = (uint64_t)rand() % (SUITE_BYTES - CHUNK_BYTES_MAX);
        struct suite_window w;

        if (d == WINDOW_READ)
            memset(data, 0, CHUNK_BYTES_MAX);
        assert_int_equal(suite_window_open(s, &w, off, CHUNK_BYTES_MAX, d), ERR_OK);
        unsigned count = start_pieces(&w, t, ARRAY_COUNT(t), data, CHUNK_BYTES_MAX);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(loop_wait(&t[i].op), ERR_OK);
        assert_int_equal(suite_window_close(&w), ERR_OK);
        assert_memory_equal(s->memory + off, data, CHUNK_BYTES_MAX);
    }
    arena_back(s, data);
}

static void a_transfer_outside_its_window_is_denied(void **state)
{
    static const struct {
        uint64_t off;
        size_t len;
    } outside[] = {{0, 101}, {100, 1}, {99, 2}, {1, 100}, {UINT64_MAX, 1}, {UINT64_MAX - 4, 10}};
    struct suite_stand *s = *state;
    struct suite_window w;
    uint8_t data[128] = {0};

    assert_int_equal(suite_window_open(s, &w, 5000, 100, WINDOW_WRITE), ERR_OK);
    for (size_t i = 0; i < ARRAY_COUNT(outside); i++)
        assert_int_equal(suite_move(&w, outside[i].off, data, outside[i].len), ERR_DENIED);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_untouched_but(s, SUITE_BYTES, 0);
}

static void a_window_outside_the_memory_is_denied(void **state)
{
    struct suite_stand *s = *state;
    struct suite_window w;

    assert_int_equal(suite_window_open(s, &w, 1, SUITE_BYTES, WINDOW_WRITE), ERR_DENIED);
    assert_int_equal(suite_window_open(s, &w, SUITE_BYTES, 1, WINDOW_WRITE), ERR_DENIED);
    assert_int_equal(suite_window_open(s, &w, UINT64_MAX, 2, WINDOW_WRITE), ERR_DENIED);
    assert_int_equal(suite_window_open(s, &w, 2, UINT64_MAX, WINDOW_READ), ERR_DENIED);
    assert_int_equal(suite_window_open(s, &w, 0, SUITE_BYTES, WINDOW_WRITE), ERR_OK);
    assert_int_equal(suite_window_close(&w), ERR_OK);
}

static void an_empty_window_opens_and_moves_nothing(void **state)
{
    struct suite_stand *s = *state;
    struct suite_window w;
    uint8_t byte = 0;

    assert_int_equal(suite_window_open(s, &w, 4096, 0, WINDOW_WRITE), ERR_OK);
    assert_true(w.window.bytes == 0);
    assert_int_equal(suite_move(&w, 0, &byte, 1), ERR_DENIED);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_untouched_but(s, SUITE_BYTES, 0);
}

static void tokens_are_told_apart_by_shape(void **state)
{
    struct suite_stand *s = *state;
    struct transport_set set = {.list = {s->transport}, .count = 1};
    enum token_shape shape;
    struct suite_window w;
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
    struct buf b = buf_over(text, sizeof(text));

    s->kind->token(s, 0, 1, WINDOW_WRITE, &b);
    assert_ptr_equal(transport_pick(&set, buf_view(&b), &shape), s->transport);
    assert_int_equal(shape, TOKEN_MINE);
    assert_null(transport_pick(&set, s->kind->foreign, &shape));
    assert_int_equal(shape, TOKEN_FOREIGN);
    assert_null(transport_pick(&set, VIEW_EMPTY, &shape));
    assert_int_equal(shape, TOKEN_FOREIGN);
    assert_null(transport_pick(&set, s->kind->broken, &shape));
    assert_int_equal(shape, TOKEN_BROKEN);
    assert_null(transport_pick(&set, view_upto(buf_view(&b), b.len - 1), &shape));
    assert_int_equal(shape, TOKEN_BROKEN);
    suite_window(&w, s->kind->broken, WINDOW_WRITE);
    assert_int_equal(suite_window_try(s, &w), ERR_MALFORMED);
}

static void after_the_deadline_nothing_moves(void **state)
{
    struct suite_stand *s = *state;
    struct suite_window w;
    uint8_t data[100] = {0};

    assert_int_equal(suite_window_open(s, &w, 5000, 100, WINDOW_WRITE), ERR_OK);
    w.window.deadline_ns = clock_ns();
    assert_int_equal(suite_move(&w, 0, data, 100), ERR_TIMEOUT);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_untouched_but(s, SUITE_BYTES, 0);
}

static unsigned advanced;

static void count_advance(struct op *op)
{
    (void)op;
    advanced++;
}

/* The close's advance runs behind those of all transfers, and then the memory is quiet. */
static void a_close_waits_for_what_is_in_flight(void **state)
{
    struct suite_stand *s = *state;
    uint8_t *data = arena_of(s, SUITE_BYTES), *seen = malloc(SUITE_BYTES);
    struct transfer t[4];
    struct suite_window w;

    suite_fill(data, SUITE_BYTES, 4);
    assert_int_equal(suite_window_open(s, &w, 0, SUITE_BYTES, WINDOW_WRITE), ERR_OK);
    advanced = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        suite_start(&t[i], &w, i * CHUNK_BYTES_MAX, data + i * CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
        t[i].op.advance = count_advance;
    }
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_int_equal(advanced, ARRAY_COUNT(t));
    memcpy(seen, s->memory, SUITE_BYTES);
    loop_turns(50);
    assert_memory_equal(seen, s->memory, SUITE_BYTES);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        if (t[i].op.err == ERR_OK)
            assert_memory_equal(
                s->memory + i * CHUNK_BYTES_MAX, data + i * CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
    }
    arena_back(s, data);
    free(seen);
}

static void a_stop_waits_for_open_windows_and_takes_no_new_ones(void **state)
{
    struct suite_stand *s = *state;
    struct suite_window w, second;
    struct op op;
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
    struct buf b = buf_over(text, sizeof(text));

    s->kind->token(s, 0, 100, WINDOW_WRITE, &b);
    assert_int_equal(suite_window_open(s, &w, 0, 100, WINDOW_WRITE), ERR_OK);
    op_init(&op, loop_nothing);
    transport_stop(s->transport, &op);
    suite_window(&second, buf_view(&b), WINDOW_WRITE);
    assert_int_not_equal(suite_window_try(s, &second), ERR_OK);
    loop_turns(20);
    assert_false(op_is_idle(&op));
    transport_close_window(&w.window);
    assert_int_equal(loop_wait(&op), ERR_OK);
    assert_true(op_is_idle(&w.window.op));
    s->transport = NULL;
}

static void windows_by_the_dozen_keep_to_themselves(void **state)
{
    enum { COUNT = 64, EACH = SUITE_BYTES / COUNT };
    struct suite_stand *s = *state;
    struct suite_window *w = calloc(COUNT, sizeof(*w));
    struct transfer *t = calloc(COUNT, sizeof(*t));
    uint8_t *data = arena_of(s, SUITE_BYTES);

    suite_fill(data, SUITE_BYTES, 5);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(suite_window_open(s, &w[i], i * EACH, EACH, WINDOW_WRITE), ERR_OK);
    for (unsigned i = 0; i < COUNT; i += 2) /* every other one */
        suite_start(&t[i], &w[i], 0, data + i * EACH, EACH);
    for (unsigned i = 0; i < COUNT; i += 2)
        assert_int_equal(loop_wait(&t[i].op), ERR_OK);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(suite_window_close(&w[i]), ERR_OK);
    for (uint64_t i = 0; i < SUITE_BYTES; i++) {
        uint8_t want = i / EACH % 2 ? suite_byte(1, i) : data[i];

        if (s->memory[i] != want)
            fail_msg("byte %llu is not as it should be", (unsigned long long)i);
    }
    arena_back(s, data);
    free(t);
    free(w);
}

static int setup(void **state)
{
    *state = suite_open(suite);
    return 0;
}

static int teardown(void **state)
{
    suite_close(*state);
    return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int transport_suite_run(const struct suite_kind *kind)
{
    const struct CMUnitTest cases[] = {
        CASE(writes_of_every_size_arrive_and_touch_nothing_else),
        CASE(reads_of_every_size_arrive_and_touch_nothing_else),
        CASE(many_pieces_in_flight_make_up_the_window),
        CASE(a_transfer_outside_its_window_is_denied),
        CASE(a_window_outside_the_memory_is_denied),
        CASE(an_empty_window_opens_and_moves_nothing),
        CASE(tokens_are_told_apart_by_shape),
        CASE(after_the_deadline_nothing_moves),
        CASE(a_close_waits_for_what_is_in_flight),
        CASE(a_stop_waits_for_open_windows_and_takes_no_new_ones),
        CASE(windows_by_the_dozen_keep_to_themselves),
    };

    suite = kind;
    return cmocka_run_group_tests_name(kind->name, cases, NULL, NULL);
}
