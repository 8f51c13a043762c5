/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"
#include "port.h"
#include "stages.h"

uint64_t ticks_of_us(uint32_t us)
{
    return (uint64_t)us * port_tick_hz() / 1000000u; /* below 2^25 * 2^28 */
}

void stages_start(void)
{
    port_cnn_off();
    port_cnn_on();
    port_cnn_clock(PORT_CLOCK_LOAD);
    port_load_weights();
    port_configure();
    port_cnn_clock(PORT_CLOCK_INFERENCE);
}

bool stage_once(enum stage stage, const uint32_t *words)
{
    switch (stage) {
    case STAGE_WEIGHT_LOAD:
        port_load_weights();
        return true;
    case STAGE_INPUT_LOAD:
        port_load_input(words);
        return true;
    case STAGE_INFERENCE:
        return port_infer();
    case STAGE_INPUT_AND_INFERENCE:
        port_load_input(words);
        return port_infer();
    case STAGE_SOFTMAX:
        port_softmax();
        return true;
    case STAGE_PREPARATION:
        application_prepare();
        return true;
    case STAGE_COUNT:
        break;
    }
    return false;
}

void stage_enter(enum stage stage)
{
    if (stage == STAGE_WEIGHT_LOAD) {
        port_cnn_off();
        port_cnn_on();
        port_cnn_clock(PORT_CLOCK_LOAD);
    }
}

void stage_leave(enum stage stage)
{
    if (stage == STAGE_WEIGHT_LOAD) {
        port_configure();
        port_cnn_clock(PORT_CLOCK_INFERENCE);
    }
}

uint32_t repeats_for(uint32_t one_ticks, uint64_t window_ticks, uint64_t most_ticks)
{
    const uint64_t one = one_ticks > 0 ? one_ticks : 1;
    uint64_t repeats = (window_ticks + one - 1) / one;
    if (repeats < REPEATS_LEAST) {
        repeats = REPEATS_LEAST;
    }
    if (repeats > REPEATS_MOST) {
        repeats = REPEATS_MOST;
    }
    return repeats * one <= most_ticks ? (uint32_t)repeats : 0;
}
