/* Transport `local` against clients that lie, stall and die: it costs them, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/local_peer.h"
#include "direct/local/local_token.h"
#include "local_help.h"
#include "loop_help.h"
#include "mem/arena.h"
#include "transport_suite.h"

enum { BYTES = 1 << 20 };

/* A server, a client of this process with one memfd, and the suite's window functions over both. */
struct stand {
    struct suite_stand suite;
    struct local_help server;
    struct local_peer *peer;
    struct local_memory memory;
    uint32_t region;
};

static struct local_peer *peer_new(const struct local_help *h)
{
    struct local_peer *P;
    char why[200] = "";
    struct buf b = buf_over(why, sizeof(why) - 1);

    if (local_peer_connect(h->path, LOCAL_HELP_ID, &P, &b))
        fail_msg("%s", why);
    return P;
}

static uint32_t hand_over(struct local_peer *P, const struct local_memory *m)
{
    char why[200] = "";
    struct buf b = buf_over(why, sizeof(why) - 1);
    uint32_t region;

    if (local_peer_register(P, m, &region, &b))
        fail_msg("%s", why);
    return region;
}

static void
mint(struct suite_stand *suite, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    struct stand *s = container_of(suite, struct stand, suite);
    struct local_ticket ticket;

    assert_int_equal(
        local_peer_mint(
            s->peer, &(struct local_mint){s->region, off, len, d == WINDOW_WRITE}, to, &ticket),
        ERR_OK);
}

static const struct suite_kind kind = {.name = "local", .token = mint};

/* The guard's handler, which it installs once; cmocka puts its own in front of every test. */
static struct sigaction guard;

static int setup(void **state)
{
    struct stand *s = calloc(1, sizeof(*s));

    loop_open(RING_EPOLL);
    local_help_start(&s->server, NULL);
    s->suite.transport = s->server.transport;
    s->suite.kind = &kind;
    s->peer = peer_new(&s->server);
    assert_int_equal(local_memory_new(BYTES, &s->memory), ERR_OK);
    s->region = hand_over(s->peer, &s->memory);
    /* Once this is answered the server has closed the descriptor of the last message. */
    assert_int_equal(local_peer_revoke(s->peer, &(struct local_ticket){0, 0}), ERR_OK);
    if (!guard.sa_sigaction)
        assert_int_equal(sigaction(SIGBUS, NULL, &guard), 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct stand *s = *state;

    local_peer_free(s->peer);
    local_memory_free(&s->memory);
    local_help_stop(&s->server);
    loop_close();
    free(s);
    return 0;
}

static uint64_t refused(struct stand *s)
{
    struct local_stats stats;

    local_stats(s->server.transport, &stats);
    assert_true(
        stats.refused ==
        atomic_load(&reactor_metrics(reactor_current())->count[METRIC_DIRECT_REFUSED]));
    return stats.refused;
}

/* The transport works for an honest client. */
static void assert_alive(struct stand *s)
{
    struct suite_window w;
    uint8_t byte = 0x77;

    assert_int_equal(suite_window_open(&s->suite, &w, 10, 1, WINDOW_WRITE), ERR_OK);
    assert_int_equal(suite_move(&w, 0, &byte, 1), ERR_OK);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_int_equal(s->memory.at[10], 0x77);
    s->memory.at[10] = 0;
}

/* --- tokens --- */

static void denied(struct stand *s, struct view token, enum window_direction d)
{
    struct suite_window w;
    uint64_t before = refused(s);

    suite_window(&w, token, d);
    assert_int_equal(suite_window_try(&s->suite, &w), ERR_DENIED);
    assert_true(refused(s) == before + 1);
}

static void a_token_of_the_other_direction_is_refused(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));

    mint(&s->suite, 0, 100, WINDOW_READ, &b);
    denied(s, buf_view(&b), WINDOW_WRITE);
    b.len = 0;
    mint(&s->suite, 0, 100, WINDOW_WRITE, &b);
    denied(s, buf_view(&b), WINDOW_READ);
    assert_alive(s);
}

