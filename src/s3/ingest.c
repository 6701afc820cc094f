#include "s3/ingest.h"

#include <assert.h>

#include "base/clock.h"
#include "base/metrics.h"

/*
 * pump() runs after every completion and at the start: it starts whatever can be started, and ends
 * the ingest when nothing is in flight any more. What can wake us: the arena (a chunk), the
 * connection (body bytes), the transport (a transfer), the engine (a write).
 */
static void pump(struct ingest *g);

static void fail(struct ingest *g, enum s3_code code, const char *detail)
{
    if (g->code)
        return;
    g->code = code;
    g->detail = detail;
}

static void fail_err(struct ingest *g, enum err e)
{
    fail(g, s3_code_from_err(e, true), NULL);
}

static void slot_empty(struct ingest_slot *s)
{
    chunk_unref(s->chunk);
    s->chunk = NULL;
    s->state = INGEST_EMPTY;
    s->ingest->chunks_held--;
}

/* --- writing ------------------------------------------------------------------------------ */

/* Woken by the engine: these bytes are staged. */
static void on_written(struct op *op)
{
    struct ingest_slot *s = container_of(op, struct ingest_slot, write.op);
    struct ingest *g = s->ingest;

    assert(s->state == INGEST_WRITING && g->inflight > 0);
    g->inflight--;
    if (op->err)
        fail_err(g, op->err);
    slot_empty(s);
    pump(g);
}

static void write_slot(struct ingest *g, struct ingest_slot *s)
{
    s->chunk->len = (uint32_t)s->filled;
    s->state = INGEST_WRITING;
    g->write_next = (g->write_next + 1) % g->slot_count;
    g->inflight++;
    op_init(&s->write.op, on_written);
    s->write.put = g->put;
    s->write.chunk = s->chunk;
    s->write.len = s->filled;
    s3_wait(g->request, "Ingest.writing");
    engine_write(&s->write);
}

/* On a helper thread. Nobody else touches the digests while is_digesting. */
static void run_digests(struct work *w)
{
    struct ingest *g = container_of(w, struct ingest, digesting);
    const struct ingest_slot *s = &g->slots[g->write_next];

    digests_update(g->digests, s->chunk->at, s->filled);
    w->result = ERR_OK;
}

/* Woken by the helper thread. */
static void on_digested(struct op *op)
{
    struct ingest *g = container_of(op, struct ingest, digesting.op);
    struct ingest_slot *s = &g->slots[g->write_next];

    assert(g->is_digesting && s->state == INGEST_FULL && g->inflight > 0);
    g->is_digesting = false;
    g->inflight--;
    if (!g->code)
        write_slot(g, s);
    pump(g);
}

/*
 * The oldest full slot: digested, then given to the engine. A megabyte of MD5 is a millisecond and
 * a half, of several requests in one turn a stall (invariant 7): large pieces go to a helper
 * thread.
 */
static void write_next(struct ingest *g)
{
    struct ingest_slot *s = &g->slots[g->write_next];

    if (s->state != INGEST_FULL || g->is_digesting)
        return;
    if (s->filled < INGEST_DIGEST_INLINE_BYTES || !digests_cost(g->digests)) {
        digests_update(g->digests, s->chunk->at, s->filled);
        write_slot(g, s);
        return;
    }
    g->is_digesting = true;
    g->inflight++;
    op_init(&g->digesting.op, on_digested);
    g->digesting.run = run_digests;
    s3_wait(g->request, "Ingest.digesting");
    work_start(&g->digesting);
}

/* --- filling from a window ---------------------------------------------------------------- */

/* Woken by the transport. */
static void on_transferred(struct op *op)
{
    struct ingest_slot *s = container_of(op, struct ingest_slot, transfer.op);
    struct ingest *g = s->ingest;

    assert(s->state == INGEST_FILLING && g->inflight > 0);
    g->inflight--;
    s->filled = s->target;
    s->state = INGEST_FULL;
    if (op->err) {
        g->transfer_failed = true;
        fail(g, S3_RDMATransferFailed, NULL);
    } else {
        g->request->http->bytes_in += s->filled;
        metrics_add(METRIC_BYTES_IN_DIRECT, s->filled);
    }
    pump(g);
}

static void fill_from_window(struct ingest *g, struct ingest_slot *s, uint64_t off)
{
    op_init(&s->transfer.op, on_transferred);
    s->transfer.window = g->window;
    s->transfer.window_off = off;
    s->transfer.at = s->chunk->at;
    s->transfer.len = s->target;
    s3_wait(g->request, "Ingest.reading_window");
    transport_read(&s->transfer);
}

/* --- filling from the body ---------------------------------------------------------------- */

static void read_body(struct ingest *g, struct ingest_slot *s);

/* The slot filled last got nothing: the source had ended before it. */
static void take_back(struct ingest *g, unsigned last)
{
    slot_empty(&g->slots[last]);
    g->fill_next = last;
}

