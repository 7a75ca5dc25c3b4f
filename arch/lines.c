/* SPDX-License-Identifier: MIT
 *
 * See lines.h. An IOAPIC has one index register for all CPUs, so one lock is over
 * all of them. VT-d's is taken while it is held.
 */
#include "arch/lines.h"

#include "arch/cpu.h"
#include "arch/host.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "arch/vtd.h"
#include "hv/lock.h"
#include "hv/machine.h"

#define REMAPPED_MAX 64 /* inputs that were ever routed while interrupts are remapped */

static struct lock lock;
static struct host_ioapic ioapics[ACPI_IOAPICS_MAX];
static uint8_t ids[ACPI_IOAPICS_MAX]; /* as VT-d knows them */
static unsigned ioapic_count;
static struct { uint32_t gsi, index; } remapped[REMAPPED_MAX];
static unsigned remapped_count;

/* `id` is -1 where no table tells. */
static void add(unsigned number, hpa_t address, uint32_t gsi_base, int id)
{
    uint64_t page = DEVICE_VIRTUAL + number * PAGE_SIZE_4K;
    paging_map(page, HPA(align_down(address.value, PAGE_SIZE_4K)), PAGE_SIZE_4K, PAGE_DEVICE);
    volatile uint32_t *window = (volatile uint32_t *)(page + address.value % PAGE_SIZE_4K);
    if (!host_ioapic_init(&ioapics[ioapic_count], window, gsi_base))
        return;
    ids[ioapic_count] = id < 0 ? ioapics[ioapic_count].id : (uint8_t)id;
    ioapic_count++;
}

void lines_init(void)
{
    for (unsigned i = 0; i < host.acpi.ioapic_count; i++)
        add(i, host.acpi.ioapics[i].address, host.acpi.ioapics[i].gsi_base,
            host.acpi.ioapics[i].id);
    if (host.acpi.ioapic_count == 0)
        add(0, HPA(IOAPIC_BASE), 0, -1);
}

static const struct host_ioapic *ioapic_of(uint32_t gsi)
{
    for (unsigned i = 0; i < ioapic_count; i++)
        if (host_ioapic_owns(&ioapics[i], gsi))
            return &ioapics[i];
    return NULL;
}

/* The entry of the interrupt remapping table that this input names. */
static uint32_t remapping_index(uint32_t gsi, uint8_t id)
{
    for (unsigned i = 0; i < remapped_count; i++)
        if (remapped[i].gsi == gsi)
            return remapped[i].index;
    if (remapped_count == REMAPPED_MAX)
        return VTD_NO_INTERRUPT;
    uint32_t index = vtd_ioapic_interrupt_allocate(id);
    if (index != VTD_NO_INTERRUPT) {
        remapped[remapped_count].gsi = gsi;
        remapped[remapped_count++].index = index;
    }
    return index;
}

bool lines_are_usable(uint32_t gsi)
{
    const struct host_ioapic *ioapic = ioapic_of(gsi);
    if (ioapic == NULL || !vtd_is_on())
        return ioapic != NULL;
    return remapping_index(gsi, ids[ioapic - ioapics]) != VTD_NO_INTERRUPT;
}

/* Where interrupts are remapped, the IOAPIC names an entry, and that one the CPU. */
static bool route_at(const struct host_ioapic *ioapic, uint32_t gsi,
                     const struct host_ioapic_route *route)
{
    if (!vtd_is_on())
        return host_ioapic_route(ioapic, gsi, route);
    bool level = route->trigger == ACPI_LEVEL && route->delivery != DELIVERY_NMI;
    uint32_t index = remapping_index(gsi, ids[ioapic - ioapics]);
    host_ioapic_mask(ioapic, gsi); /* both name the vector, and no EOI ends one of two */
    return index != VTD_NO_INTERRUPT
        && vtd_interrupt_set(index, &(struct vtd_interrupt){ .apic_id = route->apic_id,
               .delivery = route->delivery, .vector = route->vector, .level = level })
        && host_ioapic_route_remapped(ioapic, gsi, irte_redirection(
               index, route->vector, level, route->polarity == ACPI_ACTIVE_LOW));
}

bool lines_route(uint32_t gsi, const struct host_ioapic_route *route)
{
    const struct host_ioapic *ioapic = ioapic_of(gsi);
    if (ioapic == NULL)
        return false;
    lock_acquire(&lock);
    bool routed = route_at(ioapic, gsi, route);
    lock_release(&lock);
    return routed;
}

bool machine_line_route(uint32_t gsi, const struct machine_line *line)
{
    const struct host_ioapic_route route = {
        .delivery = DELIVERY_FIXED, .vector = line->vector, .apic_id = cpus[line->cpu]->apic_id,
        .polarity = line->active_low ? ACPI_ACTIVE_LOW : ACPI_ACTIVE_HIGH,
        .trigger = line->level ? ACPI_LEVEL : ACPI_EDGE,
    };
    if (lines_route(gsi, &route))
        return true;
    machine_line_mask(gsi);
    return false;
}

void machine_line_mask(uint32_t gsi)
{
    const struct host_ioapic *ioapic = ioapic_of(gsi);
    if (ioapic == NULL)
        return;
    lock_acquire(&lock);
    host_ioapic_mask(ioapic, gsi);
    lock_release(&lock);
}
