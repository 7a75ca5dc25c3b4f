/* SPDX-License-Identifier: MIT
 *
 * A PCI function's lines of a saved inventory, behind its address: what it is, and
 * the parts that hv/inventory_print.c lists for it, two blanks between them. Parts
 * that are only to be read are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/pci_function.h"

/* "SATA controller", "class 00ff": class and kind of header. */
void saved_function_class(struct pci_function *function, const char *name, size_t length);

/* "INTA irq 11  MSI  BAR0 febf0000 4K". False: a part of it is damaged. */
bool saved_function_parts(struct pci_function *function, const char *text);
