/* SPDX-License-Identifier: MIT
 *
 * See pci.h. The header of the one function is a table of doublewords: PCI
 * Local Bus Specification 3.0, 6.1 "Configuration Space Organization".
 */
#include "hv/pci.h"

#include "hv/assigned.h"
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
    pci->address = 0;
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

/* A register of configuration space: of bus 0, or nobody's. */
struct config_place {
    unsigned bus, device, function, offset;
};

static uint32_t config_read(const struct pci_host *pci, struct config_place place, size_t bytes)
{
    unsigned first = place.offset % sizeof(uint32_t);

    CHECK(bytes != 0 && first + bytes <= sizeof(uint32_t));
    if (place.bus != 0 || place.function != 0)
        return part(UINT32_MAX, 0, bytes);
    if (place.device == 0)
        return part(host_bridge(place.offset - first), first, bytes);
    if (pci->assigned == NULL)
        return part(UINT32_MAX, 0, bytes);
    return assigned_config_read(pci->assigned, place.device, place.offset, bytes);
}

static void config_write(struct pci_host *pci, struct config_place place, size_t bytes, uint32_t value)
{
    CHECK(bytes != 0 && place.offset % sizeof(uint32_t) + bytes <= sizeof(uint32_t));
    if (place.bus == 0 && place.function == 0 && pci->assigned != NULL)
        assigned_config_write(pci->assigned, place.device, place.offset, bytes, value);
}

/* What CONFIG_ADDRESS names, from byte `first` of the doubleword on. */
static struct config_place place_of_address(const struct pci_host *pci, unsigned first)
{
    return (struct config_place){
        .bus = pci->address >> ADDRESS_BUS_SHIFT & 0xFF,
        .device = pci->address >> ADDRESS_DEVICE_SHIFT & 0x1F,
        .function = pci->address >> ADDRESS_FUNCTION_SHIFT & 7,
        .offset = (pci->address & ADDRESS_OFFSET_MASK) + first,
    };
}

static struct config_place place_of_memory(uint64_t offset)
{
    return (struct config_place){
        .bus = offset >> ECAM_BUS_SHIFT & 0xFF,
        .device = offset >> ECAM_DEVICE_SHIFT & 0x1F,
        .function = offset >> ECAM_FUNCTION_SHIFT & 7,
        .offset = offset & ECAM_OFFSET_MASK,
    };
}

/* Whether the data ports lead to a register, and the access stays within it. */
static bool reaches(const struct pci_host *pci, unsigned first, size_t bytes)
{
    return (pci->address & ADDRESS_ENABLE) && first + bytes <= sizeof(uint32_t);
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
    if (!reaches(pci, first, bytes))
        return part(UINT32_MAX, 0, bytes);
    return config_read(pci, place_of_address(pci, first), bytes);
}

void pci_write(struct pci_host *pci, uint16_t port, size_t bytes, uint32_t value)
{
    if (port == GUEST_PORT_PCI_ADDRESS && bytes == sizeof(uint32_t))
        pci->address = value & ADDRESS_WRITABLE;
    if (port < GUEST_PORT_PCI_DATA)
        return;

    unsigned first = port - GUEST_PORT_PCI_DATA;
    if (reaches(pci, first, bytes))
        config_write(pci, place_of_address(pci, first), bytes, value);
}

static bool is_in_a_doubleword(uint64_t offset, size_t bytes)
{
    return offset % sizeof(uint32_t) + bytes <= sizeof(uint32_t);
}

uint64_t pci_memory_read(const struct pci_host *pci, uint64_t offset, size_t bytes)
{
    if (!is_in_a_doubleword(offset, bytes))
        return UINT64_MAX;
    return config_read(pci, place_of_memory(offset), bytes);
}

void pci_memory_write(struct pci_host *pci, uint64_t offset, size_t bytes, uint64_t value)
{
    if (is_in_a_doubleword(offset, bytes))
        config_write(pci, place_of_memory(offset), bytes, (uint32_t)value);
}
