/* SPDX-License-Identifier: MIT
 *
 * The monitor: one more console, on which the user asks about guests and orders
 * them. Ctrl-] m opens it. A guest that is the manager has another one on its COM2,
 * with fewer rights (monitor_manager_may()).
 *
 * The user's runs on the console's CPU, which may be a guest's, and therefore a little
 * at a time; the manager's runs on its own CPU in the same way: each call reads what was typed and makes at most MONITOR_LINES_A_VISIT
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

/* On the CPU of the manager's boot vCPU, with no lock held. */
void monitor_manager_service(void);
