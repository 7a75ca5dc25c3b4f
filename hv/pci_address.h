/* SPDX-License-Identifier: MIT
 *
 * PCI addresses as they are written.
 */
#pragma once

#include <stddef.h>

#include "hv/pci_function.h"

/* Returns its length. */
size_t pci_address_format(char to[static PCI_ADDRESS_SIZE], struct pci_address address);
