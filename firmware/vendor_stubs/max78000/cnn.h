/* SPDX-License-Identifier: Apache-2.0 */
/* STUB: what our ports use of the header that the izer writes with --energy; see ../README.md. */
#ifndef STUB_CNN_H
#define STUB_CNN_H

#include <stdint.h>

#define CNN_START LED_On(1)
#define CNN_COMPLETE LED_Off(1)
#define SYS_START LED_On(0)
#define SYS_COMPLETE LED_Off(0)

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
