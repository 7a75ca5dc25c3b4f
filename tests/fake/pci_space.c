/* SPDX-License-Identifier: MIT
 *
 * See pci_space.h.
 */
#include "tests/fake/pci_space.h"

#include <assert.h>
#include <string.h>

#include "arch/spec/pci.h"

struct fake_pci_space fake_pci_space;

void fake_pci_reset(void)
{
    memset(&fake_pci_space, 0, sizeof fake_pci_space);
    fake_pci_space.ranges[0] = (struct pci_range){ 0, 0, 0xFF };
    fake_pci_space.range_count = 1;
}

void fake_pci_set(struct fake_pci *function, unsigned offset, unsigned bytes, uint64_t value)
{
    memcpy(function->bytes + offset, &value, bytes);
}

uint32_t fake_pci_get(const struct fake_pci *function, unsigned offset, unsigned bytes)
{
    uint32_t value = 0;
    memcpy(&value, function->bytes + offset, bytes);
    return value;
}

struct fake_pci *fake_pci_add(uint8_t bus, uint8_t device, uint8_t function, uint32_t id,
                              uint16_t class_code)
{
    assert(fake_pci_space.function_count < FAKE_PCI_FUNCTIONS_MAX);
    struct fake_pci *added = &fake_pci_space.functions[fake_pci_space.function_count++];
    added->address = (struct pci_address){ 0, bus, (uint8_t)(device << 3 | function) };
    added->last_capability = PCI_CAPABILITIES_POINTER;
    fake_pci_set(added, PCI_VENDOR_ID, 4, id);
    fake_pci_set(added, PCI_REVISION_ID, 4, (uint32_t)class_code << 16);
    fake_pci_set(added, PCI_COMMAND, 2, 7);
    added->writable[PCI_COMMAND] = 7;
    return added;
}

struct fake_pci *fake_pci_add_bridge(uint8_t bus, uint8_t device, uint8_t function,
                                     uint8_t secondary, uint8_t subordinate)
{
    struct fake_pci *added =
        fake_pci_add(bus, device, function, 0x000C1B36, PCI_CLASS_PCI_BRIDGE);
    fake_pci_set(added, PCI_HEADER_TYPE, 1, PCI_HEADER_BRIDGE);
    fake_pci_set(added, PCI_SECONDARY_BUS, 1, secondary);
    fake_pci_set(added, PCI_SUBORDINATE_BUS, 1, subordinate);
    return added;
}

void fake_pci_bar(struct fake_pci *function, unsigned offset, uint32_t flags, uint64_t base,
                  uint64_t size, unsigned bytes)
{
    uint64_t mask = ~(size - 1);
    fake_pci_set(function, offset, bytes, base | flags);
    memcpy(function->writable + offset, &mask, bytes);
}

unsigned fake_pci_capability(struct fake_pci *function, unsigned offset, uint8_t id)
{
    fake_pci_set(function, PCI_STATUS, 2, PCI_STATUS_CAPABILITIES);
    fake_pci_set(function, function->last_capability, 1, offset);
    fake_pci_set(function, offset, 2, id);
    function->last_capability = offset + 1;
    return offset;
}

unsigned fake_pci_extended(struct fake_pci *function, unsigned offset, uint16_t id)
{
    if (function->last_extended != 0) {
        uint32_t header = fake_pci_get(function, function->last_extended, 4);
        fake_pci_set(function, function->last_extended, 4, (header & 0xFFFFF) | offset << 20);
    }
    fake_pci_set(function, offset, 4, 1u << 16 | id);
    function->last_extended = offset;
    return offset;
}

void fake_pci_express(struct fake_pci *function, unsigned port_type)
{
    unsigned at = fake_pci_capability(function, 0x40, PCI_CAPABILITY_EXPRESS);
    fake_pci_set(function, at + PCI_EXPRESS_CAPABILITIES, 2,
                 2 | port_type << PCI_EXPRESS_PORT_TYPE_SHIFT);
}

void fake_pci_acs(struct fake_pci *function, unsigned offset, uint16_t bits)
{
    unsigned at = fake_pci_extended(function, offset, PCI_EXTENDED_ACS);
    fake_pci_set(function, at + PCI_ACS_CAPABILITY, 2, bits);
    memcpy(function->writable + at + PCI_ACS_CONTROL, &bits, 2);
}

static struct fake_pci *find(struct pci_address address)
{
    for (unsigned i = 0; i < fake_pci_space.function_count; i++) {
        struct fake_pci *function = &fake_pci_space.functions[i];
        struct pci_address at = function->address;
        if (at.segment == address.segment && at.bus == address.bus
            && (at.function == address.function
                || (function->every_device && at.function % 8 == address.function % 8)))
            return function;
    }
    return NULL;
}

uint32_t pci_config_read(struct pci_address address, unsigned offset, unsigned bytes)
{
    assert((bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0);
    fake_pci_space.reads++;
    const struct fake_pci *function = find(address);
    if (function == NULL || offset >= PCI_EXTENDED_BYTES)
        return UINT32_MAX >> (32 - 8 * bytes);
    return fake_pci_get(function, offset, bytes);
}

static bool is_bar(const struct fake_pci *function, unsigned offset)
{
    bool bridge = (function->bytes[PCI_HEADER_TYPE] & PCI_HEADER_LAYOUT) == PCI_HEADER_BRIDGE;
    unsigned rom = bridge ? PCI_BRIDGE_EXPANSION_ROM : PCI_EXPANSION_ROM;
    return (offset >= PCI_BAR0 && offset < PCI_BAR0 + (bridge ? 8 : 24)) || offset == rom;
}

void pci_config_write(struct pci_address address, unsigned offset, unsigned bytes, uint32_t value)
{
    assert((bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0);
    fake_pci_space.writes++;
    struct fake_pci *function = find(address);
    if (function == NULL || offset >= PCI_EXTENDED_BYTES)
        return;
    if (is_bar(function, offset))
        assert((function->bytes[PCI_COMMAND] & 3) == 0);
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t mask = function->writable[offset + i];
        function->bytes[offset + i] =
            (uint8_t)((function->bytes[offset + i] & ~mask) | (value >> 8 * i & mask));
    }
}

unsigned pci_config_range_count(void)
{
    return fake_pci_space.range_count;
}

struct pci_range pci_config_range(unsigned number)
{
    return fake_pci_space.ranges[number];
}
