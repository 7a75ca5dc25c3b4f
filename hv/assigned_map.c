/* SPDX-License-Identifier: MIT
 *
 * See assigned_map.h. A BAR that did not change stays mapped while another one moves,
 * as other vCPUs may be using it.
 *
 * One that uses a BAR while it is moved reads ones there, as on real hardware, or
 * what it still has cached: that leads to registers of its own guest's functions and
 * nothing else, as only such are ever mapped by these tables; it is called to forget
 * what it cached.
 */
#include "hv/assigned_map.h"

#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "hv/guest_memory.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* ---- Places ---- */

static bool touches(uint64_t first, uint64_t bytes, uint64_t other, uint64_t other_bytes)
{
    return first < other + other_bytes && other < first + bytes;
}

static bool touches_ram(const struct vm *vm, uint64_t first, uint64_t bytes)
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];
    unsigned count = guest_memory_ranges(&vm->memory, ranges);

    for (unsigned i = 0; i < count; i++)
        if (touches(first, bytes, ranges[i].gpa.value, ranges[i].bytes))
            return true;
    return false;
}

static bool touches_mmio(const struct config_parts *parts, uint64_t first, uint64_t bytes)
{
    for (unsigned i = 0; i < parts->mmio_count; i++)
        if (touches(first, bytes, parts->mmio[i].first,
                    parts->mmio[i].last + 1 - parts->mmio[i].first))
            return true;
    return false;
}

/* Address 0 is what a BAR has that nobody has set. */
bool assigned_place_is_free(const struct vm *vm, uint64_t first, uint64_t bytes)
{
    const struct ept_range range = { GPA(first), HPA(0), bytes };

    return first != 0 && ept_range_is_valid(&range) && !touches_ram(vm, first, bytes) &&
           !touches(first, bytes, GUEST_LOW_MEMORY_END,
                    GUEST_BIOS_AREA_END - GUEST_LOW_MEMORY_END) &&
           !touches(first, bytes, GUEST_ECAM_BASE, GUEST_ECAM_BYTES) &&
           !touches(first, bytes, IOAPIC_BASE, APIC_PAGE_SIZE) &&
           !touches(first, bytes, XAPIC_BASE, APIC_PAGE_SIZE) &&
           !touches_mmio(&vm->config->parts, first, bytes);
}

static bool touches_mapped(const struct assigned *assigned, uint64_t first, uint64_t bytes)
{
    for (unsigned i = 0; i < assigned->count; i++) {
        const struct assigned_function *function = &assigned->functions[i];
        for (unsigned j = 0; j < ASSIGNED_BARS; j++)
            if (function->mapped_at[j] != 0 &&
                touches(first, bytes, function->mapped_at[j],
                        assigned_bar_bytes(&function->function->bars[j])))
                return true;
    }
    return false;
}

/* ---- Memory BARs ---- */

static bool is_memory(const struct pci_bar *bar)
{
    return (bar->space == PCI_SPACE_MEMORY_32 || bar->space == PCI_SPACE_MEMORY_64) &&
           bar->base != 0;
}

static bool is_on(const struct assigned_function *function, unsigned number)
{
    return is_memory(&function->function->bars[number]) &&
           function->command & PCI_COMMAND_MEMORY && (number != PCI_BAR_ROM || function->rom_on);
}

static struct ept_range range_at(const struct assigned_function *function, unsigned number,
                                 uint64_t gpa)
{
    const struct pci_bar *bar = &function->function->bars[number];

    return (struct ept_range){ GPA(gpa), HPA(bar->base), assigned_bar_bytes(bar) };
}

#define PARTS_MAX 2

/* What of a BAR is mapped: all, or what lies before and behind the pages of its MSI-X
 * table. Returns how many parts that are. */
static unsigned parts_at(const struct assigned_function *function, unsigned number, uint64_t gpa,
                         struct ept_range parts[static PARTS_MAX])
{
    const struct assigned_msix *msix = &function->msix;
    const struct ept_range all = range_at(function, number, gpa);
    unsigned count = 0;
    uint64_t first;

    parts[0] = all;
    if (msix->count == 0 || msix->bar != number)
        return 1;
    uint64_t behind = assigned_msix_pages(msix, function->function, &first) + first;
    if (first != 0)
        parts[count++].bytes = first;
    if (behind != all.bytes)
        parts[count++] = (struct ept_range){ GPA(gpa + behind), HPA(all.hpa.value + behind),
                                             all.bytes - behind };
    return count;
}

static void map_bar(struct assigned *assigned, struct assigned_function *function, unsigned number)
{
    const struct ept_range range = range_at(function, number, function->bars[number]);

    if (!is_on(function, number) || function->mapped_at[number] != 0 ||
        !assigned_place_is_free(assigned->vm, range.gpa.value, range.bytes) ||
        touches_mapped(assigned, range.gpa.value, range.bytes))
        return;
    struct ept_range parts[PARTS_MAX];
    unsigned count = parts_at(function, number, range.gpa.value, parts);
    uint64_t rights = number == PCI_BAR_ROM ? EPT_READ : EPT_READ | EPT_WRITE;
    for (unsigned i = 0; i < count; i++)
        ept_map(&assigned->vm->ept, &parts[i], rights, EPT_UNCACHEABLE);
    function->mapped_at[number] = range.gpa.value;
}

