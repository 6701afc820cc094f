/*
 * The contract of loop/ring.h, over every ring. The simulated ring draws its schedule from a seed:
 * PENSTOCK_SEED sets it, the first line of the output says which it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_help.h"
#include "loop_sim.h"

enum { DEPTH = 16, MANY = 400, PAIRS = 100, FILE_BYTES = 10000 };

/* A struct io that counts how often it ended. */
struct probe {
    struct io io;
    unsigned ended;
};

static void count_end(struct op *op)
{
    container_of(op, struct probe, io.op)->ended++;
}

static void probe_init(struct probe *p)
{
    *p = (struct probe){.ended = 0};
    op_init(&p->io.op, count_end);
}

/* How it ended: not before we let the loop turn, and once. */
static enum err end_of(struct probe *p)
{
    unsigned before = p->ended;
    assert_false(op_is_idle(&p->io.op));
    enum err e = loop_wait(&p->io.op);
    loop_turns(2);
    assert_int_equal(p->ended, before + 1);
    return e;
}

/* --- fixtures --- */

struct subject {
    bool is_simulated;
    enum ring_kind kind;
};

static uint64_t seed = 1;

static int open_loop(void **state)
{
    const struct subject *s = *state;

    if (s->is_simulated)
        loop_open_over(loop_sim_new(seed, 0));
    else
        loop_open_deep(s->kind, DEPTH);
    return 0;
}

static int close_loop(void **state)
{
    if (reactor_current()) /* not after a skip */
        loop_close();
    return 0;
}

static int temp_file(void)
{
    char path[] = "/tmp/ring_suite.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 256);
}

static int patterned_file(void)
{
    static uint8_t bytes[FILE_BYTES];
    int fd = temp_file();

    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = pattern(i);
    assert_int_equal(pwrite(fd, bytes, FILE_BYTES, 0), FILE_BYTES);
    return fd;
}

static void socket_pair(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

static void close_pair(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static int listener(struct sockaddr_in *addr_out)
{
    socklen_t len = sizeof *addr_out;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr_out =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)addr_out, sizeof *addr_out), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)addr_out, &len), 0);
    return fd;
}

static int tcp_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    return fd;
}

/* --- files --- */

static void read_gives_the_bytes_at_the_offset(void **state)
{
    uint8_t got[100];
    int fd = patterned_file();
    struct probe p;

    probe_init(&p);
    io_read(&p.io, fd, got, sizeof got, 4000);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, sizeof got);
    for (size_t i = 0; i < sizeof got; i++)
        assert_int_equal(got[i], pattern(4000 + i));
    close(fd);
}

static void read_at_the_end_is_short_then_zero(void **state)
{
    uint8_t got[100];
    int fd = patterned_file();
    struct probe p;

    probe_init(&p);
    io_read(&p.io, fd, got, sizeof got, FILE_BYTES - 40);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 40);
    io_read(&p.io, fd, got, sizeof got, FILE_BYTES);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 0);
    close(fd);
}

static void write_then_sync_then_read_back(void **state)
{
    char got[8] = {0};
    int fd = temp_file();
    struct probe p;

    probe_init(&p);
    io_write(&p.io, fd, "penstock", 8, 4096, 0);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 8);
    io_sync(&p.io, fd);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 0);
    assert_int_equal(pread(fd, got, 8, 4096), 8);
    assert_memory_equal(got, "penstock", 8);
    close(fd);
}

static void write_with_dsync_lands(void **state)
{
    char got[4] = {0};
    int fd = temp_file();
    struct probe p;

    probe_init(&p);
    io_write(&p.io, fd, "sure", 4, 0, IO_DSYNC);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 4);
    assert_int_equal(pread(fd, got, 4, 0), 4);
    assert_memory_equal(got, "sure", 4);
    close(fd);
}

static void file_errors_are_mapped(void **state)
{
    int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct probe p;

    probe_init(&p);
    io_write(&p.io, read_only, "x", 1, 0, 0);
    assert_int_equal(end_of(&p), ERR_SYSTEM);
    assert_int_equal(p.io.result, -EBADF);
    io_write(&p.io, full, "x", 1, 0, 0);
    assert_int_equal(end_of(&p), ERR_NO_SPACE);
    assert_int_equal(p.io.result, -ENOSPC);
    close(full);
    close(read_only);
}

