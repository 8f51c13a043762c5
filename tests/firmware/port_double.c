/* SPDX-License-Identifier: Apache-2.0 */
/* A port for tests: it does what it was told, and keeps what the core wrote and did. */
#include <string.h>

#include "port.h"

uint32_t double_infer_ticks = 1000;
int double_infers_left = -1; /* how many inferences finish; -1: all */
char double_written[1 << 20];
size_t double_count;
char double_log[1 << 16]; /* one letter a call: n on, f off, w weights, c configured, t/T trigger */
size_t double_logged;

static uint32_t now = 0xFFFFF000u; /* so that the clock wraps soon */

static const struct project project = {
    .name = "1-8", .checksum = "00000000000000ab", .chip = "MAX78002", .clock = "IPLL", .divider = 1,
    .load_divider = 4, .pipeline = true, .input_length = 1, .input_words = 2, .outputs = 3,
};

static void note(char letter)
{
    if (double_logged + 1 < sizeof double_log) {
        double_log[double_logged++] = letter;
        double_log[double_logged] = '\0';
    }
}

const struct project *port_project(void)
{
    return &project;
}

const char *port_name(void)
{
    return "double";
}

bool port_simulated(void)
{
    return true;
}

uint32_t port_ticks(void)
{
    return now;
}

uint32_t port_tick_hz(void)
{
    return 120000000u;
}

void port_wait(uint32_t ticks)
{
    now += ticks;
}

int port_read(void)
{
    return -1;
}

void port_write(const char *text, size_t count)
{
    if (double_count + count < sizeof double_written) {
        memcpy(double_written + double_count, text, count);
        double_count += count;
        double_written[double_count] = '\0';
    }
}

void port_cnn_on(void)
{
    note('n');
}

void port_cnn_off(void)
{
    note('f');
}

void port_cnn_clock(enum port_clock clock)
{
    note(clock == PORT_CLOCK_LOAD ? 'l' : 'i');
}

void port_load_weights(void)
{
    now += 12000;
    note('w');
}

void port_configure(void)
{
    note('c');
}

void port_load_input(const uint32_t *words)
{
    (void)words;
    now += 100;
}

bool port_infer(void)
{
    now += double_infer_ticks;
    if (double_infers_left == 0) {
        return false;
    }
    if (double_infers_left > 0) {
        double_infers_left--;
    }
    return true;
}

void port_unload(int32_t *outputs)
{
    outputs[0] = -1;
    outputs[1] = 7;
    outputs[2] = 7;
}

void port_softmax(void)
{
    now += 50;
}

void port_sample(uint32_t *words)
{
    words[0] = 1;
    words[1] = 2;
}

bool port_sample_answered(void)
{
    return true;
}

void port_trigger(enum port_trigger trigger, bool on)
{
    note(trigger == PORT_TRIGGER_IDLE ? (on ? 'T' : 't') : (on ? 'A' : 'a'));
}
