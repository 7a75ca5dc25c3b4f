/* SPDX-License-Identifier: MIT
 *
 * Parts that every PC has and no guest can own: because with them it would reach
 * beyond itself, or because its own PC has an emulated one in that place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What is there, "the DMA controllers", or NULL: the ports from `first` to `last`
 * can be given away. */
const char *own_ports(uint64_t first, uint64_t last);

/* The same of an interrupt. The clock's is its owner's: `has_clock`. */
const char *own_irq(unsigned irq, bool has_clock);

/* The clock and the CMOS RAM: the one emulated part that can be replaced. */
#define OWN_CLOCK_FIRST_PORT 0x70
#define OWN_CLOCK_LAST_PORT 0x71