static void a_forged_token_is_refused(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));

    mint(&s->suite, 0, 100, WINDOW_WRITE, &b);
    for (size_t i = 7; i < b.len; i++) {
        uint8_t before = text[i];

        if (before == ':' || before == 'w')
            continue;
        text[i] = before == '0' ? '1' : '0';
        denied(s, buf_view(&b), WINDOW_WRITE);
        text[i] = before;
    }
    assert_alive(s);
}

/* The region of one session by the key of another. */
static void a_token_of_another_session_reaches_nothing(void **state)
{
    struct stand *s = *state;
    struct local_peer *other = peer_new(&s->server);
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct local_ticket ticket;

    assert_int_equal(
        local_peer_mint(other, &(struct local_mint){s->region, 0, 10, true}, &b, &ticket), ERR_OK);
    denied(s, buf_view(&b), WINDOW_WRITE);
    local_peer_free(other);
    assert_alive(s);
}

static void an_expired_token_is_refused(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));

    mint(&s->suite, 0, 100, WINDOW_WRITE, &b);
    clock_fake_wall(clock_wall_ms() + LOCAL_TOKEN_LIFE_MS);
    denied(s, buf_view(&b), WINDOW_WRITE);
    clock_fake_wall(0);
    assert_alive(s);
}

static void a_session_belongs_to_its_first_user(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct suite_window w;
    static const char *const others[] = {"AKUSERS", "AKUSE", "bkuser", ""};

    assert_alive(s); /* AKUSER */
    mint(&s->suite, 0, 100, WINDOW_WRITE, &b);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        suite_window(&w, buf_view(&b), WINDOW_WRITE);
        w.window.user = view_str(others[i]);
        assert_int_equal(suite_window_try(&s->suite, &w), ERR_DENIED);
    }
    assert_alive(s);
}

static void a_token_of_a_closed_session_is_refused(void **state)
{
    struct stand *s = *state;
    struct local_peer *other = peer_new(&s->server);
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    uint32_t region = hand_over(other, &s->memory);
    struct local_ticket ticket;

    assert_int_equal(
        local_peer_mint(other, &(struct local_mint){region, 0, 10, true}, &b, &ticket), ERR_OK);
    local_peer_free(other);
    local_help_sessions(&s->server, 1);
    denied(s, buf_view(&b), WINDOW_WRITE);
    assert_alive(s);
}

static void a_token_of_an_unregistered_region_is_refused(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    uint32_t before = s->region;

    mint(&s->suite, 0, 100, WINDOW_WRITE, &b);
    assert_int_equal(local_peer_unregister(s->peer, s->region), ERR_OK);
    s->region = hand_over(s->peer, &s->memory);
    assert_true(s->region != before); /* ids are not used twice */
    denied(s, buf_view(&b), WINDOW_WRITE);
    assert_int_equal(local_peer_unregister(s->peer, before), ERR_INVALID);
    assert_alive(s);
}

static void a_revoked_token_is_refused_and_its_neighbour_is_not(void **state)
{
    struct stand *s = *state;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct local_ticket ticket;

    assert_int_equal(
        local_peer_mint(s->peer, &(struct local_mint){s->region, 0, 10, true}, &b, &ticket),
        ERR_OK);
    assert_int_equal(local_peer_revoke(s->peer, &ticket), ERR_OK);
    denied(s, buf_view(&b), WINDOW_WRITE);
    assert_alive(s);
}

static void revoking_without_end_is_busy_until_tokens_expire(void **state)
{
    struct stand *s = *state;
    uint64_t now_ms = (uint64_t)clock_wall_ms();

    for (uint64_t i = 0; i < 64; i++)
        assert_int_equal(
            local_peer_revoke(s->peer, &(struct local_ticket){i, now_ms + 60000}), ERR_OK);
    assert_int_equal(
        local_peer_revoke(s->peer, &(struct local_ticket){64, now_ms + 60000}), ERR_BUSY);
    clock_fake_wall((int64_t)now_ms + 60001);
    assert_int_equal(
        local_peer_revoke(s->peer, &(struct local_ticket){64, now_ms + 90000}), ERR_OK);
    clock_fake_wall(0);
}

/* --- fences --- */

struct fence {
    struct stand *stand;
    struct local_ticket ticket;
    bool is_unregister;
    _Atomic bool is_done;
};

