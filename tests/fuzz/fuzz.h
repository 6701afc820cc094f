/*
 * What the fuzz targets share. A target is one file NAME_fuzz.c with a LLVMFuzzerTestOneInput that
 * checks an invariant with MUST; its seeds are the files in seeds/NAME. See README.md.
 */
#ifndef PENSTOCK_TESTS_FUZZ_FUZZ_H
#define PENSTOCK_TESTS_FUZZ_FUZZ_H

#include <stdlib.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((noreturn)) void fuzz_fail(const char *what, const char *file, int line);

/* An assert that stays in every build. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            fuzz_fail(#x, __FILE__, __LINE__);                                                     \
    } while (0)

/* Takes one byte off the front of *v, 0 when there is none: choices the input makes. */
uint8_t fuzz_byte(struct view *v);
/* Takes a little-endian number of 8 bytes. */
uint64_t fuzz_number(struct view *v);

/* A small generator for split points; the same seed gives the same numbers. */
struct fuzz_dice {
    uint64_t state;
};
struct fuzz_dice fuzz_dice(uint64_t seed);
/* 1..max, mostly small */
size_t fuzz_roll(struct fuzz_dice *d, size_t max);

#endif
