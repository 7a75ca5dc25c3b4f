/* SPDX-License-Identifier: MIT
 *
 * One access to a device register in memory, neither split nor merged. Tests put
 * their own version of this file first in the include path.
 */
#pragma once

#include <stdint.h>

static inline uint8_t mmio_read8(const volatile uint8_t *at)
{
    return *at;
}

static inline uint16_t mmio_read16(const volatile uint16_t *at)
{
    return *at;
}

static inline uint32_t mmio_read32(const volatile uint32_t *at)
{
    return *at;
}

static inline uint64_t mmio_read64(const volatile uint64_t *at)
{
    return *at;
}

static inline void mmio_write8(volatile uint8_t *at, uint8_t value)
{
    *at = value;
}

static inline void mmio_write16(volatile uint16_t *at, uint16_t value)
{
    *at = value;
}

static inline void mmio_write32(volatile uint32_t *at, uint32_t value)
{
    *at = value;
}

static inline void mmio_write64(volatile uint64_t *at, uint64_t value)
{
    *at = value;
}
