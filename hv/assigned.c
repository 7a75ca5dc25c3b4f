/* SPDX-License-Identifier: MIT
 *
 * See assigned.h: configuration space as the guest sees it. Where BARs lead is
 * hv/assigned_map.c, beginning and end hv/assigned_life.c.
 */
#include "hv/assigned.h"

#include "arch/spec/pci.h"
#include "hv/assigned_map.h"
#include "hv/check.h"
#include "hv/machine.h"
#include "hv/pci_private.h"

#define DOUBLEWORD sizeof(uint32_t)
#define DECODING (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
#define COMMAND_PASSED (PCI_COMMAND_BUS_MASTER | PCI_COMMAND_INTX_DISABLE)
#define POINTER_MASK 0xFCu

/* ---- Which capabilities a guest sees ---- */

/* How much of each, and of its first doublewords the bits that are not told. What
 * is not here is not there: to write it would reach beyond the function. */
static const struct row {
    uint8_t id;
    uint8_t bytes;
    uint8_t hidden_at; /* offset of a doubleword */
    uint32_t hidden;   /* bits of it that read 0 */
} rows[] = {
    /* Stays in D0: another state would lose the machine's BARs. */
    { PCI_CAPABILITY_POWER, 8, 0, PCI_POWER_STATES },
    { PCI_CAPABILITY_SUBSYSTEM, 8, 0, 0 },
    /* A reset of its own is the hypervisor's to do. */
    { PCI_CAPABILITY_EXPRESS, 0x3C, PCI_EXPRESS_DEVICE_CAPABILITIES, PCI_EXPRESS_DEVICE_FLR },
    { PCI_CAPABILITY_SATA, 8, 0, 0 },
    /* Emulated: hv/assigned_msi.h, hv/assigned_msix.h. */
    { PCI_CAPABILITY_MSI, 0, 0, 0 },
    { PCI_CAPABILITY_MSIX, ASSIGNED_MSIX_BYTES, 0, 0 },
};

static const struct row *row_of(uint8_t id)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

static bool has_capability_at(const struct assigned_function *assigned, uint8_t offset)
{
    for (unsigned i = 0; i < assigned->capability_count; i++)
        if (assigned->capabilities[i].offset == offset)
            return true;
    return false;
}

static bool has_msi_at(const struct assigned_function *assigned, unsigned offset)
{
    return assigned->msi.shown && offset == assigned->function->msi;
}

static bool has_msix_at(const struct assigned_function *assigned, unsigned offset)
{
    return assigned->msix.count != 0 && offset == assigned->function->msix;
}

/* The guest's list ends, whatever the function's does. */
static void add_capability(struct assigned_function *assigned, uint8_t offset)
{
    uint32_t head = machine_pci_read(assigned->function->address, offset, DOUBLEWORD);
    const struct row *row = row_of((uint8_t)head);

    if (row == NULL || assigned->capability_count == ASSIGNED_CAPABILITIES_MAX ||
        has_capability_at(assigned, offset) ||
        (row->id == PCI_CAPABILITY_MSI && !has_msi_at(assigned, offset)) ||
        (row->id == PCI_CAPABILITY_MSIX && !has_msix_at(assigned, offset)))
        return;
    unsigned room = PCI_CONFIG_BYTES - offset;
    unsigned bytes = row->id == PCI_CAPABILITY_MSI ? assigned_msi_bytes(&assigned->msi)
                                                   : row->bytes;
    assigned->capabilities[assigned->capability_count++] = (struct assigned_capability){
        offset, (uint8_t)(bytes < room ? bytes : room), row->id };
}

/* A list is followed as far as one can be long. */
void assigned_find_capabilities(struct assigned_function *assigned)
{
    struct pci_address address = assigned->function->address;
    uint32_t status = machine_pci_read(address, PCI_COMMAND, DOUBLEWORD) >> 16;
    uint32_t next = 0;

    if (status & PCI_STATUS_CAPABILITIES)
        next = machine_pci_read(address, PCI_CAPABILITIES_POINTER, 1) & POINTER_MASK;
    for (unsigned i = 0; next >= PCI_HEADER_BYTES && i < PCI_CONFIG_BYTES / DOUBLEWORD; i++) {
        add_capability(assigned, (uint8_t)next);
        next = machine_pci_read(address, next + 1, 1) & POINTER_MASK;
    }
}

