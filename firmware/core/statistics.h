/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stdint.h>

/* Times of repeats, each 0..2^32-1 ticks, at most 2^20 of them. */
struct statistics {
    uint32_t count;
    uint32_t least;
    uint32_t most;
    double mean;    /* Welford: no sum grows with the count, so nothing is lost to rounding */
    double squares; /* sum of squared deviations from the mean, below 2^84 */
};

void statistics_begin(struct statistics *statistics);
void statistics_add(struct statistics *statistics, uint32_t ticks);

/* In thousandths of a tick, rounded; 0..2^42. The deviation is that of a sample (count - 1), 0 where
 * there is but one. */
uint64_t statistics_mean_milli(const struct statistics *statistics);
uint64_t statistics_deviation_milli(const struct statistics *statistics);

#endif
