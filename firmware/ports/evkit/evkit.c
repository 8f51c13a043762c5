/* SPDX-License-Identifier: Apache-2.0 */
/* The port both evaluation kits share: Cortex-M4F cycle counter, console UART, the izer's cnn.c. The
 * izer's project must be its --energy one: in the other, cnn_start and the interrupt move the pins
 * that this port holds for a whole window. */
#include "mxc.h"

#include "cnn.h"
#include "codes.h"
#include "evkit.h"
#include "harness.h"

#define WRITE_US 10000 /* a character takes 87 us at 115200 baud; the line is stuck after this */
#define DEBUGGER_US 2000000 /* as in the vendor's examples: a debugger can still get in */

const struct project *port_project(void)
{
    return &evkit_project;
}

const char *port_name(void)
{
    return evkit_name;
}

bool port_simulated(void)
{
    return false;
}

/* Core cycles: 100 or 120 MHz, so that 2^32 of them are 43 or 35 s. */
uint32_t port_ticks(void)
{
    return DWT->CYCCNT;
}

uint32_t port_tick_hz(void)
{
    return SystemCoreClock;
}

static uint32_t ticks_of(uint32_t us)
{
    return (uint32_t)((uint64_t)us * SystemCoreClock / 1000000u);
}

void port_wait(uint32_t ticks)
{
    const uint32_t start = port_ticks();
    while (port_ticks() - start < ticks) {
    }
}

int port_read(void)
{
    const int character = MXC_UART_ReadCharacterRaw(MXC_UART_GET_UART(CONSOLE_UART));
    return character < 0 ? -1 : character;
}

void port_write(const char *text, size_t count)
{
    while (count-- > 0) {
        const uint32_t start = port_ticks();
        while (MXC_UART_WriteCharacterRaw(MXC_UART_GET_UART(CONSOLE_UART), (uint8_t)*text) !=
                   E_NO_ERROR &&
               port_ticks() - start < ticks_of(WRITE_US)) {
        }
        text++;
    }
}

void port_cnn_on(void)
{
    cnn_enable(evkit_clock_select, evkit_load_divider);
    cnn_init();
}

void port_cnn_off(void)
{
    cnn_disable();
}

void port_cnn_clock(enum port_clock clock)
{
    const uint32_t divider =
        clock == PORT_CLOCK_LOAD ? evkit_load_divider : evkit_inference_divider;
    const uint32_t others =
        MXC_GCR->pclkdiv & ~(MXC_F_GCR_PCLKDIV_CNNCLKDIV | MXC_F_GCR_PCLKDIV_CNNCLKSEL);
    MXC_GCR->pclkdiv = others | divider | evkit_clock_select;
}

void port_load_weights(void)
{
    cnn_load_weights();
}

void port_configure(void)
{
    cnn_load_bias();
    cnn_configure();
}

void port_load_input(const uint32_t *words)
{
    for (uint32_t target = 0; target < evkit_target_count; target++) {
        volatile uint32_t *address = evkit_targets[target].address;
        for (uint32_t left = evkit_targets[target].words; left > 0; left--) {
            *address++ = *words++;
        }
    }
}

/* The core spins: it may fall asleep after a short inference has ended, and then never wakes. */
bool port_infer(void)
{
    const uint32_t start = port_ticks();
    const uint32_t most = ticks_of(INFERENCE_US);
    cnn_start();
    while (cnn_time == 0) {
        if (port_ticks() - start > most) {
            cnn_stop();
            return false;
        }
    }
    return true;
}

void port_unload(int32_t *outputs)
{
    cnn_unload((uint32_t *)outputs);
}

void port_softmax(void)
{
    evkit_softmax();
}

void port_sample(uint32_t *words)
{
    for (uint32_t target = 0; target < evkit_target_count; target++) {
        for (uint32_t index = 0; index < evkit_targets[target].words; index++) {
            *words++ = evkit_targets[target].sample[index];
        }
    }
}

bool port_sample_answered(void)
{
    return evkit_sample_answered();
}

void port_trigger(enum port_trigger trigger, bool on)
{
    if (trigger == PORT_TRIGGER_IDLE) {
        if (on) {
            SYS_START;
        } else {
            SYS_COMPLETE;
        }
    } else if (on) {
        CNN_START;
    } else {
        CNN_COMPLETE;
    }
}

int main(void)
{
    MXC_ICC_Enable(MXC_ICC0);
    evkit_clocks_start();
    SystemCoreClockUpdate();
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
    DWT->CYCCNT = 0;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    evkit_triggers_start();
    port_wait(ticks_of(DEBUGGER_US));
    harness_run();
}
