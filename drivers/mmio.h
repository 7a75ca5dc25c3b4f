/* SPDX-License-Identifier: MIT
 *
 * One 32-bit access to a device register in memory, neither split nor merged.
 * Tests put their own version of this file first in the include path.
 */
#pragma once

#include <stdint.h>

static inline uint32_t mmio_read32(const volatile uint32_t *at)
{
    return *at;
}

static inline void mmio_write32(volatile uint32_t *at, uint32_t value)
{
    *at = value;
}
