/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "crc16.h"
#include "port.h"
#include "reply.h"

static uint16_t checksum;
static bool first_member;
static uint32_t lines;

static void put(const char *text, size_t count)
{
    checksum = crc16(checksum, text, count);
    port_write(text, count);
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

static void put_number(uint64_t number)
{
    char digits[20]; /* 2^64 has 20 */
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    put(digits + start, sizeof digits - start);
}

static void put_hex(uint32_t number, int digits)
{
    while (digits-- > 0) {
        put(&"0123456789ABCDEF"[number >> (4 * digits) & 15u], 1);
    }
}

void reply_begin(uint32_t sequence, const char *kind)
{
    checksum = CRC16_START;
    put_text("@");
    put_number(sequence);
    put_text(" ");
    put_text(kind);
}

void reply_list(const char *key)
{
    put_text(" ");
    put_text(key);
    put_text("=");
    first_member = true;
}

void reply_text(const char *key, const char *text)
{
    reply_list(key);
    put_text(text);
}

void reply_number(const char *key, uint64_t number)
{
    reply_list(key);
    put_number(number);
}

void reply_hex(uint32_t word)
{
    put_hex(word, 8);
}

void reply_member(uint32_t number)
{
    if (!first_member) {
        put_text(",");
    }
    first_member = false;
    put_number(number);
}

void reply_end(void)
{
    const uint16_t found = checksum;
    put_text("*");
    put_hex(found, 4);
    put_text("\n");
    lines++;
}

void reply_ready(uint32_t sequence, uint32_t served)
{
    reply_begin(sequence, "ready");
    reply_number("lines", lines);
    reply_number("served", served);
    reply_text("project", port_project()->checksum);
    reply_end();
    lines = 0;
}

void reply_error(uint32_t sequence, enum error code)
{
    reply_begin(sequence, "error");
    reply_number("code", (uint64_t)code);
    reply_text("sentence", error_sentence(code));
    reply_end();
}
