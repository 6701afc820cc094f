#include "bench/histogram.h"

static unsigned bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_SUB)
        return (unsigned)ns;
    unsigned top = 63 - (unsigned)__builtin_clzll(ns);
    unsigned sub = (unsigned)(ns >> (top - 4)) & (HISTOGRAM_SUB - 1);
    return (top - 3) * HISTOGRAM_SUB + sub;
}

static uint64_t upper_edge(unsigned bucket)
{
    if (bucket < HISTOGRAM_SUB)
        return bucket;
    unsigned top = bucket / HISTOGRAM_SUB + 3, sub = bucket % HISTOGRAM_SUB;
    return ((uint64_t)(HISTOGRAM_SUB + sub + 1) << (top - 4)) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->count[bucket_of(ns)]++;
    h->total++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        to->count[i] += from->count[i];
    to->total += from->total;
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
    uint64_t below = 0, rank = (uint64_t)(q * (double)h->total);

    if (h->total == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += h->count[i];
        if (below > rank)
            return upper_edge(i) < h->max_ns ? upper_edge(i) : h->max_ns;
    }
    return h->max_ns;
}
