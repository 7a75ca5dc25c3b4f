/* SPDX-License-Identifier: MIT
 *
 * A UART on a PCI card, before PCI is looked at as a whole: by the ports of
 * configuration space, in segment 0. Where the firmware put its registers is
 * where they stay.
 */
#pragma once

#include "drivers/serial.h"
#include "hv/pci_function.h"

/* The first BAR that the firmware gave an address, with its decoding turned on.
 * Memory is where it is physically, below 4 GiB. Returns why not, or NULL. */
const char *serial_pci_find(struct pci_address address, struct serial_place *place);
