/*
 * Transport `local` and clients in processes of their own that die, pull memory away, or stall in
 * the middle of a transfer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "direct/local/local_guard.h"
#include "local_help.h"
#include "loop_help.h"
#include "mem/arena.h"
#include "transport_suite.h"

enum { BYTES = 4 << 20 };

struct stand {
    struct suite_stand suite;
    struct local_help server;
    struct local_child child, honest;
    uint8_t *data;
};

static struct stand *open_stand(bool is_range)
{
    struct stand *s = calloc(1, sizeof(*s));

    local_child_new(&s->child, BYTES);
    local_child_new(&s->honest, BYTES);
    loop_open(RING_EPOLL);
    local_help_start(&s->server, NULL);
    s->suite.transport = s->server.transport;
    assert_int_equal(local_child_connect(&s->child, s->server.path, is_range), ERR_OK);
    assert_int_equal(local_child_connect(&s->honest, s->server.path, true), ERR_OK);
    s->data = malloc(CHUNK_BYTES_MAX);
    suite_fill(s->data, CHUNK_BYTES_MAX, 9);
    return s;
}

static void
window_of(struct stand *s, struct local_child *c, struct suite_window *w, enum window_direction d)
{
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
    struct buf b = buf_over(text, sizeof(text));

    local_child_token(c, &(struct local_child_token){0, BYTES, d == WINDOW_WRITE}, &b);
    suite_window(w, buf_view(&b), d);
    w->window.user = c == &s->child ? VIEW("AKBAD") : VIEW("AKGOOD");
    assert_int_equal(suite_window_try(&s->suite, w), ERR_OK);
}

static void assert_alive(struct stand *s)
{
    struct suite_window w;

    window_of(s, &s->honest, &w, WINDOW_WRITE);
    memset(s->honest.memory, 0, CHUNK_BYTES_MAX);
    assert_int_equal(suite_move(&w, 0, s->data, CHUNK_BYTES_MAX), ERR_OK);
    assert_memory_equal(s->honest.memory, s->data, CHUNK_BYTES_MAX);
    assert_int_equal(suite_window_close(&w), ERR_OK);
}

static void close_stand(struct stand *s)
{
    assert_alive(s);
    local_child_free(&s->child);
    local_child_free(&s->honest);
    local_help_stop(&s->server);
    loop_close();
    free(s->data);
    free(s);
}

static void killed_in_the_middle(bool is_range, enum window_direction d)
{
    struct stand *s = open_stand(is_range);
    struct suite_window w;
    enum err e;

    window_of(s, &s->child, &w, d);
    assert_int_equal(suite_move(&w, 0, s->data, CHUNK_BYTES_MAX), ERR_OK);
    local_child_kill(&s->child);
    /* Until the socket's end is noticed a memfd still works: it is mapped here. */
    do
        e = suite_move(&w, CHUNK_BYTES_MAX, s->data, CHUNK_BYTES_MAX);
    while (e == ERR_OK && !is_range);
    assert_int_equal(e, ERR_CLOSED);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    local_help_sessions(&s->server, 1);
    suite_fill(s->data, CHUNK_BYTES_MAX, 9);
    close_stand(s);
}

static void a_client_killed_in_the_middle_ends_its_transfers(void **state)
{
    (void)state;
    killed_in_the_middle(false, WINDOW_WRITE);
    killed_in_the_middle(false, WINDOW_READ);
    killed_in_the_middle(true, WINDOW_WRITE);
    killed_in_the_middle(true, WINDOW_READ);
}

/* In flight when the client dies; whatever each one says, all end, and then the window closes. */
static void a_client_killed_with_transfers_in_flight_ends_them_all(void **state)
{
    struct stand *s = open_stand(true);
    struct transfer t[16];
    struct suite_window w;

    (void)state;
    window_of(s, &s->child, &w, WINDOW_WRITE);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        suite_start(&t[i], &w, i % 4 * CHUNK_BYTES_MAX, s->data, CHUNK_BYTES_MAX);
    local_child_kill(&s->child);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++) {
        enum err e = loop_wait(&t[i].op);
        assert_true(e == ERR_OK || e == ERR_CLOSED || e == ERR_IO);
    }
    assert_int_equal(suite_window_close(&w), ERR_OK);
    close_stand(s);
}

static void a_window_outlives_its_client_but_not_for_long(void **state)
{
    struct stand *s = open_stand(false);
    struct suite_window w;
    struct local_stats stats;

    (void)state;
    window_of(s, &s->child, &w, WINDOW_WRITE);
    local_child_kill(&s->child);
    usleep(20 * 1000);
    local_stats(s->server.transport, &stats);
    assert_true(stats.mapped_bytes == BYTES && stats.windows_open == 1);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    local_help_sessions(&s->server, 1);
    local_stats(s->server.transport, &stats);
    assert_true(stats.mapped_bytes == 0 && stats.regions == 1);
    close_stand(s);
}

static void memory_pulled_away_is_an_error_of_the_transfer(void **state)
{
    struct stand *s = open_stand(true);
    struct suite_window w;
    uint64_t hole = 512 * 1024;

    (void)state;
    window_of(s, &s->child, &w, WINDOW_WRITE);
    assert_int_equal(suite_move(&w, 0, s->data, CHUNK_BYTES_MAX), ERR_OK);
    local_child_unmap(&s->child, hole, 4096);
    assert_int_equal(suite_move(&w, 0, s->data, CHUNK_BYTES_MAX), ERR_IO);
    assert_int_equal(suite_move(&w, 0, s->data, hole), ERR_OK);
    assert_int_equal(suite_move(&w, hole - 1, s->data, 2), ERR_IO);
    assert_int_equal(suite_move(&w, hole + 4096, s->data, 4096), ERR_OK);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    window_of(s, &s->child, &w, WINDOW_READ);
    assert_int_equal(suite_move(&w, 0, s->data, CHUNK_BYTES_MAX), ERR_IO);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    close_stand(s);
}

