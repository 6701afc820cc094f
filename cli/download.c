/*
 * Who gives a slot back: on_range, once its bytes are written. For a stream, a range that came
 * early waits in `held`; the oldest one is always in flight or written next, so slots never run
 * out for good.
 */
#include "cli/download.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc64.h"
#include "cli/file.h"

struct download {
    struct session *S;
    struct download_source source; /* bucket and key are ours */
    char etag[72];
    char name[SESSION_NAME_MAX];
    char *path; /* as given; NULL: standard output */
    struct file file;
    uint64_t *crcs; /* of each range, when there is one to compare with */
    uint64_t range_bytes;
    uint64_t written; /* streams: everything before is written */
    struct queue_slot *held;
    unsigned inflight;
    bool is_submitted; /* no more ranges will be */
    bool has_failed;   /* and said so */
    uint64_t start_ns;
    struct ps_result total;
};

bool download_look(
    struct session *S, const char *verb, const struct url *u, struct ps_stat *stat,
    struct download_source *source_out)
{
    struct ps_result result = {0};

    if (ps_head(S->client, u->bucket, u->key, stat, &result) != PS_OK) {
        session_failed(S, verb, u->text, &result);
        return false;
    }
    *source_out = (struct download_source){
        .bucket = u->bucket,
        .key = u->key,
        .bytes = stat->bytes,
        .etag = stat->etag,
        .has_crc64 = stat->has_crc64 != 0,
        .crc64 = stat->crc64};
    return true;
}

static struct report_what what_of(struct download *d)
{
    return (struct report_what){"get", d->name, d->path};
}

static void fail(struct download *d, const char *cause)
{
    const struct report_what what = what_of(d);

    if (!d->has_failed)
        report_problem(&d->S->report, &what, cause);
    d->has_failed = true;
}

static void fail_with(struct download *d, const struct ps_result *result)
{
    const struct report_what what = what_of(d);

    if (result->err == PS_ERR_PRECONDITION) {
        fail(d, "the object was replaced while it was read");
        return;
    }
    if (!d->has_failed)
        report_failure(&d->S->report, &what, result);
    d->has_failed = true;
}

static uint64_t range_length(const struct download *d, uint64_t offset)
{
    return MIN(d->range_bytes, d->source.bytes - offset);
}

static uint64_t whole_crc(const struct download *d)
{
    uint64_t crc = 0;

    for (uint64_t at = 0; at < d->source.bytes; at += d->range_bytes)
        crc = crc64_nvme_combine(crc, d->crcs[at / d->range_bytes], range_length(d, at));
    return crc;
}

static void free_it(struct download *d)
{
    free(d->crcs);
    free(d->path);
    free((void *)(uintptr_t)d->source.bucket);
    free((void *)(uintptr_t)d->source.key);
    free(d);
}

static void end(struct download *d)
{
    const struct report_what what = what_of(d);

    assert(d->inflight == 0 && !d->held);
    if (!d->has_failed && d->crcs && whole_crc(d) != d->source.crc64)
        fail(d, "the bytes that arrived do not have the object's CRC-64/NVME");
    if (d->has_failed) {
        file_abandon(&d->file);
    } else if (!file_commit(&d->file, d->S->sync)) {
        fail(d, strerror(errno));
    } else {
        d->total.has_crc64 = d->crcs != NULL;
        d->total.crc64 = d->source.crc64;
        report_transfer(&d->S->report, &what, &d->total, (double)(clock_ns() - d->start_ns) / 1e9);
    }
    free_it(d);
}

static void write_range(struct download *d, struct queue_slot *slot)
{
    struct ps_op *op = &slot->op;
    const void *at = ps_buffer_at(slot->buffer);

    if (d->crcs)
        d->crcs[op->object_off / d->range_bytes] = crc64_nvme(0, at, op->result.bytes);
    if (!d->has_failed && !file_write(&d->file, at, op->result.bytes, op->object_off))
        fail(d, strerror(errno));
    d->written = op->object_off + op->result.bytes;
    queue_give(slot);
}

