/* SPDX-License-Identifier: MIT
 *
 * Leaves 15h and 16h of CPUID: from two measured frequencies, numbers from
 * which a guest computes the same ones, so that it need not measure.
 */
#pragma once

#include "hv/cpuid.h"

/* Leaf 15h. `native` is the processor's own. All zeros if nothing can be told. */
struct cpuid_registers cpuid_frequencies(struct cpuid_registers native, uint64_t tsc_hz,
                                         uint64_t lapic_timer_hz);

/* Leaf 16h: base and maximum frequency in MHz. Both are the TSC's; the true
 * ones are no guest's to choose. Linux measures with the PIT where it is 0. */
struct cpuid_registers cpuid_clock_rate(uint64_t tsc_hz);
