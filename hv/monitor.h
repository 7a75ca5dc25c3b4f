/* SPDX-License-Identifier: MIT
 *
 * The monitor: one more console, on which the user asks about guests and orders
 * them. Ctrl-] m opens it.
 *
 * It runs on the console's CPU, which may be a guest's, and therefore a little at
 * a time: each call reads what was typed and makes at most MONITOR_LINES_A_VISIT
 * lines, or none while there is no room for them. Long answers are made
 * line by line, as the wire takes them. No lock is held while a line is made, and
 * what belongs to another CPU is asked for (hv/snapshot.h) and not waited for.
 */
#pragma once

#include "hv/pci_function.h"

#define MONITOR_LINES_A_VISIT 1u
#define MONITOR_KEYS_A_VISIT 8u

/* Boot: what there is to show besides the VMs. */
void monitor_init(const struct pci_inventory *pci);

/* On the console's CPU, behind console_service(), with no lock held. */
void monitor_service(void);