static const char too_long[] = "The body is longer than its announced length.";

/* Raw bytes came: take the framing away, count. False when the ingest has failed. */
static bool accept_bytes(struct ingest *g, uint8_t *at, size_t *payload_out)
{
    size_t payload = g->body.got;
    enum err e = g->body.op.err;

    if (e == ERR_OK && g->chunked) {
        e = chunked_decode(g->chunked, at, g->body.got, &payload);
        if (e == ERR_TOO_LARGE) /* a line of the framing, not the object */
            e = ERR_MALFORMED;
    }
    if (e) {
        fail_err(g, e);
        return false;
    }
    g->body_ended = g->body.is_end || g->body.got < g->body.cap;
    if (payload > g->length - g->received) {
        fail(g, S3_IncompleteBody, too_long);
        return false;
    }
    g->received += payload;
    *payload_out = payload;
    return true;
}

/* An end that nobody announced: how long it was we know only now. */
static void found_end(struct ingest *g)
{
    g->body_ended = true;
    g->length = g->planned = g->received;
}

/* Woken by the connection: the slot has as much as it asked for, or the body ended. */
static void on_body(struct op *op)
{
    struct ingest *g = container_of(op, struct ingest, body.op);
    unsigned last = (g->fill_next + g->slot_count - 1) % g->slot_count;
    struct ingest_slot *s = &g->slots[last];
    size_t payload = 0;

    assert(s->state == INGEST_FILLING && g->inflight > 0);
    g->inflight--;
    if (accept_bytes(g, s->chunk->at + s->filled, &payload)) {
        s->filled += payload;
        if (s->filled < s->target && !g->body_ended) {
            read_body(g, s);
            return;
        }
        if (g->is_open_ended && g->body_ended)
            found_end(g);
        else if (s->filled < s->target)
            fail(g, S3_IncompleteBody, NULL);
    }
    s->state = INGEST_FULL;
    if (s->filled == 0)
        take_back(g, last);
    pump(g);
}

/* --- filling from the file of a form ------------------------------------------------------ */

/* Woken by the form: the slot is full, or the file has ended. How long it is we know only now. */
static void on_form(struct op *op)
{
    struct form_body *f = container_of(op, struct form_body, op);
    struct ingest *g = f->owner;
    unsigned last = (g->fill_next + g->slot_count - 1) % g->slot_count;
    struct ingest_slot *s = &g->slots[last];

    assert(s->state == INGEST_FILLING && g->inflight > 0);
    g->inflight--;
    s->filled = f->got;
    s->state = INGEST_FULL;
    g->received += f->got;
    if (op->err)
        fail(g, f->code, f->detail);
    if (!op->err && f->is_end)
        found_end(g);
    if (s->filled == 0)
        take_back(g, last);
    pump(g);
}

static void read_form(struct ingest *g, struct ingest_slot *s)
{
    g->inflight++;
    op_init(&g->form->op, on_form);
    g->form->owner = g;
    g->form->to = s->chunk->at;
    g->form->cap = s->target;
    form_body_read(g->form);
}

/* --- filling ------------------------------------------------------------------------------ */

static void read_body(struct ingest *g, struct ingest_slot *s)
{
    size_t room = MIN(s->chunk->bytes, (size_t)CHUNK_BYTES_MAX) - s->filled;

    g->inflight++;
    op_init(&g->body.op, on_body);
    g->body.to = s->chunk->at + s->filled;
    g->body.cap = g->chunked ? room : s->target - s->filled;
    s3_wait(g->request, "Ingest.receiving");
    http_body_read(&g->body);
}

/* --- the end of a framed body ------------------------------------------------------------- */

static bool body_is_framed(const struct ingest *g)
{
    return g->chunked || g->request->http->is_chunked;
}

/* Woken by the connection: last chunk, trailers, or the end of the body. */
static void on_tail(struct op *op)
{
    struct ingest *g = container_of(op, struct ingest, body.op);
    size_t payload = 0;

    g->inflight--;
    g->tail_is_reading = false;
    (void)accept_bytes(g, g->tail, &payload); /* any payload would be one too many: it says so */
    pump(g);
}

static void read_tail(struct ingest *g)
{
    if (!g->tail)
        g->tail = region_take(g->request->region, INGEST_TAIL_BYTES);
    if (!g->tail) {
        fail_err(g, ERR_BUSY);
        return;
    }
    g->inflight++;
    g->tail_is_reading = true;
    op_init(&g->body.op, on_tail);
    g->body.to = g->tail;
    g->body.cap = INGEST_TAIL_BYTES;
    http_body_read(&g->body);
}

/* --- slots -------------------------------------------------------------------------------- */

