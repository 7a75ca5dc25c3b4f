/* SPDX-License-Identifier: MIT
 *
 * See assigned.h: beginning and end.
 */
#include "hv/assigned.h"

#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "hv/assigned_map.h"
#include "hv/check.h"
#include "hv/guest_acpi.h"
#include "hv/guest_memory.h"
#include "hv/guest_ports.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/pci_address.h"
#include "hv/pci_reset.h"
#include "hv/vm.h"

#define PLACES_BEGIN GUEST_MEMORY_BELOW_4G_MAX /* up to the guest's ECAM */

/* ---- Where a BAR is at first ---- */

static bool clashes(const struct assigned *assigned, uint64_t first, uint64_t bytes)
{
    for (unsigned i = 0; i < assigned->count; i++)
        for (unsigned j = 0; j < ASSIGNED_BARS; j++) {
            const struct assigned_function *function = &assigned->functions[i];
            uint64_t other = function->home[j];
            if (other != 0 && function->function->bars[j].space != PCI_SPACE_IO &&
                first < other + assigned_bar_bytes(&function->function->bars[j]) &&
                other < first + bytes)
                return true;
        }
    return !assigned_place_is_free(assigned->vm, first, bytes);
}

/* Where the machine has it, if that is nothing else for the guest; or the first
 * place for it. 0: there is none, the guest may find one itself. */
static uint64_t home_of(const struct assigned *assigned, const struct pci_bar *bar)
{
    uint64_t bytes = assigned_bar_bytes(bar);

    if (bar->space == PCI_SPACE_NONE || bar->base == 0)
        return 0;
    if (bar->space == PCI_SPACE_IO || !clashes(assigned, bar->base, bytes))
        return bar->base;
    for (uint64_t at = align_up(PLACES_BEGIN, bytes); at + bytes <= GUEST_ECAM_BASE; at += bytes)
        if (!clashes(assigned, at, bytes))
            return at;
    return 0;
}

/* What the guest can write is kept at boot, and is at each start as it was. */
static void each_private(struct assigned_function *function, bool restore)
{
    unsigned count = 0;

    for (unsigned offset = PCI_HEADER_BYTES; offset < PCI_CONFIG_BYTES; offset += 4) {
        if (!pci_private_is_written(function->function, offset))
            continue;
        CHECK(count < PCI_PRIVATE_WRITTEN_MAX);
        uint32_t *home = &function->private_home[count++];
        if (restore)
            machine_pci_write(function->function->address, offset, 4, *home);
        else
            *home = machine_pci_read(function->function->address, offset, 4);
    }
}

/* ---- Lives ---- */

static void set_command(const struct pci_function *function, uint16_t set, uint16_t clear)
{
    uint32_t now = machine_pci_read(function->address, PCI_COMMAND, 2);

    machine_pci_write(function->address, PCI_COMMAND, 2, (now & ~(uint32_t)clear) | set);
}

/* While they are on, a function makes no INTx. */
static void turn_off_messages(const struct pci_function *function)
{
    unsigned msi = function->msi + PCI_MSI_CONTROL, msix = function->msix + PCI_MSIX_CONTROL;

    if (function->msi != 0)
        machine_pci_write(function->address, msi, 2, machine_pci_read(function->address, msi, 2) &
                                                         ~PCI_MSI_ENABLE);
    if (function->msix != 0)
        machine_pci_write(function->address, msix, 2,
                          machine_pci_read(function->address, msix, 2) & ~PCI_MSIX_ENABLE);
}

/* No DMA, no interrupts; and no ROM, so that all BARs answer. */
static void silence(const struct pci_function *function)
{
    assigned_rom_turn(function, false);
    set_command(function, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_BUS_MASTER);
    turn_off_messages(function);
}

const struct assigned_function *assigned_add(struct assigned *assigned,
                                             const struct pci_function *function, uint8_t pin,
                                             bool has_rom)
{
    CHECK(assigned->count < CONFIG_DEVICES_MAX);
    struct assigned_function *added = &assigned->functions[assigned->count++];

    silence(function);
    added->function = function;
    added->pin = pin;
    added->has_rom = has_rom;
    added->reset = (uint8_t)pci_reset_kind(assigned->pci, function);
    assigned_msi_add(&added->msi, function);
    assigned_msix_add(&added->msix, function, &assigned->msix_budget);
    assigned_find_capabilities(added);
    each_private(added, false);
    for (unsigned i = 0; i < ASSIGNED_BARS; i++)
        added->home[i] = i != PCI_BAR_ROM || has_rom ? home_of(assigned, &function->bars[i]) : 0;
    return added;
}

