/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

/* The vendor's build takes every constant as single precision; these are exact in it. */
static const double half = 0.5;
static const double thousand = 1000;

void statistics_begin(struct statistics *statistics)
{
    *statistics = (struct statistics){.count = 0, .least = UINT32_MAX, .most = 0};
}

void statistics_add(struct statistics *statistics, uint32_t ticks)
{
    const double value = (double)ticks;
    const double before = value - statistics->mean;
    statistics->count++;
    statistics->mean += before / (double)statistics->count;
    statistics->squares += before * (value - statistics->mean);
    if (ticks < statistics->least) {
        statistics->least = ticks;
    }
    if (ticks > statistics->most) {
        statistics->most = ticks;
    }
}

uint64_t statistics_mean_milli(const struct statistics *statistics)
{
    return (uint64_t)(statistics->mean * thousand + half);
}

/* Newton's square root: from above it falls until it is exact, within 1,100 steps for any double;
 * the core's own instruction has single precision only. */
static double square_root(double value)
{
    double root = value > 1 ? value : 1;
    for (double next = half * (root + value / root); next < root;
         next = half * (root + value / root)) {
        root = next;
    }
    return root;
}

uint64_t statistics_deviation_milli(const struct statistics *statistics)
{
    if (statistics->count < 2 || statistics->squares <= 0) {
        return 0;
    }
    const double variance = statistics->squares / (double)(statistics->count - 1);
    return (uint64_t)(square_root(variance) * thousand + half);
}