static void fill(struct ingest *g, struct chunk *chunk)
{
    struct ingest_slot *s = &g->slots[g->fill_next];
    uint64_t off = g->planned;

    assert(s->state == INGEST_EMPTY);
    g->fill_next = (g->fill_next + 1) % g->slot_count;
    g->chunks_held++;
    s->chunk = chunk;
    s->filled = 0;
    s->target = (size_t)MIN(g->length - g->planned, (uint64_t)CHUNK_BYTES_MAX);
    g->planned += s->target;
    s->state = INGEST_FILLING;
    if (g->form) {
        read_form(g, s);
    } else if (!g->window) {
        read_body(g, s);
    } else {
        g->inflight++;
        fill_from_window(g, s, off);
    }
}

/* Woken by the arena. */
static void on_chunk(struct op *op)
{
    struct ingest *g = container_of(op, struct ingest, take.op);

    g->inflight--;
    g->is_taking = false;
    if (op->err)
        fail_err(g, op->err);
    else if (g->code)
        chunk_unref(g->take.chunk);
    else
        fill(g, g->take.chunk);
    pump(g);
}

/* After its deadline nothing could be moved anyway. */
static unsigned window_ms_left(const struct window *w)
{
    uint64_t now_ns = clock_ns();

    return now_ns < w->deadline_ns ? (unsigned)((w->deadline_ns - now_ns) / 1000000) : 0;
}

static void take_chunk(struct ingest *g, size_t bytes)
{
    g->inflight++;
    g->is_taking = true;
    op_init(&g->take.op, on_chunk);
    g->take.bytes = bytes;
    g->take.limit_ms = g->window ? window_ms_left(g->window) : S3_CHUNK_WAIT_MS;
    s3_wait(g->request, "Ingest.needing_chunk");
    arena_wait(g->request->service->arena, &g->take);
}

/* A chunk may be filled now: there is payload left, a free slot, and the source is not busy. */
static bool may_fill(const struct ingest *g)
{
    const struct ingest_slot *next = &g->slots[g->fill_next];
    const struct ingest_slot *last = &g->slots[(g->fill_next + g->slot_count - 1) % g->slot_count];

    if (g->planned == g->length || g->is_taking || next->state != INGEST_EMPTY)
        return false;
    return g->window || last->state != INGEST_FILLING;
}

static void fill_slots(struct ingest *g)
{
    while (may_fill(g)) {
        size_t bytes = (size_t)MIN(g->length - g->planned, (uint64_t)CHUNK_BYTES_MAX);
        struct chunk *chunk = arena_try_take(g->request->service->arena, bytes);

        if (chunk) {
            fill(g, chunk);
            continue;
        }
        if (g->chunks_held == 0)
            take_chunk(g, bytes);
        return; /* else: a write that ends gives us a chunk back and runs pump */
    }
}

/* --- the end ------------------------------------------------------------------------------ */

/* All payload is staged: is everything said about it true? */
static void verify(struct ingest *g)
{
    enum s3_code code = S3_None;
    const char *detail = NULL;

    if (g->chunked) {
        if (!chunked_is_done(g->chunked))
            code = S3_IncompleteBody;
        else
            code = digests_trailer(g->digests, g->chunked, &detail);
    }
    if (!code)
        code = digests_finish(g->digests, &detail);
    if (code)
        fail(g, code, detail);
}

static void end(struct ingest *g)
{
    assert(g->inflight == 0);
    for (unsigned i = 0; i < g->slot_count; i++)
        if (g->slots[i].state != INGEST_EMPTY)
            slot_empty(&g->slots[i]); /* filled, but never written: after a failure */
    assert(g->chunks_held == 0);
    if (!g->code && g->form && !g->body_ended)
        fail(g, S3_MalformedPOSTRequest, NULL); /* no last boundary: not known to be whole */
    if (!g->code && g->is_open_ended && !g->body_ended)
        fail(g, S3_EntityTooLarge, NULL);
    if (!g->code)
        verify(g);
    if (g->chunked)
        chunked_done(g->chunked);
    op_complete(&g->op, g->code ? ERR_INVALID : ERR_OK);
}

static void pump(struct ingest *g)
{
    bool needs_tail = !g->window && body_is_framed(g);

    if (!g->code) {
        fill_slots(g);
        write_next(g);
    }
    if (!g->code && needs_tail && !g->body_ended && g->received == g->length && !g->tail_is_reading)
        read_tail(g);
    if (g->inflight == 0)
        end(g);
}

static void start_framing(struct ingest *g)
{
    struct s3_request *r = g->request;
    struct chunked *c;

    if (g->window || g->form || !digests_body_is_framed(r))
        return;
    c = region_take(r->region, sizeof *c);
    if (!c || chunked_init(c, &r->auth))
        fail_err(g, ERR_BUSY);
    else
        g->chunked = c;
}

void ingest_start(struct ingest *g)
{
    op_start(&g->op);
    g->slot_count = g->window ? INGEST_SLOTS : INGEST_SOCKET_SLOTS;
    g->body.request = g->request->http;
    for (unsigned i = 0; i < INGEST_SLOTS; i++)
        g->slots[i].ingest = g;
    start_framing(g);
    pump(g);
}
