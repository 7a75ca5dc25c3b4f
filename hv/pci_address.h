/* SPDX-License-Identifier: MIT
 *
 * PCI addresses as they are written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/pci_function.h"

/* "00:1f.2", or with a segment "0001:00:1f.2"; hv/text_take.h. */
bool pci_address_take(const char **text, struct pci_address *address);

/* Returns its length. */
size_t pci_address_format(char to[static PCI_ADDRESS_SIZE], struct pci_address address);
