/* SPDX-License-Identifier: Apache-2.0 */
/* What a board gives the core: a clock, a console, the accelerator and two trigger pins. */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the firmware was built for. Texts hold no spaces. */
struct project {
    const char *name;     /* "8-4-8-8-8": input length and bits */
    const char *checksum; /* 16 hexadecimal digits over the izer's files */
    const char *chip;     /* "MAX78002" */
    const char *clock;    /* "IPLL", "IPO", "ISO" or "PCLK" */
    uint32_t divider;     /* of the accelerator's clock during inference: 1, 2, 4, 8 or 16 */
    uint32_t load_divider; /* the same while weights load */
    bool pipeline;
    uint32_t input_length; /* samples along the input's axis, as in its name */
    uint32_t input_words; /* 32-bit words of one input, at least 1 */
    uint32_t outputs;     /* 32-bit outputs, 1..OUTPUT_VALUES */
};

enum port_clock { PORT_CLOCK_LOAD, PORT_CLOCK_INFERENCE };
enum port_trigger { PORT_TRIGGER_IDLE, PORT_TRIGGER_ACTIVE };

const struct project *port_project(void);
const char *port_name(void);
bool port_simulated(void); /* whether anything it says of time or energy was computed, not measured */

/* A free-running clock: wraps at 2^32 ticks, not before 21 s. It runs while the core waits. */
uint32_t port_ticks(void);
uint32_t port_tick_hz(void);
void port_wait(uint32_t ticks); /* busy, never asleep; for at least so many ticks */

/* The console: one character 0..255, or -1 where none has come; writing waits for room, but not for
 * ever: where the line is stuck, characters are dropped and the host finds the checksum wrong. */
int port_read(void);
void port_write(const char *text, size_t count);

/* The accelerator. On: powered, clocked and brought into a known state, without weights. */
void port_cnn_on(void);
void port_cnn_off(void);
void port_cnn_clock(enum port_clock clock);
void port_load_weights(void);
void port_configure(void); /* biases and layers; after weights, before an input */
void port_load_input(const uint32_t *words);
bool port_infer(void);     /* false where it did not finish within INFERENCE_US */
void port_unload(int32_t *outputs);
void port_softmax(void);   /* unloads and computes it, as an application would */

/* The known-answer test's input, and whether the accelerator's memory holds its answer. */
void port_sample(uint32_t *words);
bool port_sample_answered(void);

void port_trigger(enum port_trigger trigger, bool on);

#endif
