/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "answers.h"
#include "application.h"
#include "crc16.h"
#include "port.h"
#include "reply.h"
#include "stages.h"

static uint32_t buffer[BUFFER_WORDS];
static int32_t outputs[OUTPUT_VALUES];
static bool proven;

void answers_start(void)
{
    memset(buffer, 0, sizeof buffer);
    proven = false;
}

static enum error identify(const struct request *request)
{
    const struct project *project = port_project();
    reply_begin(request->sequence, "identity");
    reply_number("protocol", PROTOCOL_VERSION);
    reply_text("firmware", FIRMWARE_VERSION);
    reply_text("port", port_name());
    reply_number("simulated", port_simulated());
    reply_text("project", project->checksum);
    reply_text("name", project->name);
    reply_text("application", application_name());
    reply_end();
    reply_begin(request->sequence, "mode");
    reply_text("chip", project->chip);
    reply_text("clock", project->clock);
    reply_number("divider", project->divider);
    reply_number("load_divider", project->load_divider);
    reply_number("pipeline", project->pipeline);
    reply_number("tick_hz", port_tick_hz());
    reply_number("input_length", project->input_length);
    reply_number("input_words", project->input_words);
    reply_number("outputs", project->outputs);
    reply_number("buffer_words", BUFFER_WORDS);
    reply_end();
    return ERROR_NONE;
}

static void reply_outputs(uint32_t sequence)
{
    const uint32_t count = port_project()->outputs;
    for (uint32_t offset = 0; offset < count; offset += OUTPUT_LINE_VALUES) {
        reply_begin(sequence, "outputs");
        reply_number("offset", offset);
        reply_list("values");
        for (uint32_t index = offset; index < count && index < offset + OUTPUT_LINE_VALUES;
             index++) {
            reply_hex((uint32_t)outputs[index]);
        }
        reply_end();
    }
}

/* One input to its outputs, in `outputs`. */
static bool computed(const uint32_t *words)
{
    port_load_input(words);
    if (!port_infer()) {
        return false;
    }
    port_unload(outputs);
    return true;
}

/* The sample's own words, so that what follows is measured on a real input. */
static enum error known_answer(const struct request *request)
{
    if (port_project()->input_words > BUFFER_WORDS) {
        return ERROR_TOO_LARGE;
    }
    proven = false;
    stages_start();
    port_sample(buffer);
    if (!computed(buffer)) {
        return ERROR_NO_END;
    }
    reply_outputs(request->sequence);
    proven = port_sample_answered();
    return proven ? ERROR_NONE : ERROR_WRONG_ANSWER;
}

static enum error measure(const struct request *request)
{
    const char *text = request_value(request, "stage");
    const enum stage stage = text == NULL ? STAGE_COUNT : stage_named(text);
    uint32_t window_us = 0;
    if (stage == STAGE_COUNT ||
        !request_number(request, "window_us", WINDOW_US_LEAST, WINDOW_US_MOST, &window_us)) {
        return ERROR_BAD_VALUE;
    }
    return stage_measure(request->sequence, stage, window_us, buffer);
}

static enum error power(const struct request *request)
{
    uint32_t window_us = 0;
    if (!request_number(request, "window_us", POWER_US_LEAST, WINDOW_US_MOST, &window_us)) {
        return ERROR_BAD_VALUE;
    }
    return stages_power(request->sequence, window_us, buffer);
}

/* Eight digits a word; false unless there are 1..most whole words. */
static bool hex_words(const char *text, uint32_t most, uint32_t *words, uint32_t *count)
{
    const size_t digits = strlen(text);
    char word[9] = "";
    if (digits == 0 || digits % 8 != 0 || digits / 8 > most) {
        return false;
    }
    *count = (uint32_t)(digits / 8);
    for (uint32_t index = 0; index < *count; index++) {
        memcpy(word, text + 8 * index, 8);
        if (!number_read(word, 16, 0, UINT32_MAX, &words[index])) {
            return false;
        }
    }
    return true;
}

