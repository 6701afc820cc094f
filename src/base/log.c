/*
 * A line is put together on the stack and leaves in one write, so that lines of several threads do
 * not mix. Control characters of the text (a header may be quoted in it) become '?': one event is
 * one line whatever a client sends.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum { LINE_BYTES_MAX = 2048, TOKEN_BYTES_SHOWN = 8 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static atomic_int level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

enum err log_level_parse(struct view v, enum log_level *level_out)
{
    for (size_t i = 0; i < ARRAY_COUNT(level_names); i++) {
        if (view_is(v, level_names[i])) {
            *level_out = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

/* The text of fmt behind b, cut to what fits, "..." in place of the rest. */
static void put_text(struct buf *b, const char *fmt, va_list args)
{
    static const char cut[] = "...";
    size_t room = b->cap - b->len;
    int n = vsnprintf((char *)b->at + b->len, room, fmt, args);
    size_t len = n < 0 ? 0 : MIN((size_t)n, room - 1);

    for (size_t i = b->len; i < b->len + len; i++) {
        if (b->at[i] < 0x20 || b->at[i] == 0x7f)
            b->at[i] = '?';
    }
    b->len += len;
    if (n >= 0 && (size_t)n > len)
        memcpy(b->at + b->len - strlen(cut), cut, strlen(cut));
}

void log_line(enum log_level level, const char *where, const char *fmt, ...)
{
    uint8_t line[LINE_BYTES_MAX];
    struct buf b = buf_over(line, sizeof line - 1); /* the newline's place */
    va_list args;

    if (!log_enabled(level))
        return;
    text_put_iso_date(&b, clock_wall_ms());
    buf_printf(&b, " %s %.64s: ", level_names[level], where);
    va_start(args, fmt);
    put_text(&b, fmt, args);
    va_end(args);
    line[b.len] = '\n';
    /* A log that cannot be written has nowhere to complain. */
    if (write(STDERR_FILENO, line, b.len + 1) < 0)
        return;
}

const char *log_token(struct view token)
{
    static _Thread_local char shown[TOKEN_BYTES_SHOWN + sizeof "..."];
    /* A short token is not shown whole either. */
    size_t n = MIN(token.len / 2, TOKEN_BYTES_SHOWN);

    for (size_t i = 0; i < n; i++)
        shown[i] = (char)(token.at[i] > 0x20 && token.at[i] < 0x7f ? token.at[i] : '?');
    memcpy(shown + n, "...", sizeof "...");
    return shown;
}
