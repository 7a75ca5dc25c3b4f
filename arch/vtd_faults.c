/* SPDX-License-Identifier: MIT
 *
 * What units blocked: who it was, who is told, and when it is enough.
 */
#include "arch/vtd_state.h"

#include "arch/host.h"
#include "arch/spec/pci.h"
#include "arch/time.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/pci_address.h"

#define FAULTS_AT_ONCE 64
#define TSC_HZ_UNKNOWN 1000000000ull

static uint64_t window_ticks(void)
{
    return DMA_FAULTS_WINDOW_S * (tsc_hz != 0 ? tsc_hz : TSC_HZ_UNKNOWN);
}

static void tell(const struct dma_fault *fault, struct pci_address address, const char *whose,
                 const char *owner)
{
    char text[DMA_FAULT_TEXT_SIZE], name[PCI_ADDRESS_SIZE];
    dma_fault_format(text, fault);
    pci_address_format(name, address);
    log_line(LOG_WARNING, "DMA fault of %s, %s%s: %s", name, whose, owner, text);
}

static bool quarantine(unsigned function)
{
    const struct pci_address address = host.pci.functions[function].address;
    uint32_t bits = machine_pci_read(address, PCI_COMMAND, 2);
    vtd.functions[function].quarantined = true;
    machine_pci_write(address, PCI_COMMAND, 2,
                      (bits & ~PCI_COMMAND_BUS_MASTER) | PCI_COMMAND_INTX_DISABLE);
    return vtd_block(function, true);
}

static void tell_quarantine(unsigned function, bool blocked)
{
    char name[PCI_ADDRESS_SIZE];
    pci_address_format(name, host.pci.functions[function].address);
    log_line(LOG_WARNING, "device %s is quarantined after %u faults: no memory, no interrupts, no "
             "bus mastering%s", name, DMA_FAULTS_MAX, blocked ? "" : "; a unit does not answer");
}

static void judge_function(unsigned function, const struct dma_fault *fault)
{
    struct vtd_function *state = &vtd.functions[function];
    bool nobody = state->owner == VTD_NOBODY;
    switch (dma_fault_judge(&state->faults, machine_tsc(), window_ticks())) {
    case DMA_FAULT_FORGIVE:
        return;
    case DMA_FAULT_TELL:
        tell(fault, host.pci.functions[function].address, nobody ? "nobody's" : "of guest ",
             nobody ? "" : vtd.names[state->owner]);
        return;
    case DMA_FAULT_QUARANTINE:
        tell_quarantine(function, quarantine(function));
        return;
    case DMA_FAULT_QUARANTINE_AGAIN:
        (void)quarantine(function);
        return;
    }
}

static void judge_stranger(unsigned unit, const struct dma_fault *fault)
{
    const struct pci_address address = { .segment = host.acpi.dmar.units[unit].segment,
                                         .bus = (uint8_t)(fault->source >> 8),
                                         .function = (uint8_t)fault->source };
    switch (dma_fault_judge(&vtd.strangers[unit], machine_tsc(), window_ticks())) {
    case DMA_FAULT_FORGIVE:
        return;
    case DMA_FAULT_TELL:
        tell(fault, address, "which is not there", "");
        return;
    case DMA_FAULT_QUARANTINE:
        vtd_unit_call_no_more(&vtd.units[unit]);
        log_line(LOG_WARNING, "iommu %u: too many faults of devices that are not there; its faults "
                 "are seen only when the console is served", unit);
        return;
    case DMA_FAULT_QUARANTINE_AGAIN:
        return; /* a stranger's history is never opened again */
    }
}

/* Several functions behind one bridge can share the id. */
static void judge(unsigned unit, const struct dma_fault *fault)
{
    bool found = false;
    for (unsigned i = 0; i < host.pci.count; i++) {
        if (!dma_is_source_of(&host.pci, i, fault->source)
            || dmar_unit_of(&host.acpi.dmar, &host.pci, i) != unit)
            continue;
        judge_function(i, fault);
        found = true;
    }
    if (!found)
        judge_stranger(unit, fault);
}

static void serve_unit(unsigned number)
{
    struct vtd_unit *unit = &vtd.units[number];
    uint64_t low, high;
    for (unsigned i = 0; i < FAULTS_AT_ONCE && vtd_unit_take_fault(unit, &low, &high); i++) {
        struct dma_fault fault = dma_fault_decode(low, high);
        judge(number, &fault);
    }
    if (vtd_unit_faults_lost(unit))
        log_line(LOG_DEBUG, "iommu %u: more faults came than it can record", number);
}

void vtd_serve_faults(void)
{
    if (!vtd.on)
        return;
    lock_acquire(&vtd.lock);
    for (unsigned i = 0; i < vtd.unit_count; i++)
        serve_unit(i);
    lock_release(&vtd.lock);
}
