/* SPDX-License-Identifier: MIT
 *
 * Ports and interrupts that a function has without a BAR: those of the two disk
 * channels of an IDE controller in compatibility mode. PCI IDE Controller
 * Specification 1.0, 2.1 "Compatibility Mode".
 */
#pragma once

#include <stdbool.h>

#include "hv/pci_function.h"

#define PCI_LEGACY_CHANNELS 2

struct pci_legacy {
    uint16_t first_port, last_port;
    uint16_t control_port;
    uint8_t irq;
};

/* False: this channel is not there, or has BARs. */
bool pci_legacy_channel(const struct pci_function *function, unsigned channel,
                        struct pci_legacy *legacy);
