/*
 * Arithmetic of reflected CRCs: polynomials over GF(2) modulo the CRC's polynomial.
 *
 * A reflected polynomial of `width` bits keeps the coefficient of x^i in bit width - 1 - i, so that
 * x^0 is the top bit and multiplying by x is a shift to the right. `poly` is the CRC's polynomial
 * in the same form, without its x^width. All loops are O(width) or O(width * log n); nothing here
 * is meant for a data path.
 */
#ifndef PENSTOCK_BASE_GF2_H
#define PENSTOCK_BASE_GF2_H

#include <stdint.h>

struct gf2_field {
    uint64_t poly;
    unsigned width;
};

/* a * b mod poly */
static inline uint64_t gf2_multiply(struct gf2_field f, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (unsigned i = f.width; i-- > 0;) {
        if (a >> i & 1)
            product ^= b;
        b = b & 1 ? b >> 1 ^ f.poly : b >> 1;
    }
    return product;
}

/* a * x^n mod poly, by squaring x as often as n has bits */
static inline uint64_t gf2_shift(struct gf2_field f, uint64_t a, uint64_t n)
{
    uint64_t square = (uint64_t)1 << (f.width - 2); /* x^1 */

    for (; n; n >>= 1) {
        if (n & 1)
            a = gf2_multiply(f, a, square);
        square = gf2_multiply(f, square, square);
    }
    return a;
}

/* x^n mod poly */
static inline uint64_t gf2_power(struct gf2_field f, uint64_t n)
{
    return gf2_shift(f, (uint64_t)1 << (f.width - 1), n);
}

/*
 * CRC of A then B, for CRCs whose initial value and final xor are the same: these cancel out, and
 * what is left is A moved up by the bits of B, plus B. x^8 is squared, not x, so that len_b needs
 * no factor of 8 that could overflow.
 */
static inline uint64_t gf2_combine(struct gf2_field f, uint64_t a, uint64_t b, uint64_t len_b)
{
    uint64_t square = (uint64_t)1 << (f.width - 9); /* x^8 */

    for (; len_b; len_b >>= 1) {
        if (len_b & 1)
            a = gf2_multiply(f, a, square);
        square = gf2_multiply(f, square, square);
    }
    return a ^ b;
}

#endif
