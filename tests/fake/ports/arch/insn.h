/* SPDX-License-Identifier: MIT
 *
 * Stands in for arch/insn.h in the tests of drivers: with this directory first
 * in the include path, port accesses are calls that each test answers with its
 * own device. Only port accesses, and what makes memory visible to a device: a
 * driver that wants more does not link.
 */
#pragma once

#include <stdint.h>

uint8_t in8(uint16_t port);
uint16_t in16(uint16_t port);
uint32_t in32(uint16_t port);
void out8(uint16_t port, uint8_t value);
void out16(uint16_t port, uint16_t value);
void out32(uint16_t port, uint32_t value);

/* Of drivers whose device reads memory. */
void fence(void);
void cache_line_flush(const void *at);
