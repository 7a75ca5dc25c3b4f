/* SPDX-License-Identifier: MIT
 *
 * Finds all PCI functions of the machine, as far as the firmware gave buses
 * their numbers: numbers are not changed, and neither are addresses in BARs.
 *
 * Two registers are written. BARs are sized, with the function's decoding off
 * meanwhile; so it is called at boot, while no other CPU, guest or console is
 * using a device on PCI. And ACS is turned on where a function has it, because
 * the isolation groups are only true with it.
 */
#pragma once

#include "hv/pci_function.h"

/* All functions of the ranges that pci_config_range() tells, with their isolation
 * groups. `out` is written whole. */
void pci_scan(struct pci_inventory *out);

/* One function, which answered at its address with its two ids: the rest of the
 * record but for its place among the others. Adds to the problems of `pci`. */
void pci_function_read(struct pci_function *function, struct pci_inventory *pci);

void pci_problem_add(struct pci_inventory *pci, enum pci_problem_kind kind,
                     struct pci_address address);
