/*
 * Why a mapped memfd can raise SIGBUS, and why that costs its owner only.
 *
 * - Past the end of the file: impossible. The memfd carries F_SEAL_SHRINK, and its size was checked
 *   after the seal was seen; seals cannot be removed.
 * - No page for a hole: possible. The owner may punch holes at any time (only F_SEAL_WRITE would
 *   forbid that, and it cannot be set while our writable mapping exists). Touching a hole allocates
 *   a page, and under strict overcommit accounting that can fail: SIGBUS.
 * - A poisoned page of failing RAM: SIGBUS as well.
 *
 * The handler finds the mapping by the faulting address, puts private memory in its place, marks it
 * broken and returns: the copy that faulted goes on, into memory nobody sees, and whoever made it
 * finds is_broken afterwards. A SIGBUS elsewhere goes to the handler that was there before.
 *
 * A spin lock in a signal handler is sound here: the signal is synchronous, raised by the very
 * instruction that touches client memory, and nothing touches client memory under this lock.
 */
#include "direct/local/local_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

static atomic_flag guard_lock = ATOMIC_FLAG_INIT;
static struct list guard_list = {&guard_list, &guard_list};
static struct sigaction guard_before;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&guard_lock, memory_order_acquire))
        ;
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&guard_lock, memory_order_release);
}

/* Under the lock. */
static struct local_guard *guard_find(const void *at)
{
    list_for_each(node, &guard_list)
    {
        struct local_guard *g = container_of(node, struct local_guard, link);

        if ((const uint8_t *)at >= g->at && (const uint8_t *)at < g->at + g->bytes)
            return g;
    }
    return NULL;
}

static bool guard_replace(const void *at)
{
    bool is_replaced = false;

    lock();
    struct local_guard *g = guard_find(at);
    if (g) {
        void *p = mmap(
            g->at, g->bytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        is_replaced = p != MAP_FAILED;
        atomic_store(&g->is_broken, true);
    }
    unlock();
    return is_replaced;
}

static void guard_handler(int number, siginfo_t *info, void *context)
{
    if (guard_replace(info->si_addr))
        return;
    if (guard_before.sa_flags & SA_SIGINFO) {
        guard_before.sa_sigaction(number, info, context);
        return;
    }
    if (guard_before.sa_handler != SIG_DFL && guard_before.sa_handler != SIG_IGN) {
        guard_before.sa_handler(number);
        return;
    }
    /* Not ours: the instruction faults again and the process ends as it would have. */
    signal(number, SIG_DFL);
}

static void guard_install(void)
{
    struct sigaction action = {.sa_sigaction = guard_handler, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &guard_before);
}

void local_guard_add(struct local_guard *g)
{
    pthread_once(&guard_once, guard_install);
    atomic_store(&g->is_broken, false);
    lock();
    list_push_back(&guard_list, &g->link);
    unlock();
}

void local_guard_remove(struct local_guard *g)
{
    lock();
    list_remove(&g->link);
    unlock();
}