/* ---- Reads, by doublewords ---- */

static uint32_t machine_read(const struct assigned_function *assigned, unsigned offset)
{
    return machine_pci_read(assigned->function->address, offset, DOUBLEWORD);
}

/* A doubleword of a capability, without what is hidden of it. */
static uint32_t read_capability(const struct assigned_function *assigned,
                                const struct assigned_capability *capability, unsigned at)
{
    const struct row *row = row_of(capability->id);

    if (row->id == PCI_CAPABILITY_MSI)
        return assigned_msi_read(&assigned->msi, at);
    if (row->id == PCI_CAPABILITY_MSIX && at == 0)
        return assigned_msix_read(&assigned->msix);
    uint32_t value = machine_read(assigned, capability->offset + at);
    return at == row->hidden_at ? value & ~row->hidden : value;
}

static uint32_t read_behind_header(const struct assigned_function *assigned, unsigned offset)
{
    for (unsigned i = 0; i < assigned->capability_count; i++) {
        const struct assigned_capability *capability = &assigned->capabilities[i];
        unsigned at = offset - capability->offset;
        if (at >= capability->bytes)
            continue;
        uint32_t value = read_capability(assigned, capability, at);
        if (at != 0)
            return value;
        bool last = i + 1u == assigned->capability_count;
        unsigned next = last ? 0 : assigned->capabilities[i + 1].offset;
        return (value & ~0xFF00u) | next << 8;
    }
    return pci_private_is_read(assigned->function, offset) ? machine_read(assigned, offset) : 0;
}

static uint32_t read_command(const struct assigned_function *assigned)
{
    uint32_t value = machine_read(assigned, PCI_COMMAND);

    value = (value & ~(uint32_t)DECODING) | assigned->command;
    if (assigned->capability_count == 0)
        value &= ~((uint32_t)PCI_STATUS_CAPABILITIES << 16);
    return value;
}

/* The upper half of a 64-bit BAR is the next register. */
static uint32_t read_bar(const struct assigned_function *assigned, unsigned number)
{
    const struct pci_bar *bars = assigned->function->bars;

    if (number > 0 && bars[number - 1].space == PCI_SPACE_MEMORY_64)
        return (uint32_t)(assigned->bars[number - 1] >> 32);
    switch ((enum pci_space)bars[number].space) {
    case PCI_SPACE_NONE:
        return 0;
    case PCI_SPACE_IO:
        return (uint32_t)assigned->bars[number] | PCI_BAR_IO;
    case PCI_SPACE_MEMORY_32:
    case PCI_SPACE_MEMORY_64:
        return (uint32_t)assigned->bars[number]
            | (bars[number].space == PCI_SPACE_MEMORY_64 ? PCI_BAR_TYPE_64 : 0)
            | (bars[number].prefetchable ? PCI_BAR_PREFETCHABLE : 0);
    }
    return 0;
}

static uint32_t read_interrupt(const struct assigned_function *assigned)
{
    uint32_t value = machine_read(assigned, PCI_INTERRUPT_LINE) & 0xFFFF0000u;
    uint32_t pin = assigned->pin != ASSIGNED_NO_PIN ? assigned->function->interrupt_pin : 0;

    return value | pin << 8 | assigned->interrupt_line;
}

