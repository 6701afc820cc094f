/*
 * Transport `fault`: wraps a host buffer (or another transport) and makes transfers late,
 * reordered, failing, by a seed. Tests only. Token: "fault:<16 hex offset>:<16 hex length>".
 */
#ifndef PENSTOCK_DIRECT_FAULT_FAULT_H
#define PENSTOCK_DIRECT_FAULT_FAULT_H

#include "direct/transport.h"

struct transport_fault_config {
    uint8_t *memory; /* windows are ranges of this */
    size_t bytes;
    uint64_t seed;         /* order and delay of completions */
    unsigned delay_ms_max; /* 0: next turn of the reactor */
    unsigned fail_nth;     /* the Nth open/move fails with fail_err; 0: none */
    enum err fail_err;
    unsigned lose_nth; /* the Nth move completes at the deadline or at close; 0: none */
};
enum err transport_fault_new(
    const struct transport_fault_config *config, struct transport **transport_out) MUST_CHECK;
/* Opens and moves so far: for fail-the-Nth loops. */
unsigned transport_fault_calls(struct transport *T);

#endif
