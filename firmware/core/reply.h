/* SPDX-License-Identifier: Apache-2.0 */
/* A reply, line by line: "@12 timing stage=inference repeats=746*C3D1". Each line goes out as it is
 * written; its checksum is carried along, so that no line is ever held as a whole. */
#ifndef REPLY_H
#define REPLY_H

#include <stdint.h>

#include "codes.h"

void reply_begin(uint32_t sequence, const char *kind);
void reply_text(const char *key, const char *text); /* text without spaces, but for `sentence` */
void reply_number(const char *key, uint64_t number);
void reply_end(void);

/* Closes a reply: says how many lines it has, so that the host misses none, how many requests were
 * answered since the start, and which project is here. */
void reply_ready(uint32_t sequence, uint32_t served);

/* A list as one value: reply_list(key), then its members. */
void reply_list(const char *key);
void reply_hex(uint32_t word);       /* eight digits, run together */
void reply_member(uint32_t number);  /* base 10, parted by commas */

/* A whole line that says what is wrong. */
void reply_error(uint32_t sequence, enum error code);

#endif
