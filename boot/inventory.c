/* SPDX-License-Identifier: MIT
 *
 * Looks at what the machine has besides CPUs and memory, and shows all of it: so
 * that a user can choose what to give to whom, also of a machine that is refused
 * afterwards. What is broken is said in any case.
 */
#include "arch/cpu.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "arch/spec/cpuid.h"
#include "boot/boot.h"
#include "drivers/mmio.h"
#include "drivers/pci.h"
#include "drivers/pci_config.h"
#include "hv/inventory_print.h"
#include "hv/log.h"
#include "hv/log_row.h"
#include "hv/pci_address.h"
#include "hv/pci_topology.h"

typedef unsigned long long ull;

/* Why configuration space cannot be where the MCFG says, or NULL. */
static const char *ecam_problem(const struct boot *boot, uint64_t first, uint64_t end)
{
    unsigned address_bits = cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;
    if (end >> address_bits)
        return "lies beyond this CPU's addresses";
    if (boot_memory_holds_ram(boot, first, end))
        return "is said to be where RAM is";
    return NULL;
}

/* In 2 MiB pages, so that no page tables are needed for it. Returns where the
 * next one may be mapped. */
static uint64_t use_ecam(const struct boot *boot, const struct acpi_ecam *ecam, uint64_t virtual)
{
    uint64_t first = ecam->base.value + ecam->first_bus * ACPI_ECAM_BUS_BYTES;
    uint64_t end = ecam->base.value + (ecam->last_bus + 1u) * ACPI_ECAM_BUS_BYTES;
    uint64_t page = align_down(first, PAGE_SIZE_2M);
    uint64_t bytes = align_up(end, PAGE_SIZE_2M) - page;
    const char *problem = ecam_problem(boot, first, end);
    if (problem == NULL && bytes > PCI_CONFIG_VIRTUAL + PCI_CONFIG_BYTES_MAX - virtual)
        problem = "is more than can be mapped";
    if (problem != NULL) {
        log_line(LOG_WARNING, "PCI segment %u: configuration space at %llx %s; it is not used",
                 ecam->segment, (ull)first, problem);
        return virtual;
    }
    paging_map(virtual, HPA(page), bytes, PAGE_DEVICE);
    volatile uint8_t *base = (volatile uint8_t *)(virtual + (first - page));
    if (ecam->segment == 0 && ecam->first_bus == 0
        && mmio_read32((volatile uint32_t *)base) == UINT32_MAX)
        log_line(LOG_WARNING, "PCI: nobody answers in the memory at %llx, where the MCFG says that "
                 "configuration space is; ports are used", (ull)first);
    else
        (void)pci_config_add_memory(
            (struct pci_range){ ecam->segment, ecam->first_bus, ecam->last_bus }, base);
    return virtual + bytes;
}

static void find_functions(const struct boot *boot)
{
    uint64_t virtual = PCI_CONFIG_VIRTUAL;
    for (unsigned i = 0; i < host.acpi.ecam_count; i++)
        virtual = use_ecam(boot, &host.acpi.ecam[i], virtual);
    pci_config_add_ports();
    uint64_t begin = rdtsc();
    pci_scan(&host.pci);
    log_line(LOG_DEBUG, "%u PCI functions found in %llu ticks", host.pci.count,
             (ull)(rdtsc() - begin));
}

static void print_cpus(void)
{
    const struct cpu_identity *identities[CPUS_MAX];
    unsigned told = host.acpi.cpu_count + host.acpi.cpus_ignored;
    for (unsigned i = 0; i < cpu_count; i++)
        identities[i] = &cpus[i]->identity;
    inventory_print_cpus(identities, cpu_count);
    if (host.acpi.madt_found && told != cpu_count)
        log_line(LOG_INFO, "  the firmware's table has %u CPUs, %u are used", told, cpu_count);
}

