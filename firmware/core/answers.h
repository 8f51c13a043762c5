/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "request.h"

/* Forgets inputs and proof, as after power-up. */
void answers_start(void);

/* Answers a request, its closing line aside; what it gives is still to be said where it is no NONE. */
enum error answer(const struct request *request);

#endif
