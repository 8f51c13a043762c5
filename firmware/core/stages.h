/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_H
#define STAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "codes.h"

/* Brings the accelerator up with weights and configuration, at the clock of inference. */
void stages_start(void);

/* Runs a stage once on an input. false: the accelerator did not finish. */
bool stage_once(enum stage stage, const uint32_t *words);

/* Makes ready for repeats of a stage, and for whatever comes after them. */
void stage_enter(enum stage stage);
void stage_leave(enum stage stage);

/* How many repeats fill a window: window / ticks of one, in REPEATS_LEAST..REPEATS_MOST; 0 where
 * the least do not fit WINDOW_US_MOST. */
uint32_t repeats_for(uint32_t one_ticks, uint64_t window_ticks, uint64_t most_ticks);

/* Times a stage over and over, and replies with a line of figures in ticks. */
enum error stage_measure(uint32_t sequence, enum stage stage, uint32_t window_us,
                         const uint32_t *words);

/* The power monitor's four windows in the order in which it takes them: idle, weights, input, input
 * and inference. Replies with a line for each, its repeats and its length in ticks. */
enum error stages_power(uint32_t sequence, uint32_t window_us, const uint32_t *words);

uint64_t ticks_of_us(uint32_t us);

#endif