static void *fence_main(void *arg)
{
    struct fence *f = arg;
    struct stand *s = f->stand;
    enum err e = f->is_unregister ? local_peer_unregister(s->peer, s->region)
                                  : local_peer_revoke(s->peer, &f->ticket);

    atomic_store(&f->is_done, true);
    return e ? f : NULL;
}

/* The window's close lets the fence return, nothing else does. */
static void fence_waits(struct stand *s, bool is_unregister)
{
    struct fence f = {.stand = s, .is_unregister = is_unregister};
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct suite_window w;
    pthread_t thread;
    void *failed;

    assert_int_equal(
        local_peer_mint(s->peer, &(struct local_mint){s->region, 0, 10, true}, &b, &f.ticket),
        ERR_OK);
    suite_window(&w, buf_view(&b), WINDOW_WRITE);
    assert_int_equal(suite_window_try(&s->suite, &w), ERR_OK);
    pthread_create(&thread, NULL, fence_main, &f);
    usleep(50 * 1000);
    assert_false(atomic_load(&f.is_done));
    assert_int_equal(suite_window_close(&w), ERR_OK);
    pthread_join(thread, &failed);
    assert_null(failed);
}

static void fences_wait_for_open_windows(void **state)
{
    fence_waits(*state, false);
    fence_waits(*state, true);
}

/* --- memory --- */

static enum err try_memfd(struct stand *s, int fd, size_t bytes)
{
    char why[200] = "";
    struct buf b = buf_over(why, sizeof(why) - 1);
    struct local_memory m = {.fd = fd, .bytes = bytes};
    uint32_t region;

    return local_peer_register(s->peer, &m, &region, &b);
}

