/* SPDX-License-Identifier: Apache-2.0 */
#include "crc16.h"

uint16_t crc16(uint16_t from, const void *bytes, size_t count)
{
    const uint8_t *byte = bytes;
    uint32_t crc = from;
    while (count-- > 0) {
        crc ^= (uint32_t)*byte++ << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000u) ? (crc << 1) ^ 0x1021u : crc << 1;
        }
        crc &= 0xFFFFu;
    }
    return (uint16_t)crc;
}
