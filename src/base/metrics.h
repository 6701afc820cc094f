/*
 * Counters and histograms of one reactor, written by that reactor only, read by anybody.
 *
 * Every thread has a current set (metrics_use); metrics_add is one relaxed store, no lock. The
 * server sums the sets of all reactors when somebody asks (server/metrics.c writes the text).
 * Before metrics_use a thread counts into a private dummy set.
 */
#ifndef PENSTOCK_BASE_METRICS_H
#define PENSTOCK_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* clang-format off */
#define METRICS_LIST(X)                                                                            \
    X(BYTES_IN_TCP, "bytes_received_tcp", "payload bytes received in HTTP bodies")                 \
    X(BYTES_OUT_TCP, "bytes_sent_tcp", "payload bytes sent in HTTP bodies")                        \
    X(BYTES_IN_DIRECT, "bytes_received_direct", "payload bytes read from client windows")          \
    X(BYTES_OUT_DIRECT, "bytes_sent_direct", "payload bytes written to client windows")            \
    X(DIRECT_DECLINED, "direct_declined", "requests with a token answered without the direct path")\
    X(DIRECT_REFUSED, "direct_refused", "tokens refused: forged, out of bounds, foreign, closed")  \
    X(DIRECT_FAILED, "direct_failed", "direct transfers that failed or ran into the deadline")     \
    X(CONNS_ACCEPTED, "connections_accepted", "TCP connections accepted")                          \
    X(CONNS_REFUSED, "connections_refused", "TCP connections closed because the table was full")   \
    X(HTTP_MALFORMED, "http_malformed", "requests refused by the HTTP parser")                     \
    X(TLS_FAILED, "tls_handshakes_failed", "TLS handshakes that failed")                           \
    X(STALLS, "reactor_stalls", "reactor iterations that took over 5 ms themselves")               \
    X(STALL_NS, "reactor_stall_ns", "time spent in such iterations")                               \
    X(PREEMPTED, "reactor_preempted", "iterations over 5 ms because another thread had the CPU")   \
    X(BUSY, "slow_down", "requests answered 503 because a limit was reached")                      \
    X(CACHE_HITS, "cache_hits", "chunk reads served from the arena")                               \
    X(CACHE_MISSES, "cache_misses", "chunk reads that went to a drive")                            \
    X(CACHE_EVICTED, "cache_evicted", "chunks evicted from the cache")                             \
    X(DRIVE_READ_BYTES, "drive_read_bytes", "bytes read from drives")                              \
    X(DRIVE_WRITTEN_BYTES, "drive_written_bytes", "bytes written to drives")                       \
    X(DRIVE_FLUSHES, "drive_flushes", "flushes and FUA writes sent to drives")                     \
    X(DRIVE_ERRORS, "drive_errors", "failed drive operations")                                     \
    X(CHECKSUM_ERRORS, "checksum_errors", "blocks whose checksum did not match")                   \
    X(COMMITS, "commits", "operations made durable")                                               \
    X(COMMIT_GROUPS, "commit_groups", "groups they were made durable in")                          \
    X(COMMITTED_BYTES, "committed_bytes", "payload bytes made durable by puts")                    \
    X(CLEANED_SEGMENTS, "cleaned_segments", "segments given back by the cleaner")                  \
    X(CLEANED_BYTES, "cleaned_bytes", "payload bytes the cleaner moved")                           \
    X(CLEAN_UNREADABLE, "clean_unreadable", "pieces the cleaner left where they cannot be read")   \
    X(CLEAN_BEHIND, "clean_behind", "times puts found no room while there was some to be cleaned")
/* clang-format on */

enum metric {
#define METRICS_ENUM(name, text, help) METRIC_##name,
    METRICS_LIST(METRICS_ENUM)
#undef METRICS_ENUM
        METRIC_COUNT
};

enum {
    METRICS_OPS_MAX = 160,       /* operations of the s3 table */
    METRICS_STATUS_CLASSES = 6,  /* 1xx .. 5xx, index by hundreds */
    METRICS_LATENCY_BUCKETS = 24 /* bucket i: up to 2^i microseconds */
};

struct metrics {
    _Atomic uint64_t count[METRIC_COUNT];
    _Atomic uint64_t requests[METRICS_OPS_MAX][METRICS_STATUS_CLASSES];
    _Atomic uint64_t latency[METRICS_OPS_MAX][METRICS_LATENCY_BUCKETS];
    _Atomic uint64_t latency_us_sum[METRICS_OPS_MAX];
};

extern _Thread_local struct metrics *metrics_current;

/* From now on this thread counts into m; NULL: into the dummy set again. */
void metrics_use(struct metrics *m);

static inline void metrics_bump(_Atomic uint64_t *c, uint64_t n)
{
    /* One writer: a plain read-modify-write is enough, and cheaper than a locked add. */
    atomic_store_explicit(
        c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void metrics_add(enum metric k, uint64_t n)
{
    metrics_bump(&metrics_current->count[k], n);
}

/*
 * metrics_request(op, status, us): one finished request of operation op (index of the s3 table).
 * A status that is none of 100..599 counts as class 0; the last bucket holds everything longer.
 */
void metrics_request(unsigned op, unsigned status, uint64_t us);

#endif
