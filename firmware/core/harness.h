/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>

/* Brings the accelerator up and says so. */
void harness_start(void);

/* Takes one character from the console; a line's end has it answered. */
void harness_take(char character);

/* Answers requests for ever. */
void harness_run(void);

#endif