static int memfd_of(size_t bytes, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void memory_that_may_shrink_is_refused(void **state)
{
    struct stand *s = *state;
    int fd = memfd_of(8192, 0);
    int pipes[2];
    char path[] = "/dev/shm/penstock-test-XXXXXX";

    assert_int_equal(try_memfd(s, fd, 8192), ERR_DENIED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    assert_int_equal(try_memfd(s, fd, 8192), ERR_DENIED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(try_memfd(s, fd, 8192), ERR_OK);
    assert_int_not_equal(ftruncate(fd, 4096), 0);
    close(fd);

    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(try_memfd(s, pipes[0], 1), ERR_DENIED);
    close(pipes[0]);
    close(pipes[1]);
    fd = mkstemp(path);
    if (fd >= 0) {
        assert_int_equal(unlink(path), 0);
        assert_int_equal(ftruncate(fd, 8192), 0);
        assert_int_equal(try_memfd(s, fd, 8192), ERR_DENIED);
        close(fd);
    }
    assert_alive(s);
}

static void memory_that_cannot_be_used_is_refused(void **state)
{
    struct stand *s = *state;
    int fd = memfd_of(8192, F_SEAL_SHRINK);
    int sparse = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int sealed = memfd_of(8192, F_SEAL_SHRINK | F_SEAL_WRITE);

    assert_int_equal(try_memfd(s, fd, 8193), ERR_INVALID);
    assert_int_equal(try_memfd(s, fd, SIZE_MAX / 2), ERR_BUSY); /* over the session's limit */
    assert_int_equal(try_memfd(s, fd, 0), ERR_INVALID);
    assert_int_equal(try_memfd(s, sealed, 8192), ERR_DENIED);
    assert_int_equal(ftruncate(sparse, 8192), 0);
    assert_int_equal(fcntl(sparse, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(try_memfd(s, sparse, 8192), ERR_INVALID);
    close(fd);
    close(sparse);
    close(sealed);
    assert_alive(s);
}

static void limits_of_a_session_hold(void **state)
{
    struct local_help h;
    struct local_config limits = {
        .allowed_gid = (gid_t)-1, .sessions_max = 2, .regions_max = 3, .mapped_bytes_max = 10000};
    char why[200];
    struct buf b = buf_over(why, sizeof(why));
    struct local_memory m = {.fd = memfd_of(8192, F_SEAL_SHRINK), .bytes = 3000};
    struct local_peer *third;
    uint32_t region;

    (void)state;
    local_help_start(&h, &limits);
    struct local_peer *first = peer_new(&h), *second = peer_new(&h);
    assert_int_equal(local_peer_connect(h.path, LOCAL_HELP_ID, &third, &b), ERR_BUSY);
    for (int i = 0; i < 3; i++)
        region = hand_over(first, &m);
    assert_int_equal(local_peer_register(first, &m, &region, &b), ERR_BUSY);
    assert_int_equal(local_peer_unregister(first, region), ERR_OK);
    m.bytes = 4001;
    assert_int_equal(local_peer_register(first, &m, &region, &b), ERR_BUSY);
    m.bytes = 4000;
    assert_int_equal(local_peer_register(first, &m, &region, &b), ERR_OK);
    local_peer_free(first);
    local_help_sessions(&h, 1);
    first = peer_new(&h);
    local_peer_free(first);
    local_peer_free(second);
    close(m.fd);
    local_help_stop(&h);
}

/* A hole is filled again when it is touched: the transfer works, or fails; the server lives. */
static void holes_punched_under_a_window_are_survived(void **state)
{
    struct stand *s = *state;
    uint8_t *data = calloc(1, BYTES);
    struct suite_window w;

    memset(data, 0xab, BYTES);
    assert_int_equal(suite_window_open(&s->suite, &w, 0, BYTES, WINDOW_WRITE), ERR_OK);
    assert_int_equal(
        fallocate(s->memory.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, BYTES), 0);
    assert_int_equal(suite_move(&w, 0, data, BYTES), ERR_OK);
    assert_memory_equal(s->memory.at, data, BYTES);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    free(data);
}

static void another_server_at_the_path_is_noticed(void **state)
{
    struct stand *s = *state;
    struct local_peer *P;
    char why[200];
    struct buf b = buf_over(why, sizeof(why));

    assert_int_equal(
        local_peer_connect(s->server.path, "ffffffffffffffffffffffffffffffff", &P, &b), ERR_DENIED);
    assert_int_not_equal(local_peer_connect("/nonexistent/socket", LOCAL_HELP_ID, &P, &b), ERR_OK);
}

/* --- the socket --- */

static int raw_connect(struct stand *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->server.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void raw_send(int fd, const struct local_message *m)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct buf b = buf_over(bytes, sizeof(bytes));

    local_wire_encode(m, &b);
    assert_int_equal(send(fd, b.at, b.len, MSG_NOSIGNAL), b.len);
}

/* The server ends the session; what it says before does not matter. */
static void assert_hung_up(int fd)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];

    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
    close(fd);
}

static const struct local_message hello = {
    .type = LOCAL_HELLO, .sequence = 1, .version = LOCAL_VERSION};

static void garbage_ends_the_session_that_sent_it(void **state)
{
    struct stand *s = *state;
    uint8_t noise[4096];

    srand(3);
    for (int round = 0; round < 200; round++) {
        int fd = raw_connect(s);

        if (round % 2)
            raw_send(fd, &hello);
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)rand();
        size_t len = 1 + (size_t)rand() % (round % 3 ? 64 : sizeof(noise));
        if (round % 5 == 0) /* a good head */
            memcpy(noise, "PSL1\x03\0\x01\0", 8);
        (void)!send(fd, noise, len, MSG_NOSIGNAL);
        assert_hung_up(fd);
    }
    local_help_sessions(&s->server, 1);
    assert_alive(s);
}

static void what_may_not_come_now_ends_the_session(void **state)
{
    struct stand *s = *state;

    for (int type = LOCAL_HELLO; type < LOCAL_MESSAGE_TYPES; type++) {
        struct local_message m = {
            .type = (enum local_message_type)type, .sequence = 1, .version = 2, .bytes = 1};
        int fd = raw_connect(s);

        raw_send(fd, &m); /* nothing but HELLO of version 1 comes first */
        assert_hung_up(fd);
    }
    int fd = raw_connect(s);
    raw_send(fd, &hello);
    raw_send(fd, &hello);
    assert_hung_up(fd);
    fd = raw_connect(s);
    raw_send(fd, &hello);
    raw_send(fd, &(struct local_message){.type = LOCAL_MEMFD, .sequence = 2, .bytes = 4096});
    assert_hung_up(fd); /* without a descriptor */
    assert_alive(s);
}

/* n descriptors along with a message that may have one, or none. */
static void send_fds(int fd, enum local_message_type type, unsigned n)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct buf b = buf_over(bytes, sizeof(bytes));
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(32 * sizeof(int))];
    } control = {0};
    struct iovec iov = {bytes, 0};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};

    local_wire_encode(&(struct local_message){.type = type, .sequence = 2, .bytes = 4096}, &b);
    iov.iov_len = b.len;
    h.msg_controllen = CMSG_SPACE(n * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    for (unsigned i = 0; i < n; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    assert_int_equal(sendmsg(fd, &h, MSG_NOSIGNAL), b.len);
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
    static const struct {
        enum local_message_type type;
        unsigned fds;
    } sent[] = {{LOCAL_MEMFD, 2},  {LOCAL_MEMFD, 4}, {LOCAL_MEMFD, 5},
                {LOCAL_MEMFD, 32}, {LOCAL_RANGE, 1}, {LOCAL_BYE, 3}};
    struct stand *s = *state;
    unsigned before = local_help_fds();

    for (size_t i = 0; i < ARRAY_COUNT(sent); i++) {
        int fd = raw_connect(s);

        raw_send(fd, &hello);
        send_fds(fd, sent[i].type, sent[i].fds);
        assert_hung_up(fd);
        fd = raw_connect(s);
        send_fds(fd, LOCAL_MEMFD, sent[i].fds); /* before the hello */
        assert_hung_up(fd);
    }
    local_help_sessions(&s->server, 1);
    assert_int_equal(local_help_fds(), before);
    assert_alive(s);
}

static void clients_come_and_go_without_a_trace(void **state)
{
    struct stand *s = *state;
    unsigned fds = local_help_fds(), maps = local_help_maps();

    for (int i = 0; i < 300; i++) {
        struct local_peer *P = peer_new(&s->server);
        struct local_memory range = {.at = s->memory.at, .bytes = 4096, .fd = -1};

        hand_over(P, &s->memory);
        if (i % 4 == 0)
            hand_over(P, &range);
        local_peer_free(P);
    }
    local_help_sessions(&s->server, 1);
    assert_int_equal(local_help_fds(), fds);
    assert_int_equal(local_help_maps(), maps);
    assert_alive(s);
}

static void a_client_notices_that_the_server_is_gone(void **state)
{
    struct stand *s = *state;
    struct local_help h;
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct local_ticket ticket;

    local_help_start(&h, NULL);
    struct local_peer *P = peer_new(&h);
    uint32_t region = hand_over(P, &s->memory);
    assert_true(local_peer_is_up(P));
    local_help_stop(&h);
    assert_false(local_peer_is_up(P));
    assert_int_equal(
        local_peer_mint(P, &(struct local_mint){region, 0, 1, true}, &b, &ticket), ERR_CLOSED);
    assert_int_equal(local_peer_unregister(P, region), ERR_CLOSED);
    local_peer_free(P);
}

/* How connecting ends for a process of that user, and with that one further group. */
static enum err connect_as(const struct local_help *h, uid_t uid, gid_t group)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        char why[200];
        struct buf b = buf_over(why, sizeof(why));
        struct local_peer *P;

        if (setgroups(1, &group) || setgid(uid) || setuid(uid))
            _exit(100);
        _exit((int)local_peer_connect(h->path, LOCAL_HELP_ID, &P, &b));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 100);
    return (enum err)WEXITSTATUS(status);
}

