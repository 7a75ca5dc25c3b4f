/* SPDX-License-Identifier: MIT
 *
 * Ports, interrupts and ranges of memory that guests own as they are. See
 * config_owners.h.
 */
#include "hv/config_owners.h"

#include "arch/spec/apic.h"
#include "hv/guest_memory.h"
#include "hv/guest_ports.h"
#include "hv/own_parts.h"
#include "hv/pci_address.h"
#include "hv/pci_legacy.h"
#include "hv/text.h"

/* What is looked at: a range of one guest, ports or memory. */
struct look {
    const struct config *config;
    const struct inventory *inventory;
    struct findings *findings;
    const struct vm_config *vm;
    const struct config_range *range;
    bool io;
};

/* "port 0x70", "ports 0x70 to 0x71", "addresses ...". */
struct range_text {
    char text[64];
};

static struct range_text range_text(const struct look *look)
{
    struct range_text range = { .text = "" };
    unsigned long long first = look->range->first, last = look->range->last;

    if (first == last)
        text_format(range.text, sizeof range.text, "port 0x%llx", first);
    else
        text_format(range.text, sizeof range.text, "%s 0x%llx to 0x%llx",
                    look->io ? "ports" : "addresses", first, last);
    return range;
}

static void refuse(const struct look *look, const char *why, const char *detail)
{
    findings_add(look->findings, SEVERITY_ERROR, look->range->at, look->vm->name, "%s: %s%s",
                 range_text(look).text, why, detail);
}

static bool touches(const struct config_range *range, uint64_t first, uint64_t last)
{
    return range->first <= last && range->last >= first;
}

/* The guest's own PC has something there, or nobody can own it. */
static const char *own_memory(const struct look *look)
{
    uint64_t bytes = look->vm->memory_bytes != 0 ? look->vm->memory_bytes : CONFIG_MEMORY_MIN;
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(0, bytes);
    const struct config_range *range = look->range;
    struct ept_range ram[GUEST_MEMORY_RANGES_MAX];
    unsigned count = guest_memory_ranges(&memory, ram);

    for (unsigned i = 0; i < count; i++)
        if (touches(range, ram[i].gpa.value, ram[i].gpa.value + ram[i].bytes - 1))
            return "the guest's RAM";
    if (touches(range, GUEST_ROM_AREA, GUEST_BIOS_AREA - 1))
        return "the guest's place for ROMs";
    if (touches(range, GUEST_ECAM_BASE, GUEST_ECAM_BASE + GUEST_ECAM_BYTES - 1))
        return "the guest's PCI configuration space";
    if (touches(range, IOAPIC_BASE, IOAPIC_BASE + APIC_PAGE_SIZE - 1))
        return "an interrupt controller";
    return config_no_registers(look->inventory, false, range->first, range->last);
}

static bool touches_port(const struct look *look, uint16_t port)
{
    return port != 0 && touches(look->range, port, port);
}

/* Ports that the guest has because its configuration says so. */
static const char *asked_port(const struct look *look)
{
    const struct vm_config *vm = look->vm;

    if (touches_port(look, vm->exit_port))
        return "the guest's exit port";
    if (touches_port(look, vm->ready_port))
        return "the guest's ready port";
    if (vm->watchdog && (touches_port(look, GUEST_PORT_WATCHDOG_STOP) ||
                         touches_port(look, GUEST_PORT_WATCHDOG_START)))
        return "the guest's watchdog";
    return NULL;
}

static const char *own_part(const struct look *look)
{
    const struct inventory *inventory = look->inventory;

    if (config_console_touches(&look->config->hypervisor.console, look->io, look->range->first,
                               look->range->last))
        return "the console's serial port";
    if (!look->io) {
        const char *own = own_memory(look);
        return own != NULL ? own : config_own_range(inventory->own_memory,
                                                    inventory->own_memory_count,
                                                    look->range->first, look->range->last);
    }
    const char *own = asked_port(look);
    if (own == NULL)
        own = own_ports(look->range->first, look->range->last);
    return own != NULL ? own : config_own_range(inventory->own_ports, inventory->own_port_count,
                                                look->range->first, look->range->last);
}

/* The guest that has some of it already, before this place in the file; or NULL. */
static const struct vm_config *earlier_owner(const struct look *look)
{
    for (uint32_t i = 0; i < look->config->vm_count; i++) {
        const struct vm_config *vm = &look->config->vms[i];
        const struct config_parts *parts = &vm->parts;
        const struct config_range *ranges = look->io ? parts->ports : parts->mmio;
        uint32_t count = look->io ? parts->port_count : parts->mmio_count;

        for (uint32_t j = 0; j < count; j++) {
            if (&ranges[j] == look->range)
                return NULL;
            if (touches(look->range, ranges[j].first, ranges[j].last))
                return vm;
        }
    }
    return NULL;
}

static bool has_ports_there(const struct pci_function *function, const struct config_range *range)
{
    struct pci_legacy legacy;

    for (unsigned i = 0; i < PCI_LEGACY_CHANNELS; i++)
        if (pci_legacy_channel(function, i, &legacy) &&
            (touches(range, legacy.first_port, legacy.last_port) ||
             touches(range, legacy.control_port, legacy.control_port)))
            return true;
    return false;
}

/* The function that has a BAR there, or ports without one; or NULL. */
static const struct pci_function *function_at(const struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;

    for (unsigned i = 0; pci != NULL && i < pci->count; i++) {
        if (look->io && has_ports_there(&pci->functions[i], look->range))
            return &pci->functions[i];
        for (unsigned j = 0; j < PCI_BARS; j++)
            if (config_bar_touches(&pci->functions[i].bars[j], look->io, look->range->first,
                                   look->range->last))
                return &pci->functions[i];
    }
    return NULL;
}

