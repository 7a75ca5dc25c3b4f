/* SPDX-License-Identifier: MIT
 *
 * PCI functions that guests own. See config_owners.h.
 *
 * A guest is kept to its functions by the machine in two ways: DMA remapping, or
 * for want of it the user's word; and pages, the smallest piece of memory that can
 * be one guest's. So functions are refused apart that the machine cannot tell
 * apart: those of an isolation group, and those with registers in one page or at one
 * port.
 */
#include "hv/config_owners.h"

#include "arch/spec/pci.h"
#include "hv/config_list.h"
#include "hv/guest_ports.h"
#include "hv/own_parts.h"
#include "hv/pci_address.h"
#include "hv/pci_legacy.h"
#include "hv/pci_topology.h"
#include "hv/text.h"

/* EPT tables are made before BARs are known, for this much of each. */
#define BAR_SHIFT_MAX 33

/* One device of one guest. */
struct look {
    const struct config *config;
    const struct inventory *inventory;
    struct findings *findings;
    const struct vm_config *vm;
    const struct config_device *device;
    const struct pci_function *function;
    char address[PCI_ADDRESS_SIZE];
};

#define REFUSE(...) \
    findings_add(look->findings, SEVERITY_ERROR, look->device->at, look->vm->name, __VA_ARGS__)

/* ---- Is it there, and can it be given away? ---- */

static void refuse_absent(const struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;
    struct config_list near = { .length = 0 }, others = { .length = 0 };
    char address[PCI_ADDRESS_SIZE];

    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_function *function = &pci->functions[i];
        bool same_bus = function->address.segment == look->device->address.segment &&
                        function->address.bus == look->device->address.bus;

        pci_address_format(address, function->address);
        config_list_add(same_bus ? &near : &others, address);
    }
    REFUSE("there is no PCI function %s; this machine has %s", look->address,
           config_list_end(near.length > 0 ? &near : &others));
}

/* A display shows text from these addresses, whatever its BARs say. */
#define TEXT_MEMORY 0xA0000
#define TEXT_MEMORY_END 0xC0000

static const char *console_part(const struct look *look)
{
    const struct console_place *console = &look->config->hypervisor.console;
    const struct inventory *inventory = look->inventory;

    if (console->kind == CONSOLE_AT_PCI &&
        pci_same_address(console->pci, look->function->address))
        return "the console's serial port";
    if (look->function->class_code == PCI_CLASS_VGA)
        return config_own_range(inventory->own_memory, inventory->own_memory_count, TEXT_MEMORY,
                                TEXT_MEMORY_END - 1);
    return NULL;
}

/* Parts of the board that the hypervisor uses, or that lead to others' devices. */
static const char *board_part(const struct look *look)
{
    const struct pci_function *function = look->function;

    if (function->header != PCI_HEADER_FUNCTION)
        return "a bridge to other functions";
    if (function->class_code >> 8 == PCI_BASE_CLASS_BRIDGE)
        return "a bridge of the board, with its interrupts and its power";
    if (function->class_code >> 8 == PCI_BASE_CLASS_SYSTEM)
        return "a part of the board that all use";
    if (function->class_code >> 8 == PCI_BASE_CLASS_MEMORY)
        return "a memory controller";
    return console_part(look);
}

/* What the hypervisor, or at ports the guest's emulated PC, has where a BAR is: also
 * where firmware is wrong about it, and it would lead to memory. */
static const char *own_at(const struct look *look, const struct pci_bar *bar)
{
    const struct inventory *inventory = look->inventory;
    bool io = bar->space == PCI_SPACE_IO;
    uint64_t last = bar->base + (1ull << bar->size_shift) - 1;

    if (config_console_touches(&look->config->hypervisor.console, io, bar->base, last))
        return "the console's serial port";
    if (!io)
        return config_own_range(inventory->own_memory, inventory->own_memory_count,
                                align_down(bar->base, PAGE_SIZE_4K), last | (PAGE_SIZE_4K - 1));
    const char *own = own_ports(bar->base, last);
    return own != NULL ? own : config_own_range(inventory->own_ports, inventory->own_port_count,
                                                bar->base, last);
}

