/* SPDX-License-Identifier: MIT
 *
 * Stands in for drivers/mmio.h, as arch/insn.h beside it does for ports.
 */
#pragma once

#include <stdint.h>

uint32_t mmio_read32(const volatile uint32_t *at);
void mmio_write32(volatile uint32_t *at, uint32_t value);
