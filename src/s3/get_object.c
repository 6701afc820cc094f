/*
 * GetObject, by HTTP body or into a window of the direct path.
 *
 *   finding -> [no token] ---------------------------------> emitting -> cleaning
 *           -> [token] opening -> emitting -> closing -> the answer
 *                           \-> closing (window too small) -> emitting to the socket
 *
 * Before the head leaves every failure is an S3 error; after it, a closed connection. Once a
 * transfer into a window was started its failure is never covered up by a body (invariant 3).
 */
#include <assert.h>

#include "base/text.h"
#include "s3/direct.h"
#include "s3/emit.h"
#include "s3/find.h"
#include "s3/object_reply.h"
#include "s3/ops.h"

enum get_wait { GET_FINDING, GET_OPENING, GET_EMITTING, GET_CLOSING };

struct get_object {
    struct s3_request *request;
    enum get_wait wait;
    enum err err; /* of the emit into the window, kept while it closes */
    struct find find;
    struct object_reply reply;
    struct direct direct;
    struct emit emit;
};

static void on_window(struct op *op);
static void on_emit(struct op *op);

/* --- endings ------------------------------------------------------------------------------ */

static void let_go(struct get_object *g)
{
    assert(g->direct.state != DIRECT_OPEN);
    find_done(&g->find);
}

static void fail(struct get_object *g, enum s3_code code)
{
    let_go(g);
    s3_finish_error(g->request, code, NULL);
}

/* The bytes are in the window: the head says what, and there is no body. */
static void answer_moved(struct get_object *g)
{
    struct s3_request *r = g->request;

    direct_will_reply(r, g->reply.is_part ? 206 : 200);
    object_reply_head(&g->reply);
    direct_put_bytes(r, g->reply.range.len);
    if (g->reply.wants_checksum) {
        uint8_t crc64[8];
        char text[CHECKSUM_TEXT_MAX];
        struct buf b = buf_over(text, sizeof text);

        checksum_put_crc64(g->emit.crc64, crc64);
        checksum_put_text(&b, CHECKSUM_CRC64NVME, crc64);
        http_reply_header(r->http, "x-penstock-crc64nvme", buf_view(&b));
    }
    let_go(g);
    s3_finish_empty(r);
}

/* --- steps -------------------------------------------------------------------------------- */

static void emit(struct get_object *g, struct window *window)
{
    struct emit *m = &g->emit;

    m->request = g->request;
    m->object = g->find.object;
    m->off = g->reply.range.off;
    m->len = g->reply.range.len;
    m->window = window;
    m->wants_crc64 = window && g->reply.wants_checksum;
    g->request->http->way = window ? "direct" : "tcp";
    g->wait = GET_EMITTING;
    op_init(&m->op, on_emit);
    emit_start(m);
}

static void emit_body(struct get_object *g)
{
    struct s3_request *r = g->request;

    if (g->direct.state == DIRECT_DECLINED)
        direct_will_decline(r);
    object_reply_head(&g->reply);
    if (g->reply.range.len == 0) {
        let_go(g);
        s3_finish_empty(r);
        return;
    }
    http_reply_length(r->http, g->reply.range.len);
    emit(g, NULL);
}

static void close_window(struct get_object *g)
{
    g->wait = GET_CLOSING;
    s3_wait(g->request, "GetObject.closing");
    direct_close(&g->direct);
}

static void opened(struct get_object *g)
{
    enum s3_code code = direct_opened(g->request, &g->direct);

    if (code) {
        fail(g, code);
    } else if (g->direct.state == DIRECT_DECLINED) {
        emit_body(g);
    } else if (g->reply.range.len == 0 || g->direct.window.bytes < g->reply.range.len) {
        close_window(g); /* nothing to move, or no room: see closed */
    } else {
        emit(g, &g->direct.window);
    }
}

/* Every byte was delivered; is it what was stored? */
static bool checksum_is_wrong(const struct get_object *g)
{
    return g->emit.wants_crc64 && !g->reply.is_part && g->emit.crc64 != g->reply.info->crc64;
}

static void closed(struct get_object *g)
{
    bool was_moved = g->emit.window || g->reply.range.len == 0;

    if (!g->err && was_moved && checksum_is_wrong(g))
        g->err = ERR_CHECKSUM;
    if (g->err == ERR_BUSY && !g->emit.transfer_failed) {
        fail(g, S3_SlowDown); /* a shortage of ours, not a failed transfer */
    } else if (g->err) {
        direct_will_fail(g->request);
        fail(g, S3_RDMATransferFailed);
    } else if (was_moved) {
        answer_moved(g);
    } else {
        g->direct.state = DIRECT_DECLINED;
        emit_body(g);
    }
}

static void emitted(struct get_object *g, enum err e)
{
    if (g->emit.window) {
        g->err = e;
        close_window(g);
        return;
    }
    let_go(g);
    if (e)
        s3_finish_err(g->request, e); /* closes when the head is out */
    else
        s3_finish_sent(g->request);
}

static void found(struct get_object *g, enum err e)
{
    enum s3_code code;

    if (e) {
        s3_finish_error(g->request, g->find.code, g->find.detail);
        return;
    }
    code = object_reply_decide(&g->reply, &g->find.object->info, &g->find.meta);
    if (code == S3_NotModified) {
        object_reply_not_modified(&g->reply);
        let_go(g);
        s3_finish_head(g->request);
    } else if (code) {
        fail(g, code);
    } else if (g->direct.state == DIRECT_OFFERED) {
        g->wait = GET_OPENING;
        s3_wait(g->request, "GetObject.opening");
        direct_open(g->request, &g->direct, WINDOW_WRITE, on_window);
    } else {
        emit_body(g);
    }
}

/* One wait at a time; each case says who woke us. */
static void advance(struct get_object *g, enum err e)
{
    switch (g->wait) {
    case GET_FINDING: /* find */
        found(g, e);
        break;
    case GET_OPENING: /* the transport */
        opened(g);
        break;
    case GET_EMITTING: /* emit */
        emitted(g, e);
        break;
    case GET_CLOSING: /* the transport: nothing is in flight in the window */
        closed(g);
        break;
    }
}

static void on_found(struct op *op)
{
    advance(container_of(op, struct get_object, find.op), op->err);
}

static void on_window(struct op *op)
{
    advance(container_of(op, struct get_object, direct.window.op), op->err);
}

static void on_emit(struct op *op)
{
    advance(container_of(op, struct get_object, emit.op), op->err);
}

void get_object_start(struct s3_request *r)
{
    struct get_object *g = region_take_zero(r->region, sizeof *g);
    const char *detail;
    enum s3_code code;

    if (!g) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    g->request = r;
    g->reply.request = r;
    code = object_reply_read(&g->reply, &detail);
    if (!code)
        code = direct_look(r, &g->direct, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    g->wait = GET_FINDING;
    s3_wait(r, "GetObject.finding");
    find_init(&g->find, r, on_found);
    find_start(&g->find);
}
