/* SPDX-License-Identifier: MIT
 *
 * Whose memory a function reaches. Looks first, so that nothing has changed when it
 * refuses; then changes what units see, and waits until they see it.
 */
#include "arch/vtd_state.h"

#include "arch/host.h"
#include "arch/spec/vtd.h"
#include "hv/check.h"

static uint16_t domain_now(const struct vtd_sources *sources, unsigned number)
{
    return dma_source_domain(&vtd.frames, vtd.roots[sources->unit], sources->ids[number]);
}

static const char *source_problem(const struct vtd_sources *sources, uint16_t domain)
{
    if (sources->unit == DMAR_NO_UNIT)
        return "no remapping unit is responsible for it";
    for (unsigned i = 0; i < sources->count; i++) {
        uint16_t now = domain_now(sources, i);
        if (now != 0 && now != VTD_DOMAIN_OF_FIRMWARE && now != domain)
            return "its requester id is shared with a device of another guest";
    }
    return NULL;
}

static bool detach_source(unsigned unit, uint16_t source, bool silent)
{
    uint16_t domain = dma_source_domain(&vtd.frames, vtd.roots[unit], source);
    dma_source_detach(&vtd.frames, vtd.roots[unit], source, silent);
    return domain == 0 ? vtd.units[unit].failed_at == NULL
                       : vtd_forget_source(unit, source, domain);
}

static const char *attach_sources(const struct vtd_sources *sources, const struct dma_domain *domain)
{
    struct vtd_unit *unit = &vtd.units[sources->unit];
    for (unsigned i = 0; i < sources->count; i++) {
        if (domain_now(sources, i) == domain->id)
            continue;
        if (!detach_source(sources->unit, sources->ids[i], false))
            return "a remapping unit does not answer";
        if (!dma_source_attach(&vtd.frames, vtd.roots[sources->unit], sources->ids[i], domain))
            return "devices on too many buses are assigned";
        /* "6.1 Caching Mode": what was absent is cached for domain 0. */
        uint16_t cached = unit->cap & VTD_CAP_CACHING ? 0 : domain->id;
        if (!vtd_forget_source(sources->unit, sources->ids[i], cached))
            return "a remapping unit does not answer";
    }
    return NULL;
}

static bool detach_sources(const struct vtd_sources *sources, bool silent)
{
    bool all = true;
    for (unsigned i = 0; sources->unit != DMAR_NO_UNIT && i < sources->count; i++)
        all &= detach_source(sources->unit, sources->ids[i], silent);
    return all;
}

static const char *attach(unsigned function, unsigned vm)
{
    const struct vtd_sources sources = vtd_sources_of(function);
    struct vtd_function *state = &vtd.functions[function];
    const char *problem = source_problem(&sources, VTD_DOMAIN_OF_VM(vm));
    if (problem == NULL)
        problem = vtd_reserved_problem(function, vm);
    if (problem == NULL)
        problem = vtd_map_reserved(function, vm);
    if (problem != NULL)
        return problem;
    problem = attach_sources(&sources, &vtd.domains[vm]);
    if (problem != NULL) {
        (void)detach_sources(&sources, false);
        return problem;
    }
    if (state->owner != vm)
        state->faults = (struct dma_fault_history){ .count = 0 };
    dma_fault_reopen(&state->faults);
    state->owner = (uint8_t)vm;
    state->quarantined = false;
    return NULL;
}

const char *vtd_attach(unsigned function, unsigned vm)
{
    CHECK(vtd.on && function < host.pci.count && vtd.domains[vm].id != 0);
    lock_acquire(&vtd.lock);
    const char *problem = attach(function, vm);
    lock_release(&vtd.lock);
    return problem;
}

bool vtd_block(unsigned function, bool silent)
{
    const struct vtd_sources sources = vtd_sources_of(function);
    bool memory = detach_sources(&sources, silent);
    return vtd_clear_interrupts(function) && memory;
}

bool vtd_detach(unsigned function)
{
    CHECK(vtd.on && function < host.pci.count);
    lock_acquire(&vtd.lock);
    bool all = vtd_block(function, vtd.functions[function].quarantined);
    lock_release(&vtd.lock);
    return all;
}

bool vtd_is_quarantined(unsigned function)
{
    return vtd.functions[function].quarantined;
}
