/* SPDX-License-Identifier: Apache-2.0 */
/* STUB: what our ports use of the header that the izer writes with --energy; see ../README.md. */
#ifndef STUB_CNN_H
#define STUB_CNN_H

#include <stdint.h>

extern mxc_gpio_cfg_t gpio_trig1, gpio_trig2;
#define CNN_START MXC_GPIO_OutSet(gpio_trig2.port, gpio_trig2.mask)
#define CNN_COMPLETE MXC_GPIO_OutClr(gpio_trig2.port, gpio_trig2.mask)
#define SYS_START MXC_GPIO_OutSet(gpio_trig1.port, gpio_trig1.mask)
#define SYS_COMPLETE MXC_GPIO_OutClr(gpio_trig1.port, gpio_trig1.mask)

extern volatile uint32_t cnn_time;
int cnn_enable(uint32_t clock_source, uint32_t clock_divider);
int cnn_disable(void);
int cnn_init(void);
int cnn_configure(void);
int cnn_load_weights(void);
int cnn_load_bias(void);
int cnn_start(void);
int cnn_stop(void);
int cnn_unload(uint32_t *out_buf);

#endif
