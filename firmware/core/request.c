/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crc16.h"
#include "request.h"

static uint32_t digit_of(char character)
{
    if (character >= '0' && character <= '9') {
        return (uint32_t)(character - '0');
    }
    if (character >= 'A' && character <= 'F') {
        return (uint32_t)(character - 'A') + 10u;
    }
    return 16u;
}

bool number_read(const char *text, uint32_t base, uint32_t least, uint32_t most, uint32_t *number)
{
    uint64_t value = 0; /* below 2^32 * 16 */
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const uint32_t digit = digit_of(*text);
        value = value * base + digit;
        if (digit >= base || value > 0xFFFFFFFFu) {
            return false;
        }
    }
    *number = (uint32_t)value;
    return value >= least && value <= most;
}

/* Ends the word at *rest and moves on to the next; gives NULL where there is none. */
static char *next_word(char **rest)
{
    char *word = *rest;
    if (word == NULL) {
        return NULL;
    }
    char *space = strchr(word, ' ');
    if (space != NULL) {
        *space++ = '\0';
    }
    *rest = space;
    return word;
}

/* Whether the line ends in "*" and four digits that are the checksum of what stands before. */
static bool checksum_holds(char *line, size_t count)
{
    uint32_t written = 0;
    if (count < 5 || line[count - 5] != '*') {
        return false;
    }
    line[count] = '\0';
    if (!number_read(line + count - 4, 16, 0, 0xFFFFu, &written)) {
        return false;
    }
    line[count - 5] = '\0';
    return written == crc16(CRC16_START, line, count - 5);
}

static bool read_pairs(char *rest, struct request *request)
{
    for (char *word = next_word(&rest); word != NULL; word = next_word(&rest)) {
        char *equals = strchr(word, '=');
        if (equals == NULL || request->pairs == REQUEST_PAIRS) {
            return false;
        }
        *equals = '\0';
        request->keys[request->pairs] = word;
        request->values[request->pairs] = equals + 1;
        request->pairs++;
    }
    return true;
}

enum error request_read(char *line, size_t count, struct request *request)
{
    *request = (struct request){.sequence = 0, .verb = ""};
    if (!checksum_holds(line, count)) {
        return ERROR_CHECKSUM;
    }
    char *rest = line;
    const char *number = next_word(&rest);
    if (!number_read(number, 10, 1, 65535, &request->sequence)) {
        request->sequence = 0;
        return ERROR_MALFORMED;
    }
    const char *verb = next_word(&rest);
    if (verb == NULL || !read_pairs(rest, request)) {
        return ERROR_MALFORMED;
    }
    request->verb = verb;
    return ERROR_NONE;
}

const char *request_value(const struct request *request, const char *key)
{
    for (int pair = 0; pair < request->pairs; pair++) {
        if (strcmp(request->keys[pair], key) == 0) {
            return request->values[pair];
        }
    }
    return NULL;
}

bool request_number(const struct request *request, const char *key, uint32_t least, uint32_t most,
                    uint32_t *number)
{
    const char *value = request_value(request, key);
    return value != NULL && number_read(value, 10, least, most, number);
}