static void check_bar(const struct look *look, const struct pci_bar *bar, unsigned number)
{
    const char *own = own_at(look, bar);
    bool io = bar->space == PCI_SPACE_IO;
    const char *none = config_no_registers(look->inventory, io, bar->base,
                                           bar->base + (1ull << bar->size_shift) - 1);

    if (!io && bar->base % PAGE_SIZE_4K != 0)
        REFUSE("%s: its BAR %u begins inside a page of 4 KiB, at 0x%llx, and so cannot be "
               "given to a guest", look->address, number, (unsigned long long)bar->base);
    if (bar->size_shift > BAR_SHIFT_MAX)
        REFUSE("%s: its BAR %u has more than 8 GiB, for which there is no room in the "
               "guest's tables", look->address, number);
    if (bar->base % (1ull << bar->size_shift) != 0)
        REFUSE("%s: its BAR %u, at 0x%llx, is at no multiple of its size, as every BAR must be",
               look->address, number, (unsigned long long)bar->base);
    if (none != NULL)
        REFUSE("%s: its BAR %u, %s from 0x%llx on, holds %s", look->address, number,
               io ? "ports" : "addresses", (unsigned long long)bar->base, none);
    if (own != NULL)
        REFUSE("%s: its BAR %u, %s from 0x%llx on, is where %s is", look->address, number,
               io ? "ports" : "addresses", (unsigned long long)bar->base, own);
}

/* The expansion ROM is shown only where it can be. */
static void check_bars(const struct look *look)
{
    for (unsigned i = 0; i < PCI_BAR_ROM; i++) {
        const struct pci_bar *bar = &look->function->bars[i];

        if (bar->space != PCI_SPACE_NONE && bar->base != 0)
            check_bar(look, bar, i);
    }
}

/* ---- Can it be kept apart? ---- */

/* Asks only for pairs of which this one comes later, so that each is said once. */
static bool comes_later(const struct look *look, const struct vm_config *other)
{
    return other != NULL && other != look->vm && other < look->vm;
}

static void check_group(const struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;
    char address[PCI_ADDRESS_SIZE];

    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_function *function = &pci->functions[i];
        const struct vm_config *owner = config_owner_of(look->config, function->address);

        if (function == look->function || function->group != look->function->group ||
            !comes_later(look, owner))
            continue;
        pci_address_format(address, function->address);
        REFUSE("%s and %s of %s can reach each other (isolation group %u); give both to one guest",
               look->address, address, config_owner_text(owner).text, function->group);
        return;
    }
}

/* An expansion ROM that is where something else is stays off: hv/assigned_rom.h. */
static bool share_a_page(const struct pci_function *a, const struct pci_function *b,
                         uint64_t *page)
{
    for (unsigned i = 0; i < PCI_BAR_ROM; i++) {
        const struct pci_bar *bar = &a->bars[i];
        uint64_t last = bar->base + (1ull << bar->size_shift) - 1;

        if (bar->space == PCI_SPACE_NONE || bar->space == PCI_SPACE_IO || bar->base == 0)
            continue;
        *page = align_down(bar->base, PAGE_SIZE_4K);
        for (unsigned j = 0; j < PCI_BAR_ROM; j++)
            if (config_bar_touches(&b->bars[j], false, *page, last))
                return true;
    }
    return false;
}

static bool share_a_port(const struct pci_function *a, const struct pci_function *b,
                         uint64_t *port)
{
    for (unsigned i = 0; i < PCI_BARS; i++)
        for (unsigned j = 0; j < PCI_BARS && a->bars[i].space == PCI_SPACE_IO; j++) {
            *port = a->bars[i].base > b->bars[j].base ? a->bars[i].base : b->bars[j].base;
            if (config_bar_touches(&a->bars[i], true, *port, *port) &&
                config_bar_touches(&b->bars[j], true, *port, *port))
                return true;
        }
    return false;
}

