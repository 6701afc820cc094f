#include "iam/iam.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "iam/iam_impl.h"
#include "loop/reactor.h"

/* Takes over s. */
static struct iam *new_over(const struct iam_config *config, struct iam_snapshot *s)
{
    struct iam *I = calloc(1, sizeof *I);

    if (I)
        I->seats = aligned_alloc(64, IAM_SEATS * sizeof *I->seats);
    if (!I || !I->seats) {
        free(I);
        iam_snapshot_unref(s);
        return NULL;
    }
    memset(I->seats, 0, IAM_SEATS * sizeof *I->seats);
    I->config = *config;
    I->current = s;
    I->generation = 1;
    s->seats = I->seats;
    list_init(&I->queue.waiting);
    (void)pthread_mutex_init(&I->lock, NULL);
    return I;
}

enum err iam_new_root_only(const struct iam_config *config, struct iam **iam_out)
{
    const struct iam_doc_set docs[IAM_KINDS] = {{0}};
    struct iam_snapshot *s;

    TRY(iam_snapshot_new(config, docs, &s, NULL));
    *iam_out = new_over(config, s);
    return *iam_out ? ERR_OK : ERR_NO_MEMORY;
}

static void on_loaded(struct op *op)
{
    struct iam_load *load = container_of(op, struct iam_load, op);
    struct iam_open *o =
        container_of((struct iam_config *)(uintptr_t)load->config, struct iam_open, config);
    enum err e = op->err;

    _Static_assert(sizeof o->why == sizeof load->why, "copied whole");
    memcpy(o->why, load->why, sizeof o->why);
    o->iam = e ? NULL : new_over(&o->config, load->snapshot);
    if (!e && !o->iam)
        e = ERR_NO_MEMORY;
    free(load);
    o->state = NULL;
    op_complete(&o->op, e);
}

void iam_open(struct iam_open *o)
{
    struct iam_load *load = calloc(1, sizeof *load);

    op_start(&o->op);
    o->iam = NULL;
    o->state = load;
    o->why[0] = 0;
    if (!load) {
        op_complete(&o->op, ERR_NO_MEMORY);
        return;
    }
    load->config = &o->config;
    op_init(&load->op, on_loaded);
    iam_load(load);
}

void iam_close(struct iam *I)
{
    if (!I)
        return;
    for (unsigned i = 0; i < IAM_SEATS; i++) {
        assert(I->seats[i].holds == 0);
        iam_snapshot_unref(I->seats[i].snapshot);
    }
    free(I->seats);
    iam_snapshot_unref(I->current);
    (void)pthread_mutex_destroy(&I->lock);
    OPENSSL_cleanse(I, sizeof *I);
    free(I);
}

/* ---- holding ------------------------------------------------------------------------------- */

/* NULL: this thread has none. */
static struct iam_seat *seat_here(struct iam_seat *seats)
{
    const struct reactor *R = reactor_current();
    unsigned i = R ? reactor_index(R) : IAM_SEATS;

    return seats && i < IAM_SEATS ? &seats[i] : NULL;
}

static struct iam_snapshot *hold_current(struct iam *I, uint64_t *generation_out)
{
    (void)pthread_mutex_lock(&I->lock);
    struct iam_snapshot *s = I->current;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    *generation_out = atomic_load(&I->generation);
    (void)pthread_mutex_unlock(&I->lock);
    return s;
}

/* The seat's ref stands for one of its holds from now on, or is let go. */
static void seat_leave(struct iam_seat *seat)
{
    struct iam_snapshot *s = seat->snapshot;

    if (s && seat->holds > 0)
        atomic_fetch_add_explicit(&s->refs, seat->holds - 1, memory_order_relaxed);
    else
        iam_snapshot_unref(s);
    seat->holds = 0;
}

struct iam_snapshot *iam_hold_anywhere(struct iam *I)
{
    uint64_t generation;

    return hold_current(I, &generation);
}

const struct iam_snapshot *iam_hold(struct iam *I)
{
    struct iam_seat *seat = seat_here(I->seats);

    if (!seat)
        return iam_hold_anywhere(I);
    if (seat->generation != atomic_load(&I->generation)) {
        seat_leave(seat);
        seat->snapshot = hold_current(I, &seat->generation);
    }
    seat->holds++;
    return seat->snapshot;
}

void iam_release(const struct iam_snapshot *s)
{
    struct iam_seat *seat = s ? seat_here(s->seats) : NULL;

    if (seat && seat->snapshot == s && seat->holds > 0)
        seat->holds--;
    else
        iam_snapshot_unref((struct iam_snapshot *)(uintptr_t)s);
}

void iam_swap(struct iam *I, struct iam_snapshot *s)
{
    s->seats = I->seats;
    (void)pthread_mutex_lock(&I->lock);
    struct iam_snapshot *old = I->current;
    I->current = s;
    atomic_fetch_add(&I->generation, 1);
    (void)pthread_mutex_unlock(&I->lock);
    iam_snapshot_unref(old);
}

/* ---- searching ----------------------------------------------------------------------------- */

bool iam_find_key(const struct iam_snapshot *s, struct view access, struct iam_key *key_out)
{
    const struct iam_snapshot_key *k = iam_snapshot_key(s, access);

    if (!k || !k->is_enabled)
        return false;
    *key_out = (struct iam_key){.access = k->access, .secret = k->secret, .user = k->user};
    return true;
}

const struct iam_user *iam_find_account(const struct iam_snapshot *s, struct view id)
{
    return iam_snapshot_account(s, id);
}

const struct iam_user *iam_find_email(const struct iam_snapshot *s, struct view email)
{
    return iam_snapshot_mailbox(s, email);
}

const struct iam_user *iam_find_shadowed(const struct iam_snapshot *s)
{
    return s->shadowed;
}

const struct iam_user *iam_find_user(const struct iam_snapshot *s, struct view name)
{
    const struct iam_doc *doc = iam_snapshot_doc(s, IAM_USER, name);

    return doc ? iam_snapshot_user(s, doc) : NULL;
}