/* Where interrupts that are not PCI's arrive. */
static void print_interrupts(void)
{
    struct log_row row = { .length = 0 };
    for (unsigned i = 0; i < host.acpi.ioapic_count; i++)
        log_row_add(&row, "  ioapic %u at %llx, GSI from %u", host.acpi.ioapics[i].id,
                    (ull)host.acpi.ioapics[i].address.value, host.acpi.ioapics[i].gsi_base);
    for (unsigned i = 0; i < host.acpi.override_count; i++) {
        const struct acpi_override *override = &host.acpi.overrides[i];
        log_row_add(&row, "irq %u: GSI %u %s %s", override->irq, override->gsi,
                    override->trigger == ACPI_LEVEL ? "level" : "edge",
                    override->polarity == ACPI_ACTIVE_LOW ? "low" : "high");
    }
    log_row_end(&row);
}

static void add_scope(struct log_row *row, uint16_t segment, const struct dmar_scope *scope)
{
    static const char *const kinds[] = { [DMAR_SCOPE_BRIDGE] = "all behind ",
                                         [DMAR_SCOPE_IOAPIC] = "ioapic as ",
                                         [DMAR_SCOPE_HPET] = "hpet as ",
                                         [DMAR_SCOPE_NAMESPACE] = "ACPI device as " };
    const unsigned count = sizeof kinds / sizeof kinds[0];
    const char *kind = scope->type < count ? kinds[scope->type] : "unknown kind ";
    struct pci_address address, start = { .segment = segment, .bus = scope->bus };
    char text[PCI_ADDRESS_SIZE] = "nobody";
    if (pci_path_find(&host.pci, start, scope->path, scope->step_count, &address))
        pci_address_format(text, address);
    log_row_add(row, "%s%s", kind != NULL ? kind : "", text);
}

static void add_scopes(struct log_row *row, uint16_t segment, struct dmar_scopes scopes)
{
    for (unsigned i = 0; i < scopes.count; i++)
        add_scope(row, segment, &host.acpi.dmar.scopes[scopes.first + i]);
    log_row_end(row);
}

static void print_dma_remapping(void)
{
    const struct dmar *dmar = &host.acpi.dmar;
    struct log_row row = { .length = 0 };
    if (dmar->found)
        log_row_add(&row, "  DMA remapping: %u bits", dmar->address_bits);
    else
        log_row_add(&row, "  DMA remapping: none (the firmware has no DMAR table)");
    if (dmar->interrupt_remapping)
        log_row_add(&row, "interrupts, too");
    if (dmar->x2apic_opt_out)
        log_row_add(&row, "x2APIC opt-out");
    if (dmar->found && !dmar->complete)
        log_row_add(&row, "table INCOMPLETE");
    log_row_end(&row);
    for (unsigned i = 0; i < dmar->unit_count; i++) {
        const struct dmar_unit *unit = &dmar->units[i];
        log_row_add(&row, "  iommu %u at %llx, segment %u, for:", i, (ull)unit->registers.value,
                    unit->segment);
        if (unit->all_others)
            log_row_add(&row, "all others");
        add_scopes(&row, unit->segment, unit->scopes);
    }
    for (unsigned i = 0; i < dmar->reserved_count; i++) {
        const struct dmar_reserved *region = &dmar->reserved[i];
        log_row_add(&row, "  reserved %llx-%llx, for:", (ull)region->first_byte,
                    (ull)region->last_byte);
        add_scopes(&row, region->segment, region->scopes);
    }
}

void boot_inventory(struct boot *boot)
{
    find_functions(boot);
    boot->inventory.cpu_count = cpu_count;
    inventory_print_pci_problems(&host.pci);
    if (!boot->config.hypervisor.inventory)
        return;
    inventory_print_head(&boot->inventory, &host.pci);
    print_cpus();
    inventory_print_memory(&boot->inventory);
    inventory_print_pci(&host.pci);
    print_interrupts();
    print_dma_remapping();
}
