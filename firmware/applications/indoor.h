/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDOOR_H
#define INDOOR_H

#include <stdint.h>

#define INDOOR_BINS 101    /* frequency bins of one sweep */
#define INDOOR_CHANNELS 2  /* real part, imaginary part */

/* A raw sweep as the network's input: the middle `length` bins, scaled to int8.
 *
 * q = clamp(round((x - low) / (high - low) * 256 - 128), -128, 127), rounded half to even, in single
 * precision: bit for bit what training does (objectives/tasks/indoor.py, quantize_sweeps).
 *
 * sweep:  INDOOR_CHANNELS * INDOOR_BINS values, any finite number, channel by channel
 * length: 1..INDOOR_BINS; the crop starts at (INDOOR_BINS - length) / 2
 * words:  per channel (length + 3) / 4 words, four values a word, the first one lowest; what is left
 *         of the last word is zero
 */
void indoor_prepare(const float *sweep, uint32_t length, float low, float high, uint32_t *words);

#endif