/* The function whose interrupt it is without a pin; or NULL. */
static const struct pci_function *function_of_irq(const struct pci_inventory *pci, uint8_t irq)
{
    struct pci_legacy legacy;

    for (unsigned i = 0; pci != NULL && i < pci->count; i++)
        for (unsigned j = 0; j < PCI_LEGACY_CHANNELS; j++)
            if (pci_legacy_channel(&pci->functions[i], j, &legacy) && legacy.irq == irq)
                return &pci->functions[i];
    return NULL;
}

static void check_range(const struct look *look)
{
    const struct console_place *console = &look->config->hypervisor.console;
    const char *own = own_part(look);
    const struct vm_config *owner = earlier_owner(look);
    const struct pci_function *function = function_at(look);
    char address[PCI_ADDRESS_SIZE];

    if (own == NULL && function != NULL && console->kind == CONSOLE_AT_PCI &&
        pci_same_address(function->address, console->pci))
        own = "the console's serial port";
    if (own != NULL)
        refuse(look, "no guest can own this, it is or holds ", own);
    else if (owner != NULL)
        refuse(look, "some of it already belongs to ", config_owner_text(owner).text);
    if (own != NULL || function == NULL)
        return;
    pci_address_format(address, function->address);
    refuse(look, "some of it belongs to a PCI function; assign that, devices = [...], which is ",
           address);
}

static bool has_clock(const struct config_parts *parts)
{
    for (uint32_t i = 0; i < parts->port_count; i++)
        if (parts->ports[i].first <= OWN_CLOCK_FIRST_PORT &&
            parts->ports[i].last >= OWN_CLOCK_LAST_PORT)
            return true;
    return false;
}

/* The same input of an IOAPIC: by the firmware's tables two interrupts can be one. */
static bool is_same_line(const struct inventory *inventory, unsigned a, unsigned b)
{
    return a == b || (inventory->gsis_known && inventory->isa_gsi[a] == inventory->isa_gsi[b] &&
                      inventory->isa_gsi[a] != INVENTORY_NO_GSI);
}

/* Of the same line, before this place in the file; or NULL. */
static const struct vm_config *irq_owner_before(const struct config *config,
                                                const struct inventory *inventory, uint32_t vm,
                                                const struct config_irq *irq)
{
    for (uint32_t i = 0; i <= vm; i++) {
        const struct config_parts *parts = &config->vms[i].parts;
        for (uint32_t j = 0; j < parts->irq_count && &parts->irqs[j] != irq; j++)
            if (is_same_line(inventory, parts->irqs[j].irq, irq->irq))
                return &config->vms[i];
    }
    return NULL;
}

/* The interrupt, its own or another one that arrives by the same line, of the
 * hypervisor: the console's serial port, its keyboard, the tick that stands in. */
static const char *hypervisors_irq(const struct config *config, const struct inventory *inventory,
                                   unsigned irq)
{
    unsigned console = config->hypervisor.console.irq;

    if (console != 0 && is_same_line(inventory, irq, console))
        return "the console's serial port";
    if (is_same_line(inventory, irq, GUEST_IRQ_KEYBOARD))
        return "the keyboard";
    if (is_same_line(inventory, irq, GUEST_IRQ_PIT))
        return "the machine's interval timer";
    return NULL;
}

static void check_irq(const struct config *config, const struct inventory *inventory,
                      uint32_t index, const struct config_irq *irq, struct findings *findings)
{
    const struct pci_function *function = function_of_irq(inventory->pci, irq->irq);
    char address[PCI_ADDRESS_SIZE];
    const struct vm_config *vm = &config->vms[index];
    const struct vm_config *owner = irq_owner_before(config, inventory, index, irq);
    const char *own = own_irq(irq->irq, has_clock(&vm->parts));

    if (own == NULL || irq->irq == config->hypervisor.console.irq) {
        const char *hypervisors = hypervisors_irq(config, inventory, irq->irq);
        own = hypervisors != NULL ? hypervisors : own;
    }
    if (own != NULL)
        findings_add(findings, SEVERITY_ERROR, irq->at, vm->name,
                     "interrupt %u cannot be owned, it is that of %s", irq->irq, own);
    else if (inventory->gsis_known && inventory->isa_gsi[irq->irq] == INVENTORY_NO_GSI)
        findings_add(findings, SEVERITY_ERROR, irq->at, vm->name,
                     "interrupt %u never comes: no IOAPIC of this machine takes it", irq->irq);
    if (owner != NULL)
        findings_add(findings, SEVERITY_ERROR, irq->at, vm->name,
                     "interrupt %u already belongs to %s", irq->irq,
                     config_owner_text(owner).text);
    if (function == NULL)
        return;
    pci_address_format(address, function->address);
    findings_add(findings, SEVERITY_ERROR, irq->at, vm->name,
                 "interrupt %u belongs to a PCI function; assign that, devices = [...], which is %s",
                 irq->irq, address);
}

void config_check_raw(const struct config *config, const struct inventory *inventory,
                      struct findings *findings)
{
    struct look look = { .config = config, .inventory = inventory, .findings = findings };

    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct config_parts *parts = &config->vms[i].parts;

        look.vm = &config->vms[i];
        look.io = true;
        for (uint32_t j = 0; j < parts->port_count; j++) {
            look.range = &parts->ports[j];
            check_range(&look);
        }
        look.io = false;
        for (uint32_t j = 0; j < parts->mmio_count; j++) {
            look.range = &parts->mmio[j];
            check_range(&look);
        }
        for (uint32_t j = 0; j < parts->irq_count; j++)
            check_irq(config, inventory, i, &parts->irqs[j], findings);
    }
}
