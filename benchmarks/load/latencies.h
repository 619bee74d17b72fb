/* The latencies of the answers, counted in buckets, each 3 % wider than the one before. */
#ifndef LATENCIES_H
#define LATENCIES_H

#include <stdint.h>

enum { LATENCY_STEPS = 32, LATENCY_BUCKETS = 60 * LATENCY_STEPS };

struct latencies {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t total;
};

void add_latency(struct latencies *latencies, double seconds);

/* Return the microseconds within which this share of the answers came. */
double latency_us(const struct latencies *latencies, double share);

#endif
