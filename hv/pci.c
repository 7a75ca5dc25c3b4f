/* SPDX-License-Identifier: MIT
 *
 * See pci.h. The header of the one function is a table of doublewords: PCI
 * Local Bus Specification 3.0, 6.1 "Configuration Space Organization".
 */
#include "hv/pci.h"

#include "hv/check.h"
#include "hv/guest_ports.h"

#define ADDRESS_ENABLE (1u << 31)
#define ADDRESS_WRITABLE 0x80FFFFFCu
#define ECAM_BUS_SHIFT 20
#define ECAM_DEVICE_SHIFT 15
#define ECAM_FUNCTION_SHIFT 12
#define ECAM_OFFSET_MASK 0xFFFu

#define ADDRESS_BUS_SHIFT 16
#define ADDRESS_DEVICE_SHIFT 11
#define ADDRESS_FUNCTION_SHIFT 8
#define ADDRESS_OFFSET_MASK 0xFCu

#define ID_440FX 0x12378086u
#define CLASS_HOST_BRIDGE 0x06000000u
#define REVISION 2u

#define OFFSET_ID 0x00
#define OFFSET_CLASS 0x08

void pci_init(struct pci_host *pci)
{
    *pci = (struct pci_host){ .address = 0 };
}

/* What is not named is 0: no command bit, no status, header type 0, no BAR. */
static uint32_t host_bridge(unsigned offset)
{
    if (offset == OFFSET_ID)
        return ID_440FX;
    if (offset == OFFSET_CLASS)
        return CLASS_HOST_BRIDGE | REVISION;
    return 0;
}

/* `bytes` of a doubleword, from its byte `first`. */
static uint32_t part(uint32_t value, unsigned first, size_t bytes)
{
    uint32_t shifted = value >> 8 * first;

    return bytes == sizeof(uint32_t) ? shifted : shifted & ((1u << 8 * bytes) - 1);
}

static uint32_t config_read(unsigned bus, unsigned device, unsigned function, unsigned offset,
                            size_t bytes)
{
    unsigned first = offset % sizeof(uint32_t);

    CHECK(bytes != 0 && first + bytes <= sizeof(uint32_t));
    if (bus != 0 || device != 0 || function != 0)
        return part(UINT32_MAX, 0, bytes);
    return part(host_bridge(offset - first), first, bytes);
}

static uint32_t read_address(const struct pci_host *pci, uint16_t port, size_t bytes)
{
    if (port == GUEST_PORT_PCI_ADDRESS && bytes == sizeof(uint32_t))
        return pci->address;
    return part(UINT32_MAX, 0, bytes);
}

uint32_t pci_read(const struct pci_host *pci, uint16_t port, size_t bytes)
{
    if (port < GUEST_PORT_PCI_DATA)
        return read_address(pci, port, bytes);

    unsigned first = port - GUEST_PORT_PCI_DATA;
    if (!(pci->address & ADDRESS_ENABLE) || first + bytes > sizeof(uint32_t))
        return part(UINT32_MAX, 0, bytes);
    return config_read(pci->address >> ADDRESS_BUS_SHIFT & 0xFF,
                           pci->address >> ADDRESS_DEVICE_SHIFT & 0x1F,
                           pci->address >> ADDRESS_FUNCTION_SHIFT & 7,
                           (pci->address & ADDRESS_OFFSET_MASK) + first, bytes);
}

void pci_write(struct pci_host *pci, uint16_t port, size_t bytes, uint32_t value)
{
    if (port == GUEST_PORT_PCI_ADDRESS && bytes == sizeof(uint32_t))
        pci->address = value & ADDRESS_WRITABLE;
}

uint64_t pci_memory_read(uint64_t offset, size_t bytes)
{
    if (offset % sizeof(uint32_t) + bytes > sizeof(uint32_t))
        return UINT64_MAX;
    return config_read(offset >> ECAM_BUS_SHIFT & 0xFF, offset >> ECAM_DEVICE_SHIFT & 0x1F,
                       offset >> ECAM_FUNCTION_SHIFT & 7, offset & ECAM_OFFSET_MASK, bytes);
}
