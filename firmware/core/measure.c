/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"
#include "port.h"
#include "reply.h"
#include "stages.h"
#include "statistics.h"

/* The second of two runs: the first one fills the cache. */
static bool pilot(enum stage stage, const uint32_t *words, uint32_t *ticks)
{
    if (!stage_once(stage, words)) {
        return false;
    }
    const uint32_t start = port_ticks();
    const bool finished = stage_once(stage, words);
    *ticks = port_ticks() - start;
    return finished;
}

static bool repeat(enum stage stage, const uint32_t *words, uint32_t repeats,
                   struct statistics *statistics)
{
    statistics_begin(statistics);
    while (repeats-- > 0) {
        const uint32_t start = port_ticks();
        const bool finished = stage_once(stage, words);
        const uint32_t ticks = port_ticks() - start;
        if (!finished) {
            return false;
        }
        statistics_add(statistics, ticks);
    }
    return true;
}

/* Ticks that two readings of the clock take themselves: contained in every figure. */
static uint32_t timer_ticks(void)
{
    const uint32_t start = port_ticks();
    return port_ticks() - start;
}

static void reply_timing(uint32_t sequence, enum stage stage, const struct statistics *statistics)
{
    reply_begin(sequence, "timing");
    reply_text("stage", stage_text(stage));
    reply_number("repeats", statistics->count);
    reply_number("least", statistics->least);
    reply_number("mean_milli", statistics_mean_milli(statistics));
    reply_number("most", statistics->most);
    reply_number("std_milli", statistics_deviation_milli(statistics));
    reply_number("timer", timer_ticks());
    reply_end();
}

enum error stage_measure(uint32_t sequence, enum stage stage, uint32_t window_us,
                         const uint32_t *words)
{
    struct statistics statistics;
    uint32_t one = 0;
    uint32_t repeats = 0;
    if (stage == STAGE_PREPARATION && !application_there()) {
        return ERROR_NO_APPLICATION;
    }
    if (!stage_once(STAGE_INPUT_AND_INFERENCE, words)) { /* so that softmax has outputs to unload */
        return ERROR_NO_END;
    }
    stage_enter(stage);
    const bool first = pilot(stage, words, &one);
    if (first) {
        repeats = repeats_for(one, ticks_of_us(window_us), ticks_of_us(WINDOW_US_MOST));
    }
    const bool finished = first && repeat(stage, words, repeats, &statistics);
    stage_leave(stage);
    if (!finished) {
        return ERROR_NO_END;
    }
    if (repeats == 0) {
        return ERROR_TOO_SLOW;
    }
    reply_timing(sequence, stage, &statistics);
    return ERROR_NONE;
}
