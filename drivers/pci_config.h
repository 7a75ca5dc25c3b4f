/* SPDX-License-Identifier: MIT
 *
 * Configuration space of the machine's PCI functions: in memory where the
 * firmware says so (PCI Express Base Specification 5.0, 7.2.2 "PCI Express
 * Enhanced Configuration Access Mechanism"), else by ports CF8h and CFCh, which
 * reach 256 bytes of each function in segment 0.
 *
 * The ports are one register for all: one CPU at a time, and none while a guest
 * of the machine might use them. Memory takes accesses of all CPUs at once. Tests of
 * what uses this have a version of their own with memory behind it.
 */
#pragma once

#include "hv/pci_function.h"

#define PCI_CONFIG_RANGES_MAX 16

/* `bytes` is 1, 2 or 4, `offset` a multiple of it. A function that is not there,
 * and a place that cannot be reached, reads as ones; writes there are lost. */
uint32_t pci_config_read(struct pci_address address, unsigned offset, unsigned bytes);
void pci_config_write(struct pci_address address, unsigned offset, unsigned bytes, uint32_t value);

/* It goes by ports, so the caller sees to it that one CPU at a time does. */
bool pci_config_takes_turns(struct pci_address address);

/* The same by the ports alone, whatever was added: segment 0, 256 bytes each. */
uint32_t pci_config_read_by_ports(struct pci_address address, unsigned offset, unsigned bytes);
void pci_config_write_by_ports(struct pci_address address, unsigned offset, unsigned bytes,
                               uint32_t value);

/* Buses that are reached in memory, mapped uncached from `base` on, 1 MiB each;
 * not in a range that was added before. False: too many ranges. */
bool pci_config_add_memory(struct pci_range range, volatile uint8_t *base);

/* All buses of segment 0, unless some of them are reached in memory. Called once,
 * after that. */
void pci_config_add_ports(void);

/* What can be looked at, in the order of segment and bus. */
unsigned pci_config_range_count(void);
struct pci_range pci_config_range(unsigned number);
