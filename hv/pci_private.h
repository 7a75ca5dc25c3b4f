/* SPDX-License-Identifier: MIT
 *
 * Registers behind the header of a function that are no capability, and that the
 * drivers of its kind cannot do without. Only rows name them: what such a register
 * does is its maker's to say, and may reach beyond the function.
 */
#pragma once

#include <stdbool.h>

#include "hv/pci_function.h"

#define PCI_PRIVATE_WRITTEN_MAX 8 /* doublewords of one function */

/* `offset` is from 40h to FFh. */
bool pci_private_is_read(const struct pci_function *function, unsigned offset);
bool pci_private_is_written(const struct pci_function *function, unsigned offset);
