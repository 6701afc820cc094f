#include "fuzz.h"

#include <stdio.h>

void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

uint8_t fuzz_byte(struct view *v)
{
    uint8_t c = v->len ? v->at[0] : 0;

    *v = view_from(*v, v->len ? 1 : 0);
    return c;
}

uint64_t fuzz_number(struct view *v)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++)
        n |= (uint64_t)fuzz_byte(v) << 8 * i;
    return n;
}

struct fuzz_dice fuzz_dice(uint64_t seed)
{
    return (struct fuzz_dice){seed * 0x9e3779b97f4a7c15 + 1};
}

size_t fuzz_roll(struct fuzz_dice *d, size_t max)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    size_t bound = d->state >> 60 ? 8 : max;
    return 1 + (size_t)(d->state >> 8) % MAX(MIN(bound, max), 1);
}
