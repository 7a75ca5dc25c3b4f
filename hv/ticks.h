/* SPDX-License-Identifier: MIT
 *
 * Clocks of the guest's devices as ticks that began with the machine's TSC:
 * exact, so that none drifts against another however long it runs.
 *
 * `base_hz` is the frequency of the TSC, `hz` at most that, and their product below
 * 2^63; neither is 0.
 */
#pragma once

#include <stdint.h>

/* How many ticks there have been: tsc * hz / base_hz, rounded down. */
static inline uint64_t ticks_at(uint64_t tsc, uint64_t base_hz, uint32_t hz)
{
    return tsc / base_hz * hz + tsc % base_hz * hz / base_hz;
}

static inline uint64_t ticks_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first TSC at which there have been so many: ticks * base_hz / hz, rounded
 * up. The result is below 2^64. */
static inline uint64_t ticks_tsc(uint64_t ticks, uint64_t base_hz, uint32_t hz)
{
    return ticks / hz * base_hz + (ticks % hz * base_hz + hz - 1) / hz;
}
