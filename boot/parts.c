/* SPDX-License-Identifier: MIT
 *
 * Parts of the machine for guests: which ones are the hypervisor's own, and how a
 * guest gets those that the configuration gives it.
 */
#include "arch/arena.h"
#include "arch/cpu.h"
#include "arch/host.h"
#include "arch/insn.h"
#include "arch/layout.h"
#include "arch/lines.h"
#include "arch/panic.h"
#include "arch/spec/cpuid.h"
#include "arch/vtd.h"
#include "boot/boot.h"
#include "hv/assigned.h"
#include "hv/assigned_rom.h"
#include "hv/check.h"
#include "hv/config_owners.h"
#include "hv/inventory_print.h"
#include "hv/io_bitmap.h"
#include "hv/guest_memory.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/pci_address.h"
#include "hv/pci_legacy.h"
#include "hv/pci_reset.h"
#include "hv/pci_topology.h"
#include "hv/text.h"
#include "hv/usb_handoff.h"

/* ---- The hypervisor's own ---- */

_Static_assert(BOOT_MEMORY_RANGES_MAX + ACPI_IOAPICS_MAX + ACPI_ECAM_MAX + DMAR_UNITS_MAX + 3
               <= INVENTORY_OWN_MEMORY_MAX, "all of the machine fits");

/* What does not fit any more is not protected, so there must be room. */
static void own_memory(struct inventory *inventory, uint64_t first, uint64_t bytes,
                       const char *what)
{
    CHECK(inventory->own_memory_count < INVENTORY_OWN_MEMORY_MAX);
    inventory->own_memory[inventory->own_memory_count++] =
        (struct inventory_own){ first, first + bytes - 1, what };
}

static void own_ports(struct inventory *inventory, uint64_t first, uint64_t count,
                      const char *what)
{
    CHECK(inventory->own_port_count < INVENTORY_OWN_PORTS_MAX);
    if (first != 0)
        inventory->own_ports[inventory->own_port_count++] =
            (struct inventory_own){ first, first + count - 1, what };
}

#define POWER_PORTS 4 /* what is in them belongs together */

static void list_own_ports(struct inventory *inventory)
{
    const struct acpi_machine *acpi = &host.acpi;

    own_ports(inventory, acpi->pm1a_control, POWER_PORTS, "the machine's power management");
    own_ports(inventory, acpi->pm1b_control, POWER_PORTS, "the machine's power management");
    own_ports(inventory, acpi->smi_command, 1, "the call of the firmware's SMM");
    if (acpi->reset.present && acpi->reset.space == ACPI_SPACE_IO)
        own_ports(inventory, acpi->reset.address, 1, "the machine's reset");
}

static void list_own_devices(struct inventory *inventory)
{
    const struct acpi_machine *acpi = &host.acpi;

    for (unsigned i = 0; i < acpi->ioapic_count; i++)
        own_memory(inventory, acpi->ioapics[i].address.value, PAGE_SIZE_4K, "an IOAPIC");
    for (unsigned i = 0; i < acpi->ecam_count; i++) {
        const struct acpi_ecam *ecam = &acpi->ecam[i];
        own_memory(inventory, ecam->base.value + ecam->first_bus * ACPI_ECAM_BUS_BYTES,
                   (ecam->last_bus - ecam->first_bus + 1u) * ACPI_ECAM_BUS_BYTES,
                   "PCI configuration space");
    }
    for (unsigned i = 0; i < acpi->dmar.unit_count; i++)
        own_memory(inventory, acpi->dmar.units[i].registers.value, VTD_STRIDE,
                   "a unit for DMA remapping");
    if (acpi->reset.present && acpi->reset.space == ACPI_SPACE_MEMORY)
        own_memory(inventory, acpi->reset.address, 1, "the machine's reset");
}

/* Whether the console uses it or not. */
static void list_own_screen(const struct boot *boot, struct inventory *inventory)
{
    const struct boot_framebuffer *screen = &boot->info.framebuffer;

    if (screen->present && screen->pitch_bytes > 0 && screen->height > 0)
        own_memory(inventory, screen->address.value,
                   (uint64_t)screen->pitch_bytes * screen->height, "the screen");
}

