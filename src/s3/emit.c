#include "s3/emit.h"

#include <assert.h>

#include "base/crc64.h"
#include "base/metrics.h"

/*
 * pump() runs after every completion and at the start: it starts whatever can be started, and ends
 * the emit when nothing is in flight any more. What can wake us: the engine (a read), the
 * connection (bytes are with the kernel), the transport (bytes are in the window).
 */
static void pump(struct emit *g);

static void fail(struct emit *g, enum err e)
{
    if (!g->err)
        g->err = e;
}

static void give_back(struct emit_slot *s)
{
    chunk_unref(s->read.chunk);
    s->read.chunk = NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

/* Woken by the engine. */
static void on_read(struct op *op)
{
    struct emit_slot *s = container_of(op, struct emit_slot, read.op);
    struct emit *g = s->emit;

    assert(s->state == EMIT_READING && g->inflight > 0);
    g->inflight--;
    if (op->err == ERR_OK) {
        assert(s->read.lent.len >= 1 && s->read.lent.len <= s->end - s->off);
        s->state = EMIT_READ;
    } else if (op->err == ERR_BUSY && s != &g->slots[g->out_next]) {
        s->state = EMIT_POSTPONED;
    } else {
        s->state = EMIT_EMPTY;
        fail(g, op->err);
    }
    pump(g);
}

/* The one place that decides where bytes are read to: lent memory for both ways out. */
static void read_slot(struct emit *g, struct emit_slot *s)
{
    s->state = EMIT_READING;
    g->inflight++;
    op_init(&s->read.op, on_read);
    s->read.object = g->object;
    s->read.off = s->off;
    s->read.len = (size_t)MIN(s->end - s->off, (uint64_t)CHUNK_BYTES_MAX);
    s->read.dst = NULL;
    s->read.chunk = NULL;
    s->read.wants_crc64 = g->wants_crc64;
    s3_wait(g->request, "Emit.reading");
    engine_read(&s->read);
}

/* Stretches end at multiples of a chunk: that is where the engine's blocks end, too. */
static void read_ahead(struct emit *g)
{
    uint64_t end = g->off + g->len;

    while (g->planned < end && g->slots[g->read_next].state == EMIT_EMPTY) {
        struct emit_slot *s = &g->slots[g->read_next];
        uint64_t edge = (g->planned / CHUNK_BYTES_MAX + 1) * CHUNK_BYTES_MAX;

        g->read_next = (g->read_next + 1) % g->slot_count;
        s->off = g->planned;
        s->end = MIN(edge, end);
        s->crc64 = 0;
        s->bytes = 0;
        g->planned = s->end;
        read_slot(g, s);
    }
    if (g->slots[g->out_next].state == EMIT_POSTPONED)
        read_slot(g, &g->slots[g->out_next]);
}

/* --- moving out --------------------------------------------------------------------------- */

/* What was lent to s is out. */
static void moved(struct emit *g, struct emit_slot *s, enum err e)
{
    size_t len = s->read.lent.len;

    assert(s->state == EMIT_MOVING && g->inflight > 0);
    g->inflight--;
    give_back(s);
    if (e) {
        s->state = EMIT_EMPTY;
        fail(g, e);
        return;
    }
    if (g->wants_crc64)
        s->crc64 = crc64_nvme_combine(s->crc64, s->read.crc64, len);
    s->bytes += len;
    s->off += len;
    if (g->window) { /* the connection counts its own */
        g->request->http->bytes_out += len;
        metrics_add(METRIC_BYTES_OUT_DIRECT, len);
    }
    s->state = EMIT_OUT;
    if (s->off < s->end && !g->err)
        read_slot(g, s);
}

/* Woken by the connection. */
static void on_sent(struct op *op)
{
    struct emit *g = container_of(op, struct emit, send.op);

    moved(g, &g->slots[g->out_next], op->err);
    pump(g);
}

static void send_slot(struct emit *g, struct emit_slot *s)
{
    op_init(&g->send.op, on_sent);
    g->send.request = g->request->http;
    g->send.bytes = s->read.lent;
    g->send.is_last = s->off + s->read.lent.len == g->off + g->len;
    s3_wait(g->request, "Emit.sending");
    http_send(&g->send);
}

/* Woken by the transport. */
static void on_transferred(struct op *op)
{
    struct emit_slot *s = container_of(op, struct emit_slot, transfer.op);

    if (op->err)
        s->emit->transfer_failed = true;
    moved(s->emit, s, op->err);
    pump(s->emit);
}

static void transfer_slot(struct emit *g, struct emit_slot *s)
{
    op_init(&s->transfer.op, on_transferred);
    s->transfer.window = g->window;
    s->transfer.window_off = s->off - g->off;
    s->transfer.at = (void *)(uintptr_t)s->read.lent.at;
    s->transfer.len = s->read.lent.len;
    s3_wait(g->request, "Emit.writing_window");
    transport_write(&s->transfer);
}

static void move_out(struct emit *g)
{
    for (unsigned i = 0; i < (g->window ? g->slot_count : 1); i++) {
        struct emit_slot *s = &g->slots[(g->out_next + i) % g->slot_count];

        if (s->state != EMIT_READ)
            continue;
        s->state = EMIT_MOVING;
        g->inflight++;
        if (g->window)
            transfer_slot(g, s);
        else
            send_slot(g, s);
    }
}

/* --- the end ------------------------------------------------------------------------------ */

/* The oldest stretches are out: their checksums join in order, their slots are free. */
static void retire(struct emit *g)
{
    while (g->slots[g->out_next].state == EMIT_OUT) {
        struct emit_slot *s = &g->slots[g->out_next];

        if (g->wants_crc64)
            g->crc64 = crc64_nvme_combine(g->crc64, s->crc64, s->bytes);
        s->state = EMIT_EMPTY;
        g->out_next = (g->out_next + 1) % g->slot_count;
    }
}

static void end(struct emit *g)
{
    for (unsigned i = 0; i < g->slot_count; i++) {
        assert(g->err || g->slots[i].state == EMIT_EMPTY);
        if (g->slots[i].state == EMIT_READ) /* read, but never moved: after a failure */
            give_back(&g->slots[i]);
    }
    assert(g->err || g->planned == g->off + g->len);
    op_complete(&g->op, g->err);
}

static void pump(struct emit *g)
{
    if (!g->err) {
        retire(g);
        read_ahead(g);
        move_out(g);
    }
    if (g->inflight == 0)
        end(g);
}

void emit_start(struct emit *g)
{
    assert(g->len >= 1 && g->off + g->len <= g->object->info.size);
    assert(!g->window || g->len <= g->window->bytes);
    op_start(&g->op);
    g->slot_count = g->window ? EMIT_SLOTS : EMIT_SOCKET_SLOTS;
    g->planned = g->off;
    for (unsigned i = 0; i < EMIT_SLOTS; i++)
        g->slots[i].emit = g;
    pump(g);
}