static void more_reads_than_the_queue_holds_all_end(void **state)
{
    static struct probe p[MANY];
    static uint8_t got[MANY][16];
    int fd = patterned_file();

    for (size_t i = 0; i < MANY; i++) {
        probe_init(&p[i]);
        io_read(&p[i].io, fd, got[i], 16, i * 20);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(loop_wait(&p[i].io.op), ERR_OK);
        assert_int_equal(p[i].io.result, 16);
        assert_int_equal(got[i][15], pattern(i * 20 + 15));
        assert_int_equal(p[i].ended, 1);
    }
    close(fd);
}

static void memory_makes_reads_and_writes_no_different(void **state)
{
    struct ring *r = reactor_ring(reactor_current());
    size_t bytes = 1 << 20;
    uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *why = NULL;
    uint8_t outside[64];
    int fd = patterned_file();
    struct probe p;

    assert_ptr_not_equal(at, MAP_FAILED);
    if (r->ops->memory && r->ops->memory(r, at, bytes, &why))
        assert_non_null(why);
    probe_init(&p);
    io_read(&p.io, fd, at + bytes - 64, 64, 128); /* the very end of the registered memory */
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 64);
    assert_int_equal(at[bytes - 1], pattern(128 + 63));
    io_write(&p.io, fd, at + bytes - 64, 64, 0, IO_DSYNC);
    assert_int_equal(end_of(&p), ERR_OK);
    io_read(&p.io, fd, outside, 64, 0);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_memory_equal(outside, at + bytes - 64, 64);
    close(fd);
    loop_close(); /* the ring lets go of the memory first */
    munmap(at, bytes);
}

static void a_queued_file_operation_can_be_cancelled(void **state)
{
    static struct probe p[MANY];
    static uint8_t got[MANY][16];
    unsigned cancelled = 0;
    int fd = patterned_file();

    for (size_t i = 0; i < MANY; i++) {
        probe_init(&p[i]);
        io_read(&p[i].io, fd, got[i], 16, i);
    }
    for (size_t i = 0; i < MANY; i++)
        io_cancel(&p[i].io);
    for (size_t i = 0; i < MANY; i++) {
        enum err e = loop_wait(&p[i].io.op);
        assert_true(e == ERR_OK || e == ERR_CANCELLED);
        assert_int_equal(p[i].ended, 1);
        cancelled += e == ERR_CANCELLED;
    }
    if (((struct subject *)*state)->kind != RING_EPOLL) /* its threads may have been faster */
        assert_true(cancelled > 0);
    close(fd);
}

/* --- sockets --- */

static void accept_connect_send_and_recv(void **state)
{
    struct sockaddr_in addr;
    struct sockaddr_in *peer;
    struct probe accepting, connecting, sending, receiving;
    char got[16] = {0};
    int door = listener(&addr), client = tcp_socket();

    probe_init(&accepting);
    probe_init(&connecting);
    probe_init(&sending);
    probe_init(&receiving);
    io_accept(&accepting.io, door);
    loop_turns(2);
    assert_int_equal(accepting.ended, 0);
    io_connect(&connecting.io, client, (struct sockaddr *)&addr, sizeof addr);
    assert_int_equal(end_of(&connecting), ERR_OK);
    assert_int_equal(loop_wait(&accepting.io.op), ERR_OK);
    assert_int_equal(accepting.ended, 1);

    int served = accepting.io.result;
    assert_true(fcntl(served, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(served, F_GETFL) & O_NONBLOCK);
    peer = (struct sockaddr_in *)&accepting.io.addr;
    assert_int_equal(accepting.io.addr_len, sizeof *peer);
    assert_int_equal(peer->sin_addr.s_addr, htonl(INADDR_LOOPBACK));

    io_recv(&receiving.io, served, got, sizeof got);
    loop_turns(2);
    assert_int_equal(receiving.ended, 0);
    sending.io.iov[0] = (struct iovec){(void *)(uintptr_t) "pen", 3};
    sending.io.iov[1] = (struct iovec){(void *)(uintptr_t) "sto", 3};
    sending.io.iov[2] = (struct iovec){(void *)(uintptr_t) "ck", 2};
    io_send(&sending.io, client, 3);
    assert_int_equal(end_of(&sending), ERR_OK);
    assert_int_equal(sending.io.result, 8);
    assert_int_equal(loop_wait(&receiving.io.op), ERR_OK);
    assert_int_equal(receiving.io.result, 8);
    assert_memory_equal(got, "penstock", 8);

    io_close(&connecting.io, client);
    assert_int_equal(end_of(&connecting), ERR_OK);
    io_recv(&receiving.io, served, got, sizeof got);
    assert_int_equal(end_of(&receiving), ERR_OK);
    assert_int_equal(receiving.io.result, 0);
    close(served);
    close(door);
}

static void connect_to_nobody_is_refused(void **state)
{
    struct sockaddr_in addr;
    struct probe p;
    int door = listener(&addr), client = tcp_socket();

    close(door);
    probe_init(&p);
    io_connect(&p.io, client, (struct sockaddr *)&addr, sizeof addr);
    assert_int_not_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, -ECONNREFUSED);
    close(client);
}