/* `mapped_at` is where it is; the BAR says already where it shall be. */
static bool unmap_bar(struct assigned *assigned, struct assigned_function *function,
                      unsigned number)
{
    uint64_t at = function->mapped_at[number];
    struct ept_range parts[PARTS_MAX];

    if (at == 0 || (is_on(function, number) && at == function->bars[number]))
        return false;
    unsigned count = parts_at(function, number, at, parts);
    for (unsigned i = 0; i < count; i++)
        ept_unmap(&assigned->vm->ept, &parts[i]);
    function->mapped_at[number] = 0;
    return true;
}

void assigned_rom_turn(const struct pci_function *function, bool on)
{
    const struct pci_bar *rom = &function->bars[PCI_BAR_ROM];

    if (rom->space != PCI_SPACE_NONE)
        machine_pci_write(function->address, PCI_EXPANSION_ROM, 4,
                          (uint32_t)rom->base | (on ? PCI_ROM_ENABLE : 0));
}

/* ---- I/O BARs ---- */

static bool is_io(const struct pci_bar *bar)
{
    return bar->space == PCI_SPACE_IO && bar->base != 0;
}

/* Ports that the configuration gives are never a BAR's. */
static void pass_ports(struct assigned *assigned)
{
    for (unsigned i = 0; i < assigned->count; i++) {
        const struct assigned_function *function = &assigned->functions[i];
        for (unsigned j = 0; j < ASSIGNED_BARS; j++) {
            const struct pci_bar *bar = &function->function->bars[j];
            if (!is_io(bar))
                continue;
            bool passes = function->command & PCI_COMMAND_IO && function->bars[j] == bar->base;
            io_bitmap_set(assigned->io_bitmap, (uint16_t)bar->base,
                          (uint16_t)(bar->base + assigned_bar_bytes(bar) - 1), !passes);
        }
    }
}

/* The machine's port behind the guest's. */
static bool find_port(const struct assigned *assigned, uint16_t port, size_t bytes, uint16_t *to)
{
    for (unsigned i = 0; i < assigned->count; i++) {
        const struct assigned_function *function = &assigned->functions[i];
        for (unsigned j = 0; j < ASSIGNED_BARS && function->command & PCI_COMMAND_IO; j++) {
            const struct pci_bar *bar = &function->function->bars[j];
            uint64_t offset = port - function->bars[j];
            if (!is_io(bar) || offset >= assigned_bar_bytes(bar) ||
                bytes > assigned_bar_bytes(bar) - offset)
                continue;
            *to = (uint16_t)(bar->base + offset);
            return true;
        }
    }
    return false;
}

bool assigned_port_read(const struct assigned *assigned, uint16_t port, size_t bytes,
                        uint32_t *value)
{
    uint16_t to;

    if (!find_port(assigned, port, bytes, &to))
        return false;
    *value = machine_port_read(to, bytes);
    return true;
}

bool assigned_port_write(const struct assigned *assigned, uint16_t port, size_t bytes,
                         uint32_t value)
{
    uint16_t to;

    if (!find_port(assigned, port, bytes, &to))
        return false;
    machine_port_write(to, bytes, value);
    return true;
}

/* ---- Both ---- */

static void forget_translations(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        machine_request(vm->vcpus[i]->cpu, REQUEST_FORGET);
}

void assigned_map(struct assigned *assigned)
{
    bool unmapped = false;

    for (unsigned i = 0; i < assigned->count; i++)
        for (unsigned j = 0; j < ASSIGNED_BARS; j++)
            unmapped |= unmap_bar(assigned, &assigned->functions[i], j);
    for (unsigned i = 0; i < assigned->count; i++)
        for (unsigned j = 0; j < ASSIGNED_BARS; j++)
            map_bar(assigned, &assigned->functions[i], j);
    if (assigned->io_bitmap != NULL)
        pass_ports(assigned);
    if (unmapped)
        forget_translations(assigned->vm);
}

/* A hole in a BAR has two ends, each of which may be inside a large page. */
#define HOLE_ENDS 2

void assigned_frames(const struct pci_function *function, struct ept_shape shape,
                     unsigned frames[static EPT_TABLE_LEVELS])
{
    for (unsigned i = 0; i < ASSIGNED_BARS; i++)
        if (is_memory(&function->bars[i]))
            ept_movable_frames(assigned_bar_bytes(&function->bars[i]), shape, frames);
    for (unsigned level = 0; function->msix != 0 && level < shape.largest; level++)
        frames[level] += HOLE_ENDS;
}
