/* SPDX-License-Identifier: MIT
 *
 * How a CPU sees guest RAM, and registers of guests' devices: by windows of 2 MiB of
 * its own, one for each purpose. A window stays where it is until its CPU moves it,
 * and no other CPU uses it, so what struct window says is what the processor has.
 */
#pragma once

#include "arch/cpu.h"
#include "hv/machine.h"

/* Window 0 is for copying, the last one is uncached, for registers of devices; the
 * others are those of hv/machine.h. */
#define WINDOW_COPY 0
#define WINDOW_FIRST_PAGE 1
#define WINDOW_REGISTERS (WINDOWS_PER_CPU - 1)
_Static_assert(WINDOW_FIRST_PAGE + MACHINE_PAGE_COUNT <= WINDOW_REGISTERS, "a window for each");

void window_init(struct cpu *cpu);

/* A guest with this memory begins on the calling CPU, its owner: from now on each
 * of its windows has a page to show. */
void window_begin(const struct guest_memory *memory);

/* Where that byte is now, and the rest of its 2 MiB page behind it; until the
 * window is moved the next time. */
uint8_t *window_at(struct window *window, hpa_t address);
