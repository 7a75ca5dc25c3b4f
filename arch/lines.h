/* SPDX-License-Identifier: MIT
 *
 * The machine's IOAPICs, all of them, from boot on. Every input is masked but
 * those that the hypervisor or a guest's owner has routed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ioapic.h"

/* Maps and masks them; for the boot CPU, once. */
void lines_init(void);

/* False: no IOAPIC has this input, or it cannot reach that CPU. */
bool lines_route(uint32_t gsi, const struct host_ioapic_route *route);

/* For the boot CPU, behind VT-d's start, and once for each input that a guest gets: its
 * entry of the remapping table is allocated here. False: it does not exist, or VT-d lets
 * none of its interrupts pass. */
bool lines_are_usable(uint32_t gsi);
