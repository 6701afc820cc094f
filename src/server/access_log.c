#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { TICK_MS = 1000, STOP_TICK_MS = 5 };

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

enum err access_log_file_open(struct access_log_file *f, const char *where, struct buf *why)
{
    f->path = strcmp(where, "off") == 0 ? NULL : where;
    f->fd = -1;
    atomic_flag_clear(&f->is_taken);
    if (!f->path)
        return ERR_OK;
    f->fd = strcmp(where, "-") == 0 ? STDOUT_FILENO : open_path(where);
    if (f->fd < 0) {
        buf_printf(why, "the access log %s cannot be opened: %s", where, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err access_log_file_reopen(struct access_log_file *f, struct buf *why)
{
    if (!f->path || f->fd == STDOUT_FILENO)
        return ERR_OK;
    int fd = open_path(f->path);
    if (fd < 0) {
        buf_printf(why, "the access log %s cannot be reopened: %s", f->path, strerror(errno));
        return ERR_SYSTEM;
    }
    /* The number stays valid for writers under way: dup3 replaces what it names. */
    (void)dup3(fd, f->fd, O_CLOEXEC);
    (void)close(fd);
    return ERR_OK;
}

void access_log_file_done(struct access_log_file *f)
{
    if (f->path && f->fd > STDERR_FILENO)
        (void)close(f->fd);
    f->fd = -1;
}

/*
 * Runs on a helper thread. A pipe takes a half in pieces: only one reactor's at a time, or lines
 * would be torn. The others do not wait, so that a reader who sleeps holds one helper thread only.
 */
static void write_half(struct work *w)
{
    struct access_log *L = container_of(w, struct access_log, write);
    struct view v = buf_view(&L->half[1 - L->filling]);

    if (atomic_flag_test_and_set(&L->file->is_taken)) {
        w->result = ERR_BUSY;
        return;
    }
    while (v.len > 0) {
        ssize_t n = write(L->file->fd, v.at, v.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        v = view_from(v, (size_t)n);
    }
    atomic_flag_clear(&L->file->is_taken);
    w->result = ERR_OK;
}

static void flush(struct access_log *L)
{
    if (L->is_writing)
        return;
    if (L->half[1 - L->filling].len == 0) { /* else that one is due, again */
        if (L->half[L->filling].len == 0)
            return;
        L->filling = 1 - L->filling;
    }
    L->is_writing = true;
    work_start(&L->write);
}

static void stop_if_idle(struct access_log *L)
{
    if (!L->is_stopping || L->is_writing || !op_is_idle(&L->tick.op))
        return;
    if (L->half[0].len + L->half[1].len > 0) {
        flush(L);
        return;
    }
    op_complete(L->stopped, ERR_OK);
}

static void on_written(struct op *op)
{
    struct access_log *L = container_of(op, struct access_log, write.op);

    L->is_writing = false;
    if (op->err == ERR_BUSY) { /* another reactor writes: with the next tick, or line */
        if (L->is_stopping && op_is_idle(&L->tick.op))
            timer_start(&L->tick, STOP_TICK_MS);
        return;
    }
    L->half[1 - L->filling].len = 0;
    if (L->half[L->filling].len > ACCESS_LOG_HALF_BYTES / 2)
        flush(L);
    stop_if_idle(L);
}

static void on_tick(struct op *op)
{
    struct access_log *L = container_of(op, struct access_log, tick.op);

    flush(L);
    if (L->is_stopping)
        stop_if_idle(L);
    else
        timer_start(&L->tick, TICK_MS);
}

enum err access_log_init(struct access_log *L, struct access_log_file *f)
{
    memset(L, 0, sizeof *L);
    L->file = f;
    op_init(&L->write.op, on_written);
    op_init(&L->tick.op, on_tick);
    L->write.run = write_half;
    if (!f->path)
        return ERR_OK;
    for (unsigned i = 0; i < 2; i++) {
        void *at = malloc(ACCESS_LOG_HALF_BYTES);
        if (!at)
            return ERR_NO_MEMORY;
        L->half[i] = buf_over(at, ACCESS_LOG_HALF_BYTES);
    }
    timer_start(&L->tick, TICK_MS);
    return ERR_OK;
}

/* JSON string contents: bytes that are not printable ASCII become \u00XX. */
static void put_json(struct buf *b, struct view v)
{
    v = view_upto(v, 2048);
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (c == '"' || c == '\\') {
            buf_put_byte(b, '\\');
            buf_put_byte(b, c);
        } else if (c < 0x20 || c > 0x7e) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_put_byte(b, c);
        }
    }
}

/* The path only: queries may carry presigned signatures. */
static void
put_line(struct buf *b, const struct http_request *q, const char *op_name, uint64_t dropped)
{
    buf_put_str(b, "{\"time\":\"");
    text_put_iso_date(b, clock_wall_ms());
    buf_printf(b, "\",\"id\":\"%s\",\"peer\":\"%s\",\"method\":\"", q->id, q->peer);
    put_json(b, q->method_text);
    buf_put_str(b, "\",\"path\":\"");
    put_json(b, q->path);
    buf_printf(b, "\",\"op\":\"%s\",\"user\":\"", op_name);
    put_json(b, q->user);
    buf_printf(
        b, "\",\"status\":%u,\"in\":%llu,\"out\":%llu,\"way\":\"%s\",\"us\":%llu", q->status,
        (unsigned long long)q->bytes_in, (unsigned long long)q->bytes_out, q->way ? q->way : "-",
        (unsigned long long)((clock_ns() - q->start_ns) / 1000));
    if (dropped)
        buf_printf(b, ",\"dropped_before\":%llu", (unsigned long long)dropped);
    buf_put_str(b, "}\n");
}

void access_log_put(struct access_log *L, const struct http_request *q, const char *op_name)
{
    if (!L->file->path)
        return;
    struct buf *b = &L->half[L->filling];
    size_t before = b->len;
    put_line(b, q, op_name, L->dropped);
    if (b->overflow) {
        b->len = before;
        b->overflow = false;
        L->dropped++;
        flush(L);
        return;
    }
    L->dropped = 0;
    if (b->len > ACCESS_LOG_HALF_BYTES / 2)
        flush(L);
}

void access_log_stop(struct access_log *L, struct op *op)
{
    op_start(op);
    L->stopped = op;
    L->is_stopping = true;
    if (!op_is_idle(&L->tick.op))
        timer_stop(&L->tick);
    else
        stop_if_idle(L);
}

void access_log_done(struct access_log *L)
{
    free(L->half[0].at);
    free(L->half[1].at);
    L->half[0].at = L->half[1].at = NULL;
}
