/* SPDX-License-Identifier: MIT
 *
 * What a PCI function is, in a user's words.
 */
#pragma once

#include "hv/pci_function.h"

/* "SATA controller", "root port"; NULL: a class that is not named here. */
const char *pci_class_name(const struct pci_function *function);

/* The other way. False: no class has this name. */
bool pci_class_find(const char *name, uint16_t *class_code);
