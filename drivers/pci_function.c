/* SPDX-License-Identifier: MIT
 *
 * One PCI function: header, BARs, capabilities. A function may say anything:
 * lists of capabilities are followed as far as a list can be long, and a BAR
 * counts only if its size is one.
 */
#include "drivers/pci.h"

#include "arch/spec/pci.h"
#include "drivers/pci_config.h"

/* What the specification's smallest capabilities leave room for. */
#define CAPABILITIES_MAX ((PCI_CONFIG_BYTES - 0x40) / 4)
#define EXTENDED_CAPABILITIES_MAX ((PCI_EXTENDED_BYTES - PCI_EXTENDED_CAPABILITIES) / 4)

static uint8_t read_8(const struct pci_function *function, unsigned offset)
{
    return (uint8_t)pci_config_read(function->address, offset, 1);
}

static uint16_t read_16(const struct pci_function *function, unsigned offset)
{
    return (uint16_t)pci_config_read(function->address, offset, 2);
}

static uint32_t read_32(const struct pci_function *function, unsigned offset)
{
    return pci_config_read(function->address, offset, 4);
}

/* Which bits of a doubleword take a write. */
static uint32_t writable_bits(const struct pci_function *function, unsigned offset, uint32_t ones)
{
    uint32_t kept = read_32(function, offset);
    pci_config_write(function->address, offset, 4, ones);
    uint32_t bits = read_32(function, offset);
    pci_config_write(function->address, offset, 4, kept);
    return bits;
}

/* The bits that an address can have are those from its size on, up to some end:
 * many I/O BARs have 16, and some memory BARs fewer than all. */
static bool is_size_mask(uint64_t mask)
{
    return ((mask + (mask & -mask)) & mask) == 0;
}

/* False: no BAR, and if it says something impossible, a problem. */
static bool set_bar(struct pci_bar *bar, uint64_t base, uint64_t mask, enum pci_space space)
{
    if (mask == 0)
        return true; /* not implemented */
    if (!is_size_mask(mask))
        return false;
    bar->space = (uint8_t)space;
    bar->base = base == mask ? 0 : base; /* ones: some firmware sized it and left it so */
    bar->size_shift = (uint8_t)__builtin_ctzll(mask);
    return true;
}

static bool read_memory_bar_64(const struct pci_function *function, struct pci_bar *bar,
                               unsigned offset, uint32_t low)
{
    uint64_t base = (uint64_t)read_32(function, offset + 4) << 32 | (low & ~PCI_BAR_MEMORY_FLAGS);
    uint64_t mask = writable_bits(function, offset, UINT32_MAX) & ~PCI_BAR_MEMORY_FLAGS;
    mask |= (uint64_t)writable_bits(function, offset + 4, UINT32_MAX) << 32;
    return set_bar(bar, base, mask, PCI_SPACE_MEMORY_64);
}

/* Takes one register, or two of a 64-bit BAR; `last`: there is no second. */
static bool read_bar(const struct pci_function *function, struct pci_bar *bar, unsigned offset,
                     bool last)
{
    uint32_t low = read_32(function, offset);
    if (low & PCI_BAR_IO)
        return set_bar(bar, low & ~PCI_BAR_IO_FLAGS,
                       writable_bits(function, offset, UINT32_MAX) & ~PCI_BAR_IO_FLAGS,
                       PCI_SPACE_IO);
    bar->prefetchable = low & PCI_BAR_PREFETCHABLE;
    switch (low & PCI_BAR_TYPE) {
    case PCI_BAR_TYPE_64:
        return !last && read_memory_bar_64(function, bar, offset, low);
    case PCI_BAR_TYPE_RESERVED:
        return false;
    default:
        return set_bar(bar, low & ~PCI_BAR_MEMORY_FLAGS,
                       writable_bits(function, offset, UINT32_MAX) & ~PCI_BAR_MEMORY_FLAGS,
                       PCI_SPACE_MEMORY_32);
    }
}

