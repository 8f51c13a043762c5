/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRC16_H
#define CRC16_H

#include <stddef.h>
#include <stdint.h>

#define CRC16_START 0xFFFFu

/* CRC-16/CCITT-FALSE (x^16 + x^12 + x^5 + 1, from 0xFFFF, highest bit first), carried on over more
 * bytes: it finds every error of up to three bits in a line. crc16(CRC16_START, "123456789", 9) is
 * 0x29B1. */
uint16_t crc16(uint16_t from, const void *bytes, size_t count);

#endif
