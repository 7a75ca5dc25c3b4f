/* SPDX-License-Identifier: MIT
 *
 * The guest's PCI bus 0 by configuration mechanism #1: PCI Local Bus
 * Specification 3.0, 3.2.2.3.2 "Software Generation of Configuration
 * Transactions". There are the host bridge 00:00.0, and behind it the functions
 * that the guest owns (hv/assigned.h), 00:01.0 and so on; every other one reads as
 * ones, which says that nobody is there.
 *
 * The bridge shows the ids of the 440FX (8086:1237), the bridge that every
 * kernel knows and none has a driver for that pokes at chipset registers which
 * do not exist here. It has no BAR, no capability and no register that takes a
 * write.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct assigned;

struct pci_host {
    uint32_t address; /* CONFIG_ADDRESS, CF8h */
    struct assigned *assigned; /* set at boot; NULL: no function */
};

void pci_init(struct pci_host *pci);

/* `port` is CF8h to CFFh, `bytes` 1, 2 or 4 and not beyond CFFh. */
uint32_t pci_read(const struct pci_host *pci, uint16_t port, size_t bytes);
/* May move BARs of the guest. */
void pci_write(struct pci_host *pci, uint16_t port, size_t bytes, uint32_t value);

/* The memory-mapped way in: PCI Express Base Specification 3.0, 7.2.2 "PCI
 * Express Enhanced Configuration Access Mechanism". `offset` from the base of
 * bus 0. An access that crosses a doubleword reads as ones, and does nothing. */
uint64_t pci_memory_read(const struct pci_host *pci, uint64_t offset, size_t bytes);
void pci_memory_write(struct pci_host *pci, uint64_t offset, size_t bytes, uint64_t value);
