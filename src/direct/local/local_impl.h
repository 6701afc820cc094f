/*
 * Inside transport `local`: who owns what, and which lock guards it.
 *
 *   socket thread   one: accepts clients, starts their threads, buries ended sessions
 * local_socket.c session thread  one per client: blocking; greets, maps, unmaps local_session.c
 *   lane            one per client that registered a range: process_vm_*               local_lane.c
 *   reactors        open, move, close windows                                          local.c
 *
 * A thread per client, not a poll loop over all: much of what a client asks for can be made slow by
 * that client (filling a mapping, closing a descriptor of a FUSE file, waiting for its own
 * windows), and then only its own thread waits (invariant 9).
 *
 * One mutex, local.lock, held for table work only, never around a system call that may block:
 * reactors take it (invariant 7).
 *
 * Life of a session: made by the socket thread; is_closed when its thread has seen the end of the
 * socket (no new windows from then on); is_dead when the thread has returned and its last window
 * has closed; then the socket thread joins the threads, unmaps and frees.
 */
#ifndef PENSTOCK_DIRECT_LOCAL_IMPL_H
#define PENSTOCK_DIRECT_LOCAL_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "direct/local/local.h"
#include "direct/local/local_guard.h"
#include "direct/local/local_token.h"

enum {
    LOCAL_WINDOWS_MAX = 4096,
    LOCAL_REVOKED_MAX = 64, /* per session */
    LOCAL_USER_MAX = 128,
    LOCAL_STACK_BYTES = 512 * 1024
};

struct local_lane;

/* Memory that a client handed over. */
struct local_region {
    uint32_t id; /* never used twice in a session */
    bool is_range;
    bool is_gone;     /* being unregistered: no new windows. local.lock */
    unsigned windows; /* open ones. local.lock */
    uint64_t address; /* is_range: in the client's address space */
    uint64_t bytes;
    struct local_guard guard; /* else: where it is mapped here */
};

struct local_revoked {
    uint64_t nonce, expiry_ms;
};

struct local_session {
    struct local *local; /* set once */
    unsigned slot;       /* in local.sessions, and in the first two bytes of the id */
    int fd, pidfd;       /* the socket; the peer's process, or -1 */
    pid_t pid;
    uint8_t id[LOCAL_ID_BYTES];
    uint8_t key[LOCAL_KEY_BYTES];
    pthread_t thread;
    struct local_lane *lane; /* set once, before the first range is visible */
    _Atomic bool is_closed;  /* written under local.lock */

    /* local.lock */
    bool is_welcome;
    bool is_ended; /* the thread has returned, or is about to */
    bool is_dead;
    uint8_t user[LOCAL_USER_MAX];
    size_t user_len;
    struct local_region **regions; /* ascending ids */
    unsigned region_count;
    uint32_t region_last;
    uint64_t mapped_bytes;
    struct list windows; /* open ones */
    struct local_revoked revoked[LOCAL_REVOKED_MAX];
    unsigned revoked_count;
    pthread_cond_t quiet; /* a window has closed */
};

/* An open window; from a table made at start. window->state[0] points here. */
struct local_window {
    struct list link; /* session->windows, or local.windows_free */
    struct window *window;
    struct local_session *session;
    struct local_region *region;
    uint64_t offset; /* in the region */
    uint64_t nonce;
    struct list lane_link; /* the lane's closing list */
};

struct local {
    struct transport transport;
    /* set once */
    struct local_config config;
    char *socket_path;
    int listen_fd, wake_fd;
    pthread_t thread;
    struct local_window *windows;

    pthread_mutex_t lock;            /* guards what follows */
    struct local_session **sessions; /* config.sessions_max slots */
    unsigned session_count;          /* slots in use */
    uint64_t region_count, window_count, mapped_bytes, refused;
    struct list windows_free;
    bool is_stopping;
    struct op *stopping;
};

/* local_socket.c */
enum err local_socket_open(struct local *L, struct buf *why) MUST_CHECK;
enum err local_socket_start(struct local *L) MUST_CHECK;
void local_socket_wake(struct local *L);
enum err local_socket_thread(pthread_t *thread_out, void *(*run)(void *), void *arg) MUST_CHECK;

/* local_session.c. Everything that takes a session and is not said to be otherwise: its thread. */
void *local_session_main(void *session);
void local_session_free(struct local_session *s); /* dead; the socket thread */
/* Under local.lock. NULL when there is none, or it is closed. Any thread. */
struct local_session *local_session_find(struct local *L, const uint8_t id[LOCAL_ID_BYTES]);
struct local_region *local_session_region(struct local_session *s, uint32_t id);
bool local_session_is_revoked(const struct local_session *s, uint64_t nonce);
/* Under local.lock: is_dead when it is due; true when the socket thread must be woken. */
bool local_session_settle(struct local_session *s);

/* local_who.c: the kernel's word on who is at the other end of fd. */
enum err local_who_check(int fd, gid_t allowed_gid, pid_t *pid_out) MUST_CHECK;
int local_who_pidfd(int fd, pid_t pid);            /* -1: none */
bool local_who_is_alive(int pidfd);                /* the process has not ended */
bool local_who_is_reachable(pid_t pid, int pidfd); /* process_vm_* would be allowed */

/* local_lane.c */
enum err local_lane_new(const struct local_session *s, struct local_lane **lane_out) MUST_CHECK;
void local_lane_free(struct local_lane *lane); /* no window open. NULL is fine */
void local_lane_move(struct local_lane *lane, struct transfer *t);
void local_lane_cancel(struct local_lane *lane, struct local_window *lw);
void local_lane_close(struct local_lane *lane, struct local_window *lw);

/* local.c: the window is closed: forget it, then complete its close. Any thread. */
void local_window_end(struct local_window *lw);

#endif