static void data_that_is_there_already_is_received_later_not_inline(void **state)
{
    char got[4];
    int fd[2];
    struct probe p;

    socket_pair(fd);
    assert_int_equal(write(fd[1], "now", 3), 3);
    probe_init(&p);
    io_recv(&p.io, fd[0], got, sizeof got);
    assert_int_equal(p.ended, 0);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 3);
    close_pair(fd);
}

static void send_waits_for_room_and_may_be_short(void **state)
{
    static char big[4 << 20], got[1 << 16];
    int fd[2];
    struct probe p;
    size_t sent = 0, received = 0;

    socket_pair(fd);
    probe_init(&p);
    for (;;) { /* until one send has to wait */
        p.io.iov[0] = (struct iovec){big, sizeof big};
        io_send(&p.io, fd[0], 1);
        loop_turns(4);
        if (!op_is_idle(&p.io.op))
            break;
        assert_int_equal(p.io.op.err, ERR_OK);
        assert_true(p.io.result > 0);
        sent += (size_t)p.io.result;
    }
    while (!op_is_idle(&p.io.op)) {
        ssize_t n = read(fd[1], got, sizeof got);
        assert_true(n > 0 || errno == EAGAIN);
        received += n > 0 ? (size_t)n : 0;
        loop_turns(1);
    }
    assert_int_equal(p.io.op.err, ERR_OK);
    sent += (size_t)p.io.result;
    while (received < sent) {
        ssize_t n = read(fd[1], got, sizeof got);
        assert_true(n > 0);
        received += (size_t)n;
    }
    assert_int_equal(received, sent);
    close_pair(fd);
}

static void send_to_a_closed_peer_is_an_error_not_a_signal(void **state)
{
    int fd[2];
    struct probe p;

    socket_pair(fd);
    close(fd[1]);
    signal(SIGPIPE, SIG_DFL); /* would end this program */
    probe_init(&p);
    p.io.iov[0] = (struct iovec){(void *)(uintptr_t) "x", 1};
    p.io.iov[1] = (struct iovec){(void *)(uintptr_t) "y", 1};
    io_send(&p.io, fd[0], 1);
    assert_int_equal(end_of(&p), ERR_CLOSED);
    assert_int_equal(p.io.result, -EPIPE);
    io_send(&p.io, fd[0], 2);
    assert_int_equal(end_of(&p), ERR_CLOSED);
    close(fd[0]);
}

static void recv_and_send_may_wait_on_one_socket(void **state)
{
    static char big[4 << 20], drain[1 << 16];
    char got[4];
    int fd[2];
    struct probe sending, receiving;

    socket_pair(fd);
    probe_init(&sending);
    probe_init(&receiving);
    while (write(fd[0], big, sizeof big) > 0)
        continue;
    sending.io.iov[0] = (struct iovec){big, sizeof big};
    io_send(&sending.io, fd[0], 1);
    io_recv(&receiving.io, fd[0], got, sizeof got);
    loop_turns(3);
    assert_int_equal(sending.ended + receiving.ended, 0);
    assert_int_equal(write(fd[1], "hi", 2), 2);
    assert_int_equal(end_of(&receiving), ERR_OK);
    assert_int_equal(receiving.io.result, 2);
    assert_int_equal(sending.ended, 0);
    while (!op_is_idle(&sending.io.op)) {
        while (read(fd[1], drain, sizeof drain) > 0)
            continue;
        loop_turns(1);
    }
    assert_int_equal(sending.io.op.err, ERR_OK);
    close_pair(fd);
}

static void many_sockets_wait_at_once(void **state)
{
    static struct probe p[PAIRS];
    static char got[PAIRS];
    static int fd[PAIRS][2];

    for (size_t i = 0; i < PAIRS; i++) {
        socket_pair(fd[i]);
        probe_init(&p[i]);
        io_recv(&p[i].io, fd[i][0], &got[i], 1);
    }
    loop_turns(3);
    for (size_t i = PAIRS; i-- > 0;) {
        char c = (char)i;
        assert_int_equal(p[i].ended, 0);
        assert_int_equal(write(fd[i][1], &c, 1), 1);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        assert_int_equal(loop_wait(&p[i].io.op), ERR_OK);
        assert_int_equal(got[i], (char)i);
        assert_int_equal(p[i].ended, 1);
        close_pair(fd[i]);
    }
}

