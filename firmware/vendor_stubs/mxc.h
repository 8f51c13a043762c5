/* SPDX-License-Identifier: Apache-2.0 */
/* STUB: declarations for compilation checks only; see README.md. */
#ifndef STUB_MXC_H
#define STUB_MXC_H

#include <stdint.h>

#define E_NO_ERROR 0

typedef struct {
    volatile uint32_t CYCCNT;
    volatile uint32_t CTRL;
} DWT_Type;
typedef struct {
    volatile uint32_t DEMCR;
} CoreDebug_Type;
extern DWT_Type *const DWT;
extern CoreDebug_Type *const CoreDebug;
#define DWT_CTRL_CYCCNTENA_Msk 1u
#define CoreDebug_DEMCR_TRCENA_Msk 1u
extern uint32_t SystemCoreClock;
void SystemCoreClockUpdate(void);

typedef struct {
    volatile uint32_t pclkdiv;
    volatile uint32_t ipll_ctrl;
} mxc_gcr_regs_t;
extern mxc_gcr_regs_t *const MXC_GCR;
#define MXC_F_GCR_PCLKDIV_CNNCLKDIV 1u
#define MXC_F_GCR_PCLKDIV_CNNCLKSEL 1u
#define MXC_F_GCR_IPLL_CTRL_EN 1u
#define MXC_F_GCR_IPLL_CTRL_RDY 1u
#define MXC_S_GCR_PCLKDIV_CNNCLKSEL_PCLK 1u
#define MXC_S_GCR_PCLKDIV_CNNCLKSEL_IPLL 1u
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV1 1u
#define MXC_S_GCR_PCLKDIV_CNNCLKDIV_DIV4 1u

typedef struct {
    volatile uint32_t reg0, reg1, reg2, reg3;
} mxc_gcfr_regs_t;
extern mxc_gcfr_regs_t *const MXC_GCFR;

typedef struct mxc_icc_regs mxc_icc_regs_t;
extern mxc_icc_regs_t *const MXC_ICC0;
void MXC_ICC_Enable(mxc_icc_regs_t *icc);

typedef enum { MXC_SYS_CLOCK_IPO } mxc_sys_system_clock_t;
typedef enum { MXC_SYS_PERIPH_CLOCK_CNN } mxc_sys_periph_clock_t;
int MXC_SYS_Clock_Select(mxc_sys_system_clock_t clock);
int MXC_SYS_ClockSourceEnable(mxc_sys_system_clock_t clock);
void MXC_SYS_ClockEnable(mxc_sys_periph_clock_t clock);
void MXC_SYS_ClockDisable(mxc_sys_periph_clock_t clock);

typedef enum { CNN_IRQn } IRQn_Type;
void MXC_NVIC_SetVector(IRQn_Type irqn, void (*irq_callback)(void));

typedef struct mxc_tmr_regs mxc_tmr_regs_t;
extern mxc_tmr_regs_t *const MXC_TMR0;
void MXC_TMR_Delay(mxc_tmr_regs_t *tmr, uint32_t us);
int MXC_Delay(uint32_t us);
#define SEC(s) ((uint32_t)(s) * 1000000u)
#define MSEC(ms) ((uint32_t)(ms) * 1000u)

typedef struct mxc_uart_regs mxc_uart_regs_t;
mxc_uart_regs_t *MXC_UART_GET_UART(int index); /* a macro in the SDK */
#define CONSOLE_UART 0
int MXC_UART_ReadCharacterRaw(mxc_uart_regs_t *uart);
int MXC_UART_WriteCharacterRaw(mxc_uart_regs_t *uart, uint8_t character);

typedef struct mxc_gpio_regs mxc_gpio_regs_t;
extern mxc_gpio_regs_t *const MXC_GPIO1;
typedef enum { MXC_GPIO_FUNC_OUT = 1 } mxc_gpio_func_t;
typedef enum { MXC_GPIO_PAD_NONE } mxc_gpio_pad_t;
typedef enum { MXC_GPIO_VSSEL_VDDIO } mxc_gpio_vssel_t;
typedef struct {
    mxc_gpio_regs_t *port;
    uint32_t mask;
    mxc_gpio_func_t func;
    mxc_gpio_pad_t pad;
    mxc_gpio_vssel_t vssel;
} mxc_gpio_cfg_t;
#define MXC_GPIO_PIN_6 ((uint32_t)1 << 6)
#define MXC_GPIO_PIN_7 ((uint32_t)1 << 7)
int MXC_GPIO_Config(const mxc_gpio_cfg_t *cfg);
void MXC_GPIO_OutSet(mxc_gpio_regs_t *port, uint32_t mask);
void MXC_GPIO_OutClr(mxc_gpio_regs_t *port, uint32_t mask);

void LED_On(unsigned int idx);
void LED_Off(unsigned int idx);

#endif
