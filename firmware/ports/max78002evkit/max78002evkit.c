/* SPDX-License-Identifier: Apache-2.0 */
#include "mxc.h"

#include "cnn.h"
#include "evkit.h"

const char evkit_name[] = "max78002evkit";

void evkit_clocks_start(void)
{
    MXC_SYS_Clock_Select(MXC_SYS_CLOCK_IPO); /* 120 MHz */
    MXC_GCR->ipll_ctrl |= MXC_F_GCR_IPLL_CTRL_EN;
}

/* P1.6 and P1.7, which the power monitor watches; the izer's main.c holds the two descriptions. */
static void output_pin(mxc_gpio_cfg_t *pin, uint32_t mask)
{
    pin->port = MXC_GPIO1;
    pin->mask = mask;
    pin->pad = MXC_GPIO_PAD_NONE;
    pin->func = MXC_GPIO_FUNC_OUT;
    MXC_GPIO_Config(pin);
    MXC_GPIO_OutClr(pin->port, pin->mask);
}

void evkit_triggers_start(void)
{
    output_pin(&gpio_trig1, MXC_GPIO_PIN_6);
    output_pin(&gpio_trig2, MXC_GPIO_PIN_7);
}
