/* SPDX-License-Identifier: MIT
 *
 * The machine's two frequencies, found once at boot, and bounded waiting.
 */
#pragma once

#include <stdint.h>

extern uint64_t tsc_hz;
extern uint64_t lapic_timer_hz; /* at divide-by-1 */

/* What CPUID leaf 15h says, unless it is incomplete or a measurement against the
 * PIT shows that it is not true. The calling CPU is in x2APIC mode. */
void time_init(void);

void wait_us(uint64_t microseconds);
