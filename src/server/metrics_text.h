/*
 * The Prometheus text of /-/metrics (exposition format 0.0.4): the cores' counters summed, gauges
 * of arena, cache, engine, transports, and requests by what they wait for.
 *
 *   metrics_text_start -> one message to every reactor (each counts its live requests' waits) -> op
 */
#ifndef PENSTOCK_SERVER_METRICS_TEXT_H
#define PENSTOCK_SERVER_METRICS_TEXT_H

#include "server/core.h"

enum { METRICS_TEXT_BYTES_MAX = 240 * 1024, METRICS_WAITS_MAX = 64 };

struct metrics_wait {
    const char *name;
    unsigned count;
};

struct metrics_visit {
    struct op op;
    struct metrics_text *text;
    struct core *core;
    struct metrics_wait waits[METRICS_WAITS_MAX];
    unsigned wait_count, conns;
};

struct metrics_text {
    struct op op; /* completes when `text` is written */
    struct server *server;
    struct buf text;              /* the caller's memory */
    struct metrics_visit *visits; /* the caller's memory: one per core */
    _Atomic unsigned left;
};
void metrics_text_start(struct metrics_text *t);

#endif