/* Also with one that nobody owns: the guest would reach its registers. */
static void check_registers(const struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;
    char address[PCI_ADDRESS_SIZE];
    uint64_t place;

    for (unsigned i = 0; i < pci->count; i++) {
        const struct pci_function *function = &pci->functions[i];
        const struct vm_config *owner = config_owner_of(look->config, function->address);

        if (function == look->function || owner == look->vm ||
            (owner != NULL && !comes_later(look, owner)))
            continue;
        pci_address_format(address, function->address);
        if (share_a_page(look->function, function, &place))
            REFUSE("%s and %s have registers in one page of 4 KiB, at 0x%llx; give both to one guest",
                   look->address, address, (unsigned long long)place);
        else if (share_a_port(look->function, function, &place))
            REFUSE("%s and %s both have the port 0x%llx; give both to one guest", look->address,
                   address, (unsigned long long)place);
        else
            continue;
        return;
    }
}

/* The ports of a PC's two disk channels are where every controller in that mode has
 * them, its own or not. */
static void check_legacy(const struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;
    struct pci_legacy own, other;
    char address[PCI_ADDRESS_SIZE];

    for (unsigned channel = 0; channel < PCI_LEGACY_CHANNELS; channel++)
        for (unsigned i = 0; i < pci->count; i++) {
            const struct pci_function *function = &pci->functions[i];
            if (function == look->function ||
                !pci_legacy_channel(look->function, channel, &own) ||
                !pci_legacy_channel(function, channel, &other))
                continue;
            pci_address_format(address, function->address);
            REFUSE("%s and %s both have the ports 0x%x to 0x%x; set one of them to native mode or "
                   "off in the BIOS setup", look->address, address, own.first_port, own.last_port);
        }
}

/* ---- Interrupt lines: each is routed to one guest ---- */

bool config_device_gsi(const struct inventory *inventory, const struct config_device *device,
                       uint32_t *gsi)
{
    const struct pci_function *function = pci_function_at(inventory->pci, device->address);

    if (function == NULL || function->interrupt_pin == 0)
        return false;
    *gsi = device->gsi;
    if (device->gsi_given)
        return true;
    if (function->interrupt_line == 0 || function->interrupt_line >= INVENTORY_ISA_IRQS)
        return false;
    *gsi = inventory->isa_gsi[function->interrupt_line];
    return *gsi != INVENTORY_NO_GSI;
}

static void refuse_line(const struct look *look, uint32_t gsi, const char *whose)
{
    REFUSE("%s: its interrupt, input %u of the IOAPICs, is also that of %s; a line has one owner",
           look->address, gsi, whose);
}

/* Its INTx's, or one that it has without a pin. */
static bool has_line(const struct inventory *inventory, const struct config_device *device,
                     uint32_t gsi)
{
    const struct pci_function *function = pci_function_at(inventory->pci, device->address);
    struct pci_legacy legacy;
    uint32_t own;

    if (config_device_gsi(inventory, device, &own) && own == gsi)
        return true;
    for (unsigned i = 0; function != NULL && i < PCI_LEGACY_CHANNELS; i++)
        if (pci_legacy_channel(function, i, &legacy) && inventory->isa_gsi[legacy.irq] == gsi)
            return true;
    return false;
}

/* Of guests before this one, so that each pair is said once. */
static void check_line_of_devices(const struct look *look, uint32_t gsi)
{
    char whose[FINDING_GUEST_SIZE + 64], address[PCI_ADDRESS_SIZE];

    for (const struct vm_config *vm = look->config->vms; vm < look->vm; vm++)
        for (uint32_t i = 0; i < vm->parts.device_count; i++) {
            const struct config_device *device = &vm->parts.devices[i];
            if (!has_line(look->inventory, device, gsi) ||
                pci_same_address(device->address, look->device->address))
                continue;
            pci_address_format(address, device->address);
            text_format(whose, sizeof whose, "%s of %s", address, config_owner_text(vm).text);
            refuse_line(look, gsi, whose);
            return;
        }
}

