/* SPDX-License-Identifier: MIT
 *
 * See dma_sources.h. PCI Express to PCI/PCI-X Bridge Specification 1.0, 2.3 "Assignment
 * of Requester ID and Tag by the Bridge"; VT-d specification, 3.4.1 "Source Identifier".
 */
#include "hv/dma_sources.h"

#include "arch/spec/pci.h"

/* False: requests pass this bridge as they are. */
static bool bridge_source(const struct pci_function *bridge, uint16_t *source)
{
    if (!(bridge->flags & PCI_IS_EXPRESS) || bridge->port_type == PCI_PORT_PCI_TO_EXPRESS) {
        *source = dma_source(bridge->address);
        return true;
    }
    if (bridge->port_type == PCI_PORT_EXPRESS_TO_PCI) {
        *source = (uint16_t)(bridge->secondary_bus << 8);
        return true;
    }
    return false;
}

unsigned dma_sources(const struct pci_inventory *pci, unsigned function,
                     uint16_t sources[static DMA_SOURCES_MAX])
{
    unsigned count = 0;
    sources[count++] = dma_source(pci->functions[function].address);
    unsigned bridge = pci->functions[function].parent;
    while (bridge != PCI_NO_PARENT && count < DMA_SOURCES_MAX) { /* parents have lower numbers */
        count += bridge_source(&pci->functions[bridge], &sources[count]);
        bridge = pci->functions[bridge].parent;
    }
    return count;
}

uint16_t dma_interrupt_source(const struct pci_inventory *pci, unsigned function)
{
    uint16_t sources[DMA_SOURCES_MAX] = { 0 };
    return sources[dma_sources(pci, function, sources) - 1];
}

bool dma_is_source_of(const struct pci_inventory *pci, unsigned function, uint16_t source)
{
    uint16_t sources[DMA_SOURCES_MAX];
    unsigned count = dma_sources(pci, function, sources);
    for (unsigned i = 0; i < count; i++)
        if (sources[i] == source)
            return true;
    return false;
}
