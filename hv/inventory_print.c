/* SPDX-License-Identifier: MIT
 *
 * See inventory_print.h.
 */
#include "hv/inventory_print.h"

#include "arch/spec/pci.h"
#include "hv/log_row.h"
#include "hv/pci_address.h"
#include "hv/pci_class.h"
#include "hv/text.h"

typedef unsigned long long ull;

static bool is_block(const struct memory_region *region)
{
    uint64_t start = align_up(region->base.value, INVENTORY_BLOCK_BYTES_MIN);
    uint64_t end = region->base.value + region->bytes;
    return end >= start && end - start >= INVENTORY_BLOCK_BYTES_MIN;
}

void inventory_print_head(const struct inventory *inventory, const struct pci_inventory *pci)
{
    unsigned blocks = 0;
    uint64_t image_bytes = 0;
    for (unsigned i = 0; i < inventory->region_count; i++)
        blocks += is_block(&inventory->regions[i]);
    for (unsigned i = 0; i < inventory->module_count; i++)
        image_bytes += inventory->modules[i].size;
    log_line(LOG_INFO, "inventory: cpus %u, memory blocks %u, functions %u, image bytes %llu",
             inventory->cpu_count, blocks, pci->count, (ull)image_bytes);
}

static const char *core_name(uint8_t core_type)
{
    switch (core_type) {
    case CORE_TYPE_ATOM:
        return "efficient cores, ";
    case CORE_TYPE_CORE:
        return "performance cores, ";
    default:
        return ""; /* not a hybrid processor */
    }
}

/* CPUs of one kind that follow each other share a row. */
void inventory_print_cpus(const struct cpu_identity *const *cpus, unsigned count)
{
    struct log_row row = { .length = 0 };
    for (unsigned i = 0; i < count; i++) {
        if (i == 0 || cpus[i]->core_type != cpus[i - 1]->core_type) {
            log_row_end(&row);
            log_row_add(&row, "  cpus from %u: %sAPIC ids", i, core_name(cpus[i]->core_type));
        }
        log_row_add(&row, "%u", cpus[i]->apic_id);
    }
    log_row_end(&row);
    for (unsigned i = 0; i < count; i++)
        if (i == 0 || !(cpu_identity_same(cpus[i], cpus[0])
                        || cpu_identity_same(cpus[i], cpus[i - 1])))
            cpu_identity_print(cpus[i], i);
}

void inventory_print_memory(const struct inventory *inventory)
{
    for (unsigned i = 0; i < inventory->region_count; i++) {
        const struct memory_region *region = &inventory->regions[i];
        char size[24];
        text_bytes(size, sizeof size, region->bytes);
        if (is_block(region))
            log_line(LOG_INFO, "  memory %llx-%llx  %s", (ull)region->base.value,
                     (ull)(region->base.value + region->bytes - 1), size);
    }
}

/* "BAR0 febf0000 128K": kind and place as they are in the register. */
static void add_bar(struct log_row *row, const struct pci_bar *bar, unsigned number)
{
    static const char units[] = " KMGTPE";
    static const char *const spaces[] = {
        [PCI_SPACE_IO] = "io ", [PCI_SPACE_MEMORY_32] = "", [PCI_SPACE_MEMORY_64] = "64-bit ",
    };
    char name[8] = "ROM";
    if (bar->space == PCI_SPACE_NONE)
        return;
    if (number != PCI_BAR_ROM)
        text_format(name, sizeof name, "BAR%u", number);
    unsigned unit = bar->size_shift / 10;
    char base[17] = "unset";
    if (bar->base != 0)
        text_format(base, sizeof base, "%llx", (ull)bar->base);
    log_row_add(row, "%s %s%s%s %u%.*s", name, spaces[bar->space],
                bar->prefetchable ? "pref " : "", base, 1u << bar->size_shift % 10, unit > 0,
                &units[unit]);
}

static void add_bridge(struct log_row *row, const struct pci_function *function)
{
    if (function->secondary_bus != 0)
        log_row_add(row, "bus %02x-%02x", function->secondary_bus, function->subordinate_bus);
    if (function->flags & PCI_ISOLATES)
        log_row_add(row, "ACS");
}