/* Neighbours are one, so that the list is short. */
static void list_own_ram(const struct boot *boot, struct inventory *inventory)
{
    uint64_t end = 0; /* of the last one */

    for (unsigned i = 0; i < boot->info.memory_count; i++) {
        const struct memory_range *range = &boot->info.memory[i];
        if (range->type == MEMORY_RESERVED || range->bytes == 0)
            continue;
        if (end != 0 && range->base.value == end)
            inventory->own_memory[inventory->own_memory_count - 1].last += range->bytes;
        else
            own_memory(inventory, range->base.value, range->bytes, "the machine's RAM");
        end = range->base.value + range->bytes;
    }
}

static void list_gsis(struct inventory *inventory)
{
    inventory->gsis_known = true;
    for (unsigned irq = 0; irq < INVENTORY_ISA_IRQS; irq++) {
        uint32_t gsi = acpi_isa_interrupt(&host.acpi, (uint8_t)irq).gsi;
        inventory->isa_gsi[irq] = lines_are_usable(gsi) ? gsi : INVENTORY_NO_GSI;
    }
}

/* Ranges that the firmware reserves may be devices; all others are memory. */
void boot_own_parts(struct boot *boot)
{
    struct inventory *inventory = &boot->inventory;

    list_own_ram(boot, inventory);
    list_own_devices(inventory);
    list_own_screen(boot, inventory);
    list_own_ports(inventory);
    inventory->pci = &host.pci;
    inventory->dma_remapping = vtd_is_on();
    inventory->address_bits = cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xFF;
    list_gsis(inventory);
    if (boot->config.hypervisor.inventory)
        inventory_print_parts(inventory);
}

/* ---- A guest's ---- */

static struct line isa_line(uint8_t irq)
{
    struct acpi_override line = acpi_isa_interrupt(&host.acpi, irq);

    return (struct line){ line.gsi, line.trigger == ACPI_LEVEL,
                          line.polarity == ACPI_ACTIVE_LOW };
}

static void give_line(struct vm *vm, unsigned pin, struct line line, const char *whose)
{
    if (!lines_are_usable(line.gsi))
        log_line(LOG_WARNING, "%s: the interrupt of %s never comes: no IOAPIC has input %u%s",
                 vm->config->name, whose, line.gsi,
                 vtd_is_on() ? ", or VT-d lets none of its interrupts pass" : "");
    lines_add(vm, pin, line);
}

static void give_raw(struct vm *vm, uint8_t *bitmap)
{
    const struct config_parts *parts = &vm->config->parts;

    for (unsigned i = 0; i < parts->port_count; i++)
        io_bitmap_set(bitmap, (uint16_t)parts->ports[i].first, (uint16_t)parts->ports[i].last,
                      false);
    for (unsigned i = 0; i < parts->irq_count; i++)
        give_line(vm, parts->irqs[i].irq, isa_line(parts->irqs[i].irq), "its irqs");
}

static struct ept_range page_range(const struct config_range *range)
{
    return (struct ept_range){ GPA(range->first), HPA(range->first),
                               range->last + 1 - range->first };
}

/* ---- PCI functions ---- */

#define FIRST_INTX_PIN 16 /* of the guest's IOAPIC, behind the ISA interrupts' */

/* INTx is level-triggered, and low unless the firmware says otherwise of that input. */
static struct line intx_line(uint32_t gsi)
{
    struct line line = { .gsi = gsi, .level = true, .active_low = true };

    for (unsigned i = 0; i < host.acpi.override_count; i++)
        if (host.acpi.overrides[i].gsi == gsi)
            line.active_low = host.acpi.overrides[i].polarity == ACPI_ACTIVE_LOW;
    return line;
}

/* The pin for this line; functions that share the line share it. */
static unsigned intx_pin(struct vm *vm, struct line line, const char *address)
{
    for (unsigned pin = FIRST_INTX_PIN; pin < IOAPIC_PINS; pin++) {
        if (lines_has(&vm->lines, pin) && vm->lines.line[pin].gsi != line.gsi)
            continue;
        if (!lines_has(&vm->lines, pin))
            give_line(vm, pin, line, address);
        return pin;
    }
    return ASSIGNED_NO_PIN;
}

