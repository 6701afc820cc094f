/*
 * The access log: one JSON line a request. Each reactor fills a buffer of its own; a helper thread
 * writes it when it is half full or a second old, so that a slow disk or pipe stalls nobody. Lines
 * that find both halves full are dropped and counted: the count is written with the next line.
 */
#ifndef PENSTOCK_SERVER_ACCESS_LOG_H
#define PENSTOCK_SERVER_ACCESS_LOG_H

#include <stdatomic.h>

#include "http/request.h"
#include "loop/reactor.h"

enum { ACCESS_LOG_HALF_BYTES = 65536 };

/* The file, shared; reopened on SIGHUP. */
struct access_log_file {
    const char *path; /* NULL: off; "-": standard output */
    _Atomic int fd;
    atomic_flag is_taken; /* a helper thread writes */
};
enum err
access_log_file_open(struct access_log_file *f, const char *where, struct buf *why) MUST_CHECK;
enum err access_log_file_reopen(struct access_log_file *f, struct buf *why) MUST_CHECK;
void access_log_file_done(struct access_log_file *f);

/* One per reactor. */
struct access_log {
    struct access_log_file *file;
    struct buf half[2];
    unsigned filling; /* index of the half being filled */
    bool is_writing;
    uint64_t dropped;
    struct work write;
    struct timer tick;
    bool is_stopping;
    struct op *stopped;
};
enum err access_log_init(struct access_log *L, struct access_log_file *f) MUST_CHECK;
void access_log_put(struct access_log *L, const struct http_request *q, const char *op_name);
/* Writes what is left, then completes op. access_log_done afterwards. */
void access_log_stop(struct access_log *L, struct op *op);
void access_log_done(struct access_log *L);

#endif