static void only_the_same_user_and_the_allowed_group_get_in(void **state)
{
    enum { NOBODY = 65534, GROUP = 54321, OTHER = 54322 };
    struct local_help h;

    (void)state;
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    local_help_start(&h, &(struct local_config){.allowed_gid = GROUP});
    assert_int_equal(chmod(h.folder, 0755), 0);
    assert_int_not_equal(connect_as(&h, NOBODY, OTHER), ERR_OK); /* the socket's mode */
    assert_int_equal(chmod(h.path, 0666), 0);
    assert_int_equal(connect_as(&h, NOBODY, OTHER), ERR_DENIED); /* the kernel's word */
    assert_int_equal(connect_as(&h, NOBODY, GROUP), ERR_OK);
    assert_int_equal(connect_as(&h, GROUP, OTHER), ERR_OK);
    assert_int_equal(connect_as(&h, 0, OTHER), ERR_OK);
    local_help_sessions(&h, 0);
    local_help_stop(&h);
    local_help_start(&h, NULL);
    assert_int_equal(chmod(h.folder, 0755), 0);
    assert_int_equal(chmod(h.path, 0666), 0);
    assert_int_equal(connect_as(&h, NOBODY, 0), ERR_DENIED); /* not even of root's group */
    local_help_stop(&h);
}