static void check_line_of_irqs(const struct look *look, uint32_t gsi)
{
    char whose[FINDING_GUEST_SIZE + 64];

    for (uint32_t i = 0; i < look->config->vm_count; i++) {
        const struct vm_config *vm = &look->config->vms[i];
        for (uint32_t j = 0; j < vm->parts.irq_count; j++)
            if (look->inventory->isa_gsi[vm->parts.irqs[j].irq] == gsi) {
                text_format(whose, sizeof whose, "irqs of %s", config_owner_text(vm).text);
                refuse_line(look, gsi, whose);
            }
    }
}

static void check_line(const struct look *look)
{
    const uint32_t *isa_gsi = look->inventory->isa_gsi;
    unsigned console = look->config->hypervisor.console.irq;
    uint32_t gsi;

    if (!config_device_gsi(look->inventory, look->device, &gsi))
        return;
    if (console != 0 && isa_gsi[console] == gsi)
        refuse_line(look, gsi, "the console's serial port");
    if (isa_gsi[GUEST_IRQ_PIT] == gsi || isa_gsi[GUEST_IRQ_KEYBOARD] == gsi)
        refuse_line(look, gsi, "the machine's interval timer or keyboard");
    check_line_of_devices(look, gsi);
    check_line_of_irqs(look, gsi);
}

/* Nobody can have these among his irqs: hv/config_raw.c. */
static void check_legacy_lines(const struct look *look)
{
    struct pci_legacy legacy;

    for (unsigned i = 0; i < PCI_LEGACY_CHANNELS; i++)
        if (pci_legacy_channel(look->function, i, &legacy) &&
            look->inventory->isa_gsi[legacy.irq] != INVENTORY_NO_GSI)
            check_line_of_devices(look, look->inventory->isa_gsi[legacy.irq]);
}

/* ---- One owner, and what keeps it to its guest's memory ---- */

static void check_listed_once(const struct look *look)
{
    const struct vm_config *owner = config_owner_of(look->config, look->device->address);
    const struct config_parts *parts = &look->vm->parts;

    if (owner != look->vm) {
        REFUSE("%s already belongs to %s", look->address, config_owner_text(owner).text);
        return;
    }
    for (const struct config_device *other = parts->devices; other < look->device; other++)
        if (pci_same_address(other->address, look->device->address))
            REFUSE("%s is listed twice; remove one of the two", look->address);
}

static void check_device(struct look *look)
{
    const struct pci_inventory *pci = look->inventory->pci;

    pci_address_format(look->address, look->device->address);
    check_listed_once(look);
    if (pci == NULL)
        return;
    look->function = pci_function_at(pci, look->device->address);
    if (look->function == NULL) {
        refuse_absent(look);
        return;
    }
    const char *part = board_part(look);
    if (part != NULL) {
        REFUSE("%s cannot be owned by a guest: it is %s", look->address, part);
        return;
    }
    check_bars(look);
    check_group(look);
    check_registers(look);
    check_legacy(look);
    check_line(look);
    check_legacy_lines(look);
}

static void check_dma(const struct vm_config *vm, const struct inventory *inventory,
                      struct findings *findings)
{
    if (vm->parts.device_count > 0 && inventory->pci != NULL && !inventory->dma_remapping &&
        !vm->parts.dma_unprotected)
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_DEVICES], vm->name,
                     "nothing here keeps a device's DMA to its guest's memory (VT-d); if it may "
                     "reach all memory, add dma = \"unprotected\"");
    if (vm->parts.device_count == 0 && vm->parts.dma_unprotected)
        findings_add(findings, SEVERITY_ERROR, vm->at[VM_DMA], vm->name,
                     "there is no device whose DMA could be unprotected; add devices = [...] or "
                     "remove this line");
}

void config_check_devices(const struct config *config, const struct inventory *inventory,
                          struct findings *findings)
{
    for (uint32_t i = 0; i < config->vm_count; i++) {
        struct look look = { .config = config, .inventory = inventory, .findings = findings,
                             .vm = &config->vms[i] };

        check_dma(look.vm, inventory, findings);
        for (uint32_t j = 0; j < look.vm->parts.device_count; j++) {
            look.device = &look.vm->parts.devices[j];
            check_device(&look);
        }
    }
}
