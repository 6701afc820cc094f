#include "local_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/local_peer.h"
#include "loop_help.h"

/* --- the server's half --- */

void local_help_start(struct local_help *h, const struct local_config *limits)
{
    struct local_config config = {.allowed_gid = (gid_t)-1};
    char why[200] = "";
    struct buf b = buf_over(why, sizeof(why) - 1);

    if (limits)
        config = *limits;
    snprintf(h->folder, sizeof(h->folder), "/tmp/penstock-local-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->path, sizeof(h->path), "%s/socket", h->folder);
    config.socket_path = h->path;
    memcpy(config.server_id, LOCAL_HELP_ID, sizeof(config.server_id));
    if (local_new(&config, &h->transport, &b))
        fail_msg("local_new: %s", why);
}

void local_help_stop(struct local_help *h)
{
    struct op op;

    if (h->transport) {
        op_init(&op, loop_nothing);
        transport_stop(h->transport, &op);
        assert_int_equal(loop_wait(&op), ERR_OK);
    }
    h->transport = NULL;
    assert_int_not_equal(access(h->path, F_OK), 0);
    assert_int_equal(rmdir(h->folder), 0);
}

void local_help_sessions(struct local_help *h, uint64_t count)
{
    uint64_t deadline = clock_ns() + 30 * UINT64_C(1000000000);
    struct local_stats stats;

    do {
        local_stats(h->transport, &stats);
        if (clock_ns() > deadline)
            fail_msg("%llu sessions after 30 s", (unsigned long long)stats.sessions);
        usleep(1000);
    } while (stats.sessions != count);
}

static unsigned entries_of(const char *path)
{
    DIR *d = opendir(path);
    unsigned count = 0;

    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

unsigned local_help_fds(void)
{
    return entries_of("/proc/self/fd");
}

unsigned local_help_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned count = 0;
    char line[512];

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        count += strstr(line, "memfd:penstock") != NULL;
    fclose(f);
    return count;
}

/* --- the child --- */

enum command {
    COMMAND_CONNECT,
    COMMAND_TOKEN,
    COMMAND_UNMAP,
    COMMAND_PROTECT,
    COMMAND_STALL,
    COMMAND_UNREGISTER
};

struct request {
    enum command command;
    uint64_t off, len;
    bool flag;
    char path[108];
};

struct answer {
    enum err err;
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
    size_t len;
};

struct child {
    struct local_peer *peer;
    struct local_memory memory;
    uint32_t region;
    int stall_fd;
};

static enum err child_connect(struct child *me, const struct request *q)
{
    char why[200];
    struct buf b = buf_over(why, sizeof(why));

    TRY(local_peer_connect(q->path, LOCAL_HELP_ID, &me->peer, &b));
    if (!q->flag)
        TRY(local_memory_new(me->memory.bytes, &me->memory));
    return local_peer_register(me->peer, &me->memory, &me->region, &b);
}

static enum err child_token(const struct child *me, const struct request *q, struct answer *a)
{
    struct buf b = buf_over(a->text, sizeof(a->text));
    struct local_mint mint = {
        .region = me->region, .offset = q->off, .bytes = q->len, .is_write = q->flag};
    struct local_ticket ticket;
    enum err e = local_peer_mint(me->peer, &mint, &b, &ticket);

    a->len = b.len;
    return e;
}

/* Missing pages that nobody will ever fill: faults wait for the descriptor's end. */
static enum err child_stall(struct child *me, const struct request *q)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register r = {
        .range = {(uintptr_t)(me->memory.at + q->off), q->len},
        .mode = UFFDIO_REGISTER_MODE_MISSING};

    if (mmap(
            me->memory.at + q->off, q->len, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return ERR_SYSTEM;
    me->stall_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (me->stall_fd < 0 || ioctl(me->stall_fd, UFFDIO_API, &api) != 0 ||
        ioctl(me->stall_fd, UFFDIO_REGISTER, &r) != 0)
        return ERR_UNSUPPORTED;
    return ERR_OK;
}

static enum err child_do(struct child *me, const struct request *q, struct answer *a)
{
    switch (q->command) {
    case COMMAND_CONNECT:
        return child_connect(me, q);
    case COMMAND_TOKEN:
        return child_token(me, q, a);
    case COMMAND_UNMAP:
        return munmap(me->memory.at + q->off, q->len) ? ERR_SYSTEM : ERR_OK;
    case COMMAND_PROTECT:
        return mprotect(me->memory.at + q->off, q->len, PROT_READ) ? ERR_SYSTEM : ERR_OK;
    case COMMAND_STALL:
        return child_stall(me, q);
    case COMMAND_UNREGISTER:
        return local_peer_unregister(me->peer, me->region);
    }
    return ERR_INVALID;
}

static void child_main(struct child *me, int fd)
{
    struct request q;

    while (recv(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
        struct answer a = {0};

        a.err = child_do(me, &q, &a);
        if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
            break;
    }
    _exit(0);
}

void local_child_new(struct local_child *c, size_t bytes)
{
    int fds[2];
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(at != MAP_FAILED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    c->memory = at;
    c->bytes = bytes;
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0) {
        struct child me = {.memory = {.at = at, .bytes = bytes, .fd = -1}, .stall_fd = -1};

        close(fds[0]);
        child_main(&me, fds[1]);
    }
    close(fds[1]);
    c->fd = fds[0];
}

static enum err child_ask(struct local_child *c, struct request q, struct answer *a)
{
    assert_int_equal(send(c->fd, &q, sizeof(q), MSG_NOSIGNAL), sizeof(q));
    assert_int_equal(recv(c->fd, a, sizeof(*a), 0), sizeof(*a));
    return a->err;
}

enum err local_child_connect(struct local_child *c, const char *path, bool is_range)
{
    struct request q = {.command = COMMAND_CONNECT, .flag = is_range};
    struct answer a;

    snprintf(q.path, sizeof(q.path), "%s", path);
    return child_ask(c, q, &a);
}

void local_child_token(struct local_child *c, const struct local_child_token *t, struct buf *to)
{
    struct request q = {
        .command = COMMAND_TOKEN, .off = t->off, .len = t->len, .flag = t->is_write};
    struct answer a;

    assert_int_equal(child_ask(c, q, &a), ERR_OK);
    buf_put(to, view_of(a.text, a.len));
}

static enum err child_range(struct local_child *c, enum command what, uint64_t off, uint64_t len)
{
    struct answer a;

    return child_ask(c, (struct request){.command = what, .off = off, .len = len}, &a);
}

void local_child_unmap(struct local_child *c, uint64_t off, uint64_t len)
{
    assert_int_equal(child_range(c, COMMAND_UNMAP, off, len), ERR_OK);
}

void local_child_protect(struct local_child *c, uint64_t off, uint64_t len)
{
    assert_int_equal(child_range(c, COMMAND_PROTECT, off, len), ERR_OK);
}

bool local_child_stall(struct local_child *c, uint64_t off, uint64_t len)
{
    return child_range(c, COMMAND_STALL, off, len) == ERR_OK;
}

enum err local_child_unregister(struct local_child *c)
{
    return child_range(c, COMMAND_UNREGISTER, 0, 0);
}

void local_child_kill(struct local_child *c)
{
    if (c->pid <= 0)
        return;
    kill(c->pid, SIGKILL);
    assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
    c->pid = 0;
}

void local_child_free(struct local_child *c)
{
    local_child_kill(c);
    close(c->fd);
    munmap(c->memory, c->bytes);
}