static void add_interrupts(struct log_row *row, const struct pci_function *function)
{
    if (function->interrupt_pin != 0 && function->interrupt_line != 0
        && function->interrupt_line != UINT8_MAX)
        log_row_add(row, "INT%c irq %u", 'A' + function->interrupt_pin - 1,
                    function->interrupt_line);
    else if (function->interrupt_pin != 0)
        log_row_add(row, "INT%c", 'A' + function->interrupt_pin - 1);
    if (function->msi != 0)
        log_row_add(row, "MSI");
    if (function->msix != 0)
        log_row_add(row, "MSI-X %u", function->msix_vectors);
}

static void print_function(const struct pci_function *function)
{
    char address[PCI_ADDRESS_SIZE], name[24];
    struct log_row row = { .length = 0 };
    const char *known = pci_class_name(function);

    pci_address_format(address, function->address);
    if (known != NULL)
        text_copy(name, sizeof name, known);
    else
        text_format(name, sizeof name, "class %04x", function->class_code);
    log_row_add(&row, "  %s  %-20s  %04x:%04x  group %u", address, name, function->vendor_id,
                function->device_id, function->group);
    add_bridge(&row, function);
    add_interrupts(&row, function);
    if (function->flags & PCI_RESETS_ALONE)
        log_row_add(&row, "FLR");
    if (function->virtual_functions != 0)
        log_row_add(&row, "SR-IOV %u", function->virtual_functions);
    for (unsigned i = 0; i < PCI_BARS; i++)
        add_bar(&row, &function->bars[i], i);
    log_row_end(&row);
}

static const char *problem_text(enum pci_problem_kind kind)
{
    switch (kind) {
    case PCI_BRIDGE_UNSET:
        return "the firmware gave no bus number to what is behind this bridge; it is not seen";
    case PCI_BRIDGE_BACK:
        return "this bridge's bus numbers lead back; what is behind it is not seen";
    case PCI_BRIDGE_BEYOND:
        return "this bridge claims buses that no bridge above it leads to";
    case PCI_BRIDGE_CLASH:
        return "this bridge and another claim the same buses; what is behind both is one group";
    case PCI_UNKNOWN_HEADER:
        return "this function's header is of an unknown kind";
    case PCI_ENDLESS_CAPABILITIES:
        return "this function's list of capabilities has no end";
    case PCI_IMPOSSIBLE_BAR:
        return "a BAR of this function has an impossible size or kind; it is ignored";
    case PCI_PROBLEM_NONE:
        break;
    }
    return "unknown problem";
}

void inventory_print_pci_problems(const struct pci_inventory *pci)
{
    char address[PCI_ADDRESS_SIZE];
    for (unsigned i = 0; i < pci->problem_count; i++) {
        pci_address_format(address, pci->problems[i].address);
        log_line(LOG_WARNING, "PCI %s: %s", address, problem_text(pci->problems[i].kind));
    }
    if (pci->problems_more > 0)
        log_line(LOG_WARNING, "PCI: %u more problems are not shown", pci->problems_more);
    if (pci->ignored > 0)
        log_line(LOG_WARNING, "PCI: at least %u functions beyond the first %u are ignored", pci->ignored,
                 PCI_FUNCTIONS_MAX);
}

static void print_own(const struct inventory_own *own, uint32_t count, const char *kind)
{
    for (uint32_t i = 0; i < count; i++)
        log_line(LOG_INFO, "  own %s %llx-%llx  %s", kind, (ull)own[i].first, (ull)own[i].last,
                 own[i].what);
}

void inventory_print_parts(const struct inventory *inventory)
{
    char inputs[INVENTORY_ISA_IRQS * 12] = "";
    size_t length = 0;

    for (unsigned irq = 0; irq < INVENTORY_ISA_IRQS; irq++) {
        uint32_t gsi = inventory->isa_gsi[irq];
        if (gsi == INVENTORY_NO_GSI)
            length += text_format(inputs + length, sizeof inputs - length, " -");
        else
            length += text_format(inputs + length, sizeof inputs - length, " %u", gsi);
    }
    log_line(LOG_INFO, "parts: own ports %u, own memory %u, address bits %u, DMA remapping %s",
             inventory->own_port_count, inventory->own_memory_count, inventory->address_bits,
             inventory->dma_remapping ? "on" : "off");
    print_own(inventory->own_ports, inventory->own_port_count, "ports");
    print_own(inventory->own_memory, inventory->own_memory_count, "memory");
    log_line(LOG_INFO, "  interrupts 0 to %u at IOAPIC inputs%s", INVENTORY_ISA_IRQS - 1, inputs);
}

void inventory_print_pci(const struct pci_inventory *pci)
{
    for (unsigned i = 0; i < pci->count; i++)
        print_function(&pci->functions[i]);
}
