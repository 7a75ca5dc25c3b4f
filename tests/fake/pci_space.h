/* SPDX-License-Identifier: MIT
 *
 * Configuration space without a machine, in place of drivers/pci_config.c: each
 * function is 4 KiB of registers and which of their bits take a write.
 *
 * A BAR that is written while its function answers at its addresses fails the
 * test, as it would send a real machine's accesses astray.
 */
#pragma once

#include "drivers/pci_config.h"

#define FAKE_PCI_FUNCTIONS_MAX 320

struct fake_pci {
    struct pci_address address;
    bool every_device; /* answers to all device numbers of its bus */
    uint8_t bytes[4096];
    uint8_t writable[4096];
    unsigned last_capability; /* where its successor's offset is to be written */
    unsigned last_extended;
};

struct fake_pci_space {
    struct pci_range ranges[4];
    unsigned range_count;
    unsigned function_count;
    unsigned reads, writes;
    struct fake_pci functions[FAKE_PCI_FUNCTIONS_MAX];
};

extern struct fake_pci_space fake_pci_space;

/* Nobody there; segment 0 with all its buses. */
void fake_pci_reset(void);

/* A function with header type 0, in segment 0. `id`: the device's in the high
 * half, the vendor's in the low half. */
struct fake_pci *fake_pci_add(uint8_t bus, uint8_t device, uint8_t function, uint32_t id,
                              uint16_t class_code);

/* The same as a bridge, header type 1. */
struct fake_pci *fake_pci_add_bridge(uint8_t bus, uint8_t device, uint8_t function,
                                     uint8_t secondary, uint8_t subordinate);

void fake_pci_set(struct fake_pci *function, unsigned offset, unsigned bytes, uint64_t value);
uint32_t fake_pci_get(const struct fake_pci *function, unsigned offset, unsigned bytes);

/* A register whose address bits from `size` on take a write; `flags` do not. */
void fake_pci_bar(struct fake_pci *function, unsigned offset, uint32_t flags, uint64_t base,
                  uint64_t size, unsigned bytes);

/* Appends a capability and returns its offset. */
unsigned fake_pci_capability(struct fake_pci *function, unsigned offset, uint8_t id);
unsigned fake_pci_extended(struct fake_pci *function, unsigned offset, uint16_t id);

/* An Express capability of this port type, at 40h. */
void fake_pci_express(struct fake_pci *function, unsigned port_type);
/* ACS that can do `bits` (enabled when written), at `offset`. */
void fake_pci_acs(struct fake_pci *function, unsigned offset, uint16_t bits);
