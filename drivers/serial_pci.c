/* SPDX-License-Identifier: MIT
 *
 * See serial_pci.h. PCI Local Bus Specification 3.0, "6.2.5 Base Addresses".
 */
#include "drivers/serial_pci.h"

#include "arch/spec/pci.h"
#include "drivers/pci_config.h"

#define BARS 6
#define PORT_MAX 0xFFF8u

static uint32_t read(struct pci_address address, unsigned offset)
{
    return pci_config_read_by_ports(address, offset, 4);
}

static void decode(struct pci_address address, uint32_t bit)
{
    uint32_t command = pci_config_read_by_ports(address, PCI_COMMAND, 2);
    if ((command & bit) == 0)
        pci_config_write_by_ports(address, PCI_COMMAND, 2, command | bit);
}

static bool use_port(struct pci_address address, uint32_t bar, struct serial_place *place)
{
    uint32_t port = bar & ~(uint32_t)PCI_BAR_IO_FLAGS;
    if (port == 0 || port > PORT_MAX)
        return false;
    place->port = (uint16_t)port;
    decode(address, PCI_COMMAND_IO);
    return true;
}

static bool use_memory(struct pci_address address, uint32_t bar, uint32_t above,
                       struct serial_place *place)
{
    uint32_t base = bar & ~(uint32_t)PCI_BAR_MEMORY_FLAGS;
    if (base == 0 || above != 0)
        return false;
    place->base = (volatile uint8_t *)(uintptr_t)base;
    decode(address, PCI_COMMAND_MEMORY);
    return true;
}

const char *serial_pci_find(struct pci_address address, struct serial_place *place)
{
    if ((read(address, PCI_VENDOR_ID) & PCI_NO_VENDOR) == PCI_NO_VENDOR)
        return "there is no such PCI function";
    if ((pci_config_read_by_ports(address, PCI_HEADER_TYPE, 1) & PCI_HEADER_LAYOUT)
        != PCI_HEADER_FUNCTION)
        return "that PCI function is a bridge";
    for (unsigned i = 0; i < BARS; i++) {
        uint32_t bar = read(address, PCI_BAR0 + 4 * i);
        bool wide = (bar & PCI_BAR_IO) == 0 && (bar & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;
        uint32_t above = wide && i + 1 < BARS ? read(address, PCI_BAR0 + 4 * (i + 1)) : 0;
        if (bar & PCI_BAR_IO ? use_port(address, bar, place)
                             : use_memory(address, bar, above, place))
            return NULL;
        i += wide;
    }
    return "the firmware gave that PCI function no ports, and no memory below 4 GiB";
}
