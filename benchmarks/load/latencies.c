#include "latencies.h"

/* Each power of two has LATENCY_STEPS buckets, so a bucket's number holds the exponent and the
 * five bits after the first of a number of nanoseconds. */
enum { STEP_BITS = 5 };

static int bucket_of(uint64_t ns)
{
    if (ns < LATENCY_STEPS)
        return (int)ns;
    int shift = 63 - __builtin_clzll(ns) - STEP_BITS;
    return shift * LATENCY_STEPS + (int)(ns >> shift);
}

static double ns_of(int bucket)
{
    if (bucket < 2 * LATENCY_STEPS)
        return bucket;
    int shift = bucket / LATENCY_STEPS - 1;
    return (double)((uint64_t)(LATENCY_STEPS + bucket % LATENCY_STEPS) << shift);
}

void add_latency(struct latencies *latencies, double seconds)
{
    latencies->counts[bucket_of((uint64_t)(seconds * 1e9))]++;
    latencies->total++;
}

double latency_us(const struct latencies *latencies, double share)
{
    uint64_t wanted = (uint64_t)((double)latencies->total * share), seen = 0;
    for (int bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        seen += latencies->counts[bucket];
        if (seen > wanted)
            return ns_of(bucket) / 1e3;
    }
    return 0;
}