static enum error input(const struct request *request)
{
    uint32_t words[INPUT_LINE_WORDS];
    uint32_t count = 0;
    uint32_t offset = 0;
    const char *text = request_value(request, "words");
    if (text == NULL || !hex_words(text, INPUT_LINE_WORDS, words, &count) ||
        !request_number(request, "offset", 0, UINT32_MAX, &offset)) {
        return ERROR_BAD_VALUE;
    }
    if (offset >= BUFFER_WORDS || count > BUFFER_WORDS - offset) {
        return ERROR_TOO_LARGE;
    }
    memcpy(buffer + offset, words, count * sizeof *words);
    return ERROR_NONE;
}

/* Whether the first words held are those the host means: their checksum, lowest byte first. */
static enum error check_input(const struct request *request, uint32_t count)
{
    uint32_t wanted = 0;
    uint16_t found = CRC16_START;
    const char *text = request_value(request, "crc");
    if (count > BUFFER_WORDS) {
        return ERROR_TOO_LARGE;
    }
    if (text == NULL || !number_read(text, 16, 0, 0xFFFFu, &wanted)) {
        return ERROR_BAD_VALUE;
    }
    for (uint32_t index = 0; index < count; index++) {
        const uint32_t word = buffer[index];
        const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                                  (uint8_t)(word >> 24)};
        found = crc16(found, bytes, sizeof bytes);
    }
    return found == wanted ? ERROR_NONE : ERROR_INPUT_DIFFERS;
}

static enum error run(const struct request *request)
{
    const enum error found = check_input(request, port_project()->input_words);
    if (found != ERROR_NONE) {
        return found;
    }
    if (!computed(buffer)) {
        return ERROR_NO_END;
    }
    reply_outputs(request->sequence);
    return ERROR_NONE;
}

/* The first of the largest outputs. */
static uint32_t class_of(uint32_t count)
{
    uint32_t largest = 0;
    for (uint32_t index = 1; index < count; index++) {
        if (outputs[index] > outputs[largest]) {
            largest = index;
        }
    }
    return largest;
}

static enum error classify(const struct request *request)
{
    const uint32_t words = port_project()->input_words;
    uint32_t classes[BATCH_INPUTS];
    uint32_t count = 0;
    if (!request_number(request, "count", 1, BATCH_INPUTS, &count)) {
        return ERROR_BAD_VALUE;
    }
    const enum error found = words > BUFFER_WORDS ? ERROR_TOO_LARGE
                                                  : check_input(request, count * words);
    if (found != ERROR_NONE) {
        return found;
    }
    for (uint32_t index = 0; index < count; index++) {
        if (!computed(buffer + index * words)) {
            return ERROR_NO_END;
        }
        classes[index] = class_of(port_project()->outputs);
    }
    reply_begin(request->sequence, "classes");
    reply_list("values");
    for (uint32_t index = 0; index < count; index++) {
        reply_member(classes[index]);
    }
    reply_end();
    return ERROR_NONE;
}

static enum error answer_verb(enum verb verb, const struct request *request)
{
    switch (verb) {
    case VERB_IDENTIFY:
        return identify(request);
    case VERB_KNOWN_ANSWER:
        return known_answer(request);
    case VERB_MEASURE:
        return measure(request);
    case VERB_POWER:
        return power(request);
    case VERB_INPUT:
        return input(request);
    case VERB_RUN:
        return run(request);
    case VERB_CLASSIFY:
        return classify(request);
    case VERB_COUNT:
        break;
    }
    return ERROR_UNKNOWN_VERB;
}

enum error answer(const struct request *request)
{
    const enum verb verb = verb_named(request->verb);
    if (!proven && verb > VERB_KNOWN_ANSWER && verb < VERB_COUNT) {
        return ERROR_UNPROVEN;
    }
    const enum error found = answer_verb(verb, request);
    if (found == ERROR_NO_END) {
        proven = false; /* an accelerator that stopped is brought up anew by the known-answer test */
    }
    return found;
}
