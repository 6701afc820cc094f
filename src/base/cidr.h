/*
 * Networks of addresses, "10.0.0.0/8", "2001:db8::/32", or a single address. An IPv4 address and
 * its mapped form ::ffff:a.b.c.d are the same.
 */
#ifndef PENSTOCK_BASE_CIDR_H
#define PENSTOCK_BASE_CIDR_H

#include "base/bytes.h"

struct cidr {
    uint8_t bytes[16]; /* IPv4: mapped */
    unsigned bits;     /* of 128 */
};

/* ERR_MALFORMED: no address, or a prefix longer than it. Bits behind the prefix may be set. */
enum err cidr_parse(struct view text, struct cidr *c_out) MUST_CHECK;
/* Is the address in it? False when `address` is none. */
bool cidr_has(const struct cidr *c, struct view address);

#endif
