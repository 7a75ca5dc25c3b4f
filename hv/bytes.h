/* SPDX-License-Identifier: MIT
 *
 * Little-endian numbers at any alignment, as images, tables and the boot
 * loader's structures hold them. The caller has checked that the bytes exist.
 */
#pragma once

#include <stdint.h>

static inline uint16_t little_16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t little_32(const uint8_t *at)
{
    return little_16(at) | (uint32_t)little_16(at + 2) << 16;
}

static inline uint64_t little_64(const uint8_t *at)
{
    return little_32(at) | (uint64_t)little_32(at + 4) << 32;
}