/* Keeps the range, ordered by offset, and writes those whose turn has come. */
static void write_in_order(struct download *d, struct queue_slot *slot)
{
    struct queue_slot **at = &d->held;

    while (*at && (*at)->op.object_off < slot->op.object_off)
        at = &(*at)->next;
    slot->next = *at;
    *at = slot;
    while (d->held && (d->has_failed || d->held->op.object_off == d->written)) {
        struct queue_slot *first = d->held;
        d->held = first->next;
        write_range(d, first);
    }
}

/* What a range says goes into the sum: the way, mixed if they differ, and who answered. */
static void add_result(struct download *d, const struct ps_result *r)
{
    enum ps_way way = d->total.way;
    uint64_t bytes = d->total.bytes + r->bytes;

    d->total = *r;
    d->total.bytes = bytes;
    if (way != PS_WAY_NONE && way != r->way)
        d->total.way = PS_WAY_MIXED;
}

static void on_range(struct queue_slot *slot)
{
    struct download *d = slot->job;
    const struct ps_op *op = &slot->op;

    d->inflight--;
    if (op->result.err)
        fail_with(d, &op->result);
    else if (op->result.bytes != range_length(d, op->object_off))
        fail(d, "the object is not as long as it was said to be");
    if (!d->has_failed)
        add_result(d, &op->result);
    if (d->has_failed)
        queue_give(slot);
    else if (d->file.is_stream)
        write_in_order(d, slot);
    else
        write_range(d, slot);
    while (d->has_failed && d->held) {
        struct queue_slot *first = d->held;
        d->held = first->next;
        queue_give(first);
    }
    if (d->is_submitted && d->inflight == 0)
        end(d);
}

static void submit_range(struct download *d, uint64_t offset)
{
    uint64_t bytes = range_length(d, offset);
    struct queue_slot *slot;
    enum ps_err e = queue_take(&d->S->queue, MAX(bytes, 1), &slot);

    if (e) {
        fail(d, ps_client_error());
        return;
    }
    if (d->has_failed) { /* while we waited */
        queue_give(slot);
        return;
    }
    slot->job = d;
    slot->op.kind = PS_GET;
    slot->op.bucket = d->source.bucket;
    slot->op.key = d->source.key;
    slot->op.object_off = offset;
    /* All that is left: no range, so that the whole object's checksum can be checked. */
    slot->op.bytes = offset == 0 && bytes == d->source.bytes ? 0 : bytes;
    slot->op.if_match = d->etag[0] ? d->etag : NULL;
    d->inflight++;
    queue_submit(slot, on_range);
}

static struct download *
new_download(struct session *S, const struct download_source *source, const char *path)
{
    struct download *d = calloc(1, sizeof *d);

    if (!d)
        abort();
    d->S = S;
    d->source = *source;
    d->source.bucket = strdup(source->bucket);
    d->source.key = strdup(source->key);
    d->path = path ? strdup(path) : NULL;
    if (!d->source.bucket || !d->source.key || (path && !d->path))
        abort(); /* a few hundred bytes: nothing sensible is left to do */
    d->range_bytes = QUEUE_SLOT_BYTES;
    d->start_ns = clock_ns();
    session_name(d->name, source->bucket, source->key);
    size_t etag_bytes = MIN(strlen(source->etag), sizeof d->etag - 1);
    memcpy(d->etag, source->etag, etag_bytes);
    if (source->has_crc64 && source->bytes > 0)
        d->crcs = calloc(source->bytes / d->range_bytes + 1, sizeof *d->crcs);
    return d;
}

static bool open_target(struct download *d)
{
    char cause[PATH_MAX + 80];

    if (!d->path) {
        file_stdout(&d->file);
        return true;
    }
    if (file_make_folders(d->path) && file_create(&d->file, d->path, d->source.bytes))
        return true;
    (void)snprintf(cause, sizeof cause, "%s: %s", d->path, strerror(errno));
    fail(d, cause);
    return false;
}

void download_start(struct session *S, const struct download_source *source, const char *path)
{
    struct download *d = new_download(S, source, path);

    if (!open_target(d)) {
        free_it(d);
        return;
    }
    progress_expect(&S->report.progress, source->bytes);
    uint64_t offset = 0;
    do {
        submit_range(d, offset);
        offset += d->range_bytes;
    } while (offset < source->bytes && !d->has_failed);
    d->is_submitted = true;
    if (d->inflight == 0)
        end(d);
}
