/* SPDX-License-Identifier: MIT
 *
 * What the machine has, as lines of the log: for the user to choose from, and,
 * saved from the serial line, for bulkhead-check to read again
 * (tools/saved_inventory.c). These three say what it needs:
 *
 *   inventory: cpus 4, memory blocks 1, functions 2, image bytes 9123840
 *     memory 1000000-3fffffff  1008 MiB
 *     00:1f.2  SATA controller  8086:2922  group 3  ...
 */
#pragma once

#include "hv/cpu_identity.h"
#include "hv/inventory.h"
#include "hv/pci_function.h"

/* Free memory that a guest could get: what is too small is left out everywhere. */
#define INVENTORY_BLOCK_BYTES_MIN PAGE_SIZE_2M

void inventory_print_head(const struct inventory *inventory, const struct pci_inventory *pci);
void inventory_print_cpus(const struct cpu_identity *const *cpus, unsigned count);
void inventory_print_memory(const struct inventory *inventory);
void inventory_print_pci(const struct pci_inventory *pci);

/* What no guest can own, and where interrupts arrive: a block of its own, as it is
 * known later. No part of it depends on the configuration.
 *
 *   parts: own ports 1, own memory 1, address bits 40, DMA remapping off
 *     own ports b004-b007  the machine's power management
 *     own memory 0-9fbff  the machine's RAM
 *     interrupts 0 to 15 at IOAPIC inputs 2 1 - 3 4 5 6 7 8 9 10 11 12 13 14 15
 */
void inventory_print_parts(const struct inventory *inventory);

/* Warnings about what was found broken: not part of the inventory. */
void inventory_print_pci_problems(const struct pci_inventory *pci);