static void give_legacy(struct vm *vm, const struct pci_function *function, uint8_t *bitmap,
                        const char *address)
{
    struct pci_legacy legacy;

    for (unsigned i = 0; i < PCI_LEGACY_CHANNELS; i++) {
        if (!pci_legacy_channel(function, i, &legacy))
            continue;
        io_bitmap_set(bitmap, legacy.first_port, legacy.last_port, false);
        io_bitmap_set(bitmap, legacy.control_port, legacy.control_port, false);
        give_line(vm, legacy.irq, isa_line(legacy.irq), address);
    }
}

/* Where DMA is remapped: asks whether the function can be the guest's, once its DMA is
 * off. It is attached when the guest begins, when nothing older is under way any more. */
static void try_to_attach(const struct vm *vm, const struct pci_function *function,
                          const char *address)
{
    const char *problem = machine_dma_attach(function, vm->index);

    if (problem != NULL) {
        log_line(LOG_ERROR, "%s: %s cannot be kept to this guest: %s", vm->config->name, address,
                 problem);
        halt_machine("a device cannot be given to its guest; no guest was started");
    }
    machine_dma_detach(function);
}

/* Where interrupts are not remapped, no function has it, and it is not said of each. */
static void print_msix(const struct vm *vm, const struct assigned_function *function,
                       const char *address)
{
    const struct assigned_msix *msix = &function->msix;
    unsigned all = function->function->msix_vectors;

    if (msix->absence != NULL && vtd_is_on())
        log_line(LOG_INFO, "%s: %s has no MSI-X: %s", vm->config->name, address, msix->absence);
    else if (msix->count != 0 && msix->count < all)
        log_line(LOG_INFO, "%s: %s has %u of its %u entries of MSI-X", vm->config->name, address,
                 msix->count, all);
}

/* While it is as the firmware left it, but for its DMA where that is remapped. */
static void take_from_firmware(const struct vm *vm, const struct pci_function *function,
                               const char *address)
{
    enum usb_handoff handoff = usb_handoff(function, vm->timers.tsc_hz);

    if (handoff == USB_HANDOFF_GIVEN)
        log_line(LOG_INFO, "%s: the firmware has let go of the USB controller %s",
                 vm->config->name, address);
    if (handoff == USB_HANDOFF_TAKEN)
        log_line(LOG_WARNING, "%s: the firmware did not let go of the USB controller %s within a "
                 "second; it was taken all the same", vm->config->name, address);
}

static const char *want_of_intx(const struct pci_function *function, bool gsi_known, unsigned pin)
{
    if (function->interrupt_pin == 0 || pin != ASSIGNED_NO_PIN)
        return "";
    return gsi_known ? "; no pin of the guest's IOAPIC is left for its INTx"
                     : "; nobody knows the IOAPIC's input of its INTx";
}

static void give_function(struct vm *vm, const struct inventory *inventory,
                          struct assigned *assigned, const struct config_device *device)
{
    const struct pci_function *function = pci_function_at(&host.pci, device->address);
    char address[PCI_ADDRESS_SIZE];
    char no_rom[ASSIGNED_ROM_REASON_SIZE];
    unsigned pin = ASSIGNED_NO_PIN;
    uint32_t gsi;

    pci_address_format(address, device->address);
    bool gsi_known = config_device_gsi(inventory, device, &gsi);
    if (gsi_known)
        pin = intx_pin(vm, intx_line(gsi), address);
    give_legacy(vm, function, assigned->io_bitmap, address);
    take_from_firmware(vm, function, address);
    bool has_rom = assigned_rom_is_usable(inventory, function, no_rom);
    const struct assigned_function *added =
        assigned_add(assigned, function, (uint8_t)pin, has_rom);
    try_to_attach(vm, function, address);
    log_line(LOG_INFO, "%s: owns %s (%04x:%04x) as 00:%02x.0, %s%s", vm->config->name, address,
             function->vendor_id, function->device_id, assigned->count,
             pci_reset_name((enum pci_reset_kind)added->reset),
             want_of_intx(function, gsi_known, pin));
    if (no_rom[0] != '\0')
        log_line(LOG_INFO, "%s: the expansion ROM of %s is not shown: %s", vm->config->name,
                 address, no_rom);
    print_msix(vm, added, address);
}

