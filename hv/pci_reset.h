/* SPDX-License-Identifier: MIT
 *
 * Brings a function whose DMA is off back to what it is after power-on, so that
 * nothing of one owner reaches the next. One that knows no reset stays as it is, with
 * its DMA off.
 */
#pragma once

#include <stdbool.h>

#include "hv/pci_function.h"

enum pci_reset_kind {
    PCI_RESET_NONE,
    PCI_RESET_FUNCTION, /* function-level reset, of an Express function */
    PCI_RESET_ADVANCED, /* the same of a conventional one */
    PCI_RESET_POWER,    /* from D3 to D0 */
    PCI_RESET_BUS,      /* of the bus behind a bridge, where it is alone */
};

/* The first of them that the function knows. Reads its registers. */
enum pci_reset_kind pci_reset_kind(const struct pci_inventory *pci,
                                   const struct pci_function *function);

/* "no reset", "function-level reset" ... */
const char *pci_reset_name(enum pci_reset_kind kind);

/* Waits as the specifications say, 1.2 s at most. BARs, command, sizes of packets and
 * ACS are as before. */
void pci_reset(const struct pci_inventory *pci, const struct pci_function *function,
               enum pci_reset_kind kind, uint64_t tsc_hz);
