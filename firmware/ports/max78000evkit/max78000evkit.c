/* SPDX-License-Identifier: Apache-2.0 */
#include "mxc.h"

#include "cnn.h"
#include "evkit.h"

const char evkit_name[] = "max78000evkit";

void evkit_clocks_start(void)
{
    MXC_SYS_Clock_Select(MXC_SYS_CLOCK_IPO); /* 100 MHz */
}

/* The power monitor watches the board's two light-emitting diodes, which the vendor's start-up code
 * has made outputs. */
void evkit_triggers_start(void)
{
    SYS_COMPLETE;
    CNN_COMPLETE;
}