static uint16_t decoding_of(const struct assigned_function *function)
{
    const struct pci_bar *bars = function->function->bars;
    uint16_t command = function->function->command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);

    for (unsigned i = 0; i < ASSIGNED_BARS; i++)
        if (bars[i].base != 0 && bars[i].space != PCI_SPACE_NONE &&
            (i != PCI_BAR_ROM || function->has_rom))
            command |= bars[i].space == PCI_SPACE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    return command;
}

static void attach(const struct vm *vm, struct assigned_function *function)
{
    const char *problem = machine_dma_attach(function->function, vm->index);
    bool told = function->blocked;
    char address[PCI_ADDRESS_SIZE];

    function->blocked = problem != NULL;
    if (problem == NULL || told) /* of a guest that starts again and again, once */
        return;
    pci_address_format(address, function->function->address);
    log_line(LOG_WARNING, "%s: %s has no DMA from now on: %s", vm->config->name, address, problem);
}

/* A request past the caches would find what was in memory before it was zeroed, and
 * guests' WBINVD, which drivers of such functions need, is not done. A message about an
 * error would become an NMI, or a call of SMM, where firmware has asked for that. */
static void keep_to_itself(const struct pci_function *function)
{
    unsigned control = function->express + PCI_EXPRESS_DEVICE_CONTROL;
    uint32_t off = PCI_EXPRESS_NO_SNOOP | PCI_EXPRESS_ERROR_REPORTING;

    if (function->express != 0)
        machine_pci_write(function->address, control, 2,
                          machine_pci_read(function->address, control, 2) & ~off);
}

static void start(const struct vm *vm, struct assigned_function *function)
{
    uint16_t decoding = decoding_of(function);

    keep_to_itself(function->function);
    each_private(function, true);
    function->command = decoding;
    function->interrupt_line = UINT8_MAX;
    function->rom_on = false;
    assigned_msi_reset(&function->msi);
    for (unsigned i = 0; i < ASSIGNED_BARS; i++)
        function->bars[i] = function->home[i];
    set_command(function->function, decoding,
                PCI_COMMAND_BUS_MASTER | PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_SERR);
    assigned_msix_reset(&function->msix, function->function);
    attach(vm, function);
}

void assigned_start(struct assigned *assigned)
{
    for (unsigned i = 0; i < assigned->count; i++)
        start(assigned->vm, &assigned->functions[i]);
    assigned_map(assigned);
}

void assigned_stop(struct assigned *assigned)
{
    for (unsigned i = 0; i < assigned->count; i++) {
        struct assigned_function *function = &assigned->functions[i];
        silence(function->function);
        machine_dma_detach(function->function);
        assigned_msix_reset(&function->msix, function->function);
    }
    for (unsigned i = 0; i < assigned->count; i++)
        pci_reset(assigned->pci, assigned->functions[i].function,
                  (enum pci_reset_kind)assigned->functions[i].reset,
                  assigned->vm->timers.tsc_hz);
}

/* ---- What the guest is told ---- */

static const struct guest_acpi_window below_4g[] = {
    { PLACES_BEGIN, GUEST_ECAM_BASE - 1 },
    { GUEST_ECAM_BASE + GUEST_ECAM_BYTES, IOAPIC_BASE - 1 },
};
#define FIXED_WINDOWS (sizeof below_4g / sizeof below_4g[0])

static void add_window(struct guest_acpi_pci *pci, uint64_t first, uint64_t bytes)
{
    for (unsigned i = 0; i < pci->window_count; i++)
        if (first >= pci->windows[i].first && first <= pci->windows[i].last)
            return;
    if (pci->window_count < GUEST_ACPI_WINDOWS_MAX)
        pci->windows[pci->window_count++] =
            (struct guest_acpi_window){ first, first + bytes - 1 };
}

/* The places that guests have for it, and those where a BAR is at first; what does
 * not fit into the list the guest moves. */
static void describe_windows(const struct assigned *assigned, struct guest_acpi_pci *pci)
{
    for (unsigned i = 0; i < FIXED_WINDOWS; i++)
        pci->windows[pci->window_count++] = below_4g[i];
    for (unsigned i = 0; i < assigned->count; i++)
        for (unsigned j = 0; j < ASSIGNED_BARS; j++) {
            const struct assigned_function *function = &assigned->functions[i];
            const struct pci_bar *bar = &function->function->bars[j];
            if (bar->space != PCI_SPACE_IO && function->home[j] != 0)
                add_window(pci, function->home[j], assigned_bar_bytes(bar));
        }
}

void assigned_describe(const struct assigned *assigned, struct guest_acpi_pci *pci)
{
    describe_windows(assigned, pci);
    for (unsigned i = 0; i < assigned->count; i++) {
        const struct assigned_function *function = &assigned->functions[i];
        if (function->pin != ASSIGNED_NO_PIN)
            pci->routes[pci->route_count++] = (struct guest_acpi_route){
                (uint8_t)(i + 1), (uint8_t)(function->function->interrupt_pin - 1),
                function->pin };
    }
}
