/* SPDX-License-Identifier: MIT
 *
 * Under which requester ids a PCI function's requests reach the root complex. Bridges
 * to conventional buses put their own there.
 */
#pragma once

#include "hv/pci_function.h"

#define DMA_SOURCES_MAX 8

/* Bus in the high byte, device and function in the low one. */
static inline uint16_t dma_source(struct pci_address address)
{
    return (uint16_t)(address.bus << 8 | address.function);
}

/* The function's own id first, that of the uppermost bridge last. Returns how many; a
 * chain of more conventional bridges than fit keeps the uppermost ones out. */
unsigned dma_sources(const struct pci_inventory *pci, unsigned function,
                     uint16_t sources[static DMA_SOURCES_MAX]);

/* The id with which its messages arrive. */
uint16_t dma_interrupt_source(const struct pci_inventory *pci, unsigned function);

/* Can a request with this id be the function's? */
bool dma_is_source_of(const struct pci_inventory *pci, unsigned function, uint16_t source);
