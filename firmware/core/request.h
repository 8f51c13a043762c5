/* SPDX-License-Identifier: Apache-2.0 */
/* A request as a line of text: "12 measure stage=inference window_us=100000*5A0F". */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codes.h"

#define REQUEST_PAIRS 4

struct request {
    uint32_t sequence; /* 1..65535; 0 where it could not be read */
    const char *verb;
    const char *keys[REQUEST_PAIRS];
    const char *values[REQUEST_PAIRS];
    int pairs;
};

/* Reads a line of `count` characters, 0..LINE_CHARACTERS, in place; line[count] must be writable.
 * Gives CHECKSUM where the line is damaged (then nothing of it is believed) and MALFORMED where it
 * is whole but no request. The request points into the line. */
enum error request_read(char *line, size_t count, struct request *request);

/* The value of a key, or NULL. */
const char *request_value(const struct request *request, const char *key);

/* Reads a whole number of base 10 or 16 from text; false where it is none, or not in least..most. */
bool number_read(const char *text, uint32_t base, uint32_t least, uint32_t most, uint32_t *number);

/* The value of a key as a number of base 10 in least..most; false where it is not. */
bool request_number(const struct request *request, const char *key, uint32_t least, uint32_t most,
                    uint32_t *number);

#endif
