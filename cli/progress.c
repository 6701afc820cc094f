#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

static const uint64_t first_ns = 500000000, again_ns = 100000000;
enum { COLUMNS_MIN = 30, COLUMNS_MAX = 120, BAR_MIN = 10 };

void progress_size(char *to, size_t cap, uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes;
    unsigned i = 0;

    if (bytes < 10000) {
        (void)snprintf(to, cap, "%u B", (unsigned)bytes);
        return;
    }
    for (value /= 1024; value >= 1000 && i + 2 < sizeof units; i++)
        value /= 1024;
    (void)snprintf(to, cap, "%.*f %ciB", value < 10 ? 1 : 0, value, units[i]);
}

static double percent_of(const struct progress *p)
{
    return 100.0 * (double)MIN(p->done, p->total) / (double)p->total;
}

static void put_bar(struct buf *b, double percent, unsigned width)
{
    unsigned filled = (unsigned)(percent / 100.0 * width);

    buf_put_byte(b, '[');
    for (unsigned i = 0; i < width; i++)
        buf_put_byte(b, i < filled ? '=' : i == filled ? '>' : ' ');
    buf_put_byte(b, ']');
}

/* A stream has no end that is known: no bar, no percentage. */
static void format_text(char *to, size_t cap, const struct progress *p, double seconds)
{
    double left = (double)(p->total - MIN(p->done, p->total)) / (double)MAX(p->done, 1);
    unsigned speed = (unsigned)((double)p->done / MAX(seconds, 0.001) / 1e6);
    unsigned left_s = (unsigned)MIN(left * seconds, 1e6);
    char done[24], total[24];

    progress_size(done, sizeof done, p->done);
    progress_size(total, sizeof total, p->total);
    if (p->total == 0)
        (void)snprintf(to, cap, "%s  %u MB/s", done, speed);
    else
        (void)snprintf(
            to, cap, "%3.0f%%  %s / %s  %u MB/s  %u:%02u", percent_of(p), done, total, speed,
            left_s / 60, left_s % 60);
}

void progress_format(
    char *to, size_t cap, const struct progress *p, double seconds, unsigned columns)
{
    struct buf b = buf_over(to, cap - 1);
    char text[120];

    format_text(text, sizeof text, p, seconds);
    size_t used = strlen(text) + 4; /* brackets, a space, the last column */
    if (p->total > 0 && columns >= used + BAR_MIN) {
        put_bar(&b, percent_of(p), columns - (unsigned)used);
        buf_put_byte(&b, ' ');
    }
    buf_put(&b, view_upto(view_str(text), columns ? columns - 1 : 0));
    to[b.len] = '\0';
}

static unsigned terminal_columns(void)
{
    struct winsize size = {0};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return MAX(COLUMNS_MIN, MIN(size.ws_col, COLUMNS_MAX));
}

void progress_start(struct progress *p, bool is_wanted)
{
    *p = (struct progress){.is_on = is_wanted && isatty(STDERR_FILENO), .start_ns = clock_ns()};
}

void progress_expect(struct progress *p, uint64_t bytes)
{
    p->total += bytes;
}

void progress_add(struct progress *p, uint64_t bytes)
{
    p->done += bytes;
}

void progress_tick(struct progress *p)
{
    uint64_t now = clock_ns();
    char line[COLUMNS_MAX + 2];

    if (!p->is_on || now - p->start_ns < first_ns || now - p->painted_ns < again_ns)
        return;
    progress_format(line, sizeof line, p, (double)(now - p->start_ns) / 1e9, terminal_columns());
    (void)fprintf(stderr, "\r%s\x1b[K", line);
    (void)fflush(stderr);
    p->painted_ns = now;
    p->is_painted = true;
}

void progress_clear(struct progress *p)
{
    if (!p->is_painted)
        return;
    (void)fputs("\r\x1b[K", stderr);
    (void)fflush(stderr);
    p->is_painted = false;
}
