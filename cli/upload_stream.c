#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/file.h"
#include "cli/multipart.h"
#include "cli/upload.h"

struct stream {
    struct session *S;
    int fd;
    struct report_what what;
    const char *bucket, *key;
    struct queue_slot *slot;
    size_t got; /* bytes in the slot */
    uint64_t total, start_ns;
};

/* Fills the slot. False after a complaint. */
static bool fill(struct stream *s)
{
    ssize_t n = file_read(s->fd, ps_buffer_at(s->slot->buffer), QUEUE_SLOT_BYTES);

    if (n < 0) {
        report_problem(&s->S->report, &s->what, strerror(errno));
        return false;
    }
    s->got = (size_t)n;
    s->total += s->got;
    return true;
}

static void stored(struct stream *s, struct ps_result *result)
{
    result->bytes = s->total;
    report_transfer(&s->S->report, &s->what, result, (double)(clock_ns() - s->start_ns) / 1e9);
}

/* Everything was in the first buffer: an ordinary put. */
static void store_whole(struct stream *s)
{
    struct ps_op *op = &s->slot->op;

    op->kind = PS_PUT;
    op->bucket = s->bucket;
    op->key = s->key;
    op->bytes = s->got;
    op->content_type = s->S->content_type;
    if (ps_do(s->S->client, op) != PS_OK)
        report_failure(&s->S->report, &s->what, &op->result);
    else
        stored(s, &op->result);
}

/* False after a complaint. */
static bool store_rest(struct stream *s, struct multipart *m)
{
    while (s->got > 0) {
        if (!multipart_put(m, ps_buffer_at(s->slot->buffer), s->got)) {
            report_failure(&s->S->report, &s->what, &m->result);
            return false;
        }
        progress_add(&s->S->report.progress, s->got);
        progress_tick(&s->S->report.progress);
        if (s->got < QUEUE_SLOT_BYTES)
            break;
        if (!fill(s))
            return false;
    }
    return true;
}

static void store_parts(struct stream *s)
{
    struct multipart m;

    if (!multipart_begin(&m, s->S->client, s->bucket, s->key, s->S->content_type)) {
        report_failure(&s->S->report, &s->what, &m.result);
        return;
    }
    if (!store_rest(s, &m)) {
        multipart_abort(&m);
        return;
    }
    if (!multipart_finish(&m)) {
        report_failure(&s->S->report, &s->what, &m.result);
        return;
    }
    m.result.way = PS_WAY_TCP;
    m.result.has_crc64 = 0;
    stored(s, &m.result);
}

void upload_stream(struct session *S, int fd, const char *from, const char *bucket, const char *key)
{
    char name[SESSION_NAME_MAX];
    struct stream s = {
        .S = S,
        .fd = fd,
        .what = {"put", from, name},
        .bucket = bucket,
        .key = key,
        .start_ns = clock_ns()};

    session_name(name, bucket, key);
    if (queue_take(&S->queue, QUEUE_SLOT_BYTES, &s.slot) != PS_OK) {
        report_problem(&S->report, &s.what, ps_client_error());
        return;
    }
    if (fill(&s)) {
        if (s.got < QUEUE_SLOT_BYTES)
            store_whole(&s);
        else if (S->requires_direct)
            report_problem(
                &S->report, &s.what,
                "a stream of 32 MiB or more goes by HTTP, and --direct require forbids it: store "
                "it from a file");
        else
            store_parts(&s);
    }
    queue_give(s.slot);
}
