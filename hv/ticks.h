/* SPDX-License-Identifier: MIT
 *
 * Clocks of the guest's devices as ticks that began with the machine's TSC:
 * exact, so that none drifts against another however long it runs.
 *
 * `hz` is at most `tsc_hz`, and their product below 2^63; neither is 0.
 */
#pragma once

#include <stdint.h>

/* How many ticks there have been: tsc * hz / tsc_hz, rounded down. */
static inline uint64_t ticks_at(uint64_t tsc, uint64_t tsc_hz, uint32_t hz)
{
    return tsc / tsc_hz * hz + tsc % tsc_hz * hz / tsc_hz;
}

/* The first TSC at which there have been so many: ticks * tsc_hz / hz, rounded
 * up. The result is below 2^64. */
static inline uint64_t ticks_tsc(uint64_t ticks, uint64_t tsc_hz, uint32_t hz)
{
    return ticks / hz * tsc_hz + (ticks % hz * tsc_hz + hz - 1) / hz;
}
