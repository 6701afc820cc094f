#include "loop_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

/*
 * liburing maps and unmaps with system calls of its own, which ThreadSanitizer does not see: a ring
 * at the address of an earlier thread's ring looks like a race. So there AUTO means epoll.
 */
#if defined(__SANITIZE_THREAD__)
static const bool under_tsan = true;
#else
static const bool under_tsan = false;
#endif

static const uint64_t deadline_ns = UINT64_C(30000000000);
static const uint64_t turn_ns = 50000000;

struct reactor *loop_open(enum ring_kind kind)
{
    return loop_open_deep(kind, 0);
}

struct reactor *loop_open_deep(enum ring_kind kind, unsigned depth)
{
    const struct reactor_config config = {
        .ring = under_tsan && kind == RING_AUTO ? RING_EPOLL : kind,
        .ring_depth = depth,
        .cpu = -1,
    };
    struct reactor *R;
    const char *why;
    enum err e = reactor_new(&config, &R, &why);

    if (e && kind == RING_URING) {
        print_message("io_uring: %s\n", why ? why : err_text(e));
        skip();
    }
    assert_int_equal(e, ERR_OK);
    return R;
}

struct reactor *loop_open_over(struct ring *ring)
{
    const struct reactor_config config = {.cpu = -1};
    struct reactor *R;

    assert_int_equal(reactor_new_over(&config, ring, &R), ERR_OK);
    return R;
}

void loop_close(void)
{
    struct reactor *R = reactor_current();

    reactor_stop(R);
    reactor_run(R);
    reactor_free(R);
}

void loop_nothing(struct op *op)
{
    (void)op;
}

static void turn_before(uint64_t deadline)
{
    if (clock_ns() > deadline)
        fail_msg("the loop has waited 30 s for something that did not happen");
    reactor_turn(reactor_current(), turn_ns);
}

void loop_until(const bool *flag)
{
    uint64_t deadline = clock_ns() + deadline_ns;

    while (!*flag)
        turn_before(deadline);
}

enum err loop_wait(const struct op *op)
{
    uint64_t deadline = clock_ns() + deadline_ns;

    while (!op_is_idle(op))
        turn_before(deadline);
    return op->err;
}

void loop_turns(unsigned n)
{
    while (n--)
        reactor_turn(reactor_current(), 0);
}
