/* SPDX-License-Identifier: Apache-2.0 */
/* What an application does with raw data before the accelerator can take it; one of applications/
 * is linked in. */
#ifndef APPLICATION_H
#define APPLICATION_H

#include <stdbool.h>

bool application_there(void);
const char *application_name(void);

/* Prepares one input, always the same one: it is there to be timed. */
void application_prepare(void);

#endif
