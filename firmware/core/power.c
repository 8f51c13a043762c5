/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"
#include "reply.h"
#include "stages.h"

static void reply_window(uint32_t sequence, const char *name, uint32_t repeats, uint32_t ticks)
{
    reply_begin(sequence, "window");
    reply_text("name", name);
    reply_number("repeats", repeats);
    reply_number("ticks", ticks);
    reply_end();
}

static void idle_window(uint32_t sequence, uint32_t window_us)
{
    port_cnn_off();
    const uint32_t start = port_ticks();
    port_trigger(PORT_TRIGGER_IDLE, true);
    port_wait((uint32_t)ticks_of_us(window_us));
    port_trigger(PORT_TRIGGER_IDLE, false);
    reply_window(sequence, "idle", 1, port_ticks() - start);
}

static enum error active_window(uint32_t sequence, enum stage stage, uint32_t window_us,
                                const uint32_t *words)
{
    bool finished = stage_once(stage, words);
    const uint32_t before = port_ticks();
    finished = finished && stage_once(stage, words);
    const uint32_t one = port_ticks() - before;
    const uint32_t repeats =
        repeats_for(one, ticks_of_us(window_us), ticks_of_us(WINDOW_US_MOST));
    if (!finished || repeats == 0) {
        return finished ? ERROR_TOO_SLOW : ERROR_NO_END;
    }
    port_wait((uint32_t)ticks_of_us(GAP_US));
    const uint32_t start = port_ticks();
    port_trigger(PORT_TRIGGER_ACTIVE, true);
    for (uint32_t done = 0; done < repeats && finished; done++) {
        finished = stage_once(stage, words);
    }
    port_trigger(PORT_TRIGGER_ACTIVE, false);
    const uint32_t ticks = port_ticks() - start;
    if (!finished) {
        return ERROR_NO_END;
    }
    reply_window(sequence, stage_text(stage), repeats, ticks);
    return ERROR_NONE;
}

enum error stages_power(uint32_t sequence, uint32_t window_us, const uint32_t *words)
{
    static const enum stage stages[] = {STAGE_WEIGHT_LOAD, STAGE_INPUT_LOAD,
                                        STAGE_INPUT_AND_INFERENCE};
    enum error found = ERROR_NONE;
    idle_window(sequence, window_us);
    for (unsigned index = 0; index < sizeof stages / sizeof *stages; index++) {
        stage_enter(stages[index]);
        if (found == ERROR_NONE) {
            found = active_window(sequence, stages[index], window_us, words);
        }
        stage_leave(stages[index]);
    }
    stages_start(); /* whatever happened, the next request finds the accelerator ready */
    return found;
}