static uint32_t read_doubleword(const struct assigned_function *assigned, unsigned offset)
{
    if (offset >= PCI_EXTENDED_CAPABILITIES)
        return assigned->function->flags & PCI_IS_EXPRESS ? 0 : UINT32_MAX;
    if (offset >= PCI_HEADER_BYTES)
        return read_behind_header(assigned, offset);
    if (offset >= PCI_BAR0 && offset < PCI_BAR0 + PCI_BAR_ROM * DOUBLEWORD)
        return read_bar(assigned, (offset - PCI_BAR0) / DOUBLEWORD);
    switch (offset) {
    case PCI_EXPANSION_ROM:
        return (uint32_t)assigned->bars[PCI_BAR_ROM] | (assigned->rom_on ? PCI_ROM_ENABLE : 0);
    case PCI_COMMAND:
        return read_command(assigned);
    case PCI_CACHE_LINE_SIZE: /* a single function, without a self-test */
        return machine_read(assigned, offset) & 0x0000FFFFu;
    case PCI_CAPABILITIES_POINTER:
        return assigned->capability_count > 0 ? assigned->capabilities[0].offset : 0;
    case PCI_INTERRUPT_LINE:
        return read_interrupt(assigned);
    case PCI_VENDOR_ID:
    case PCI_REVISION_ID:
    case PCI_SUBSYSTEM_IDS:
        return machine_read(assigned, offset);
    default:
        return 0;
    }
}

uint32_t assigned_config_read(const struct assigned *assigned, unsigned device, unsigned offset,
                              size_t bytes)
{
    unsigned first = offset % DOUBLEWORD;

    CHECK(first + bytes <= DOUBLEWORD);
    if (device == 0 || device > assigned->count)
        return UINT32_MAX >> (32 - 8 * bytes);
    uint32_t value = read_doubleword(&assigned->functions[device - 1], offset - first);
    return value >> 8 * first & UINT32_MAX >> (32 - 8 * bytes);
}

/* ---- Writes ---- */

/* The console's CPU, which takes no VM's lock, may have taken the function off the bus
 * since it was asked; either it or this comes last. */
static void keep_quarantine(const struct pci_function *function)
{
    uint32_t now = machine_pci_read(function->address, PCI_COMMAND, 2);

    if (machine_dma_is_quarantined(function))
        machine_pci_write(function->address, PCI_COMMAND, 2,
                          (now & ~(uint32_t)PCI_COMMAND_BUS_MASTER) | PCI_COMMAND_INTX_DISABLE);
}

static void write_command(struct assigned *assigned, struct assigned_function *function,
                          uint32_t value, uint32_t mask)
{
    struct pci_address address = function->function->address;
    uint16_t now = (uint16_t)machine_pci_read(address, PCI_COMMAND, 2);
    uint16_t passed = (uint16_t)(mask & COMMAND_PASSED);
    uint16_t before = function->command;
    bool quarantined = machine_dma_is_quarantined(function->function);

    if (function->blocked || quarantined)
        value &= ~(uint32_t)PCI_COMMAND_BUS_MASTER;
    if (quarantined)
        value |= PCI_COMMAND_INTX_DISABLE;
    function->command = (uint16_t)((before & ~mask) | (value & mask & DECODING));
    if (passed != 0)
        machine_pci_write(address, PCI_COMMAND, 2, (now & ~(uint32_t)passed) | (value & passed));
    if (passed != 0 && !quarantined)
        keep_quarantine(function->function);
    if (function->command != before)
        assigned_map(assigned);
    /* Error bits are cleared by writing them, and one at a time. */
    if ((value & mask) >> 16 & PCI_STATUS_ERRORS)
        machine_pci_write(address, PCI_STATUS, 2, (value & mask) >> 16 & PCI_STATUS_ERRORS);
}

/* A page is the smallest that can be mapped. */
uint64_t assigned_bar_bytes(const struct pci_bar *bar)
{
    uint64_t bytes = 1ull << bar->size_shift;

    return bar->space == PCI_SPACE_IO || bytes > PAGE_SIZE_4K ? bytes : PAGE_SIZE_4K;
}

static void set_bar(struct assigned *assigned, struct assigned_function *function,
                    unsigned number, uint64_t address)
{
    const struct pci_bar *bar = &function->function->bars[number];
    uint64_t before = function->bars[number];

    function->bars[number] = align_down(address, assigned_bar_bytes(bar));
    if (function->bars[number] != before)
        assigned_map(assigned);
}