static unsigned bar_count(const struct pci_function *function)
{
    switch (function->header) {
    case PCI_HEADER_FUNCTION:
        return 6;
    case PCI_HEADER_BRIDGE:
        return 2;
    default:
        return 0;
    }
}

static void read_bars(struct pci_function *function, struct pci_inventory *pci)
{
    unsigned count = bar_count(function);
    for (unsigned i = 0; i < count; i++) {
        struct pci_bar *bar = &function->bars[i];
        if (!read_bar(function, bar, PCI_BAR0 + 4 * i, i + 1 == count))
            pci_problem_add(pci, PCI_IMPOSSIBLE_BAR, function->address);
        if (bar->space == PCI_SPACE_MEMORY_64)
            i++;
    }
    if (count == 0)
        return;
    unsigned offset = function->header == PCI_HEADER_BRIDGE ? PCI_BRIDGE_EXPANSION_ROM
                                                            : PCI_EXPANSION_ROM;
    uint32_t base = read_32(function, offset) & ~PCI_ROM_FLAGS;
    uint32_t mask = writable_bits(function, offset, ~PCI_ROM_FLAGS) & ~PCI_ROM_FLAGS;
    if (!set_bar(&function->bars[PCI_BAR_ROM], base, mask, PCI_SPACE_MEMORY_32))
        pci_problem_add(pci, PCI_IMPOSSIBLE_BAR, function->address);
}

/* While a BAR holds ones its function must not answer. Some host bridges stop
 * answering for memory altogether; theirs are not looked at. */
static void size_bars(struct pci_function *function, struct pci_inventory *pci)
{
    if (function->class_code == PCI_CLASS_HOST_BRIDGE)
        return;
    uint16_t off = (uint16_t)(function->command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    pci_config_write(function->address, PCI_COMMAND, 2, off);
    read_bars(function, pci);
    pci_config_write(function->address, PCI_COMMAND, 2, function->command);
}

static void read_express(struct pci_function *function, unsigned at)
{
    function->express = (uint8_t)at;
    function->flags |= PCI_IS_EXPRESS;
    function->port_type = read_16(function, at + PCI_EXPRESS_CAPABILITIES)
        >> PCI_EXPRESS_PORT_TYPE_SHIFT & PCI_EXPRESS_PORT_TYPE;
    if (read_32(function, at + PCI_EXPRESS_DEVICE_CAPABILITIES) & PCI_EXPRESS_DEVICE_FLR)
        function->flags |= PCI_RESETS_ALONE;
    if (function->header == PCI_HEADER_BRIDGE
        && read_16(function, at + PCI_EXPRESS_DEVICE_CONTROL_2) & PCI_EXPRESS_ARI_FORWARDING)
        function->flags |= PCI_FORWARDS_ARI;
}

static void read_capability(struct pci_function *function, unsigned at)
{
    switch (read_8(function, at)) {
    case PCI_CAPABILITY_POWER:
        function->power = (uint8_t)at;
        return;
    case PCI_CAPABILITY_MSI:
        function->msi = (uint8_t)at;
        return;
    case PCI_CAPABILITY_MSIX:
        function->msix = (uint8_t)at;
        function->msix_vectors =
            (read_16(function, at + PCI_MSIX_CONTROL) & PCI_MSIX_TABLE_SIZE) + 1;
        return;
    case PCI_CAPABILITY_EXPRESS:
        read_express(function, at);
        return;
    case PCI_CAPABILITY_ADVANCED_FEATURES:
        function->advanced = (uint8_t)at;
        if (read_8(function, at + PCI_ADVANCED_FEATURES_CAPABILITIES) & PCI_ADVANCED_FEATURES_FLR)
            function->flags |= PCI_RESETS_ALONE;
        return;
    default:
        return;
    }
}

static void read_capabilities(struct pci_function *function, struct pci_inventory *pci)
{
    if (!(read_16(function, PCI_STATUS) & PCI_STATUS_CAPABILITIES))
        return;
    unsigned at = read_8(function, function->header == PCI_HEADER_CARDBUS
                                       ? PCI_CARDBUS_CAPABILITIES_POINTER
                                       : PCI_CAPABILITIES_POINTER) & 0xFC;
    for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
        if (at < 0x40)
            return;
        read_capability(function, at);
        at = read_8(function, at + 1) & 0xFC;
    }
    pci_problem_add(pci, PCI_ENDLESS_CAPABILITIES, function->address);
}

