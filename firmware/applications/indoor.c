/* SPDX-License-Identifier: Apache-2.0 */
/* The indoor study: one raw sweep of the channel becomes the network's input. */
#include "application.h"
#include "indoor.h"
#include "port.h"

/* Ends of the 8-bit range. Source: the paper; objectives/data/ctf_mat.py, SCALE. */
static const float scale_low = -0.011066f;
static const float scale_high = 0.011379f;

static float sweep[INDOOR_CHANNELS * INDOOR_BINS];
static uint32_t prepared[INDOOR_CHANNELS * ((INDOOR_BINS + 3) / 4)];

/* Adding 1.5 * 2^23 leaves no bits behind the point, rounded half to even; exact for |value| <= 2^22. */
static float rounded(float value)
{
    const volatile float shifted = value + 12582912.0f;
    return shifted - 12582912.0f;
}

static uint32_t quantized(float value, float low, float range)
{
    float steps = ((value - low) / range - 0.5f) * 256.0f;
    if (steps > 127.0f) {
        steps = 127.0f;
    }
    if (steps < -128.0f) {
        steps = -128.0f;
    }
    return (uint32_t)(int32_t)rounded(steps) & 0xFFu;
}

void indoor_prepare(const float *values, uint32_t length, float low, float high, uint32_t *words)
{
    const float *first = values + (INDOOR_BINS - length) / 2;
    for (uint32_t channel = 0; channel < INDOOR_CHANNELS; channel++) {
        for (uint32_t start = 0; start < length; start += 4) {
            uint32_t word = 0;
            for (uint32_t place = 0; place < 4 && start + place < length; place++) {
                word |= quantized(first[start + place], low, high - low) << (8u * place);
            }
            *words++ = word;
        }
        first += INDOOR_BINS;
    }
}

bool application_there(void)
{
    return true;
}

const char *application_name(void)
{
    return "indoor";
}

void application_prepare(void)
{
    indoor_prepare(sweep, port_project()->input_length, scale_low, scale_high, prepared);
}
