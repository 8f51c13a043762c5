/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "answers.h"
#include "harness.h"
#include "port.h"
#include "reply.h"
#include "stages.h"

static char line[LINE_CHARACTERS + 1];
static size_t held;
static bool too_long;
static uint32_t served;

static void answer_line(void)
{
    struct request request = {.sequence = 0};
    enum error found = ERROR_TOO_LONG;
    if (!too_long) {
        found = request_read(line, held, &request);
    }
    if (found == ERROR_NONE) {
        reply_begin(request.sequence, "taken");
        reply_end();
        found = answer(&request);
    }
    served++;
    if (found != ERROR_NONE) {
        reply_error(request.sequence, found);
    }
    reply_ready(request.sequence, served);
}

void harness_start(void)
{
    held = 0;
    too_long = false;
    served = 0;
    answers_start();
    stages_start();
    reply_begin(0, "started");
    reply_text("firmware", FIRMWARE_VERSION);
    reply_end();
    reply_ready(0, served);
}

void harness_take(char character)
{
    if (character == '\n' || character == '\r') {
        if (held > 0 || too_long) {
            answer_line();
        }
        held = 0;
        too_long = false;
    } else if (held == LINE_CHARACTERS) {
        too_long = true;
    } else {
        line[held++] = character;
    }
}

void harness_run(void)
{
    harness_start();
    for (;;) {
        const int character = port_read();
        if (character >= 0) {
            harness_take((char)character);
        }
    }
}