static void write_bar(struct assigned *assigned, struct assigned_function *function,
                      unsigned number, uint32_t value, uint32_t mask)
{
    const struct pci_bar *bars = function->function->bars;
    bool upper = number > 0 && bars[number - 1].space == PCI_SPACE_MEMORY_64;
    unsigned low = number - upper;
    uint64_t wide = (uint64_t)value << 32 * upper;
    uint64_t wide_mask = (uint64_t)mask << 32 * upper;

    if (bars[low].space != PCI_SPACE_NONE)
        set_bar(assigned, function, low, (function->bars[low] & ~wide_mask) | (wide & wide_mask));
}

/* In the machine it is on before it is mapped, and until it is not any more. */
static void write_rom(struct assigned *assigned, struct assigned_function *function,
                      uint32_t value, uint32_t mask)
{
    bool before = function->rom_on;

    if (!function->has_rom)
        return;
    if (mask & PCI_ROM_ENABLE)
        function->rom_on = value & PCI_ROM_ENABLE;
    if (function->rom_on && !before)
        assigned_rom_turn(function->function, true);
    set_bar(assigned, function, PCI_BAR_ROM,
            (function->bars[PCI_BAR_ROM] & ~mask) | (value & mask));
    if (function->rom_on != before)
        assigned_map(assigned);
    if (!function->rom_on && before)
        assigned_rom_turn(function->function, false);
}

/* Byte by byte, as an access may have any size and place here. */
static void write_private(const struct pci_function *function, unsigned offset, uint32_t value,
                          uint32_t mask)
{
    for (unsigned i = 0; i < DOUBLEWORD; i++)
        if (mask >> 8 * i & 0xFF && pci_private_is_written(function, offset + i))
            machine_pci_write(function->address, offset + i, 1, value >> 8 * i & 0xFF);
}

static void write_behind_header(struct vm *vm, struct assigned_function *function, unsigned offset,
                                uint32_t value, uint32_t mask)
{
    unsigned at = offset - function->function->msi;

    if (function->msi.shown && at < assigned_msi_bytes(&function->msi))
        assigned_msi_write(vm, function->function, &function->msi, at, value, mask);
    else if (has_msix_at(function, offset))
        assigned_msix_write(vm, function->function, &function->msix, value, mask);
    else
        write_private(function->function, offset, value, mask);
}

static void write_doubleword(struct assigned *assigned, struct assigned_function *function,
                             unsigned offset, uint32_t value, uint32_t mask)
{
    struct pci_address address = function->function->address;

    if (offset >= PCI_BAR0 && offset < PCI_BAR0 + PCI_BAR_ROM * DOUBLEWORD)
        write_bar(assigned, function, (offset - PCI_BAR0) / DOUBLEWORD, value, mask);
    else if (offset == PCI_EXPANSION_ROM)
        write_rom(assigned, function, value, mask);
    else if (offset == PCI_COMMAND)
        write_command(assigned, function, value, mask);
    else if (offset == PCI_INTERRUPT_LINE && mask & 0xFF)
        function->interrupt_line = (uint8_t)value;
    else if (offset == PCI_CACHE_LINE_SIZE && mask & 0xFF)
        machine_pci_write(address, PCI_CACHE_LINE_SIZE, 1, value & 0xFF);
    if (offset == PCI_CACHE_LINE_SIZE && mask & 0xFF00)
        machine_pci_write(address, PCI_LATENCY_TIMER, 1, value >> 8 & 0xFF);
    if (offset >= PCI_HEADER_BYTES && offset < PCI_CONFIG_BYTES)
        write_behind_header(assigned->vm, function, offset, value, mask);
}

void assigned_config_write(struct assigned *assigned, unsigned device, unsigned offset,
                           size_t bytes, uint32_t value)
{
    unsigned first = offset % DOUBLEWORD;
    uint32_t mask = UINT32_MAX >> (32 - 8 * bytes) << 8 * first;

    CHECK(first + bytes <= DOUBLEWORD);
    if (device != 0 && device <= assigned->count)
        write_doubleword(assigned, &assigned->functions[device - 1], offset - first,
                         value << 8 * first, mask);
}
