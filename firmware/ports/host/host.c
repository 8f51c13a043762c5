/* SPDX-License-Identifier: Apache-2.0 */
/* The host port: the core as a program, for tests and for whoever has no board. SIMULATED: its clock
 * is a count to which each step adds the ticks that the cost model gives it, and its accelerator is
 * hardware/board/simulated.py, asked through two pipes, which computes by the integer reference.
 * There is no second network in C that could be wrong in another way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codes.h"
#include "harness.h"
#include "port.h"

#define READING_TICKS 2 /* what reading the clock takes */

enum argument {
    ARGUMENT_NAME = 1,
    ARGUMENT_CHECKSUM,
    ARGUMENT_CHIP,
    ARGUMENT_CLOCK,
    ARGUMENT_DIVIDER,
    ARGUMENT_LOAD_DIVIDER,
    ARGUMENT_PIPELINE,
    ARGUMENT_INPUT_LENGTH,
    ARGUMENT_INPUT_WORDS,
    ARGUMENT_OUTPUTS,
    ARGUMENT_TICK_HZ,
    ARGUMENT_WEIGHT_TICKS,
    ARGUMENT_INPUT_TICKS,
    ARGUMENT_INFERENCE_TICKS,
    ARGUMENT_SOFTMAX_TICKS,
    ARGUMENT_FROM_TWIN,
    ARGUMENT_TO_TWIN,
    ARGUMENT_COUNT
};

static struct project project;
static uint32_t tick_hz;
static uint32_t step_ticks[ARGUMENT_COUNT]; /* by argument; those that are no ticks stay 0 */
static int from_twin;
static int to_twin;
static uint32_t now;

static uint32_t loaded[BUFFER_WORDS];   /* what the accelerator holds, */
static uint32_t computed[BUFFER_WORDS]; /* and what its outputs are of */
static int32_t outputs[OUTPUT_VALUES];
static int32_t expected[OUTPUT_VALUES];
static bool any_computed;

const struct project *port_project(void)
{
    return &project;
}

const char *port_name(void)
{
    return "host";
}

bool port_simulated(void)
{
    return true;
}

uint32_t port_ticks(void)
{
    now += READING_TICKS;
    return now;
}

uint32_t port_tick_hz(void)
{
    return tick_hz;
}

void port_wait(uint32_t ticks)
{
    now += ticks;
}

int port_read(void)
{
    unsigned char character = 0;
    if (read(STDIN_FILENO, &character, 1) != 1) {
        exit(EXIT_SUCCESS);
    }
    return character;
}

void port_write(const char *text, size_t count)
{
    if (fwrite(text, 1, count, stdout) != count ||
        (text[count - 1] == '\n' && fflush(stdout) != 0)) {
        exit(EXIT_SUCCESS);
    }
}

static void exchange(char what, const void *sent, size_t sent_bytes, void *got, size_t got_bytes)
{
    char *place = got;
    if (write(to_twin, &what, 1) != 1 ||
        (sent_bytes > 0 && write(to_twin, sent, sent_bytes) != (ssize_t)sent_bytes)) {
        exit(EXIT_FAILURE);
    }
    while (got_bytes > 0) {
        const ssize_t done = read(from_twin, place, got_bytes);
        if (done <= 0) {
            exit(EXIT_FAILURE);
        }
        place += done;
        got_bytes -= (size_t)done;
    }
}

void port_cnn_on(void)
{
    any_computed = false;
}

void port_cnn_off(void)
{
}

void port_cnn_clock(enum port_clock clock)
{
    (void)clock;
}

void port_load_weights(void)
{
    now += step_ticks[ARGUMENT_WEIGHT_TICKS];
}

void port_configure(void)
{
}

void port_load_input(const uint32_t *words)
{
    now += step_ticks[ARGUMENT_INPUT_TICKS];
    memcpy(loaded, words, project.input_words * sizeof *words);
}

/* Asks the twin only where the input is another one: repeats are timed, not computed again. */
bool port_infer(void)
{
    const size_t bytes = project.input_words * sizeof *loaded;
    now += step_ticks[ARGUMENT_INFERENCE_TICKS];
    if (!any_computed || memcmp(loaded, computed, bytes) != 0) {
        exchange('i', loaded, bytes, outputs, project.outputs * sizeof *outputs);
        memcpy(computed, loaded, bytes);
        any_computed = true;
    }
    return true;
}

void port_unload(int32_t *unloaded)
{
    memcpy(unloaded, outputs, project.outputs * sizeof *outputs);
}

void port_softmax(void)
{
    now += step_ticks[ARGUMENT_SOFTMAX_TICKS];
}

void port_sample(uint32_t *words)
{
    exchange('s', NULL, 0, words, project.input_words * sizeof *words);
    exchange('e', NULL, 0, expected, project.outputs * sizeof *expected);
}

bool port_sample_answered(void)
{
    return memcmp(outputs, expected, project.outputs * sizeof *expected) == 0;
}

void port_trigger(enum port_trigger trigger, bool on)
{
    const uint32_t change[] = {trigger == PORT_TRIGGER_ACTIVE, on, now};
    exchange('t', change, sizeof change, NULL, 0);
}

static uint32_t number(char **arguments, enum argument which)
{
    return (uint32_t)strtoul(arguments[which], NULL, 10);
}

int main(int count, char **arguments)
{
    if (count != ARGUMENT_COUNT) {
        fputs("this program is started by hardware/board/simulated.py\n", stderr);
        return 2;
    }
    project = (struct project){
        .name = arguments[ARGUMENT_NAME],
        .checksum = arguments[ARGUMENT_CHECKSUM],
        .chip = arguments[ARGUMENT_CHIP],
        .clock = arguments[ARGUMENT_CLOCK],
        .divider = number(arguments, ARGUMENT_DIVIDER),
        .load_divider = number(arguments, ARGUMENT_LOAD_DIVIDER),
        .pipeline = number(arguments, ARGUMENT_PIPELINE) != 0,
        .input_length = number(arguments, ARGUMENT_INPUT_LENGTH),
        .input_words = number(arguments, ARGUMENT_INPUT_WORDS),
        .outputs = number(arguments, ARGUMENT_OUTPUTS),
    };
    tick_hz = number(arguments, ARGUMENT_TICK_HZ);
    for (int which = ARGUMENT_WEIGHT_TICKS; which <= ARGUMENT_SOFTMAX_TICKS; which++) {
        step_ticks[which] = number(arguments, (enum argument)which);
    }
    from_twin = (int)number(arguments, ARGUMENT_FROM_TWIN);
    to_twin = (int)number(arguments, ARGUMENT_TO_TWIN);
    if (project.input_words == 0 || project.input_words > BUFFER_WORDS || project.outputs == 0 ||
        project.outputs > OUTPUT_VALUES || tick_hz == 0) {
        fputs("the project does not fit the host port\n", stderr);
        return 2;
    }
    harness_run();
}
