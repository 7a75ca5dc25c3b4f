/* SPDX-License-Identifier: MIT
 *
 * Whom the DMAR means: its device scopes, held against the PCI functions that were
 * found. Pure.
 */
#pragma once

#include "drivers/dmar.h"
#include "hv/pci_function.h"

#define DMAR_NO_UNIT UINT32_MAX

/* Do these scopes name the function, itself or all that is behind a bridge above? */
bool dmar_scopes_name(const struct dmar *dmar, uint16_t segment, struct dmar_scopes scopes,
                      const struct pci_inventory *pci, unsigned function);

/* The number of the unit that sees the function's requests, or DMAR_NO_UNIT. */
uint32_t dmar_unit_of(const struct dmar *dmar, const struct pci_inventory *pci,
                      unsigned function);

/* The source id of an IOAPIC's messages. False: no unit names it. */
bool dmar_ioapic_source(const struct dmar *dmar, const struct pci_inventory *pci, uint8_t id,
                        uint16_t *source);
