/* SPDX-License-Identifier: MIT
 *
 * Whose interrupts a function raises. Indices are given out once; an entry that is not
 * set is clear.
 */
#include "arch/vtd_state.h"

#include "arch/host.h"
#include "hv/check.h"

static uint64_t *irte(uint32_t index)
{
    return vtd.interrupts + index * (IRTE_BYTES / sizeof(uint64_t));
}

static bool clear_interrupt(uint32_t index)
{
    irte_clear(irte(index));
    return vtd_forget_interrupt(index);
}

bool vtd_clear_interrupts(unsigned function)
{
    bool all = true;
    for (uint32_t i = 0; i < vtd.interrupts_used; i++)
        if (vtd.indices[i].of_function && vtd.indices[i].function == function)
            all &= clear_interrupt(i);
    return all;
}

static uint32_t allocate(struct vtd_index state, unsigned count)
{
    CHECK(vtd.on && count > 0);
    uint32_t first = vtd.interrupts_used;
    if (count > IRTE_COUNT - first)
        return VTD_NO_INTERRUPT;
    for (unsigned i = 0; i < count; i++)
        vtd.indices[first + i] = state;
    vtd.interrupts_used = first + count;
    return first;
}

uint32_t vtd_interrupts_allocate(unsigned function, unsigned count)
{
    CHECK(function < host.pci.count);
    return allocate((struct vtd_index){
        .of_function = true, .function = (uint16_t)function,
        .source = dma_interrupt_source(&host.pci, function) }, count);
}

uint32_t vtd_ioapic_interrupt_allocate(uint8_t ioapic_id)
{
    struct vtd_index state = { .of_function = false };
    if (!dmar_ioapic_source(&host.acpi.dmar, &host.pci, ioapic_id, &state.source))
        return VTD_NO_INTERRUPT;
    return allocate(state, 1);
}

static bool may_be_set(uint32_t index, const struct vtd_interrupt *interrupt)
{
    const struct vtd_index *state = &vtd.indices[index];
    return irte_can_be(interrupt, vtd.extended)
        && !(state->of_function && vtd.functions[state->function].quarantined);
}

static bool set_interrupt(uint32_t index, const struct vtd_interrupt *interrupt)
{
    if (!may_be_set(index, interrupt)) {
        (void)clear_interrupt(index);
        return false;
    }
    irte_store(irte(index), irte_make(interrupt, vtd.indices[index].source, vtd.extended));
    if (vtd_forget_interrupt(index))
        return true;
    irte_clear(irte(index));
    return false;
}

bool vtd_interrupt_set(uint32_t index, const struct vtd_interrupt *interrupt)
{
    CHECK(index < vtd.interrupts_used);
    lock_acquire(&vtd.lock);
    bool set = set_interrupt(index, interrupt);
    lock_release(&vtd.lock);
    return set;
}

bool vtd_interrupt_clear(uint32_t index)
{
    CHECK(index < vtd.interrupts_used);
    lock_acquire(&vtd.lock);
    bool cleared = clear_interrupt(index);
    lock_release(&vtd.lock);
    return cleared;
}