static void a_socket_left_by_a_dead_server_is_taken_over_and_a_live_one_is_not(void **state)
{
    struct stand *s = *state;
    struct local_config config = {.socket_path = s->server.path, .allowed_gid = (gid_t)-1};
    char why[200] = "", path[100];
    struct buf b = buf_over(why, sizeof(why) - 1);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct transport *T;
    struct op op;

    memcpy(config.server_id, LOCAL_HELP_ID, sizeof(config.server_id));
    assert_int_not_equal(local_new(&config, &T, &b), ERR_OK);
    assert_non_null(strstr(why, s->server.path));
    assert_alive(s);

    snprintf(path, sizeof(path), "%s2", s->server.path);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    config.socket_path = path;
    assert_int_equal(local_new(&config, &T, &b), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    op_init(&op, loop_nothing);
    transport_stop(T, &op);
    assert_int_equal(loop_wait(&op), ERR_OK);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The kernel has no page for the server's copy (SIGBUS, told here by hand). */
static void a_broken_mapping_is_never_used_again(void **state)
{
    struct stand *s = *state;
    struct suite_window w, again;
    uint8_t byte = 1;

    assert_true(guard.sa_flags & SA_SIGINFO);
    assert_int_equal(sigaction(SIGBUS, &guard, NULL), 0);
    assert_int_equal(suite_window_open(&s->suite, &w, 0, BYTES, WINDOW_WRITE), ERR_OK);
    siginfo_t info = {.si_signo = SIGBUS, .si_code = SI_QUEUE};
    info.si_addr = w.window.map + 5000;
    assert_int_equal(
        syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), SIGBUS, &info), 0);
    uint8_t *map = w.window.map;
    assert_int_equal(suite_move(&w, 0, &byte, 1), ERR_IO);
    assert_int_equal(map[0], 0); /* what took its place is ours, and stays empty */
    assert_int_equal(suite_window_close(&w), ERR_IO);
    assert_int_equal(suite_window_open(&s->suite, &again, 0, BYTES, WINDOW_WRITE), ERR_DENIED);
    assert_int_equal(refused(s), 1);

    assert_int_equal(local_peer_unregister(s->peer, s->region), ERR_OK);
    s->region = hand_over(s->peer, &s->memory);
    assert_alive(s);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_token_of_the_other_direction_is_refused),
        CASE(a_forged_token_is_refused),
        CASE(a_token_of_another_session_reaches_nothing),
        CASE(an_expired_token_is_refused),
        CASE(a_session_belongs_to_its_first_user),
        CASE(a_token_of_a_closed_session_is_refused),
        CASE(a_token_of_an_unregistered_region_is_refused),
        CASE(a_revoked_token_is_refused_and_its_neighbour_is_not),
        CASE(revoking_without_end_is_busy_until_tokens_expire),
        CASE(fences_wait_for_open_windows),
        CASE(memory_that_may_shrink_is_refused),
        CASE(memory_that_cannot_be_used_is_refused),
        CASE(limits_of_a_session_hold),
        CASE(holes_punched_under_a_window_are_survived),
        CASE(a_broken_mapping_is_never_used_again),
        CASE(another_server_at_the_path_is_noticed),
        CASE(garbage_ends_the_session_that_sent_it),
        CASE(what_may_not_come_now_ends_the_session),
        CASE(descriptors_that_nobody_asked_for_are_closed),
        CASE(clients_come_and_go_without_a_trace),
        CASE(a_client_notices_that_the_server_is_gone),
        CASE(only_the_same_user_and_the_allowed_group_get_in),
        CASE(a_socket_left_by_a_dead_server_is_taken_over_and_a_live_one_is_not),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
