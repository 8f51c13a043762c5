/* SPDX-License-Identifier: Apache-2.0 */
/* What the two evaluation kits do not share, and what an exported project says of itself. */
#ifndef EVKIT_H
#define EVKIT_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* One run of words of an input: where the accelerator reads it, and the sample's. */
struct evkit_target {
    volatile uint32_t *address;
    const uint32_t *sample;
    uint32_t words;
};

/* Given by ports/max7800?evkit/. */
extern const char evkit_name[];
void evkit_clocks_start(void);   /* the core at its full clock, the accelerator's source running */
void evkit_triggers_start(void); /* the power monitor's two pins as outputs, low */

/* Given by the exported project's project.c. */
extern const struct project evkit_project;
extern const struct evkit_target evkit_targets[];
extern const uint32_t evkit_target_count;
extern const uint32_t evkit_clock_select;      /* bits of the clock register: the source, */
extern const uint32_t evkit_load_divider;      /* its divider while weights load, */
extern const uint32_t evkit_inference_divider; /* and during inference */
bool evkit_sample_answered(void);              /* the izer's check_output */
void evkit_softmax(void);                      /* the izer's softmax_layer */

#endif
