/* SPDX-License-Identifier: MIT
 *
 * Stands in for drivers/mmio.h, as arch/insn.h beside it does for ports.
 */
#pragma once

#include <stdint.h>

uint8_t mmio_read8(const volatile uint8_t *at);
uint16_t mmio_read16(const volatile uint16_t *at);
uint32_t mmio_read32(const volatile uint32_t *at);
void mmio_write8(volatile uint8_t *at, uint8_t value);
void mmio_write16(volatile uint16_t *at, uint16_t value);
void mmio_write32(volatile uint32_t *at, uint32_t value);