static void create_domain(const struct vm *vm)
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];
    const char *problem = vtd_domain_create(vm->index, vm->config->name, ranges,
                                            guest_memory_ranges(&vm->memory, ranges));

    if (problem != NULL) {
        log_line(LOG_ERROR, "%s: %s", vm->config->name, problem);
        halt_machine("devices cannot be given to a guest; no guest was started");
    }
}

static void give_functions(struct vm *vm, const struct inventory *inventory, uint8_t *bitmap)
{
    const struct config_parts *parts = &vm->config->parts;
    struct assigned *assigned;

    if (parts->device_count == 0)
        return;
    if (vtd_is_on())
        create_domain(vm);
    else
        log_line(LOG_WARNING, "%s: its devices' DMA is UNPROTECTED: whoever drives them can read "
                 "and write all memory, Bulkhead's and other guests' too, and send any interrupt",
                 vm->config->name);
    assigned = arena_take(sizeof *assigned, 64);
    *assigned = (struct assigned){ .vm = vm, .pci = &host.pci, .io_bitmap = bitmap,
                                   .msix_budget = ASSIGNED_MSIX_BUDGET };
    for (unsigned i = 0; i < parts->device_count; i++)
        give_function(vm, inventory, assigned, &parts->devices[i]);
    vm->pci.assigned = assigned;
}

/* ---- Memory ---- */

/* Registers are not executed, so pages may be large whatever the guest's RAM has. */
static struct ept_shape shape_of_registers(void)
{
    return ept_shape(preflight_has_1g_pages(&cpus[0]->capabilities) ? PAGE_SIZE_1G : PAGE_SIZE_2M);
}

static void movable_frames(const struct vm_config *config,
                           unsigned frames[static EPT_TABLE_LEVELS])
{
    for (unsigned i = 0; i < config->parts.device_count; i++)
        assigned_frames(pci_function_at(&host.pci, config->parts.devices[i].address),
                        shape_of_registers(), frames);
}

unsigned boot_parts_frames(const struct vm_config *config)
{
    unsigned movable[EPT_TABLE_LEVELS] = { 0 };
    unsigned frames = 0;

    for (unsigned i = 0; i < config->parts.mmio_count; i++) {
        struct ept_range range = page_range(&config->parts.mmio[i]);
        frames += ept_frames_needed(&range, 1, shape_of_registers());
    }
    movable_frames(config, movable);
    for (unsigned i = 0; i < EPT_TABLE_LEVELS; i++)
        frames += movable[i];
    return frames;
}

static void give_memory(struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;
    unsigned movable[EPT_TABLE_LEVELS] = { 0 };

    vm->ept.shape = shape_of_registers();
    for (unsigned i = 0; i < parts->mmio_count; i++) {
        struct ept_range range = page_range(&parts->mmio[i]);
        ept_map(&vm->ept, &range, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
    }
    movable_frames(vm->config, movable);
    ept_begin_movable(&vm->ept, movable);
}

static void print_raw(const struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;

    for (unsigned i = 0; i < parts->port_count; i++)
        log_line(LOG_INFO, "%s: owns ports %llx to %llx", vm->config->name,
                 (unsigned long long)parts->ports[i].first,
                 (unsigned long long)parts->ports[i].last);
    for (unsigned i = 0; i < parts->mmio_count; i++)
        log_line(LOG_INFO, "%s: owns addresses %llx to %llx", vm->config->name,
                 (unsigned long long)parts->mmio[i].first,
                 (unsigned long long)parts->mmio[i].last);
    for (unsigned i = 0; i < parts->irq_count; i++)
        log_line(LOG_INFO, "%s: owns interrupt %u", vm->config->name, parts->irqs[i].irq);
}

void boot_give_parts(const struct boot *boot, struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;
    uint8_t *bitmap = NULL;

    give_memory(vm);
    if (parts->port_count > 0 || parts->device_count > 0) {
        bitmap = arena_take(IO_BITMAP_BYTES, PAGE_SIZE_4K);
        io_bitmap_init(bitmap);
        vm->io_bitmap = arena_hpa(bitmap);
    }
    give_raw(vm, bitmap);
    give_functions(vm, &boot->inventory, bitmap);
    print_raw(vm);
}
