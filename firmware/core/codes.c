/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codes.h"

const char *error_sentence(enum error code)
{
    switch (code) {
#define ERROR_CASE(name, number, sentence)                                                         \
    case ERROR_##name:                                                                             \
        return sentence;
        ERRORS(ERROR_CASE)
    case ERROR_NONE:
        break;
    }
    return "";
}

#define TEXT_OF(name, text) text,
static const char *const stages[STAGE_COUNT] = {STAGES(TEXT_OF)};
static const char *const verbs[VERB_COUNT] = {VERBS(TEXT_OF)};

static int index_of(const char *text, const char *const *texts, int count)
{
    int index = 0;
    while (index < count && strcmp(text, texts[index]) != 0) {
        index++;
    }
    return index;
}

const char *stage_text(enum stage stage)
{
    return stages[stage];
}

enum stage stage_named(const char *text)
{
    return (enum stage)index_of(text, stages, STAGE_COUNT);
}

enum verb verb_named(const char *text)
{
    return (enum verb)index_of(text, verbs, VERB_COUNT);
}