static void memory_that_may_only_be_read_is_not_written(void **state)
{
    struct stand *s = open_stand(true);
    struct suite_window w;

    (void)state;
    memset(s->child.memory, 0x11, 8192);
    local_child_protect(&s->child, 4096, 4096);
    window_of(s, &s->child, &w, WINDOW_WRITE);
    assert_int_equal(suite_move(&w, 4096, s->data, 4096), ERR_IO);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    for (unsigned i = 4096; i < 8192; i++)
        assert_int_equal(s->child.memory[i], 0x11);
    close_stand(s);
}

/*
 * The client's pages never come. The transfers end at the deadline, or when the window closes, and
 * their arena memory is free; the close waits for the kernel to get out, which the client's death
 * makes it do; meanwhile others are served.
 */
static void stalls(bool until_deadline)
{
    struct stand *s = open_stand(true);
    struct transfer running, queued;
    struct suite_window w;
    enum err want = until_deadline ? ERR_TIMEOUT : ERR_CANCELLED;

    if (!local_child_stall(&s->child, 0, CHUNK_BYTES_MAX)) {
        close_stand(s);
        print_message("no userfaultfd here\n");
        skip();
    }
    window_of(s, &s->child, &w, WINDOW_WRITE);
    if (until_deadline)
        w.window.deadline_ns = clock_ns() + 200 * UINT64_C(1000000);
    suite_start(&running, &w, 0, s->data, CHUNK_BYTES_MAX);
    suite_start(&queued, &w, CHUNK_BYTES_MAX, s->data, CHUNK_BYTES_MAX);
    usleep(20 * 1000);
    loop_turns(20);
    assert_false(op_is_idle(&running.op) || op_is_idle(&queued.op));
    if (!until_deadline)
        transport_close_window(&w.window);
    assert_int_equal(loop_wait(&running.op), want);
    assert_int_equal(loop_wait(&queued.op), want);
    if (until_deadline)
        transport_close_window(&w.window);
    assert_alive(s);
    assert_false(op_is_idle(&w.window.op));
    local_child_kill(&s->child);
    assert_int_equal(loop_wait(&w.window.op), ERR_OK);
    close_stand(s);
}

static void a_client_that_stalls_stalls_itself(void **state)
{
    (void)state;
    stalls(false);
    stalls(true);
}

static void unregister_is_a_fence_for_ranges_too(void **state)
{
    struct stand *s = open_stand(true);
    struct transfer t[8];
    struct suite_window w;

    (void)state;
    window_of(s, &s->child, &w, WINDOW_WRITE);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        suite_start(&t[i], &w, i % 4 * CHUNK_BYTES_MAX, s->data, CHUNK_BYTES_MAX);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_int_equal(local_child_unregister(&s->child), ERR_OK);
    close_stand(s);
}

/* --- the guard --- */

static struct sigaction guard_action;

/* cmocka sets its own handler before every test; ours is installed once. */
static void guard_note(void)
{
    static uint8_t bytes[1];
    struct local_guard g = {.at = bytes, .bytes = sizeof(bytes)};

    local_guard_add(&g);
    local_guard_remove(&g);
    sigaction(SIGBUS, NULL, &guard_action);
}

/* Without the seal the file can be cut under a mapping: SIGBUS, which the guard takes. */
static void a_missing_page_breaks_the_mapping_and_not_the_process(void **state)
{
    enum { LEN = 64 * 1024 };
    struct local_guard cut = {.bytes = LEN}, whole = {.bytes = LEN};
    int fd = memfd_create("test", MFD_CLOEXEC), other = memfd_create("test", MFD_CLOEXEC);
    uint8_t data[100];
    struct sigaction before;

    (void)state;
    sigaction(SIGBUS, &guard_action, &before);
    memset(data, 0xcd, sizeof(data));
    assert_int_equal(ftruncate(fd, LEN), 0);
    assert_int_equal(ftruncate(other, LEN), 0);
    cut.at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    whole.at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    assert_true(cut.at != MAP_FAILED && whole.at != MAP_FAILED);
    local_guard_add(&cut);
    local_guard_add(&whole);
    memcpy(cut.at + 4096, data, sizeof(data));
    assert_false(atomic_load(&cut.is_broken));
    assert_int_equal(ftruncate(fd, 0), 0);
    memcpy(cut.at + 4096, data, sizeof(data)); /* SIGBUS */
    assert_true(atomic_load(&cut.is_broken));
    assert_memory_equal(cut.at + 4096, data, sizeof(data));
    memcpy(whole.at, data, sizeof(data));
    assert_false(atomic_load(&whole.is_broken));
    local_guard_remove(&cut);
    local_guard_remove(&whole);
    munmap(cut.at, LEN);
    munmap(whole.at, LEN);
    close(fd);
    close(other);
    sigaction(SIGBUS, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_client_killed_in_the_middle_ends_its_transfers),
        cmocka_unit_test(a_client_killed_with_transfers_in_flight_ends_them_all),
        cmocka_unit_test(a_window_outlives_its_client_but_not_for_long),
        cmocka_unit_test(memory_pulled_away_is_an_error_of_the_transfer),
        cmocka_unit_test(memory_that_may_only_be_read_is_not_written),
        cmocka_unit_test(a_client_that_stalls_stalls_itself),
        cmocka_unit_test(unregister_is_a_fence_for_ranges_too),
        cmocka_unit_test(a_missing_page_breaks_the_mapping_and_not_the_process),
    };

    guard_note();
    return cmocka_run_group_tests(cases, NULL, NULL);
}