/* A request that the capability does not name is one that the function never
 * makes, or always redirects. Ones come from where no capability can be. */
static void turn_on_acs(struct pci_function *function, unsigned at)
{
    uint16_t capability = read_16(function, at + PCI_ACS_CAPABILITY);
    uint16_t wanted = capability & PCI_ACS_WANTED;
    uint16_t control = read_16(function, at + PCI_ACS_CONTROL);
    if (capability == UINT16_MAX)
        return;
    function->acs = (uint16_t)at;
    pci_config_write(function->address, at + PCI_ACS_CONTROL, 2, control | wanted);
    if ((read_16(function, at + PCI_ACS_CONTROL) & wanted) == wanted)
        function->flags |= PCI_ISOLATES;
}

static void read_extended_capability(struct pci_function *function, uint16_t id, unsigned at)
{
    switch (id) {
    case PCI_EXTENDED_ACS:
        turn_on_acs(function, at);
        return;
    case PCI_EXTENDED_ARI:
        function->ari = (uint16_t)at;
        return;
    case PCI_EXTENDED_ATS:
        function->ats = (uint16_t)at;
        return;
    case PCI_EXTENDED_SRIOV:
        function->sriov = (uint16_t)at;
        function->virtual_functions = read_16(function, at + PCI_SRIOV_TOTAL_VFS);
        return;
    default:
        return;
    }
}

/* A header of zeros or, where nothing can be reached, of ones: there are none. */
static void read_extended_capabilities(struct pci_function *function, struct pci_inventory *pci)
{
    unsigned at = PCI_EXTENDED_CAPABILITIES;
    for (unsigned i = 0; i < EXTENDED_CAPABILITIES_MAX; i++) {
        uint32_t header = read_32(function, at);
        if (header == 0 || header == UINT32_MAX)
            return;
        read_extended_capability(function, (uint16_t)header, at);
        at = header >> 20 & 0xFFC;
        if (at < PCI_EXTENDED_CAPABILITIES)
            return;
    }
    pci_problem_add(pci, PCI_ENDLESS_CAPABILITIES, function->address);
}

void pci_function_read(struct pci_function *function, struct pci_inventory *pci)
{
    uint32_t class_code = read_32(function, PCI_REVISION_ID);
    uint8_t header = read_8(function, PCI_HEADER_TYPE);

    function->revision = (uint8_t)class_code;
    function->interface = (uint8_t)(class_code >> 8);
    function->class_code = (uint16_t)(class_code >> 16);
    function->command = read_16(function, PCI_COMMAND);
    function->header = header & PCI_HEADER_LAYOUT;
    function->flags = header & PCI_HEADER_MULTI_FUNCTION ? PCI_IS_MULTI_FUNCTION : 0;
    if (function->header > PCI_HEADER_CARDBUS) {
        pci_problem_add(pci, PCI_UNKNOWN_HEADER, function->address);
        return;
    }
    function->interrupt_line = read_8(function, PCI_INTERRUPT_LINE);
    function->interrupt_pin = read_8(function, PCI_INTERRUPT_PIN);
    if (function->interrupt_pin > 4)
        function->interrupt_pin = 0; /* there is no INTE */
    if (function->header != PCI_HEADER_FUNCTION) {
        function->secondary_bus = read_8(function, PCI_SECONDARY_BUS);
        function->subordinate_bus = read_8(function, PCI_SUBORDINATE_BUS);
    }
    size_bars(function, pci);
    read_capabilities(function, pci);
    if (function->flags & PCI_IS_EXPRESS)
        read_extended_capabilities(function, pci);
}