static void a_descriptor_closed_outside_and_reused_still_works(void **state)
{
    char got[4];
    struct probe p;

    probe_init(&p);
    for (unsigned round = 0; round < 3; round++) {
        int fd[2];
        socket_pair(fd);
        io_recv(&p.io, fd[0], got, sizeof got);
        loop_turns(2); /* it waits */
        assert_int_equal(write(fd[1], "ab", 2), 2);
        assert_int_equal(end_of(&p), ERR_OK);
        close_pair(fd); /* not through the ring; the next pair has the same numbers */
    }
}

/* --- poll, close --- */

static void poll_says_what_is_ready_once(void **state)
{
    int fd[2];
    struct probe p;

    socket_pair(fd);
    probe_init(&p);
    io_poll(&p.io, fd[0], POLLIN);
    loop_turns(3);
    assert_int_equal(p.ended, 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_true(p.io.result & POLLIN);
    io_poll(&p.io, fd[0], POLLOUT);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_true(p.io.result & POLLOUT);
    assert_false(p.io.result & POLLIN);
    close_pair(fd);
}

static void poll_beside_a_recv_sees_the_peer_leave(void **state)
{
    char got[4];
    int fd[2];
    struct probe polling, receiving;

    socket_pair(fd);
    probe_init(&polling);
    probe_init(&receiving);
    io_poll(&polling.io, fd[0], POLLRDHUP);
    io_recv(&receiving.io, fd[0], got, sizeof got);
    loop_turns(3);
    assert_int_equal(polling.ended + receiving.ended, 0);
    close(fd[1]);
    assert_int_equal(loop_wait(&polling.io.op), ERR_OK);
    assert_true(polling.io.result & POLLRDHUP);
    assert_int_equal(loop_wait(&receiving.io.op), ERR_OK);
    assert_int_equal(receiving.io.result, 0);
    close(fd[0]);
}

static void close_closes(void **state)
{
    int fd[2];
    char c;
    struct probe p;

    socket_pair(fd);
    probe_init(&p);
    io_close(&p.io, fd[0]);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(p.io.result, 0);
    assert_int_equal(fcntl(fd[0], F_GETFD), -1);
    assert_int_equal(read(fd[1], &c, 1), 0);
    close(fd[1]);
    io_close(&p.io, fd[0]);
    assert_int_equal(end_of(&p), ERR_SYSTEM);
    assert_int_equal(p.io.result, -EBADF);
}

/* --- cancel --- */

static void cancel_ends_a_waiting_recv_accept_and_poll(void **state)
{
    struct sockaddr_in addr;
    char got[4];
    int fd[2], door = listener(&addr);
    struct probe p[3];

    socket_pair(fd);
    for (unsigned i = 0; i < 3; i++)
        probe_init(&p[i]);
    io_recv(&p[0].io, fd[0], got, sizeof got);
    io_accept(&p[1].io, door);
    io_poll(&p[2].io, fd[1], POLLIN);
    loop_turns(3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(p[i].ended, 0);
        io_cancel(&p[i].io);
        io_cancel(&p[i].io); /* twice is once */
        assert_int_equal(p[i].ended, 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(loop_wait(&p[i].io.op), ERR_CANCELLED);
        assert_int_equal(p[i].ended, 1);
    }
    /* The sockets are as they were. */
    assert_int_equal(write(fd[1], "ok", 2), 2);
    io_recv(&p[0].io, fd[0], got, sizeof got);
    assert_int_equal(end_of(&p[0]), ERR_OK);
    assert_int_equal(p[0].io.result, 2);
    close_pair(fd);
    close(door);
}

static void cancel_before_the_first_turn(void **state)
{
    char got[4];
    int fd[2];
    struct probe p;

    socket_pair(fd);
    probe_init(&p);
    io_recv(&p.io, fd[0], got, sizeof got);
    io_cancel(&p.io);
    assert_int_equal(end_of(&p), ERR_CANCELLED);
    close_pair(fd);
}

static void cancel_of_an_idle_or_ended_io_is_harmless(void **state)
{
    char got[4];
    int fd[2];
    struct probe p;

    socket_pair(fd);
    probe_init(&p);
    io_cancel(&p.io);
    assert_int_equal(write(fd[1], "x", 1), 1);
    io_recv(&p.io, fd[0], got, sizeof got);
    assert_int_equal(end_of(&p), ERR_OK);
    io_cancel(&p.io);
    io_recv(&p.io, fd[0], got, sizeof got); /* the late cancel must not hit this one */
    loop_turns(4);
    assert_int_equal(p.ended, 1);
    assert_int_equal(write(fd[1], "y", 1), 1);
    assert_int_equal(end_of(&p), ERR_OK);
    close_pair(fd);
}

static void cancel_after_the_data_came_gives_the_data_or_cancelled(void **state)
{
    char got[4] = {0};
    int fd[2];
    struct probe p;

    socket_pair(fd);
    probe_init(&p);
    io_recv(&p.io, fd[0], got, sizeof got);
    loop_turns(2);
    assert_int_equal(write(fd[1], "x", 1), 1);
    io_cancel(&p.io);
    enum err e = end_of(&p);
    assert_true(e == ERR_OK || e == ERR_CANCELLED);
    if (e == ERR_CANCELLED) { /* then the byte is still there */
        io_recv(&p.io, fd[0], got, sizeof got);
        assert_int_equal(end_of(&p), ERR_OK);
    }
    assert_int_equal(got[0], 'x');
    close_pair(fd);
}

static void more_cancels_than_the_queue_holds_all_end(void **state)
{
    static struct probe p[PAIRS];
    static char got[PAIRS];
    static int fd[PAIRS][2];

    for (size_t i = 0; i < PAIRS; i++) {
        socket_pair(fd[i]);
        probe_init(&p[i]);
        io_recv(&p[i].io, fd[i][0], &got[i], 1);
    }
    loop_turns(3);
    for (size_t i = 0; i < PAIRS; i++)
        io_cancel(&p[i].io);
    for (size_t i = 0; i < PAIRS; i++) {
        assert_int_equal(loop_wait(&p[i].io.op), ERR_CANCELLED);
        assert_int_equal(p[i].ended, 1);
        close_pair(fd[i]);
    }
}

/* --- wakes --- */

struct sender {
    struct op op;
    struct reactor *to;
    bool has_arrived;
};

static void arrive(struct op *op)
{
    container_of(op, struct sender, op)->has_arrived = true;
}

static void *send_later(void *ctx)
{
    struct sender *s = ctx;

    usleep(20000); /* so that the reactor very likely waits; the test holds either way */
    op_send(&s->op, s->to);
    return NULL;
}

static void a_message_wakes_a_waiting_ring(void **state)
{
    for (unsigned round = 0; round < 3; round++) {
        struct sender s = {.to = reactor_current()};
        pthread_t thread;
        op_init(&s.op, arrive);
        assert_int_equal(pthread_create(&thread, NULL, send_later, &s), 0);
        while (!s.has_arrived)
            reactor_turn(s.to, UINT64_MAX); /* for ever, were it not woken */
        pthread_join(thread, NULL);
    }
}

static void a_wake_before_the_wait_is_not_lost(void **state)
{
    struct reactor *R = reactor_current();
    struct ring *r = reactor_ring(R);

    r->ops->wake(r);
    r->ops->run(r, UINT64_MAX);
    r->ops->wake(r);
    r->ops->wake(r);
    r->ops->run(r, UINT64_MAX);
}

/* --- the simulated ring's own --- */

static void shortened_transfers_move_everything_in_the_end(void **state)
{
    uint8_t got[FILE_BYTES];
    unsigned reads = 0;
    int fd = patterned_file();
    struct probe p;

    loop_open_over(loop_sim_new(seed, LOOP_SIM_SHORT));
    probe_init(&p);
    for (size_t at = 0; at < sizeof got; reads++) {
        io_read(&p.io, fd, got + at, MIN(sizeof got - at, (size_t)64), at);
        assert_int_equal(end_of(&p), ERR_OK);
        assert_true(p.io.result > 0);
        at += (size_t)p.io.result;
    }
    for (size_t i = 0; i < sizeof got; i++)
        assert_int_equal(got[i], pattern(i));
    assert_true(reads > sizeof got / 64 + 1);
    close(fd);
}

static void the_nth_operation_fails_and_is_not_done(void **state)
{
    struct ring *r = loop_sim_new(seed, 0);
    char got[4] = {0};
    int fd = temp_file();
    struct probe p;

    loop_open_over(r);
    loop_sim_fail(r, IO_WRITE, 2, ENOSPC);
    probe_init(&p);
    io_write(&p.io, fd, "ab", 2, 0, 0);
    assert_int_equal(end_of(&p), ERR_OK);
    io_write(&p.io, fd, "cd", 2, 2, 0);
    assert_int_equal(end_of(&p), ERR_NO_SPACE);
    assert_int_equal(pread(fd, got, 4, 0), 2);
    io_write(&p.io, fd, "cd", 2, 2, 0);
    assert_int_equal(end_of(&p), ERR_OK);
    assert_int_equal(loop_sim_count(r, IO_WRITE), 3);
    close(fd);
}

/* A struct io that knows how many ended before it. */
struct ranked {
    struct io io;
    unsigned rank;
};

static unsigned ended_so_far;

static void rank_end(struct op *op)
{
    container_of(op, struct ranked, io.op)->rank = ended_so_far++;
}

/* The order in which 32 reads end, as a number. In which turn each ends is not the seed's alone: a
 * reactor cuts a turn short when it has lasted long. */
static uint64_t schedule_of(uint64_t with_seed)
{
    static struct ranked p[32];
    static uint8_t got[32];
    uint64_t digest = 0;
    int fd = patterned_file();

    ended_so_far = 0;
    loop_open_over(loop_sim_new(with_seed, 0));
    for (size_t i = 0; i < 32; i++) {
        op_init(&p[i].io.op, rank_end);
        io_read(&p[i].io, fd, &got[i], 1, i);
    }
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(loop_wait(&p[i].io.op), ERR_OK);
        digest = digest * 33 + p[i].rank;
    }
    loop_close();
    close(fd);
    return digest;
}

static void one_seed_is_one_schedule(void **state)
{
    assert_true(schedule_of(seed) == schedule_of(seed));
    assert_true(schedule_of(seed) != schedule_of(seed + 1));
}

static struct subject uring = {.kind = RING_URING};
static struct subject epoll = {.kind = RING_EPOLL};
static struct subject simulated = {.is_simulated = true};

#define CASE(fn, which)                                                                            \
    {                                                                                              \
#fn "/" #which, fn, open_loop, close_loop, &which                                          \
    }
/* clang-format off */
#define CASES(which) \
    CASE(read_gives_the_bytes_at_the_offset, which), \
    CASE(read_at_the_end_is_short_then_zero, which), \
    CASE(write_then_sync_then_read_back, which), \
    CASE(write_with_dsync_lands, which), \
    CASE(file_errors_are_mapped, which), \
    CASE(more_reads_than_the_queue_holds_all_end, which), \
    CASE(memory_makes_reads_and_writes_no_different, which), \
    CASE(a_queued_file_operation_can_be_cancelled, which), \
    CASE(accept_connect_send_and_recv, which), \
    CASE(connect_to_nobody_is_refused, which), \
    CASE(data_that_is_there_already_is_received_later_not_inline, which), \
    CASE(send_waits_for_room_and_may_be_short, which), \
    CASE(send_to_a_closed_peer_is_an_error_not_a_signal, which), \
    CASE(recv_and_send_may_wait_on_one_socket, which), \
    CASE(many_sockets_wait_at_once, which), \
    CASE(a_descriptor_closed_outside_and_reused_still_works, which), \
    CASE(poll_says_what_is_ready_once, which), \
    CASE(poll_beside_a_recv_sees_the_peer_leave, which), \
    CASE(close_closes, which), \
    CASE(cancel_ends_a_waiting_recv_accept_and_poll, which), \
    CASE(cancel_before_the_first_turn, which), \
    CASE(cancel_of_an_idle_or_ended_io_is_harmless, which), \
    CASE(cancel_after_the_data_came_gives_the_data_or_cancelled, which), \
    CASE(more_cancels_than_the_queue_holds_all_end, which), \
    CASE(a_message_wakes_a_waiting_ring, which), \
    CASE(a_wake_before_the_wait_is_not_lost, which)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(uring),
        CASES(epoll),
        CASES(simulated),
        cmocka_unit_test_teardown(shortened_transfers_move_everything_in_the_end, close_loop),
        cmocka_unit_test_teardown(the_nth_operation_fails_and_is_not_done, close_loop),
        cmocka_unit_test(one_seed_is_one_schedule),
    };
    const char *from_user = getenv("PENSTOCK_SEED");

    if (from_user)
        seed = strtoull(from_user, NULL, 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
