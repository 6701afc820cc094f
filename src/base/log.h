/*
 * The log: one line per event, on stderr, "time level where: text".
 *
 * Only server/, client tools and start-up code log; lower layers record failures (base/err.h) and
 * return them. Secrets and tokens are never logged whole (invariant 6): log_token shortens.
 */
#ifndef PENSTOCK_BASE_LOG_H
#define PENSTOCK_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Set once at start. Text: "error", "warn", "info", "debug". */
void log_set_level(enum log_level level);
enum err log_level_parse(struct view v, enum log_level *level_out) MUST_CHECK;
bool log_enabled(enum log_level level);

__attribute__((format(printf, 3, 4))) void
log_line(enum log_level level, const char *where, const char *fmt, ...);

#define log_error(where, ...) log_line(LOG_ERROR, where, __VA_ARGS__)
#define log_warn(where, ...) log_line(LOG_WARN, where, __VA_ARGS__)
#define log_info(where, ...) log_line(LOG_INFO, where, __VA_ARGS__)
#define log_debug(where, ...)                                                                      \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_line(LOG_DEBUG, where, __VA_ARGS__);                                               \
    } while (0)

/* The first 8 bytes of a token and "...", in a static per-thread buffer. */
const char *log_token(struct view token);

#endif
