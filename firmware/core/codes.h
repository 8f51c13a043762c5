/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of the line must agree on; hardware/board/protocol.py says the same in Python. */
#ifndef CODES_H
#define CODES_H

#define PROTOCOL_VERSION 1
#define FIRMWARE_VERSION "1.0"

/* X(name, code, sentence): codes are never given to something else. */
#define ERRORS(X)                                                                                  \
    X(CHECKSUM, 1, "the checksum does not match the line; send it again")                          \
    X(TOO_LONG, 2, "the line is longer than the board can hold")                                   \
    X(MALFORMED, 3, "the line is not a number, a verb and key=value pairs")                        \
    X(UNKNOWN_VERB, 4, "there is no such request")                                                 \
    X(BAD_VALUE, 5, "a value is missing or outside its range")                                     \
    X(UNPROVEN, 6, "the known-answer test has not passed since the board started")                 \
    X(WRONG_ANSWER, 7, "the accelerator does not give the known answer")                           \
    X(NO_END, 8, "the accelerator did not finish in time")                                         \
    X(INPUT_DIFFERS, 9, "the input held is not the one meant; send it again")                      \
    X(TOO_LARGE, 10, "the input or the batch is larger than the board's buffer")                   \
    X(NO_APPLICATION, 11, "the firmware was built without an application's preparation")           \
    X(TOO_SLOW, 12, "ten repeats do not fit the longest window")

/* X(name, text): the stages that can be timed, and the first four windows of power in their order. */
#define STAGES(X)                                                                                  \
    X(WEIGHT_LOAD, "weight_load")                                                                  \
    X(INPUT_LOAD, "input_load")                                                                    \
    X(INFERENCE, "inference")                                                                      \
    X(INPUT_AND_INFERENCE, "input_and_inference")                                                  \
    X(SOFTMAX, "softmax")                                                                          \
    X(PREPARATION, "preparation")

/* X(verb, text) */
#define VERBS(X)                                                                                   \
    X(IDENTIFY, "identify")                                                                        \
    X(KNOWN_ANSWER, "known_answer")                                                                \
    X(MEASURE, "measure")                                                                          \
    X(POWER, "power")                                                                              \
    X(INPUT, "input")                                                                              \
    X(RUN, "run")                                                                                  \
    X(CLASSIFY, "classify")

#define ERROR_MEMBER(name, code, sentence) ERROR_##name = code,
enum error { ERROR_NONE = 0, ERRORS(ERROR_MEMBER) };

#define STAGE_MEMBER(name, text) STAGE_##name,
enum stage { STAGES(STAGE_MEMBER) STAGE_COUNT };

#define VERB_MEMBER(name, text) VERB_##name,
enum verb { VERBS(VERB_MEMBER) VERB_COUNT };

/* Sentence of an error, or "" where there is no such code. */
const char *error_sentence(enum error code);

/* A stage's or verb's text; and which one a text is, the count of them where none. */
const char *stage_text(enum stage stage);
enum stage stage_named(const char *text);
enum verb verb_named(const char *text);

#define LINE_CHARACTERS 320   /* longest line, its end not counted */
#define INPUT_LINE_WORDS 32   /* words of an input in one request */
#define OUTPUT_LINE_VALUES 16 /* outputs in one line of a reply */
#define BATCH_INPUTS 64       /* inputs classified by one request */
#define BUFFER_WORDS 8192     /* 32 KiB of inputs, which both chips' memories hold */
#define OUTPUT_VALUES 1024    /* the chips' most channels */

#define WINDOW_US_LEAST 1000
#define WINDOW_US_MOST 20000000 /* 20 s: the power monitor's longest, and below 2^32 ticks */
#define POWER_US_LEAST 110000   /* the power monitor's shortest is 0.1 s, and one may end early */
#define REPEATS_LEAST 10
#define REPEATS_MOST 1000000
#define GAP_US 500000       /* between two windows, so that the power monitor tells them apart */
#define INFERENCE_US 2000000 /* an accelerator that takes longer has stopped */

#endif
