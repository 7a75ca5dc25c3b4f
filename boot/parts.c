/* SPDX-License-Identifier: MIT
 *
 * Parts of the machine for guests: which ones are the hypervisor's own, and how a
 * guest gets those that the configuration gives it.
 */
#include "arch/arena.h"
#include "arch/host.h"
#include "arch/lines.h"
#include "boot/boot.h"
#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/io_bitmap.h"
#include "hv/log.h"
#include "hv/text.h"

/* ---- The hypervisor's own ---- */

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

#define SERIAL_REGISTERS 8
#define POWER_PORTS 4 /* what is in them belongs together */

static void list_own_ports(const struct boot *boot, struct inventory *inventory)
{
    const struct acpi_machine *acpi = &host.acpi;

    own_ports(inventory, boot->serial.port, SERIAL_REGISTERS, "the console's serial port");
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
        own_memory(inventory, acpi->dmar.units[i].registers.value, PAGE_SIZE_4K,
                   "a unit for DMA remapping");
    if (acpi->reset.present && acpi->reset.space == ACPI_SPACE_MEMORY)
        own_memory(inventory, acpi->reset.address, 1, "the machine's reset");
}

/* Also what the configuration does not name: a UART on a PCI card, the screen. */
static void list_own_console(const struct boot *boot, struct inventory *inventory)
{
    if (boot->serial_problem == NULL && boot->serial.base != NULL)
        own_memory(inventory, (uint64_t)boot->serial.base,
                   SERIAL_REGISTERS * (boot->serial.doublewords ? sizeof(uint32_t) : 1),
                   "the console's serial port");
    if (boot->screen_problem == NULL)
        own_memory(inventory, boot->screen.address, framebuffer_bytes(&boot->screen),
                   "the console's screen");
}

/* Ranges that the firmware reserves may be devices; all others are memory. */
void boot_own_parts(struct boot *boot)
{
    struct inventory *inventory = &boot->inventory;

    for (unsigned i = 0; i < boot->info.memory_count; i++) {
        const struct memory_range *range = &boot->info.memory[i];
        if (range->type != MEMORY_RESERVED && range->bytes > 0)
            own_memory(inventory, range->base.value, range->bytes, "the machine's RAM");
    }
    list_own_devices(inventory);
    list_own_console(boot, inventory);
    list_own_ports(boot, inventory);
    inventory->pci = &host.pci;
}

/* ---- A guest's ---- */

static void give_ports(struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;
    uint8_t *bitmap;

    if (parts->port_count == 0)
        return;
    bitmap = arena_take(IO_BITMAP_BYTES, PAGE_SIZE_4K);
    io_bitmap_init(bitmap);
    for (unsigned i = 0; i < parts->port_count; i++)
        io_bitmap_pass(bitmap, (uint16_t)parts->ports[i].first, (uint16_t)parts->ports[i].last);
    vm->io_bitmap = arena_hpa(bitmap);
}

static void give_lines(struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;

    for (unsigned i = 0; i < parts->irq_count; i++) {
        uint8_t irq = parts->irqs[i].irq;
        struct acpi_override line = acpi_isa_interrupt(&host.acpi, irq);
        if (!lines_exist(line.gsi))
            log_line(LOG_WARNING, "%s: no IOAPIC takes interrupt %u: it never comes",
                     vm->config->name, irq);
        lines_add(vm, irq, (struct line){ .gsi = line.gsi,
                                          .level = line.trigger == ACPI_LEVEL,
                                          .active_low = line.polarity == ACPI_ACTIVE_LOW });
    }
}

static struct ept_range page_range(const struct config_range *range)
{
    return (struct ept_range){ GPA(range->first), HPA(range->first),
                               range->last + 1 - range->first };
}

unsigned boot_parts_frames(const struct vm_config *config, struct ept_shape shape)
{
    const struct config_parts *parts = &config->parts;
    unsigned frames = 0;

    for (unsigned i = 0; i < parts->mmio_count; i++) {
        struct ept_range range = page_range(&parts->mmio[i]);
        frames += ept_frames_needed(&range, 1, shape);
    }
    return frames;
}

static void give_memory(struct vm *vm)
{
    const struct config_parts *parts = &vm->config->parts;

    for (unsigned i = 0; i < parts->mmio_count; i++) {
        struct ept_range range = page_range(&parts->mmio[i]);
        ept_map(&vm->ept, &range, EPT_READ | EPT_WRITE, EPT_UNCACHEABLE);
    }
}

static void print_parts(const struct vm *vm)
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

void boot_give_parts(struct vm *vm)
{
    give_ports(vm);
    give_lines(vm);
    give_memory(vm);
    print_parts(vm);
}
