/*
 * One line on the terminal that says how far the whole command is. Only when standard error is a
 * terminal; it appears after half a second and makes room for every line of text printed.
 */
#ifndef PENSTOCK_CLI_PROGRESS_H
#define PENSTOCK_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool is_on, is_painted;
    uint64_t done, total; /* bytes; total grows while a listing goes on; 0: not known */
    uint64_t start_ns, painted_ns;
};

void progress_start(struct progress *p, bool is_wanted);
void progress_expect(struct progress *p, uint64_t bytes);
void progress_add(struct progress *p, uint64_t bytes);
/* Paints when it is time to; call at least a few times a second. */
void progress_tick(struct progress *p);
/* Takes the line away, before something else is printed and at the end. */
void progress_clear(struct progress *p);

/* The line, at most columns - 1 wide: "[=====>     ] 45%  1.2 GiB / 2.7 GiB  830 MB/s  0:02". */
void progress_format(
    char *to, size_t cap, const struct progress *p, double seconds, unsigned columns);
/* "1.2 GiB"; exact below 10,000 bytes. */
void progress_size(char *to, size_t cap, uint64_t bytes);

#endif
